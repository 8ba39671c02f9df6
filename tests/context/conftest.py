"""Real processes, and the tasks and events that the kernel would send about them."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from profguard.context import Labeler, ProcessTable
from profguard.context.procfs import TICK_NS
from profguard.events import BY_NAME
from profguard.model import Event
from profguard.rawtask import RawTask

# The kernel sends ns, of which /proc shows only whole ticks.
WITHIN_TICK_NS = 4321


def fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()


def start_ns(pid: int) -> int:
    return int(fields(pid)[19]) * TICK_NS + WITHIN_TICK_NS


def namespace(pid: int, kind: str) -> int:
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
    except (FileNotFoundError, PermissionError):  # a zombie, or pid 1 of a closed machine
        return 0


def raw_task(pid: int, tid: int | None = None, **changes) -> RawTask:
    """The task as the kernel sees it now."""
    ppid = int(fields(pid)[1])
    status = Path(f"/proc/{pid}/status").read_bytes()
    ids = {line.split()[0]: line.split()[1:] for line in status.splitlines() if line.split()}
    values = {
        "start_ns": start_ns(pid),
        "parent_start_ns": start_ns(ppid) if ppid else 0,
        "cgroup_id": 1,
        "pid": pid,
        "tid": tid or pid,
        "ppid": ppid,
        "uid": int(ids[b"Uid:"][0]),
        "gid": int(ids[b"Gid:"][0]),
        "pid_ns": namespace(pid, "pid"),
        "mnt_ns": namespace(pid, "mnt"),
        "comm": Path(f"/proc/{pid}/task/{tid or pid}/comm")
        .read_bytes()[:-1]
        .decode("utf-8", "backslashreplace"),
    }
    return RawTask(**values | changes)


def make_event(name: str, **args) -> Event:
    spec = BY_NAME[name]
    boot_ns = args.pop("boot_ns", time.clock_gettime_ns(time.CLOCK_BOOTTIME))
    values = [args.pop(arg.name, None) for arg in spec.public_args]
    assert not args
    return Event(spec=spec, time_ns=0, boot_ns=boot_ns, args=values)


def settle(pid: int) -> None:
    """Wait for an exec that has put the program in place, but not yet its arguments."""
    while not Path(f"/proc/{pid}/cmdline").read_bytes() and fields(pid)[0] != "Z":
        time.sleep(0.001)


@pytest.fixture
def raw():
    return raw_task


@pytest.fixture
def event():
    return make_event


@pytest.fixture
def now():
    return lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@pytest.fixture
def make_table():
    def make(labeler: Labeler | None = None, **options) -> ProcessTable:
        return ProcessTable(labeler or Labeler(), **{"boot_to_wall_ns": 0} | options)

    return make


@pytest.fixture
def table(make_table):
    return make_table()


@pytest.fixture
def spawn():
    """Start a program; all are killed at the end."""
    running: list[subprocess.Popen] = []

    def start(*argv, **options) -> subprocess.Popen:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
        )
        running.append(process)
        settle(process.pid)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def python(spawn):
    """Run Python text in a process of its own; returns it with the first line that it prints."""

    def start(code: str, *argv: str, **options) -> tuple[subprocess.Popen, str]:
        process = spawn(sys.executable, "-c", code, *argv, **options)
        line = process.stdout.readline().strip()
        assert line, "the process did not get ready"
        return process, line

    return start


@pytest.fixture
def fork():
    """Fork a child that sleeps without an exec; killed and reaped at the end."""
    pids: list[int] = []

    def start() -> int:
        pid = os.fork()
        if pid == 0:
            try:
                time.sleep(60)
            finally:
                os._exit(0)
        pids.append(pid)
        return pid

    yield start
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
