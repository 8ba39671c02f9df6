"""What it costs to know a process: from the table, from /proc, and beside psutil, in one run.

    .venv/bin/python bench/context.py

psutil is used here only; without it its figures are left out.
"""

import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from profguard.config import LabelDefinition
from profguard.context import Labeler, ProcessTable
from profguard.context.entry import key_of, parent_key
from profguard.context.procfs import TICK_NS
from profguard.context.reader import Reader
from profguard.events import BY_NAME
from profguard.model import Event
from profguard.rawtask import RawTask

try:
    import psutil
except ImportError:
    psutil = None

PROCESSES = 10_000
ROUNDS = 5
NOW = 2**63  # later than any read of /proc
LABELER = Labeler(
    [
        LabelDefinition("production", {"cgroup|contains": "/prod.slice/"}),
        LabelDefinition("profiler", [{"executable|endswith": "/perf"}, {"user.name": "sre"}]),
    ]
)


def make_table() -> ProcessTable:
    return ProcessTable(LABELER, boot_to_wall_ns=0)


def microseconds(act: Callable[[], object], count: int) -> float:
    """The best of some rounds: what disturbs a round only makes it longer."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(count):
            act()
        best = min(best, time.perf_counter() - start)
    return best / count * 1e6


def stat_fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def task_of(pid: int, tid: int | None = None) -> RawTask:
    fields, comm = stat_fields(pid), Path(f"/proc/{pid}/comm").read_text().strip()
    ppid = int(fields[1])
    start_ns, parent_start_ns = (
        int(text) * TICK_NS for text in (fields[19], stat_fields(ppid)[19])
    )
    return RawTask(start_ns, parent_start_ns, 1, pid, tid or pid, ppid, 0, 0, 1, 1, comm)


def with_psutil(pid: int) -> tuple:
    """The facts that a read from /proc gives, of the process and its parent."""
    process = psutil.Process(pid)
    with process.oneshot():
        own = process.name(), process.exe(), process.cmdline(), process.create_time()
    parent = psutil.Process(process.ppid())
    with parent.oneshot():
        return own, parent.name(), parent.exe(), parent.cmdline(), parent.create_time()


def exec_event() -> Event:
    spec = BY_NAME["sched_process_exec"]
    values = {"pathname": "/usr/bin/cc1", "inode": 7, "argv": ("cc1", "-quiet", "main.c")}
    return Event(spec=spec, time_ns=0, args=[values.get(arg.name) for arg in spec.public_args])


def fill(table: ProcessTable) -> None:
    """Fork, exec and lookup of many processes that are gone when their events are read."""
    parent, event = task_of(os.getpid()), exec_event()
    for number in range(PROCESSES):
        pid, start_ns = 2**22 + number, 10**12 + number * TICK_NS
        child = RawTask(
            start_ns, parent.start_ns, 1, pid, pid, parent.pid, 0, 0, 1, 1, f"cc{number}"
        )
        table.on_fork(parent, child)
        table.on_exec(child, event)
        table.lookup(child)


def lookups() -> list[tuple[str, float]]:
    """Figures that do the work of one psutil call, and psutil's own, last."""
    child = subprocess.Popen([shutil.which("sleep"), "60"])
    time.sleep(0.1)
    try:
        task = task_of(child.pid)
        keys = [key_of(task.pid, task.start_ns), parent_key(task)]
        table, reader = make_table(), Reader("/proc", frozenset())
        threads = cycle([task, task_of(child.pid, tid=1)])
        found = [
            ("known", microseconds(lambda: table.lookup(task), 20_000)),
            (
                "known, another thread",
                microseconds(lambda: table.lookup(next(threads), NOW), 20_000),
            ),
            ("process and parent, /proc", microseconds(lambda: list(map(reader.read, keys)), 500)),
        ]
        if psutil:
            found.append(("psutil", microseconds(lambda: with_psutil(child.pid), 300)))
        return found
    finally:
        child.kill()
        child.wait()


def say(name: str, value: float, unit: str, more: str = "") -> None:
    sys.stdout.write(f"{name:<28}{value:>8.2f} {unit}{more}\n")


def main() -> None:
    found = lookups()
    peer = found[-1][1] if psutil else None
    for name, cost in found:
        say(name, cost, "us", f"      psutil takes {peer / cost:,.1f} x" if peer else "")
    started = time.perf_counter()
    count = make_table().snapshot()
    say("snapshot, a process", (time.perf_counter() - started) / count * 1e6, "us")
    started = time.perf_counter()
    fill(make_table())
    say("fork, exec and lookup", (time.perf_counter() - started) / PROCESSES * 1e6, "us")
    tracemalloc.start()
    table = make_table()
    fill(table)
    say(f"{len(table):,} processes", tracemalloc.get_traced_memory()[0] / 1e6, "MB")


if __name__ == "__main__":
    main()
