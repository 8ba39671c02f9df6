"""Compares what was done with what the sensor tells of it, at the end of the whole way."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from profguard.assembly import assemble
from profguard.config import Config
from profguard.errors import SensorError
from profguard.model import Event
from profguard.pipeline import run_live
from profguard.rules.pack import RuleSet
from profguard.selftest.acts import ACTS, Act, Told
from profguard.sensor.live import Sensor

_WAIT_S = 5  # for the last event; on an idle machine it is there at once


class Verdict(StrEnum):
    SEEN = "seen"
    NOT_SEEN = "not seen"
    WRONG_TARGET = "wrong target"
    NOT_HERE = "not in this tier"  # it could not be seen
    NOT_DONE = "not done"  # the kernel refused the act itself


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event that an act must cause. `note` says why, where there is a why.

    `actor` and `target` are pids; `target` is None where the act is at nobody, or was not done.
    """

    act: str
    event: str
    args: Mapping[str, Any]
    verdict: Verdict
    tier: str | None
    actor: int
    target: int | None
    note: str | None = None

    @property
    def is_failure(self) -> bool:
        return self.verdict in (Verdict.NOT_SEEN, Verdict.WRONG_TARGET)


@dataclass(frozen=True, slots=True)
class _Done:
    """An act that was performed, or why it could not be."""

    act: Act
    actor: int
    target: int | None
    error: str | None


@dataclass(slots=True)
class _Output:
    """Keeps what comes out of the pipeline."""

    events: list[Event] = field(default_factory=list)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def changes(self, changes) -> None:
        """Rules are not asked."""

    def flush(self) -> None:
        """Nothing is held back."""


def run(sensor: Sensor, config: Config) -> list[Result]:
    """Perform everything while this opened sensor watches.

    Raises SensorError where the performing process itself fails.
    """
    output, performance = _Output(), _Performance()
    tiers = _tiers(sensor)
    assembly = assemble(config, RuleSet(()), [output])

    def judged() -> list[Result]:
        return [result for each in performance.done for result in _judge(each, output, tiers)]

    def going_on() -> bool:
        if time.monotonic() > performance.deadline_s:
            return False
        return not performance.is_over or any(result.is_failure for result in judged())

    assembly.table.snapshot()
    performance.start()
    run_live(sensor, assembly.pipeline, going_on)
    performance.check()
    return judged()


class _Performance:
    """The process that does it all, in the background."""

    def __init__(self):
        self.done: list[_Done] = []
        self.deadline_s = float("inf")
        self._failure: SensorError | None = None
        self._thread = threading.Thread(target=self._perform)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return self.deadline_s < float("inf")

    def check(self) -> None:
        self._thread.join()
        if self._failure:
            raise self._failure

    def _perform(self) -> None:
        command = [sys.executable, "-m", "profguard.selftest.child"]
        by_name = {act.name: act for act in ACTS}
        try:
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
            lines = map(json.loads, told.stdout.splitlines())
            self.done = [_Done(by_name[line.pop("act")], **line) for line in lines]
        except subprocess.CalledProcessError as error:
            self._failure = SensorError.of("PG306", f"what is to be seen was not done: {error}")
        self.deadline_s = time.monotonic() + _WAIT_S


def _tiers(sensor: Sensor) -> dict[str, set[str | None]]:
    """The tiers of the probes that serve each event; None is that of a probe that is refused."""
    found: dict[str, set[str | None]] = {}
    for probe in sensor.probes:
        for event in () if probe.is_snapshot else probe.events:
            found.setdefault(event, set()).add(probe.tier)
    return found


def _judge(done: _Done, output: _Output, tiers: Mapping[str, set[str | None]]) -> Iterator[Result]:
    for told in done.act.told:
        verdict, tier, note = Verdict.NOT_DONE, None, done.error
        if done.error is None:
            verdict, tier, note = _seen(done, told, output.events)
        if verdict is Verdict.NOT_SEEN:
            by = tiers.get(told.event, set())  # none with BCC, which lacks some probes
            if None in by:
                note = "a probe is refused, see 'profguard doctor'"
            elif by.isdisjoint(done.act.tiers):
                verdict = Verdict.NOT_HERE
        yield Result(
            act=done.act.name,
            event=told.event,
            args=told.args,
            verdict=verdict,
            tier=tier,
            actor=done.actor,
            target=done.target,
            note=note,
        )


def _seen(done: _Done, told: Told, events: list[Event]) -> tuple[Verdict, str | None, str | None]:
    """Of the events that the actor caused, one with these arguments and at that target."""
    actor = done.target if done.act.by_target else done.actor
    theirs = [
        event
        for event in events
        if event.spec.name == told.event
        and event.process
        and event.process.pid == actor
        and all(event[name] == value for name, value in told.args.items())
    ]
    for event in theirs:
        named = event.target.pid if event.target else None
        if named == done.target:
            return Verdict.SEEN, event.tier, None
    if theirs:
        return Verdict.WRONG_TARGET, theirs[-1].tier, f"pid {named} instead of {done.target}"
    return Verdict.NOT_SEEN, None, None
