"""What one group of a correlation has seen lately, in the order of its times.

The window of an event is the timespan that ends with it. An event that comes late finds its place,
and the windows of those after it are looked at again.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Callable
from operator import attrgetter

from profguard.model import Event
from profguard.rules.correlate.metrics import Entry, Metric, slots_of

LATE_NS = 5_000_000_000  # by how much events may be out of order
FAR = 256  # entries: of what comes that late, only the latest window is looked at again
EVIDENCE = 16  # events kept of a group

_time = attrgetter("time_ns")


class Window:
    """Entries in order; `metric` speaks of `entries[left:right]`, the window looked at last."""

    def __init__(self, span_ns: int, most: int, metric: Metric):
        self.span_ns, self.most, self.metric = span_ns, most, metric
        self.entries: list[Entry] = []
        self.left = self.right = 0
        self.since_ns = 0  # what is not later than this was broken off
        self._recent: dict[int, deque[Entry]] = defaultdict(deque)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def newest_ns(self) -> int:
        return self.entries[-1].time_ns if self.entries else 0

    def put(self, entry: Entry, holds: Callable[[float | None], bool]) -> list[tuple[Entry, float]]:
        """Add an entry. Returns the entries with which the condition holds now, and its number."""
        if entry.time_ns <= self.since_ns:
            return []
        at = bisect_right(self.entries, entry.time_ns, key=_time)
        if at and self.entries[at - 1].time_ns == entry.time_ns:
            entry.fired = self.entries[at - 1].fired  # of one moment, it is told once
        self._remember(entry)
        if len(self.entries) - at > FAR:
            fired = self._slip_in(at, entry, holds)
        else:
            self._rewind(at)
            self.entries.insert(at, entry)
            self._widen(entry.time_ns - self.span_ns)
            fired = self._forward(holds)
        self._forget()
        return fired

    def _slip_in(
        self, at: int, entry: Entry, holds: Callable[[float | None], bool]
    ) -> list[tuple[Entry, float]]:
        """Add an entry far behind the others, which must not cost more for each of them."""
        self.entries.insert(at, entry)
        self.right += 1
        if entry.time_ns < self.newest_ns - self.span_ns:
            self.left += 1
            return []
        self.metric.add(entry)
        last = self.entries[-1]
        if last.fired or not holds(self.metric.number):
            return []
        last.fired = True
        return [(last, self.metric.number)]

    def _rewind(self, at: int) -> None:
        """Take back all from `at` on."""
        while self.right > at:
            self.right -= 1
            if self.right >= self.left:
                self.metric.remove(self.entries[self.right])
        self.left = min(self.left, self.right)

    def _widen(self, start_ns: int) -> None:
        """Let the window begin as early as this again."""
        while self.left and self.entries[self.left - 1].time_ns >= start_ns:
            self.left -= 1
            self.metric.add(self.entries[self.left])

    def _forward(self, holds: Callable[[float | None], bool]) -> list[tuple[Entry, float]]:
        """Look at the window of each entry that is to the right, one after the other."""
        fired = []
        entries = self.entries
        while self.right < len(entries):
            last = entries[self.right]
            self.metric.add(last)
            self.right += 1
            if self.right < len(entries) and entries[self.right].time_ns == last.time_ns:
                continue  # events of one moment are in one window
            start_ns = last.time_ns - self.span_ns
            while entries[self.left].time_ns < start_ns:
                self.metric.remove(entries[self.left])
                self.left += 1
            if not last.fired and holds(self.metric.number):
                last.fired = True
                fired.append((last, self.metric.number))
        return fired

    def _forget(self) -> None:
        """Drop what no window can reach any more, and the oldest where there are too many."""
        horizon_ns = self.newest_ns - self.span_ns - LATE_NS
        old = bisect_left(self.entries, horizon_ns, key=_time)
        old = max(old, len(self.entries) - self.most)
        if old > 0:
            for entry in self.entries[self.left : old]:
                self.metric.remove(entry)
            del self.entries[:old]
            self.left, self.right = max(0, self.left - old), self.right - old

    def _remember(self, entry: Entry) -> None:
        for slot in slots_of(entry):
            recent = self._recent[slot]
            recent.append(entry)
            if len(recent) * len(self._recent) > EVIDENCE:
                recent.popleft().event = None

    def evidence(self) -> tuple[Event, ...]:
        """The events of the window that are kept, oldest first."""
        return tuple(entry.event for entry in self.entries[self.left : self.right] if entry.event)

    def clear(self) -> None:
        self._rewind(0)
        self.entries.clear()
        self._recent.clear()

    def break_off(self, time_ns: int) -> None:
        """Forget everything up to this time, also what may still come late."""
        self.since_ns = max(self.since_ns, time_ns)
        kept = [entry for entry in self.entries if entry.time_ns > time_ns]
        self.clear()
        for entry in kept:
            self.put(entry, lambda _: False)

    def restore(self, entries: list[Entry]) -> None:
        """Entries of an earlier window, in their order."""
        for entry in entries:
            self.put(entry, lambda _: False)
