"""Sessions that an earlier run of the sensor left running: which of them still are."""

from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from profguard.model import Event
from profguard.sessions.session import Session


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of a session that was not seen to end. `place` is as of `Session.place`."""

    id: str
    mechanisms: tuple[str, ...]
    place: Hashable
    event_ids: frozenset[int]
    started_ns: int
    began_at_ns: int
    events: int
    source: str


class Memory:
    """The snapshot finds again what still runs; `settle` sorts what it has not found.

    A session is the same where actor, target and a mechanism are, and of perf also an event: the
    kernel never gives the id of a perf event twice. `over` are the ids of sessions that have ended,
    `untold` of those that may have: no snapshot of this run shows all their mechanisms.
    """

    def __init__(self):
        self._known: dict[str, Known] = {}
        self.over: list[str] = []
        self.untold: list[str] = []

    def remember(self, known: Iterable[Known]) -> None:
        self._known = {one.id: one for one in known}

    def resume(self, session: Session, event: Event, mechanism: str) -> None:
        """If a session that begins with `event` of a snapshot is a known one, let it go on."""
        for one in self._known.values():
            if one.place == session.place and _is_same(one, event, mechanism):
                del self._known[one.id]
                session.mechanisms = list(one.mechanisms)
                session.id, session.source = one.id, one.source
                session.started_ns, session.began_at_ns = one.started_ns, one.began_at_ns
                session.events = one.events
                session.tainted = True  # nobody saw what happened since
                return

    def settle(self, shown: AbstractSet[str]) -> None:
        """The snapshot is complete; it shows whatever is on by the mechanisms in `shown`."""
        known, self._known = self._known, {}
        for one in known.values():
            is_over = shown >= set(one.mechanisms)
            (self.over if is_over else self.untold).append(one.id)


def _is_same(one: Known, event: Event, mechanism: str) -> bool:
    if mechanism != "perf":
        return mechanism in one.mechanisms
    return not one.event_ids.isdisjoint(event["event_ids"])
