"""What one process does to another that is no profiling: there are no perf events or timers."""

from collections import OrderedDict
from collections.abc import Hashable

from profguard.events import Lasts
from profguard.model import Event
from profguard.sessions.ledger import Ledger
from profguard.sessions.session import Session, Switch, duration_ns
from profguard.sessions.transition import Identity, Key, identity, reach

# What has no end of its own is over when it has not happened again for so long.
MOMENT_NS = 60_000_000_000

_ATTACHES = frozenset({"PTRACE_ATTACH", "PTRACE_SEIZE", "PTRACE_TRACEME"})
# By these a process is made to do something, such as to load a library.
_CONTROLS = frozenset({"ptrace", "process_vm_writev", "proc_mem_open", "runtime"})


class Access:
    """Puts it into the ledger. Processes that end take it out again."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._moments: OrderedDict[Key, Event] = OrderedDict()  # the latest of each, oldest first

    @property
    def waits(self) -> bool:
        """Whether time alone will end something."""
        return bool(self._moments)

    def release(self, boot_ns: int) -> None:
        """What has not happened for a while by now is over, since it happened last."""
        while self._moments:
            key, latest = next(iter(self._moments.items()))
            if boot_ns - latest.at_ns < MOMENT_NS:
                return
            del self._moments[key]
            if key in self._ledger.on:  # and not taken out, among too many
                session = self._ledger.remove(key).session
                self._ledger.finish({session: session.latest})
                self._ledger.note(session, latest, 0)

    def forget(self, key: Key) -> None:
        """It was taken out of the ledger."""
        self._moments.pop(key, None)

    def trace(self, event: Event) -> None:
        """A `ptrace` event: the one thing here that has an end of its own."""
        target = event.target
        if event["ret"] != 0 or target is None:
            return
        key = ("ptrace", target.identity, target.tid)
        if event["request"] in _ATTACHES:
            if key not in self._ledger.on:
                self._begin(event, key, "ptrace", target.identity)
        elif key in self._ledger.on:
            switch = self._ledger.remove(key)
            event["session"] = switch.session.id
            event["duration_ns"] = duration_ns([switch], event)
            event["tainted"] = switch.session.tainted
            self._ledger.note(switch.session, event)
            self._ledger.finish({switch.session: event})

    def done(self, event: Event) -> None:
        """An event that `lasts`."""
        at, owner = reach(event), identity(event.process)
        if at is None or owner is None:
            return
        controller = self._controller_of(owner) if at == owner else None
        if controller is not None:
            self._join(event, controller)
            return
        key = (event.spec.lasts, owner, at)
        switch = self._ledger.on.get(key)
        if switch is None:
            self._begin(event, key, event.spec.mechanism, at)
        else:
            self._join(event, switch.session)
        if event.spec.lasts is Lasts.MOMENT:
            self._moments[key] = event
            self._moments.move_to_end(key)

    def _controller_of(self, process: Identity) -> Session | None:
        """The session of who has this process under control, and makes it do what it does."""
        for key in self._ledger.at(("process", process)):
            session = self._ledger.on[key].session
            if session.owner != process and not _CONTROLS.isdisjoint(session.mechanisms):
                return session
        return None

    def _begin(self, event: Event, key: Key, mechanism: str, at: Hashable) -> None:
        session = self._ledger.session(event, mechanism, at)
        switch = Switch(session, mechanism, None, 0, event.target, event.relation, event.at_ns)
        self._ledger.add(key, switch)
        self._ledger.note(session, event)
        event["session"] = session.id

    def _join(self, event: Event, session: Session) -> None:
        session.add_mechanism(event.spec.mechanism)
        self._ledger.note(session, event)
        event["session"] = session.id
