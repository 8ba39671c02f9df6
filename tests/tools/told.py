"""What a sensor tells from now on, of some processes."""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from tests.live.harness import LiveSensor

LIFE = {"sched_process_exec", "sched_process_exit", "sched_process_fork"}


class Told:
    """The lines that a sensor printed since this was made, and the sessions it has kept.

    A line is of some processes if it names one of them, as actor or as target.
    """

    def __init__(self, sensor: LiveSensor):
        self._sensor, self._first = sensor, len(sensor.lines)
        self._since_ns = time.time_ns()

    def ended(self) -> set[int]:
        """The processes that have ended."""
        return {line["process"]["pid"] for line in self._named("sched_process_exit")}

    def pid_of(self, program: str) -> int | None:
        """The process that executed a program last."""
        pids = [
            line["process"]["pid"]
            for line in self._named("sched_process_exec")
            if line["sched_process_exec"]["cmdpath"] == program
        ]
        return pids[-1] if pids else None

    def family(self, pid: int) -> frozenset[int]:
        """A process and all that descend from it."""
        family = {pid}
        for line in self._named("sched_process_fork"):
            if line["process"]["pid"] in family:
                family.add(line["sched_process_fork"]["child_pid"])
        return frozenset(family)

    def events(self, pids: Iterable[int], target: int | None) -> Counter[str]:
        """How many of each name, without those of the life of processes."""
        names = (
            line["event"]["name"]
            for _, line in self._lines("event")
            if _is_of(line, {*pids, target})
        )
        return Counter(name for name in names if name not in LIFE)

    def findings(self, pids: Iterable[int], target: int | None) -> list[list[dict]]:
        """What was told of each, oldest first."""
        found: dict[str, list[dict]] = {}
        for _, line in self._lines("finding"):
            if _is_of(line, {*pids, target}):
                found.setdefault(line["finding"]["id"], []).append(line)
        return list(found.values())

    def latency_s(self, pids: Iterable[int], target: int | None) -> float | None:
        """From the event in the kernel that is the first finding's to its line."""
        for came_s, line in self._lines("finding"):
            if _is_of(line, {*pids, target}):
                happened = datetime.fromisoformat(line["event"]["time"])
                return came_s - happened.timestamp()
        return None

    def sessions(self, pids: Iterable[int], target: int | None) -> list[dict]:
        """The rows of those that these processes had with the target; without one, all theirs."""
        rows = self._sensor.rows(
            f"SELECT * FROM sessions WHERE started_ns >= {self._since_ns} ORDER BY started_ns"
        )
        return [
            row
            for row in rows
            if row["actor_pid"] in {*pids, target} and row["target_pid"] == target
        ]

    def is_over(self, pids: Iterable[int], target: int | None) -> bool:
        """Whether all that is told of them has its end."""
        findings = all(lines[-1]["finding"]["ended"] for lines in self.findings(pids, target))
        return findings and all(row["ended"] for row in self.sessions(pids, target))

    def _named(self, name: str) -> list[dict]:
        return [line for _, line in self._lines("event") if line["event"]["name"] == name]

    def _lines(self, type: str) -> list[tuple[float, dict]]:
        lines = self._sensor.lines[self._first :]
        came_s = self._sensor.came_s[self._first :]
        return [pair for pair in zip(came_s, lines, strict=False) if pair[1]["type"] == type]


def _is_of(line: dict, pids: set[int | None]) -> bool:
    named = {line[role]["pid"] for role in ("process", "target") if role in line}
    return bool(named & (pids - {None}))
