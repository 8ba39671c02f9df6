"""Sessions with the real tools: one row each, and right after the sensor was killed."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.live.actor import PRELUDE
from tests.live.harness import PROFGUARD, needs, wait_for

pytestmark = pytest.mark.live

LABELS = '[labels]\nproduction = {"environ.ROLE" = "production"}\n'


@pytest.fixture
def record(target, tmp_path):
    """A function: start `perf record` of the target; it has begun when this returns."""
    started = []

    def record() -> subprocess.Popen:
        command = [needs("perf"), "record", "-e", "cpu-clock", "-o", tmp_path / "perf.data"]
        process = subprocess.Popen(
            [*command, "-p", str(target.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)
        return process

    yield record
    for process in started:
        process.kill()
        process.wait()


def rows_of(sensor, pid: int, **fields) -> list[dict]:
    """The sessions of one actor, by the command that people use."""
    return [
        one
        for one in _listed(sensor, "list")
        if one["process"]["pid"] == pid
        and all(one["session"][name] == value for name, value in fields.items())
    ]


def active(sensor) -> set[int]:
    """The actors of what runs."""
    return {one["process"]["pid"] for one in _listed(sensor, "--active")}


def _listed(sensor, *arguments) -> list[dict]:
    command = [PROFGUARD, "sessions", *arguments, "--json", "--db", str(sensor.db)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def finish(process) -> None:
    process.send_signal(signal.SIGINT)
    process.wait()


def test_a_perf_record_is_one_session(start_sensor, record, target):
    """Whose, of whom, from when to when, of how many events; and a finding points at it."""
    sensor = start_sensor(config=LABELS)
    perf = record()
    assert wait_for(lambda: rows_of(sensor, perf.pid, state="running"))
    assert perf.pid in active(sensor)
    finish(perf)
    assert wait_for(lambda: rows_of(sensor, perf.pid, state="ended"))
    assert perf.pid not in active(sensor)
    (row,) = rows_of(sensor, perf.pid)
    said = row["session"]
    assert (row["process"]["executable"], row["target"]["pid"]) == (needs("perf"), target.pid)
    assert (said["mechanisms"], said["scope"], said["mode"]) == (["perf"], "process", "sampling")
    assert said["tool"] == "perf"
    told = [event for event in sensor.events("prof") if event["prof"]["session"] == said["id"]]
    assert said["events"] == len(told) >= 2
    assert said["started"] == told[0]["event"]["time"]
    assert said["ended"] == told[-1]["event"]["time"]
    assert said["duration_ns"] > 0
    assert (said["id"], "perf") in {(f["session"], f["tool"]) for f in sensor.findings()}


def test_a_tracer_is_a_session_too(start_sensor, target):
    """strace also traces children of its own, to learn what the kernel can do."""
    sensor = start_sensor(config=LABELS)
    strace = subprocess.Popen(
        [needs("strace"), "-o", "/dev/null", "-p", str(target.pid)], stderr=subprocess.PIPE
    )

    def states() -> list[str]:
        found = [row for row in rows_of(sensor, strace.pid) if row["target"]["pid"] == target.pid]
        return [row["session"]["state"] for row in found]

    assert wait_for(lambda: states() == ["running"])
    finish(strace)
    assert wait_for(lambda: states() == ["ended"])


@pytest.mark.parametrize(
    ("arguments", "mechanisms"),
    [([], {"ptrace", "process_vm_readv"}), (["--nonblocking"], {"process_vm_readv"})],
    ids=["blocking", "not blocking"],
)
def test_a_py_spy_dump_is_one_session(start_sensor, target, arguments, mechanisms):
    """Hundreds of reads, and an attach or none: from the first of them to the end of py-spy."""
    sensor = start_sensor(config=LABELS)
    command = [needs("py-spy"), "dump", *arguments, "--pid", str(target.pid)]
    spy = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    assert spy.wait(20) == 0
    assert wait_for(lambda: rows_of(sensor, spy.pid, state="ended"))
    (row,) = rows_of(sensor, spy.pid)
    said = row["session"]
    assert (set(said["mechanisms"]), said["tool"]) == (mechanisms, "py-spy")
    assert (row["target"]["pid"], said["events"] > 100) == (target.pid, True)
    exit = sensor.events_of(spy.pid, "sched_process_exit")[0]
    assert said["ended"] == exit["event"]["time"]
    (finding,) = sensor.findings()
    assert (finding["session"], finding["ended"]) == (said["id"], said["ended"])


def test_what_runs_is_known_again_after_a_kill(start_sensor, record, target):
    """The same rows, which end when their tools do."""
    first = start_sensor(config=LABELS)
    perf = record()
    strace = subprocess.Popen(
        [needs("strace"), "-o", "/dev/null", "-p", str(target.pid)], stderr=subprocess.PIPE
    )
    tools = {perf.pid, strace.pid}
    assert wait_for(lambda: tools <= active(first))
    before = {row["session"]["id"] for pid in tools for row in rows_of(first, pid)}
    first.process.kill()
    first.process.wait()
    second = start_sensor(config=LABELS)
    assert wait_for(lambda: len(rows_of(second, perf.pid, tainted=True)) == 1)
    assert wait_for(lambda: len(rows_of(second, strace.pid, tainted=True)) == 1)
    assert tools <= active(second)
    finish(perf)
    finish(strace)
    assert wait_for(lambda: not tools & active(second))
    rows = [row for pid in tools for row in rows_of(second, pid, state="ended")]
    assert {row["session"]["id"] for row in rows} == before
    assert all(row["session"]["ended"] for row in rows)


def test_what_ended_while_no_sensor_ran_is_not_active(start_sensor, record):
    """Of its end nobody knows when it was."""
    first = start_sensor(config=LABELS)
    perf = record()
    assert wait_for(lambda: perf.pid in active(first))
    first.process.kill()
    first.process.wait()
    finish(perf)
    second = start_sensor(config=LABELS)
    assert wait_for(lambda: perf.pid not in active(second))
    (row,) = rows_of(second, perf.pid)
    assert (row["session"]["state"], row["session"]["ended"]) == ("ended", None)


def test_a_profiler_that_begins_again_meanwhile_is_another_session(start_sensor, target):
    """By the ids of its perf events: who and whom are the same."""
    code = (
        f"{PRELUDE}\nimport os\nfd = perf(pid={target.pid}); print('on', flush=True)\n"
        "sys.stdin.readline(); os.close(fd)\n"
        f"fd = perf(pid={target.pid}); print('on', flush=True); sys.stdin.readline()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    first = start_sensor(config=LABELS)
    profiler = subprocess.Popen([sys.executable, "-c", code], env=os.environ, **pipes)
    profiler.stdout.readline()
    assert wait_for(lambda: profiler.pid in active(first))
    first.process.kill()
    first.process.wait()
    profiler.stdin.write("\n")
    profiler.stdin.flush()
    profiler.stdout.readline()
    second = start_sensor(config=LABELS)
    states = wait_for(lambda: len(rows_of(second, profiler.pid)) == 2 and _states(second, profiler))
    assert states == {("live", "ended"), ("snapshot", "running")}
    profiler.kill()
    profiler.wait()


def _states(sensor, process) -> set[tuple[str, str]]:
    rows = rows_of(sensor, process.pid)
    return {(row["session"]["source"], row["session"]["state"]) for row in rows}
