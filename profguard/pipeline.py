"""The way of one event, from the kernel to the alert, in one place.

    source -> enrich -> sessions -> match -> findings -> outputs

A source is anything that yields events: the live sensor, its snapshot, a capture. An output is
anything that takes events and changes of findings: the terminal, the database, a capture file.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from profguard.context.enrich import Enricher
from profguard.decode import Decoded
from profguard.engine import Change, Engine
from profguard.events import BY_NAME
from profguard.model import Event
from profguard.rules.pack import RuleSet
from profguard.sensor.live import Sensor
from profguard.sessions import Session, Sessions

TICK_S = 0.05  # how long a quiet sensor sleeps while an event is held back
COUNT_EVERY_S = 0.25  # how often the kernel's counters are read, and it looks for its end


class Output(Protocol):
    """What the pipeline gives to each output."""

    def event(self, event: Event) -> None: ...
    def changes(self, changes: Sequence[Change]) -> None: ...
    def flush(self) -> None: ...


class Pipeline:
    """The stations between a source and the outputs, in order."""

    def __init__(
        self,
        enricher: Enricher,
        engine: Engine,
        outputs: Sequence[Output],
        sessions: Sessions | None = None,
    ):
        self._enricher, self._engine, self._outputs = enricher, engine, outputs
        self.sessions = sessions or Sessions()
        self._waiting: list[tuple[list[Event], list[Session]]] = []

    def take(self, decoded: Decoded) -> None:
        """One event fresh from the kernel, whose tasks are still raw."""
        self._feed(self._enricher.enrich(*decoded))

    def replay(self, event: Event) -> None:
        """One event that was enriched when it was recorded."""
        self._feed(self._enricher.relabel(event))

    def release(self, boot_ns: int) -> None:
        """Time has passed without an event."""
        self._pass(self.sessions.release(boot_ns))

    def pass_time(self, now_ns: int) -> None:
        """It is this late, on the scale of the events' times."""
        self._settle()
        self._tell(self._engine.pass_time(now_ns))

    def end(self) -> None:
        """There are no further events: none can show any more that a held one was no act."""
        self._pass(self.sessions.release_all())
        self._settle()

    def replace_rules(self, rules: RuleSet) -> RuleSet:
        """Match by other rules from the next event on; returns those that were in force."""
        self._settle()
        before = self._engine.rules
        self._engine.replace_rules(rules)
        return before

    def flush(self) -> None:
        self._settle()
        for output in self._outputs:
            output.flush()

    def _feed(self, event: Event) -> None:
        if self.sessions.waits:
            self.release(event.at_ns)  # what ended before it is told before it
        self._pass(self.sessions.feed(event))

    def _pass(self, events: Iterable[Event]) -> None:
        """Events, and the sessions that ended with them, on to what is matched at once.

        That is each by itself, unless rules like to be asked about many.
        """
        self._waiting.append((list(events), self.sessions.take_ended()))
        if len(self._waiting) >= self._engine.rules.batch:
            self._settle()

    def _settle(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._engine.rules.prepare([event for events, _ in waiting for event in events])
        for events, ended in waiting:
            self._match(events, ended)

    def _match(self, events: Iterable[Event], ended: Iterable[Session]) -> None:
        for event in events:
            for output in self._outputs:
                output.event(event)
            self._tell(self._engine.feed(event))
            event.origin = None  # for the rules only: it is not redacted
        for session in ended:
            self._tell(self._engine.end(session))

    def _tell(self, changes: Sequence[Change]) -> None:
        if changes:
            for output in self._outputs:
                output.changes(changes)


def run_live(
    sensor: Sensor,
    pipeline: Pipeline,
    going_on: Callable[[], bool],
    between: Callable[[], None] = lambda: None,
) -> None:
    """Drive the pipeline from an opened sensor for as long as `going_on()` says so.

    `between` is called between two events, at least every COUNT_EVERY_S.

    Ends with everything taken that was in the rings, and the proof that nothing else happened.
    """
    for decoded in sensor.snapshot():
        pipeline.take(decoded)
    pipeline.sessions.memory.settle(sensor.shown)
    next_count = 0.0
    while going_on():
        sensor.wait(TICK_S if pipeline.sessions.holds else COUNT_EVERY_S)
        _drain(sensor, pipeline)
        pipeline.release(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        between()
        pipeline.flush()
        if time.monotonic() >= next_count:
            next_count = time.monotonic() + COUNT_EVERY_S
            _take(sensor.losses(), pipeline)
            pipeline.pass_time(sensor.clock.now_ns())
    sensor.detach()
    while _drain(sensor, pipeline) or not sensor.is_settled():
        pass
    _take(sensor.last_losses(), pipeline)
    pipeline.flush()


def run_replay(events: Iterable[Event], pipeline: Pipeline) -> None:
    """Drive the pipeline from recorded events, as fast as it goes."""
    try:
        for event in events:
            event.source = "replay"
            pipeline.replay(event)
    finally:
        pipeline.end()
        pipeline.flush()


def status(state: str, time_ns: int, reason: str | None = None) -> Decoded:
    """A sensor_status event, as if it came from a source."""
    spec = BY_NAME["sensor_status"]
    return Decoded(Event(spec=spec, time_ns=time_ns, args=[state, reason]), None, None)


def _drain(sensor: Sensor, pipeline: Pipeline) -> int:
    return _take(sensor.drain(), pipeline)


def _take(found: Iterable[Decoded], pipeline: Pipeline) -> int:
    taken = 0
    for decoded in found:
        pipeline.take(decoded)
        taken += 1
    return taken
