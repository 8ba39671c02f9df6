"""The life of the sensor: what was before it, how it ends, and that a kill loses nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.live.actor import PRELUDE
from tests.live.harness import PRODUCTION, PROFGUARD, needs, wait_for

pytestmark = pytest.mark.live

LABELS = '[labels]\nproduction = {"environ.ROLE" = "production"}\n'


@pytest.fixture
def already_running(target):
    """A perf event that is on, an armed ITIMER_PROF and a tracer, from before the sensor."""
    profiler = f"{PRELUDE}\nfd = perf(pid={target.pid}); print('on', flush=True); sys.stdin.read()"
    timer = (
        "import signal, sys; signal.signal(signal.SIGPROF, lambda *_: None);"
        "signal.setitimer(signal.ITIMER_PROF, 100, 1); print('on', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    programs = {
        "perf": subprocess.Popen([sys.executable, "-c", profiler], **pipes),
        "itimer": subprocess.Popen(
            [sys.executable, "-c", timer], **pipes, env=os.environ | PRODUCTION
        ),
    }
    for program in programs.values():
        program.stdout.readline()
    strace = [needs("strace"), "-o", "/dev/null", "-p", str(programs["itimer"].pid)]
    programs["strace"] = subprocess.Popen(strace, stderr=subprocess.PIPE)
    programs["strace"].stderr.readline()  # "attached"
    yield programs
    for program in reversed(programs.values()):
        program.send_signal(signal.SIGINT if program is programs["strace"] else signal.SIGKILL)
        program.wait()


def test_what_was_going_on_before_is_found_too(already_running, target, start_sensor):
    """The start-up snapshot finds it, with owner and target; its end is seen as it happens."""
    sensor = start_sensor(config=LABELS)
    perf, itimer, strace = (already_running[name].pid for name in ("perf", "itimer", "strace"))
    expected = {(perf, target.pid, "prof"), (itimer, itimer, "prof"), (strace, itimer, "ptrace")}
    assert wait_for(lambda: expected <= snapshot(sensor), 3), snapshot(sensor)
    found = {(row["actor_pid"], row["target_pid"]): row for row in wait_findings(sensor, 2)}
    assert {(perf, target.pid), (strace, itimer)} <= found.keys()
    going_on = {row["actor_pid"] for row in sensor.rows("SELECT * FROM open_acts")}
    assert {perf, strace} <= going_on
    already_running["perf"].kill()
    ended = wait_for(
        lambda: [r for r in sensor.findings() if r["actor_pid"] == perf and r["ended"]]
    )
    assert ended, "the end of the profiler was not seen"


def snapshot(sensor) -> set[tuple[int, int, str]]:
    """Actor, target and name of the snapshot's events."""
    return {
        (event["process"]["pid"], event["target"]["pid"], event["event"]["name"])
        for event in list(sensor.lines)
        if event["type"] == "event" and event["event"]["source"] == "snapshot" and "target" in event
    }


def wait_findings(sensor, count):
    wait_for(lambda: len(sensor.findings()) >= count, 5)
    return sensor.findings()


def test_a_killed_sensor_has_stored_what_it_told(target, start_sensor):
    """kill -9 loses no finding that was shown, and the next sensor goes on in the same database."""
    first = start_sensor(config=LABELS)
    subprocess.run([needs("strace"), "-o", "/dev/null", "true"], check=True)
    subprocess.run(
        ["timeout", "-s", "INT", "0.3", needs("strace"), "-o", "/dev/null", "-p", str(target.pid)],
        capture_output=True,
    )
    wait_findings(first, 1)
    first.process.kill()
    first.process.wait()
    shown = {line["finding"]["id"] for line in first.lines if line["type"] == "finding"}
    assert shown
    assert shown <= {row["id"] for row in first.findings()}
    second = start_sensor(config=LABELS)
    assert second.stop() == 0, second.errors()
    runs = second.rows("SELECT * FROM sensor_runs ORDER BY started")
    assert [(bool(run["stopped"]), run["reason"]) for run in runs] == [
        (False, None),
        (True, "asked to"),
    ]
    assert shown <= {row["id"] for row in second.findings()}


def test_it_gives_up_the_rights_that_only_loading_needs(start_sensor):
    """No thread of it has CAP_SYS_ADMIN, or anything else beside reading /proc and counters."""
    sensor = start_sensor()
    for task in Path(f"/proc/{sensor.process.pid}/task").iterdir():
        status = (task / "status").read_text()
        for kind in ("CapEff", "CapPrm"):
            (line,) = [line for line in status.splitlines() if line.startswith(kind)]
            mask = int(line.split()[1], 16)
            assert {bit for bit in range(64) if mask >> bit & 1} <= {1, 2, 19, 39}
    subprocess.run([needs("strace"), "-o", "/dev/null", "true"], check=True)
    assert wait_for(lambda: sensor.events("ptrace")), "it is blind without them"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_the_end_is_clean(number, kernel, tmp_path):
    """A signal ends it with a summary, exit code 0, and nothing left attached."""
    command = [PROFGUARD, "run", "--db", str(tmp_path / "profguard.db")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while "Watching" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.3)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert re.fullmatch(r"\d+ events?, 0 lost, \d+ findings?\. .*", output.splitlines()[-1])
    assert "Traceback" not in output


def test_it_ends_by_itself(kernel, tmp_path):
    """--for ends the run after that time."""
    done = subprocess.run(
        [PROFGUARD, "run", "--for", "0.2", "--db", tmp_path / "profguard.db"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr


def test_the_demo_shows_the_whole_way(kernel):
    """Sensor, act, finding, row, verified webhook; in less than a minute and without a trace."""
    done = subprocess.run([PROFGUARD, "demo"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Unexpected profiling of a production process" in done.stdout
    assert "whose signature the receiver has verified" in done.stdout
    assert "Nothing was left behind." in done.stdout.splitlines()[-1]


def test_without_rights_it_says_what_is_missing(kernel, tmp_path):
    """Without capabilities: exit code 4 and a sentence, no traceback."""
    done = subprocess.run(
        [needs("setpriv"), "--bounding-set=-all", "--inh-caps=-all", PROFGUARD, "doctor"],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 4, done.stderr
    assert "PG301" in done.stderr
    assert "Traceback" not in done.stderr
