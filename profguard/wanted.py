"""What somebody has a use for, out of all that a source could tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from profguard.events import REGISTRY

# The arguments by which the source can choose, where all that is wanted of an event has one of a
# few values there.
CHOOSABLE = (("perf_ioctl", "cmd"), ("ptrace", "request"))
MAX_VALUES = 7  # PG_MAX_VALUES of bpf/maps.h

# Without these nothing could be said of a process.
PROCESSES = frozenset({"sched_process_exec", "sched_process_exit", "sched_process_fork"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Events by name, those about processes always; `values` of what is in CHOOSABLE, if not all.

    Events that begin or end a session are told whatever the values are. `labels`: all that is
    wanted is about a target with one of these; empty, about any.
    """

    events: frozenset[str]
    values: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()

    def only(self, events: Iterable[str]) -> "Wanted":
        """Of all this, these events; everything where none are named."""
        chosen = self.events.intersection(events)
        return replace(self, events=PROCESSES | chosen) if chosen else self

    def lacks(self, other: "Wanted") -> list[str]:
        """The events of which `other` wants what this leaves out, in the registry's order."""
        return [
            spec.name
            for spec in REGISTRY
            if spec.wire_args
            and spec.name in other.events - PROCESSES
            and not self._has(spec.name, other)
        ]

    def _has(self, event: str, other: "Wanted") -> bool:
        if event not in self.events:
            return False
        if self.labels and not (other.labels and other.labels <= self.labels):
            return False
        for argument in CHOOSABLE:
            if argument[0] == event and argument in self.values:
                theirs = other.values.get(argument)
                if theirs is None or not theirs <= self.values[argument]:
                    return False
        return True


EVERYTHING = Wanted(frozenset(spec.name for spec in REGISTRY))
