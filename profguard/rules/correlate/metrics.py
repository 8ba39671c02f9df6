"""What a correlation counts over the entries of its window. Entries come and go in any order."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from profguard.model import Event


@dataclass(slots=True, eq=False)
class Entry:
    """An event of a group: when, which of the correlation's rules it matched, and its values."""

    time_ns: int
    slots: int  # bit n: the nth rule
    values: tuple[Any, ...] = ()
    event: Event | None = None  # as evidence; only the latest are kept
    fired: bool = False  # the correlation matched with it as the last of its window


class Metric(Protocol):
    """The number that a condition is about; None where there is none."""

    def add(self, entry: Entry) -> None: ...
    def remove(self, entry: Entry) -> None: ...
    @property
    def number(self) -> float | None: ...


@dataclass(slots=True)
class EventCount:
    number: int = 0

    def add(self, entry: Entry) -> None:
        del entry
        self.number += 1

    def remove(self, entry: Entry) -> None:
        del entry
        self.number -= 1


@dataclass(slots=True)
class ValueCount:
    """How many different values there are."""

    counts: Counter = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        self.counts.update(entry.values)

    def remove(self, entry: Entry) -> None:
        for value in entry.values:
            self.counts[value] -= 1
            if not self.counts[value]:
                del self.counts[value]

    @property
    def number(self) -> int:
        return len(self.counts)


@dataclass(slots=True)
class ValueSum:
    total: float = 0
    count: int = 0

    def add(self, entry: Entry) -> None:
        self.total += sum(entry.values)
        self.count += len(entry.values)

    def remove(self, entry: Entry) -> None:
        self.total -= sum(entry.values)
        self.count -= len(entry.values)

    @property
    def number(self) -> float | None:
        return self.total if self.count else None


@dataclass(slots=True)
class ValueAverage(ValueSum):
    @property
    def number(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class ValuePercentile:
    """The value below which so many percent are, interpolated between the two nearest."""

    percent: int
    sorted: list = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        for value in entry.values:
            insort(self.sorted, value)

    def remove(self, entry: Entry) -> None:
        for value in entry.values:
            del self.sorted[bisect_left(self.sorted, value)]

    @property
    def number(self) -> float | None:
        if not self.sorted:
            return None
        place, rest = divmod((len(self.sorted) - 1) * self.percent, 100)
        low = self.sorted[place]
        return low if not rest else low + (self.sorted[place + 1] - low) * rest / 100


@dataclass(slots=True)
class RuleCount:
    """How many of the rules have matched."""

    counts: list[int]

    @classmethod
    def of(cls, rules: int) -> "RuleCount":
        return cls([0] * rules)

    def add(self, entry: Entry) -> None:
        for slot in slots_of(entry):
            self.counts[slot] += 1

    def remove(self, entry: Entry) -> None:
        for slot in slots_of(entry):
            self.counts[slot] -= 1

    @property
    def number(self) -> int:
        return sum(map(bool, self.counts))


@dataclass(slots=True)
class OrderedRuleCount:
    """How many of the rules have matched in their order, each later than the one before."""

    times: list[list[int]]

    @classmethod
    def of(cls, rules: int) -> "OrderedRuleCount":
        return cls([[] for _ in range(rules)])

    def add(self, entry: Entry) -> None:
        for slot in slots_of(entry):
            insort(self.times[slot], entry.time_ns)

    def remove(self, entry: Entry) -> None:
        for slot in slots_of(entry):
            times = self.times[slot]
            del times[bisect_left(times, entry.time_ns)]

    @property
    def number(self) -> int:
        ends = [-1]  # of the chains of each length, when the earliest of them ends
        for times in self.times:
            longer = [_next(times, end) for end in ends]
            for length, end in enumerate(longer, 1):
                if end is None:
                    continue
                if length == len(ends):
                    ends.append(end)
                else:
                    ends[length] = min(ends[length], end)
        return len(ends) - 1


def _next(times: list[int], after: int) -> int | None:
    at = bisect_right(times, after)
    return times[at] if at < len(times) else None


def slots_of(entry: Entry) -> list[int]:
    """The numbers of the rules that an entry matched."""
    slots, found = entry.slots, []
    while slots:
        low = slots & -slots
        found.append(low.bit_length() - 1)
        slots ^= low
    return found


def metric_of(kind: str, rules: int, percentile: int) -> Metric:
    """A new metric for a correlation of this type and so many rules."""
    if kind == "temporal":
        return RuleCount.of(rules)
    if kind == "temporal_ordered":
        return OrderedRuleCount.of(rules)
    if kind == "value_percentile":
        return ValuePercentile(percentile)
    return {
        "event_count": EventCount,
        "value_count": ValueCount,
        "value_sum": ValueSum,
        "value_avg": ValueAverage,
    }[kind]()
