"""What a session holds."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from profguard.ids import uuid7
from profguard.model import Event, Process
from profguard.sessions.transition import Identity, Key, identity


@dataclass(slots=True, eq=False)
class Session:
    """One process at one target. `live` has what is on, `end` what ended it."""

    id: str
    mechanisms: list[str]  # in the order in which they came
    process: Process | None
    target: Process | None
    scope: Hashable  # the target's identity, or "cpu-wide", or "cgroup"
    started_ns: int  # wall clock
    began_at_ns: int  # as `Event.at_ns`
    latest: Event
    host: str | None
    relation: str | None
    source: str  # of the event that began it
    mode: str | None = None  # of the first prof event, as is the PMU
    pmu: str | None = None
    tool: str | None = None
    tool_sha256: str | None = None  # of what an unknown one executes, once it is known
    events: int = 0
    live: dict[Key, "Switch"] = field(default_factory=dict)
    end: Event | None = None
    tainted: bool = False  # events were lost meanwhile

    @classmethod
    def begun(cls, event: Event, at: Hashable) -> "Session":
        """The session that begins with `event`; a replay of it makes the same."""
        return cls(
            id=uuid7(event.time_ns, (identity(event.process), at)),
            mechanisms=[],
            process=event.process,
            target=event.target,
            scope=at,
            started_ns=event.time_ns,
            began_at_ns=event.at_ns,
            latest=event,
            host=event.host,
            relation=event.relation,
            source=event.source,
        )

    def add_mechanism(self, mechanism: str) -> None:
        if mechanism not in self.mechanisms:
            self.mechanisms.append(mechanism)

    @property
    def owner(self) -> Identity | None:
        return identity(self.process)

    @property
    def place(self) -> Hashable:
        """Of sessions with the same only one is open at a time."""
        return self.owner, self.scope

    @property
    def event_ids(self) -> list[int]:
        """The perf events or timers that are on, without copies, oldest first."""
        ids = (switch.event_id for switch in self.live.values() if switch.code is not None)
        return list(dict.fromkeys(ids))

    @property
    def duration_ns(self) -> int | None:
        """From its beginning to its end, on a clock that does not jump."""
        return None if self.end is None else max(0, self.end.at_ns - self.began_at_ns)


@dataclass(slots=True, eq=False)
class Switch:
    """One thing that is on: a perf event or its copy in a child, a timer, a traced thread, or what
    was done and has no end of its own.
    """

    session: Session
    mechanism: str
    code: int | None  # of a perf event or timer, as are mode and PMU
    event_id: int
    target: Process | None
    relation: str | None
    since_boot_ns: int
    mode: str | None = None
    pmu: str | None = None
    is_copy: bool = False

    def places(self) -> Iterable[Hashable]:
        """What it is found by when that ends."""
        if self.session.owner:
            yield "owner", self.session.owner
        if self.target:
            yield "process", self.target.identity
            if self.mechanism == "perf":  # the others outlive the thread
                yield "thread", self.target.tid
        if self.is_copy:
            yield "copies", self.event_id


def duration_ns(switches: Iterable[Switch], event: Event) -> int:
    """From the first of them to `event`. Records of two CPUs can be out of order by a moment."""
    return max(0, event.at_ns - min(switch.since_boot_ns for switch in switches))
