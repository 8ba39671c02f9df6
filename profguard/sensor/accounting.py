"""What happened in the kernel, what arrived here, and the proof that the one explains the other.

The kernel side counts each event on each CPU: how often it was produced, and what became of those
that are not sent. The reader counts what arrives. So for each event and CPU

    produced = received + dropped + missed + folded

holds when all is read. While the sensor runs it holds for what was produced a while ago. Where it
does not, something vanished that nobody counted: an error of profguard, told as any other loss.

Pure: readings and times are given.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

# A record that was counted and is not in the ring after this time never will be. Between the two a
# program of a function tier may be preempted, and wait for its CPU.
SETTLED_NS = 1_000_000_000

# Why events are missing, as lost_events says it.
BUFFER_FULL, CALL_LOST, SKIPPED = "buffer_full", "call_lost", "probe_skipped"
UNACCOUNTED = "unaccounted"

Key = tuple[str, int]  # event and CPU


class Reading(NamedTuple):
    """One event on one CPU, as far as is known at one time."""

    produced: int
    received: int
    dropped: int
    missed: int
    folded: int

    @property
    def explained(self) -> int:
        return self.received + self.dropped + self.missed + self.folded


Readings = Mapping[Key, Reading]


@dataclass(slots=True)
class Count:
    """Events of one kind so far, on all CPUs.

    `skipped` are runs of probes that the kernel left out, each of which may have been an event.
    `unaccounted` are events that no count explains: 0, or profguard has an error.
    """

    produced: int = 0
    received: int = 0
    dropped: int = 0
    missed: int = 0
    folded: int = 0
    skipped: int = 0
    unaccounted: int = 0

    @property
    def lost(self) -> int:
        return self.dropped + self.missed + self.skipped + self.unaccounted

    @property
    def by_reason(self) -> dict[str, int]:
        return {
            BUFFER_FULL: self.dropped,
            CALL_LOST: self.missed,
            SKIPPED: self.skipped,
            UNACCOUNTED: self.unaccounted,
        }


class Loss(NamedTuple):
    """Events that were lost between two readings; the CPU is None where it is not known."""

    event: str
    cpu: int | None
    reason: str
    count: int
    total: int  # since the sensor started
    since_ns: int  # boot time: it was later than this


def is_balanced(now: Readings) -> bool:
    """Whether everything that was produced is explained."""
    return all(reading.produced == reading.explained for reading in now.values())


class Ledger:
    """Takes readings in the order of their time; times are boot times in ns."""

    def __init__(self, began_ns: int):
        self.counts: dict[str, Count] = {}  # of the events that there were
        self._read_ns = began_ns
        self._claim: Readings = {}  # what later readings must explain
        self._claimed_ns = self._proved_ns = began_ns
        self._off: Counter[Key] = Counter()
        self._told: Counter[tuple[str, int | None, str]] = Counter()

    def enter(
        self, now: Readings, skipped: Mapping[str, int], at_ns: int, delivered_ns: int
    ) -> list[Loss]:
        """What was lost since the reading before.

        `at_ns` is before the reading was taken; up to `delivered_ns` all records were handed out.
        """
        if delivered_ns >= self._claimed_ns + SETTLED_NS:
            for key, claimed in self._claim.items():
                self._owe(key, claimed.produced - now[key].explained)
            self._proved_ns, self._claim, self._claimed_ns = self._claimed_ns, now, at_ns
        return self._report(now, skipped, at_ns)

    def close(self, now: Readings, skipped: Mapping[str, int], at_ns: int) -> list[Loss]:
        """The same, where nothing is produced any more and all was taken: to the last event."""
        for key, reading in now.items():
            self._owe(key, abs(reading.produced - reading.explained))
        return self._report(now, skipped, at_ns)

    def _owe(self, key: Key, off: int) -> None:
        self._off[key] = max(self._off[key], off)

    def _report(self, now: Readings, skipped: Mapping[str, int], at_ns: int) -> list[Loss]:
        counts: dict[str, Count] = {}
        for (event, _), reading in now.items():
            count = counts.setdefault(event, Count())
            count.produced += reading.produced
            count.received += reading.received
            count.dropped += reading.dropped
            count.missed += reading.missed
            count.folded += reading.folded
        for event, runs in skipped.items():
            counts[event].skipped += runs
        for (event, _), off in self._off.items():
            counts[event].unaccounted += off
        for event, count in counts.items():
            if count != Count():  # another thread may be reading: entries are only ever replaced
                self.counts[event] = count
        losses = list(self._grown(now, skipped))
        self._read_ns = at_ns
        return losses

    def _grown(self, now: Readings, skipped: Mapping[str, int]) -> Iterator[Loss]:
        totals = {(event, None, SKIPPED): runs for event, runs in skipped.items()}
        for key, reading in now.items():
            totals[(*key, BUFFER_FULL)] = reading.dropped
            totals[(*key, CALL_LOST)] = reading.missed
            totals[(*key, UNACCOUNTED)] = self._off[key]
        for name, total in totals.items():
            if total > self._told[name]:
                since_ns = self._proved_ns if name[2] == UNACCOUNTED else self._read_ns
                yield Loss(*name, total - self._told[name], total, since_ns)
                self._told[name] = total
