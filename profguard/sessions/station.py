"""The station: which things are on, and what the events about them become."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

from profguard.model import Event, Process
from profguard.sessions.access import Access
from profguard.sessions.completion import disables
from profguard.sessions.ledger import Ledger
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

# What is done to a perf event is done to the copies that children inherited. A target's end is not.
# The kernel says what a thread has when these happen to it.
_OF_A_THREAD = frozenset({"exec", "exit"})
_REACHES_COPIES = frozenset({"ioctl", "prctl", "close"})


class Sessions:
    """`feed` gives the events to pass on. `tool_of` names the tool that an actor is."""

    def __init__(self, tool_of: Callable[[Process | None], str | None] = lambda _: None):
        self._ledger = Ledger(tool_of)
        self._held: dict[Key, Event] = {}
        self._access = Access(self._ledger)

    @property
    def ended(self) -> list[Session]:
        """The sessions that are over, since `take_ended` was called last."""
        return self._ledger.ended

    @property
    def active(self) -> Iterable[Session]:
        return self._ledger.open

    @property
    def waits(self) -> bool:
        """Whether time alone will bring an event, or the end of a session."""
        return bool(self._held) or self._access.waits

    @property
    def holds(self) -> bool:
        """Whether time alone will bring an event."""
        return bool(self._held)

    @property
    def memory(self) -> Memory:
        """The sessions that an earlier run of the sensor knew."""
        return self._ledger.memory

    def on_begin(self, call: Callable[[Session], None]) -> None:
        """Call a function with each session that begins."""
        self._ledger.on_begin = call

    def on_change(self, call: Callable[[Session], None]) -> None:
        """Call a function with each session that begins, goes on or ends."""
        self._ledger.on_change = call

    def take_ended(self) -> list[Session]:
        """The same, which are handed over."""
        ended, self._ledger.ended = self._ledger.ended, []
        return ended

    def feed(self, event: Event) -> list[Event]:
        """The events that this one becomes: itself, nothing, or completed by others."""
        out = self.release(event.at_ns) if self.waits else []
        name = event.spec.name
        if name == "prof":
            out += self._enable(event) if event["action"] == "enable" else self._disable(event)
        elif name == "ptrace":
            self._access.trace(event)
            out.append(event)
        elif name == "sched_process_exec":
            out += [event, *self._timers_end(event)]
        elif name == "sched_process_exit":
            out += [*self._process_ends(event), event]
        else:
            if event.spec.lasts:
                self._access.done(event)
            else:
                self._taint(event)
            out.append(event)
        return out

    def _taint(self, event: Event) -> None:
        """What goes on while events are lost, or its owner's are folded, may have ended since."""
        if event.spec.name == "lost_events":
            self._ledger.taint(self.active)
        elif event.spec.name == "folded_events" and event["event"] in ("prof", "ptrace"):
            owner = identity(event.process)
            self._ledger.taint([session for session in self.active if session.owner == owner])

    def release(self, boot_ns: int) -> list[Event]:
        """The held events that turned out to be no probes by this time; moments pass."""
        due = [key for key, held in self._held.items() if boot_ns - held.at_ns >= PROBE_NS]
        out = [event for key in due for event in self._switch_on(self._held.pop(key))]
        self._access.release(boot_ns)
        return out

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
        fresh = [each for each in named if each[0] not in self._ledger.on]
        if not fresh:
            return []
        mechanism = event["mechanism"]
        session = self._ledger.session(event, mechanism, scope(event))
        for key, code, event_id in fresh:
            switch = Switch(
                session,
                mechanism,
                code,
                event_id,
                event.target,
                event.relation,
                event.at_ns,
                event["mode"],
                event["pmu"],
                is_copy(event),
            )
            self._ledger.add(key, switch)
        self._ledger.note(session, event)
        event["session"] = session.id
        return [event]

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
                named += self._ledger.at(("copies", event_id))
        known = [key for key in named if key in self._ledger.on and self._may_end(event, key)]
        if not known:
            # Never seen on. A prctl names events that were off before, and disarming a timer that
            # is not armed is common; everything else is worth reporting without a session.
            is_news = event["mechanism"] == "perf" and event["cause"] != "prctl" and not probes
            return [event] if is_news else []
        switches = [self._ledger.remove(key) for key in dict.fromkeys(known)]
        event["session"] = switches[0].session.id
        event["duration_ns"] = duration_ns(switches, event)
        event["tainted"] = any(switch.session.tainted for switch in switches)
        for session in dict.fromkeys(switch.session for switch in switches):
            self._ledger.note(session, event)
        self._ledger.finish({switch.session: event for switch in switches})
        return [event]

    def _keys(self, event: Event) -> list[Key]:
        """What an event switches, by the keys of what is on.

        The scheduler swaps the perf events of a process with their copies in a child. So where the
        kernel says what a thread has, at an exec or exit, a copy may stand for its original.
        """
        named = keys(event)
        if event["cause"] not in _OF_A_THREAD or event["mechanism"] != "perf" or not event.target:
            return named
        own = self._ledger.at(("thread", event.target.tid))
        known = {self._ledger.on[key].event_id: key for key in own}
        return [key if key in own else known.get(key[1], key) for key in named]

    def _may_end(self, event: Event, key: Key) -> bool:
        """Whether this is no exit of another thread than the one that has it on."""
        target = self._ledger.on[key].target
        return (
            event["cause"] != "exit"
            or not (event.target and target)
            or event["mechanism"] != "perf"
            or target.tid == event.target.tid
        )

    def _complete(self, event: Event, over: Iterable[Key]) -> list[Event]:
        """Disables of all that is over, made from what was switched on; of the rest there are none.

        They are told thread by thread, so that each disable says itself what it is about.
        """
        parts: dict[Hashable, list[Switch]] = defaultdict(list)
        silent: dict[Session, Event] = {}
        ends, out = {}, []
        for key in over:
            switch = self._ledger.remove(key)
            if switch.code is None:
                self._access.forget(key)
                silent[switch.session] = event
                self._ledger.note(switch.session, event, 0)
            else:
                tid = switch.target.tid if switch.target else None
                parts[switch.session, switch.mechanism, switch.is_copy, tid].append(switch)
        for (session, *_), switches in parts.items():
            told = disables(event, switches)
            out += told
            self._ledger.note(session, out[-1], len(told))
            ends.pop(session, None)  # in the order in which they end
            ends[session] = out[-1]
        for session, end in silent.items():  # with the event itself, after all disables
            ends.pop(session, None)
            ends[session] = end
        self._ledger.finish(ends)
        return out

    def _thread_ends(self, event: Event) -> list[Event]:
        """A profiled thread ended: these were its events, so far as the kernel has not told."""
        tid = event.target.tid if event.target else None
        if tid is None:
            return []
        self._drop_held(lambda held: held.target is not None and held.target.tid == tid)
        return self._complete(event, list(self._ledger.at(("thread", tid))))

    def _process_ends(self, event: Event) -> list[Event]:
        gone = identity(event.process)
        if gone is None:
            return []
        self._drop_held(lambda held: gone in (identity(held.process), identity(held.target)))
        return self._complete(
            event, self._ledger.at(("owner", gone)) | self._ledger.at(("process", gone))
        )

    def _drop_held(self, is_over: Callable[[Event], bool]) -> None:
        for key in [key for key, held in self._held.items() if is_over(held)]:
            del self._held[key]

    def _timers_end(self, event: Event) -> list[Event]:
        """POSIX timers do not survive an exec; interval timers do."""
        owned = self._ledger.at(("owner", identity(event.process)))
        return self._complete(event, [key for key in owned if key[0] == "posix_timer"])
