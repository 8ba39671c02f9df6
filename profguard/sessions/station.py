"""The station: which things are on, and what the events about them become."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

from profguard.model import Event, Process
from profguard.sessions.completion import disables
from profguard.sessions.memory import Memory
from profguard.sessions.session import Session, Switch, duration_ns
from profguard.sessions.transition import (
    Key,
    identity,
    is_copy,
    keys,
    may_be_a_probe,
    originals,
    scope,
)

# perf opens counters only to learn what the machine can do and closes them at once: a counter that
# is opened running is reported when it has lived this long.
PROBE_NS = 100_000_000

# Of one session; disables that are lost in a flood must not fill the memory.
MAX_LIVE = 8192

_ATTACHES = frozenset({"PTRACE_ATTACH", "PTRACE_SEIZE", "PTRACE_TRACEME"})
# What is done to a perf event is done to the copies that children inherited. A target's end is not.
# The kernel says what a thread has when these happen to it.
_OF_A_THREAD = frozenset({"exec", "exit"})
_REACHES_COPIES = frozenset({"ioctl", "prctl", "close"})


class Sessions:
    """`feed` gives the events to pass on; `ended` collects sessions that are over.

    `on_begin` is called with each session that begins, `on_change` with each that begins, changes
    or ends; `memory` has those that an earlier run of the sensor knew. `tool_of` names the tool
    that an actor is.
    """

    def __init__(self, tool_of: Callable[[Process | None], str | None] = lambda _: None):
        self._tool_of = tool_of
        self._on: dict[Key, Switch] = {}
        self._at: dict[Hashable, dict[Key, None]] = {}  # by place, in the order of switching on
        self._open: dict[Hashable, Session] = {}
        self._held: dict[Key, Event] = {}
        self.ended: list[Session] = []
        self.on_begin: Callable[[Session], None] = lambda _: None
        self.on_change: Callable[[Session], None] = lambda _: None
        self.memory = Memory()

    @property
    def active(self) -> Iterable[Session]:
        return self._open.values()

    @property
    def holds(self) -> bool:
        """Whether time alone will bring an event."""
        return bool(self._held)

    def feed(self, event: Event) -> list[Event]:
        """The events that this one becomes: itself, nothing, or completed by others."""
        out = self.release(event.at_ns) if self._held else []
        name = event.spec.name
        if name == "prof":
            out += self._enable(event) if event["action"] == "enable" else self._disable(event)
        elif name == "ptrace":
            self._ptrace(event)
            out.append(event)
        elif name == "sched_process_exec":
            out += [event, *self._timers_end(event)]
        elif name == "sched_process_exit":
            out += [*self._process_ends(event), event]
        else:
            self._taint(event)
            out.append(event)
        return out

    def _taint(self, event: Event) -> None:
        """What goes on while events are lost, or its owner's are folded, may have ended since."""
        if event.spec.name == "lost_events":
            tainted = self._open.values()
        elif event.spec.name == "folded_events" and event["event"] in ("prof", "ptrace"):
            owner = identity(event.process)
            tainted = [session for session in self._open.values() if session.owner == owner]
        else:
            return
        for session in tainted:
            session.tainted = True
            self.on_change(session)

    def release(self, boot_ns: int) -> list[Event]:
        """The held events that turned out to be no probes by this time."""
        due = [key for key, held in self._held.items() if boot_ns - held.at_ns >= PROBE_NS]
        return [event for key in due for event in self._switch_on(self._held.pop(key))]

    def release_all(self) -> list[Event]:
        """The held events, where nothing will come any more that shows them to be probes."""
        due, self._held = self._held, {}
        return [event for held in due.values() for event in self._switch_on(held)]

    # What is switched on.

    def _enable(self, event: Event) -> list[Event]:
        if may_be_a_probe(event) and (first := keys(event)[:1]):
            self._held[first[0]] = event
            return []
        copied = is_copy(event)  # and what is handed down to a child is no probe
        known = [key for key in (originals if copied else keys)(event) if key in self._held]
        held = [self._held.pop(key) for key in known]
        out = [each for original in held for each in self._switch_on(original)] if copied else []
        return out + self._switch_on(event)

    def _switch_on(self, event: Event) -> list[Event]:
        named = zip(self._keys(event), event["events"], event["event_ids"], strict=True)
        fresh = [each for each in named if each[0] not in self._on]
        if not fresh:
            return []
        session = self._session(event, event["mechanism"], scope(event))
        for key, code, event_id in fresh:
            self._add(session, key, code, event_id, event)
        self._note(session, event)
        event["session"] = session.id
        return [event]

    def _note(self, session: Session, event: Event, events: int = 1) -> None:
        session.events += events
        session.latest_ns = event.time_ns
        self.on_change(session)

    def _session(self, event: Event, mechanism: str, at: Hashable) -> Session:
        """The open session that this belongs to, or a new one.

        What a profiled process hands down to its children belongs to the profile of the process.
        """
        for original in originals(event) if is_copy(event) else ():
            for key in (original, *self._at.get(("copies", original[1]), ())):
                if switch := self._on.get(key):
                    return switch.session
        session = self._open.get((identity(event.process), at, mechanism))
        if session is None:
            session = Session.begun(event, mechanism, at)
            session.tool = self._tool_of(session.process)
            if event.source == "snapshot":
                self.memory.resume(session, event)
            self._open[session.place] = session
            self.on_begin(session)
        return session

    def _add(self, session: Session, key: Key, code, event_id: int, event: Event) -> None:
        self._on[key] = session.live[key] = switch = Switch(
            session, code, event_id, event.target, event.relation, event.at_ns, is_copy(event)
        )
        for place in switch.places():
            self._at.setdefault(place, {})[key] = None
        if len(session.live) > MAX_LIVE:
            self._remove(next(iter(session.live)))

    # What is switched off.

    def _disable(self, event: Event) -> list[Event]:
        if event["cause"] != "exit" or event["session"]:  # one that was completed needs no more
            return self._switch_off(event)
        # Some probes tell which events end with a thread, or 8 of them; others only that it ended.
        told = self._switch_off(event) if event["event_ids"] else []
        return told + self._thread_ends(event)

    def _switch_off(self, event: Event) -> list[Event]:
        named = self._keys(event)
        probes = [key for key in named if self._held.pop(key, None)]
        if event["cause"] in _REACHES_COPIES and not is_copy(event):
            for event_id in event["event_ids"] if event["mechanism"] == "perf" else ():
                named += self._at.get(("copies", event_id), ())
        known = [key for key in named if key in self._on and self._may_end(event, key)]
        if not known:
            # Never seen on. A prctl names events that were off before, and disarming a timer that
            # is not armed is common; everything else is worth reporting without a session.
            is_news = event["mechanism"] == "perf" and event["cause"] != "prctl" and not probes
            return [event] if is_news else []
        switches = [self._remove(key) for key in dict.fromkeys(known)]
        event["session"] = switches[0].session.id
        event["duration_ns"] = duration_ns(switches, event)
        event["tainted"] = any(switch.session.tainted for switch in switches)
        for session in dict.fromkeys(switch.session for switch in switches):
            self._note(session, event)
        self._finish({switch.session: event for switch in switches})
        return [event]

    def _keys(self, event: Event) -> list[Key]:
        """What an event switches, by the keys of what is on.

        The scheduler swaps the perf events of a process with their copies in a child. So where the
        kernel says what a thread has, at an exec or exit, a copy may stand for its original.
        """
        named = keys(event)
        if event["cause"] not in _OF_A_THREAD or event["mechanism"] != "perf" or not event.target:
            return named
        own = self._at.get(("thread", event.target.tid), ())
        known = {self._on[key].event_id: key for key in own}
        return [key if key in own else known.get(key[1], key) for key in named]

    def _may_end(self, event: Event, key: Key) -> bool:
        """Whether this is no exit of another thread than the one that has it on."""
        target = self._on[key].target
        return (
            event["cause"] != "exit"
            or not (event.target and target)
            or event["mechanism"] != "perf"
            or target.tid == event.target.tid
        )

    def _remove(self, key: Key) -> Switch:
        switch = self._on.pop(key)
        del switch.session.live[key]
        for place in switch.places():
            found = self._at[place]
            del found[key]
            if not found:
                del self._at[place]
        return switch

    def _finish(self, ends: dict[Session, Event]) -> None:
        """Of these sessions, those with nothing left on are over, by these events."""
        for session, event in ends.items():
            if not session.live:
                session.end = event
                del self._open[session.place]
                self.ended.append(session)

    def _complete(self, event: Event, over: Iterable[Key]) -> list[Event]:
        """Disables of all that is over, made from what was switched on; of ptrace there are none.

        They are told thread by thread, so that each disable says itself what it is about.
        """
        parts: dict[Hashable, list[Switch]] = defaultdict(list)
        traces: dict[Session, Event] = {}
        ends, out = {}, []
        for key in over:
            switch = self._remove(key)
            if switch.session.mechanism == "ptrace":
                traces[switch.session] = event
                self._note(switch.session, event, 0)
            else:
                tid = switch.target.tid if switch.target else None
                parts[switch.session, switch.is_copy, tid].append(switch)
        for (session, *_), switches in parts.items():
            told = disables(event, switches)
            out += told
            self._note(session, event, len(told))
            ends.pop(session, None)  # in the order in which they end
            ends[session] = out[-1]
        self._finish(ends | traces)
        return out

    def _thread_ends(self, event: Event) -> list[Event]:
        """A profiled thread ended: these were its events, so far as the kernel has not told."""
        tid = event.target.tid if event.target else None
        if tid is None:
            return []
        self._drop_held(lambda held: held.target is not None and held.target.tid == tid)
        return self._complete(event, list(self._at.get(("thread", tid), ())))

    def _process_ends(self, event: Event) -> list[Event]:
        gone = identity(event.process)
        if gone is None:
            return []
        self._drop_held(lambda held: gone in (identity(held.process), identity(held.target)))
        return self._complete(
            event, self._at.get(("owner", gone), {}) | self._at.get(("process", gone), {})
        )

    def _drop_held(self, is_over: Callable[[Event], bool]) -> None:
        for key in [key for key, held in self._held.items() if is_over(held)]:
            del self._held[key]

    def _timers_end(self, event: Event) -> list[Event]:
        """POSIX timers do not survive an exec; interval timers do."""
        owned = self._at.get(("owner", identity(event.process)), ())
        return self._complete(event, [key for key in owned if key[0] == "posix_timer"])

    # What is traced.

    def _ptrace(self, event: Event) -> None:
        target = event.target
        if event["ret"] != 0 or target is None:
            return
        key = ("ptrace", target.identity, target.tid)
        if event["request"] in _ATTACHES:
            if key not in self._on:
                session = self._session(event, "ptrace", target.identity)
                self._add(session, key, None, 0, event)
                self._note(session, event)
                event["session"] = session.id
        elif key in self._on:
            switch = self._remove(key)
            event["session"] = switch.session.id
            event["duration_ns"] = duration_ns([switch], event)
            event["tainted"] = switch.session.tainted
            self._note(switch.session, event)
            self._finish({switch.session: event})
