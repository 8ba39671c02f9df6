"""What was recorded gives, when it is replayed, what was found live."""

import json
import subprocess

import pytest

from tests.live.harness import PROFGUARD, needs, wait_for

pytestmark = pytest.mark.live

LABELS = '[labels]\nproduction = {"environ.ROLE" = "production"}\n'


def profile(pid: int) -> None:
    perf = [needs("perf"), "record", "-o", "/dev/null", "-p", str(pid), "--", "sleep", "0.3"]
    strace = ["timeout", "-s", "INT", "0.3", needs("strace"), "-o", "/dev/null", "-p", str(pid)]
    for command in (perf, strace):
        subprocess.run(command, capture_output=True)


def replay(capture, folder) -> list[dict]:
    done = subprocess.run(
        [PROFGUARD, "replay", capture, "--config", folder / "profguard.toml", "--json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def what_was_found(lines: list[dict], pid: int) -> list[dict]:
    """The findings about that target, in order."""
    return [
        line["finding"]
        for line in lines
        if line["type"] == "finding" and line.get("target", {}).get("pid") == pid
    ]


def test_a_replay_finds_what_was_found_live(target, start_sensor, tmp_path):
    """Ids, times, counts and durations are the same, from the events that the sensor printed."""
    sensor = start_sensor(config=LABELS)
    profile(target.pid)
    assert wait_for(lambda: len([row for row in sensor.findings() if row["ended"]]) >= 2)
    assert sensor.stop() == 0
    (tmp_path / "printed.jsonl").write_text("".join(json.dumps(x) + "\n" for x in sensor.lines))
    live = what_was_found(sensor.lines, target.pid)
    assert len(live) == 4  # two acts, each with its beginning and its end
    again = replay(tmp_path / "printed.jsonl", tmp_path)
    assert what_was_found(again, target.pid) == live


def test_a_recording_gives_the_same_every_time(kernel, target, tmp_path):
    """`record` keeps all that matters: two replays agree, to the byte."""
    (tmp_path / "profguard.toml").write_text(LABELS)
    command = [PROFGUARD, "record", "-o", tmp_path / "all.jsonl", "--for", "3"]
    command += ["--config", tmp_path / "profguard.toml"]
    recording = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert "Recording" in recording.stderr.readline()
    profile(target.pid)
    _, messages = recording.communicate(timeout=20)
    assert recording.returncode == 0, messages
    first = replay(tmp_path / "all.jsonl", tmp_path)
    mechanisms = {finding["mechanism"] for finding in what_was_found(first, target.pid)}
    assert mechanisms == {"perf", "ptrace"}
    assert replay(tmp_path / "all.jsonl", tmp_path) == first
