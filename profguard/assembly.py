"""Builds a pipeline from a configuration: what belongs together, and in which order it starts."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from profguard import __version__
from profguard.alerts.delivery import Delivery
from profguard.alerts.destinations import destinations
from profguard.alerts.outbox import plan
from profguard.config import Config
from profguard.context.enrich import Enricher
from profguard.context.labels import Labeler
from profguard.context.processes import ProcessTable
from profguard.engine import Change, Engine
from profguard.findings import rows
from profguard.findings.redact import Redactor
from profguard.findings.retention import Retention
from profguard.findings.store import Store
from profguard.findings.writer import Writer, WriterStatus
from profguard.ids import uuid7
from profguard.model import Event
from profguard.pipeline import Output, Pipeline
from profguard.rules.pack import RuleSet, load
from profguard.sensor.clock import measure_boot_to_wall_ns

REPLAY_WAIT_S = 30.0  # a capture can be read faster than its findings are stored
DRAIN_S = 5.0  # how long the end of a run waits for alerts to be delivered

Trouble = Callable[[str], None]


@dataclass
class Assembly:
    """A pipeline, ready to be driven, and the parts that a command wants to speak of."""

    pipeline: Pipeline
    rules: RuleSet
    table: ProcessTable
    writer: Writer | None = None
    delivery: Delivery | None = None

    def close(self) -> None:
        """Everything that was found is stored, and told as far as the receivers answer.

        What is not delivered in time waits in the outbox for the next run.
        """
        if self.writer:
            self.writer.close()
        if self.delivery:
            self.delivery.drain(DRAIN_S)
            self.delivery.stop()


def load_rules(config: Config, paths: Sequence[Path] = ()) -> RuleSet:
    """The rules of `paths`, or else those of the configuration. Raises RuleError."""
    return load(
        paths or [Path(path) for path in config.rule_paths],
        skip_bad=config.rules.skip_bad,
        placeholders=config.rules.placeholders,
    )


def assemble(config: Config, rules: RuleSet, outputs: Sequence[Output]) -> Assembly:
    """The stations, and outputs that keep nothing."""
    labeler = Labeler(config.labels, config.rules.placeholders)
    table = ProcessTable(
        labeler,
        boot_to_wall_ns=measure_boot_to_wall_ns(),
        max_processes=config.sensor.max_processes,
        environ_names=rules.environ_names,
    )
    pipeline = Pipeline(Enricher(table, labeler, platform.node()), Engine(rules), outputs)
    return Assembly(pipeline, rules, table)


def assemble_stored(
    config: Config,
    rules: RuleSet,
    outputs: Sequence[Output],
    store: Store,
    *,
    alerts: bool,
    on_trouble: Trouble,
) -> Assembly:
    """The same with findings kept in `store` and, with `alerts`, told to the destinations.

    `on_trouble` is told, from other threads, what keeps findings or alerts waiting.
    """
    told = destinations(config.alerts, config.place) if alerts else []
    delivery = Delivery(store, told, on_trouble=on_trouble) if told else None

    def report(status: WriterStatus) -> None:
        on_trouble(status.error or "the database can be written again")

    writer = Writer(
        store,
        (lambda finding: plan(finding, told)) if told else None,
        redactor=Redactor(config.redact.patterns),
        retention=Retention(config.store.retention_days, config.store.max_size_mb << 20),
        on_commit=delivery.wake if delivery else None,
        on_trouble=report,
    )
    stored = Stored(writer, wait_s=0.0 if alerts else REPLAY_WAIT_S)
    assembly = assemble(config, rules, [stored, *outputs])
    assembly.writer, assembly.delivery = writer, delivery
    if delivery:
        delivery.start()
    return assembly


class Stored:
    """The output that keeps findings and losses in the database.

    Where the writer has no room a change waits for `wait_s`; then it is dropped and counted.
    """

    def __init__(self, writer: Writer, wait_s: float):
        self._writer, self._wait_s = writer, wait_s

    def event(self, event: Event) -> None:
        if event.spec.name == "lost_events":
            row = rows.loss_row(event.time_ns, event["cpu"], event["event"], event["count"])
            self._writer.write("losses", [row], self._wait_s)

    def changes(self, changes: Sequence[Change]) -> None:
        self._writer.submit(changes, self._wait_s)

    def flush(self) -> None:
        """The writer flushes by itself, 50 ms after the first row."""


class Run:
    """The row of `sensor_runs` for one run of the sensor."""

    def __init__(self, writer: Writer):
        self._writer, self._started_ns = writer, time.time_ns()
        self._id = uuid7(self._started_ns, (os.getpid(), self._started_ns))
        self._write()

    def stopped(self, reason: str, received: int, dropped: int) -> None:
        self._write(stopped_ns=time.time_ns(), reason=reason, received=received, dropped=dropped)

    def _write(self, **end) -> None:
        row = rows.run_row(self._id, self._started_ns, __version__, platform.release(), **end)
        self._writer.write("sensor_runs", [row])
