"""What each BPF program takes by the kernel's own count, for the calls that overhead.py times.

    .venv/bin/python bench/programs.py [--rounds 5]

kernel.bpf_stats_enabled is on meanwhile: each figure has the kernel's two looks at the clock in it.
First with the settings as shipped, where most of these events are only counted, then with every
event sent. Shown are the least and the median of the rounds, in ns a run; seconds differ between
machines, so compare two versions on one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overhead import WAYS, Bench, tool

STATISTICS = Path("/proc/sys/kernel/bpf_stats_enabled")
MIN_RUNS = 1000  # of fewer the mean says little


@contextmanager
def statistics_on() -> Iterator[None]:
    before = STATISTICS.read_text()
    STATISTICS.write_text("1")
    try:
        yield
    finally:
        STATISTICS.write_text(before)


def programs() -> dict[int, tuple[str, int, int]]:
    """Name, runs and the time of all runs of each program, by its number."""
    command = [tool("bpftool"), "--json", "prog", "show"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {
        each["id"]: (each.get("name", "?"), each.get("run_cnt", 0), each.get("run_time_ns", 0))
        for each in listed
    }


def measure(bench: Bench, way: str, rounds: int) -> dict[str, list[float]]:
    """Nanoseconds a run of each program that ran often, a figure a round."""
    found = defaultdict(list)
    for _ in range(rounds):
        with WAYS[way](bench):
            before = programs()
            bench.timed()
            for number, (name, runs, took_ns) in programs().items():
                _, earlier_runs, earlier_ns = before.get(number, (name, 0, 0))
                if "__" in name and runs - earlier_runs >= MIN_RUNS:
                    found[name].append((took_ns - earlier_ns) / (runs - earlier_runs))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="timings for each figure")
    rounds = parser.parse_args().rounds
    if os.geteuid():
        sys.exit("bench/programs.py needs root")
    with tempfile.TemporaryDirectory() as folder, statistics_on():
        bench = Bench(Path(folder), cpu=0)
        for way in ("profguard", "profguard, all sent"):
            print(f"{way}: ns a run, least and median of {rounds}")
            for name, values in sorted(measure(bench, way, rounds).items()):
                print(f"    {name:<20}{min(values):>8,.0f}{statistics.median(values):>8,.0f}")


if __name__ == "__main__":
    main()
