"""What a session holds."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from profguard.model import Event, Process
from profguard.sessions.transition import Identity, Key, identity


@dataclass(slots=True, eq=False)
class Session:
    """One process at one target by one mechanism. `live` has what is on, `end` what ended it."""

    id: str
    mechanism: str
    process: Process | None
    target: Process | None
    scope: Hashable  # the target's identity, or "cpu-wide", or "cgroup"
    mode: str | None  # of the event that began it, as is the PMU
    pmu: str | None
    started_ns: int  # wall clock
    live: dict[Key, "Switch"] = field(default_factory=dict)
    end: Event | None = None
    tainted: bool = False  # events were lost meanwhile

    @property
    def owner(self) -> Identity | None:
        return identity(self.process)


@dataclass(slots=True, eq=False)
class Switch:
    """One thing that is on: a perf event or its copy in a child, a timer, a traced thread."""

    session: Session
    code: int | None
    event_id: int
    target: Process | None
    relation: str | None
    since_boot_ns: int
    is_copy: bool

    def places(self) -> Iterable[Hashable]:
        """What it is found by when that ends."""
        if self.session.owner:
            yield "owner", self.session.owner
        if self.target:
            yield "process", self.target.identity
            if self.session.mechanism == "perf":  # the others outlive the thread
                yield "thread", self.target.tid
        if self.is_copy:
            yield "copies", self.event_id


def duration_ns(switches: Iterable[Switch], event: Event) -> int:
    """From the first of them to `event`. Records of two CPUs can be out of order by a moment."""
    return max(0, event.at_ns - min(switch.since_boot_ns for switch in switches))
