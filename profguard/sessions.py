"""Pairs what is switched on with what is switched off: every enable gets a session, and an end.

A session is what one process does to one target by one mechanism, from the first enable to the last
disable: `perf record` with a dozen events is one. The kernel reports transitions of single events;
this station knows which are on, drops what changes nothing, and completes the transitions that the
kernel can only half tell: the end of a target, whose events are gone by then, and of a profiler.

Times are boot time in ns, taken from the events: the same events give the same sessions.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import msgspec

from profguard.events import BY_NAME
from profguard.events.perf import PROF_FLAGS
from profguard.ids import uuid7
from profguard.model import Event, Process

# perf opens counters only to learn what the machine can do and closes them at once: a counter that
# is opened running is reported when it has lived this long.
PROBE_NS = 100_000_000

_FLAG = {name: 1 << bit for bit, name in PROF_FLAGS.items()}
_ATTACHES = frozenset({"PTRACE_ATTACH", "PTRACE_SEIZE", "PTRACE_TRACEME"})
_PROF = BY_NAME["prof"]

Identity = tuple[int | None, int | None]


@dataclass(slots=True, eq=False)
class Session:
    """One process at one target by one mechanism. `live` has what is on, and since when."""

    id: str
    mechanism: str
    process: Process | None
    target: Process | None
    scope: Hashable  # the target's identity, or "cpu-wide", or "cgroup"
    relation: str | None
    started_ns: int  # wall clock
    started_boot_ns: int
    live: dict[Hashable, "Switch"] = field(default_factory=dict)
    ended_ns: int | None = None
    duration_ns: int | None = None

    @property
    def owner(self) -> Identity | None:
        return _identity(self.process)


@dataclass(slots=True, eq=False)
class Switch:
    """One thing that is on: a perf event at a task, a timer, a traced thread."""

    session: Session
    code: int | None
    event_id: int
    tid: int | None
    since_boot_ns: int


class Sessions:
    """The station. `feed` gives the events to pass on; `ended` collects sessions that are over."""

    def __init__(self):
        self._on: dict[Hashable, Switch] = {}
        self._by_tid: dict[int, set[Hashable]] = defaultdict(set)
        self._by_owner: dict[Identity, set[Session]] = defaultdict(set)
        self._open: dict[Hashable, Session] = {}
        self._held: dict[Hashable, Event] = {}
        self.ended: list[Session] = []

    @property
    def active(self) -> Iterable[Session]:
        return self._open.values()

    def feed(self, event: Event) -> list[Event]:
        """The events that this one becomes: itself, nothing, or completed by others."""
        name = event.spec.name
        if name == "prof":
            out = self._enable(event) if event["action"] == "enable" else self._disable(event)
        elif name == "ptrace":
            self._ptrace(event)
            out = [event]
        elif name == "sched_process_exec":
            out = [event, *self._timers_end(event)]
        elif name == "sched_process_exit":
            out = [*self._owner_ends(event), event]
        else:
            out = [event]
        if self._held:
            out += self.release(event.at_ns)
        return out

    def release(self, boot_ns: int) -> list[Event]:
        """The held events that turned out to be no probes by this time."""
        due = [key for key, held in self._held.items() if boot_ns - held.at_ns >= PROBE_NS]
        return [event for key in due for event in self._switch_on(self._held.pop(key))]

    # --- on ---

    def _enable(self, event: Event) -> list[Event]:
        if event["cause"] == "open" and event["mode"] == "counting" and event["session"] is None:
            self._held[_keys(event)[0]] = event
            return []
        for key in _keys(event):
            self._held.pop(key, None)
        return self._switch_on(event)

    def _switch_on(self, event: Event) -> list[Event]:
        fresh = [
            (key, code, event_id)
            for key, code, event_id in zip(
                _keys(event), event["events"], event["event_ids"], strict=True
            )
            if key not in self._on
        ]
        if not fresh:
            return []
        session = self._session(event, event["mechanism"], _scope(event))
        for key, code, event_id in fresh:
            self._add(session, key, code, event_id, event)
        event["session"] = session.id
        return [event]

    def _session(self, event: Event, mechanism: str, scope: Hashable) -> Session:
        """The open session that this belongs to, or a new one.

        What a profiled process hands down to its children belongs to the profile of the process.
        """
        if event.spec is _PROF and event["flags"] & _FLAG["inherited"]:
            for event_id in event["event_ids"]:
                if parent := self._on.get(("perf", event_id)):
                    return parent.session
        owner = _identity(event.process)
        key = (owner, scope, mechanism)
        session = self._open.get(key)
        if session is None:
            session = self._open[key] = Session(
                id=uuid7(event.time_ns, (owner, scope, mechanism)),
                mechanism=mechanism,
                process=event.process,
                target=event.target,
                scope=scope,
                relation=event.relation,
                started_ns=event.time_ns,
                started_boot_ns=event.at_ns,
            )
            if owner:
                self._by_owner[owner].add(session)
        return session

    def _add(self, session, key, code, event_id, event: Event) -> None:
        tid = event.target.tid if event.target else None
        switch = Switch(session, code, event_id, tid, event.at_ns)
        self._on[key] = session.live[key] = switch
        if tid:
            self._by_tid[tid].add(key)

    # --- off ---

    def _disable(self, event: Event) -> list[Event]:
        if event["cause"] == "exit" and not event["event_ids"]:
            tid = event.target.tid if event.target else None
            return self._complete(event, list(self._by_tid.get(tid, ())))
        keys = _keys(event)
        if any(self._held.pop(key, None) for key in keys):
            return []
        known = [key for key in keys if key in self._on]
        if not known:
            # Never seen on. A prctl names events that were off before, and disarming a timer that
            # is not armed is common; everything else is worth reporting without a session.
            return [event] if event["mechanism"] == "perf" and event["cause"] != "prctl" else []
        switches = [self._remove(key) for key in known]
        self._finish(event, switches)
        event["session"] = switches[0].session.id
        event["duration_ns"] = event.at_ns - min(switch.since_boot_ns for switch in switches)
        return [event]

    def _remove(self, key: Hashable) -> Switch:
        switch = self._on.pop(key)
        del switch.session.live[key]
        if switch.tid:
            keys = self._by_tid[switch.tid]
            keys.discard(key)
            if not keys:
                del self._by_tid[switch.tid]
        return switch

    def _finish(self, event: Event, switches: Iterable[Switch]) -> None:
        for session in {switch.session for switch in switches}:
            if session.live:
                continue
            session.ended_ns = event.time_ns
            session.duration_ns = event.at_ns - session.started_boot_ns
            del self._open[session.owner, session.scope, session.mechanism]
            if session.owner:
                sessions = self._by_owner[session.owner]
                sessions.discard(session)
                if not sessions:
                    del self._by_owner[session.owner]
            self.ended.append(session)

    def _complete(self, event: Event, keys: list[Hashable]) -> list[Event]:
        """A disable for each session that has any of `keys`, made from what was switched on."""
        by_session: dict[Session, list[Switch]] = defaultdict(list)
        for key in sorted(keys, key=str):
            switch = self._remove(key)
            by_session[switch.session].append(switch)
        out = []
        for session, switches in by_session.items():
            self._finish(event, switches)
            if session.mechanism != "ptrace":
                out.append(_disabled_by_exit(event, session, switches))
        return out

    def _owner_ends(self, event: Event) -> list[Event]:
        if event.process is None:
            return []
        gone = event.process.identity
        for key, held in list(self._held.items()):
            if gone in (_identity(held.process), _identity(held.target)):
                del self._held[key]
        keys = [key for session in self._by_owner.get(gone, ()) for key in session.live]
        return self._complete(event, keys) if keys else []

    def _timers_end(self, event: Event) -> list[Event]:
        """POSIX timers do not survive an exec; interval timers do."""
        sessions = self._by_owner.get(event.process.identity, ()) if event.process else ()
        keys = [k for s in sessions if s.mechanism == "posix_timer" for k in s.live]
        return self._complete(event, keys) if keys else []

    # --- ptrace ---

    def _ptrace(self, event: Event) -> None:
        if event["ret"] != 0 or event.target is None:
            return
        key = ("ptrace", event.target.tid)
        if event["request"] in _ATTACHES:
            if key not in self._on:
                session = self._session(event, "ptrace", event.target.identity)
                self._add(session, key, None, 0, event)
                event["session"] = session.id
        elif key in self._on:
            switch = self._remove(key)
            self._finish(event, [switch])
            event["session"] = switch.session.id
            event["duration_ns"] = event.at_ns - switch.since_boot_ns


def _identity(process: Process | None) -> Identity | None:
    return process.identity if process else None


def _scope(event: Event) -> Hashable:
    if event.target is not None:
        return event.target.identity
    return "cgroup" if event["flags"] & _FLAG["cgroup"] else "cpu-wide"


def _keys(event: Event) -> list[Hashable]:
    """What the event switches: perf events by their id (copies also by task), timers by owner."""
    mechanism, ids = event["mechanism"], event["event_ids"]
    if mechanism == "perf":
        if event["flags"] & _FLAG["inherited"]:
            tid = event.target.tid if event.target else None
            return [("perf", event_id, tid) for event_id in ids]
        return [("perf", event_id) for event_id in ids]
    owner = _identity(event.process)
    return [(mechanism, owner, timer_id) for timer_id in ids]


def _disabled_by_exit(event: Event, session: Session, switches: list[Switch]) -> Event:
    """The prof event that an exit is to a session, with what the kernel said at its enable."""
    shown = switches[:8]
    flags = _FLAG["disable"] | _FLAG["exit"]
    flags |= _FLAG["truncated"] if len(switches) > len(shown) else 0
    flags |= _FLAG["self"] if session.target and session.owner == session.target.identity else 0
    flags |= _FLAG["cpu_wide"] if session.scope == "cpu-wide" else 0
    flags |= _FLAG["cgroup"] if session.scope == "cgroup" else 0
    values = {
        "flags": flags,
        "event_ids": tuple(switch.event_id for switch in shown),
        "events": tuple(switch.code for switch in shown),
        "total": len(switches),
        "action": "disable",
        "cause": "exit",
        "mechanism": session.mechanism,
        "session": session.id,
        "duration_ns": event.at_ns - min(switch.since_boot_ns for switch in switches),
    }
    args = [values.get(arg.name) for arg in _PROF.public_args]
    return msgspec.structs.replace(
        event,
        spec=_PROF,
        args=args,
        process=session.process,
        target=session.target,
        relation=session.relation,
    )
