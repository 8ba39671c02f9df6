"""What is on: by what it is, and by the places where its end is looked for."""

from collections.abc import Callable, Hashable, Iterable

from profguard.model import Event, Process
from profguard.sessions.memory import Memory
from profguard.sessions.session import Session, Switch
from profguard.sessions.transition import PROF, Key, identity, is_copy, originals

# Of one session; disables that are lost in a flood must not fill the memory.
MAX_LIVE = 8192


class Ledger:
    """`on_begin` is called with each session that begins, `on_change` with each that changes, too.

    `memory` has those that an earlier run of the sensor knew, `ended` collects those that are over.
    `tool_of` names the tool that an actor is.
    """

    def __init__(self, tool_of: Callable[[Process | None], str | None]):
        self._tool_of = tool_of
        self.on: dict[Key, Switch] = {}
        self._at: dict[Hashable, dict[Key, None]] = {}  # by place, in the order of switching on
        self._open: dict[Hashable, Session] = {}
        self.ended: list[Session] = []
        self.on_begin: Callable[[Session], None] = lambda _: None
        self.on_change: Callable[[Session], None] = lambda _: None
        self.memory = Memory()

    @property
    def open(self) -> Iterable[Session]:
        return self._open.values()

    @property
    def is_empty(self) -> bool:
        return not (self.on or self._at or self._open)

    def at(self, place: Hashable) -> dict[Key, None]:
        """What is on there, in the order of switching on."""
        return self._at.get(place, {})

    def session(self, event: Event, mechanism: str, at: Hashable) -> Session:
        """The open session that an event belongs to, or a new one.

        What a profiled process hands down to its children belongs to the profile of the process.
        """
        for original in originals(event) if is_copy(event) else ():
            for key in (original, *self.at(("copies", original[1]))):
                if switch := self.on.get(key):
                    return switch.session
        session = self._open.get((identity(event.process), at))
        if session is None:
            session = Session.begun(event, at)
            session.tool = self._tool_of(session.process)
            if event.source == "snapshot":
                self.memory.resume(session, event, mechanism)
            self._open[session.place] = session
            self.on_begin(session)
        session.add_mechanism(mechanism)
        if event.spec is PROF and session.mode is None:
            session.mode, session.pmu = event["mode"], event["pmu"]
        return session

    def note(self, session: Session, event: Event, events: int = 1) -> None:
        """So many events came of a session, `event` last."""
        session.events += events
        if event.at_ns >= session.latest.at_ns:
            session.latest = event
        self.on_change(session)

    def taint(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            session.tainted = True
            self.on_change(session)

    def add(self, key: Key, switch: Switch) -> None:
        session = switch.session
        self.on[key] = session.live[key] = switch
        for place in switch.places():
            self._at.setdefault(place, {})[key] = None
        if len(session.live) > MAX_LIVE:
            self.remove(next(iter(session.live)))

    def remove(self, key: Key) -> Switch:
        switch = self.on.pop(key)
        del switch.session.live[key]
        for place in switch.places():
            found = self._at[place]
            del found[key]
            if not found:
                del self._at[place]
        return switch

    def finish(self, ends: dict[Session, Event]) -> None:
        """Of these sessions, those with nothing left on are over, by these events."""
        for session, event in ends.items():
            if not session.live:
                session.end = event
                del self._open[session.place]
                self.ended.append(session)
