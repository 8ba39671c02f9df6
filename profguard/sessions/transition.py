"""What a prof event says about what is on: which things, of whom, at what."""

from collections.abc import Hashable

from profguard.events import BY_NAME
from profguard.events.perf import PROF_FLAGS
from profguard.model import Event, Process

PROF = BY_NAME["prof"]
FLAG = {name: 1 << bit for bit, name in PROF_FLAGS.items()}

Identity = tuple[int | None, int | None]
Key = tuple[Hashable, ...]


def identity(process: Process | None) -> Identity | None:
    """Pid and start, where the process is known at all."""
    return process.identity if process and process.pid is not None else None


def scope(event: Event) -> Hashable:
    """What is profiled: the target's identity, or "cpu-wide", or "cgroup"."""
    if event.target is not None:
        return event.target.identity
    return "cgroup" if event["flags"] & FLAG["cgroup"] else "cpu-wide"


def reach(event: Event) -> Hashable | None:
    """The same of an event of another kind; None where it is about neither, or was refused."""
    result = event["ret"] if "ret" in event.spec.index else None
    if result is not None and result < 0:
        return None
    if event.target is not None:
        return event.target.identity
    return event.relation if event.relation in ("cpu-wide", "cgroup") else None


def may_be_a_probe(event: Event) -> bool:
    """A counter that is opened running; one that was recorded with its session was no probe."""
    return event["cause"] == "open" and event["mode"] == "counting" and event["session"] is None


def is_copy(event: Event) -> bool:
    """Whether the event is about perf events that a child inherited."""
    return event.spec is PROF and bool(event["flags"] & FLAG["inherited"])


def originals(event: Event) -> list[Key]:
    """The perf events that it is about; of copies, those that they were copied from."""
    return [("perf", event_id) for event_id in event["event_ids"]]


def keys(event: Event) -> list[Key]:
    """What the event switches: perf events by their id (copies also by task), timers by owner."""
    mechanism = event["mechanism"]
    if mechanism != "perf":
        owner = identity(event.process)
        return [(mechanism, owner, timer_id) for timer_id in event["event_ids"]]
    if not is_copy(event):
        return originals(event)
    tid = event.target.tid if event.target else None
    return [("perf", event_id, tid) for event_id in event["event_ids"]]
