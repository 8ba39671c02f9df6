"""The output that keeps findings and tells of them: database, outbox and receivers together."""

import hashlib
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from profguard import __version__
from profguard.alerts.delivery import Delivery
from profguard.alerts.destinations import destinations
from profguard.alerts.outbox import plan
from profguard.config import Config
from profguard.context.hasher import Hasher
from profguard.context.tools import UNKNOWN
from profguard.engine import Change, Engine
from profguard.findings import rows
from profguard.findings.recall import AT_A_TIME, EVERYTHING, Recall
from profguard.findings.redact import Redactor
from profguard.findings.retention import Retention
from profguard.findings.sessions import SessionBook
from profguard.findings.store import Store
from profguard.findings.writer import Writer, WriterStatus
from profguard.ids import uuid7
from profguard.model import Event, Finding, Process
from profguard.reload import Load
from profguard.rules.pack import RuleSet
from profguard.sessions import Session, Sessions
from profguard.timefmt import rfc3339

REPLAY_WAIT_S = 30.0  # a capture can be read faster than its findings are stored
KEEP_EVERY_S = 1.0  # how often what is remembered is written
SESSIONS_AT_A_TIME = 1000  # that changed since the last flush
HASH_S = 2.0  # how long the end of a run waits for executables to be read
DRAIN_S = 5.0  # how long the end of a run waits for alerts to be delivered


class Keeping:
    """Findings and losses go to the database and, with `alerts`, from there to the receivers.

    Where the writer has no room a live sensor drops and counts; a replay, without alerts, waits.
    `on_trouble` is told, also from other threads, what keeps findings or alerts waiting. `hasher`
    reads the executables of unknown tools, where the processes are those of this machine.
    """

    def __init__(
        self,
        config: Config,
        rules: RuleSet,
        store: Store,
        *,
        alerts: bool,
        on_trouble: Callable[[str], None],
        hasher: Hasher | None = None,
    ):
        told = destinations(config.alerts, config.place) if alerts else []
        self._on_trouble = on_trouble
        self._wait_s = 0.0 if alerts else REPLAY_WAIT_S
        self._delivery = Delivery(store, told, on_trouble=on_trouble) if told else None
        store.replace_rules(*_rows_of(rules))
        self._recorded = rules
        self._run_id: str | None = None
        self.opened: Counter[tuple[str, str]] = Counter()  # findings, by rule and level
        self._store, self._redactor = store, Redactor(config.redact.patterns)
        self._engine: Engine | None = None
        self._recall: Recall | None = None
        self._next_keep = 0.0
        self._book: SessionBook | None = None
        self._hasher = hasher
        self._writer = Writer(
            store,
            (lambda finding: plan(finding, told)) if told else None,
            redactor=self._redactor,
            retention=Retention(config.store.retention_days, config.store.max_size_mb << 20),
            on_commit=self._delivery.wake if self._delivery else None,
            on_trouble=self._report,
        )
        if self._delivery:
            self._delivery.start()

    def _report(self, status: WriterStatus) -> None:
        self._on_trouble(status.error or "the database can be written again")

    def event(self, event: Event) -> None:
        if event.spec.name == "lost_events":
            said = (event[name] for name in ("cpu", "event", "count", "reason"))
            self._writer.write("losses", [rows.loss_row(event.time_ns, *said)], self._wait_s)
        if self._book and self._book.waiting >= SESSIONS_AT_A_TIME:
            self._book.keep()

    def changes(self, changes: Sequence[Change]) -> None:
        for finding in [change.finding for change in changes if change.kind == "opened"]:
            self.opened[finding.rule_id, finding.level] += 1
            self._identify(finding, finding.event.process, finding.event.time_ns)
        self._writer.submit(changes, self._wait_s)

    def loaded(self, load: Load) -> None:
        """Record what became of reading the rules. Reads their files; any thread may call it."""
        fresh = load.rules is not None and load.rules is not self._recorded
        row = rows.load_row(
            self._run_id,
            load.time_ns,
            load.cause,
            load.state,
            rules=load.in_force,
            problems=[problem.as_dict() for problem in load.errors],
            paths=[str(path.absolute()) for path in load.paths],
        )
        self._writer.record_load(row, _rows_of(load.rules) if fresh else None)
        if fresh:
            self._recorded = load.rules

    @property
    def writer_status(self) -> WriterStatus:
        return self._writer.status

    def remember(self, engine: Engine) -> None:
        """Go on with what correlations gathered before, and keep what they gather from now on."""
        recall = Recall(self._store, self._writer, self._redactor)
        try:
            recall.restore(engine.correlator, time.time_ns())
        except ValueError as error:
            self._on_trouble(f"correlations begin anew: {error}")
        engine.remember()
        self._engine, self._recall = engine, recall

    def follow(self, sessions: Sessions) -> None:
        """Keep the sessions of this station. In a run they go on where an earlier one left them."""
        self._book = SessionBook(
            sessions, self._store, self._writer, self._redactor, self._run_id, self._wait_s
        )
        if self._run_id:
            try:
                self._book.recall()
            except ValueError as error:
                self._on_trouble(f"sessions begin anew: {error}")
        sessions.on_begin(lambda one: self._identify(one, one.process, one.latest.time_ns))

    def _identify(self, about: Finding | Session, process: Process | None, at_ns: int) -> None:
        if self._hasher and process and about.tool == UNKNOWN:
            about.tool_sha256 = self._hasher.ask(process, at_ns, about)

    def _keep_digests(self) -> None:
        for about, digest in self._hasher.answers() if self._hasher else ():
            about.tool_sha256 = digest
            if isinstance(about, Session):
                self._book.note(about)
            else:
                self._writer.write("finding_sha256", [(digest, about.id)], self._wait_s)

    def flush(self) -> None:
        """Findings the writer flushes by itself; what is remembered is written now and then."""
        self._keep_digests()
        if self._book:
            self._book.keep()
        if self._recall and time.monotonic() >= self._next_keep:
            self._next_keep = time.monotonic() + KEEP_EVERY_S
            self._keep()

    def _keep(self, most: int = AT_A_TIME) -> None:
        excused, self._engine.excused = self._engine.excused, Counter()
        now = rfc3339(time.time_ns())
        self._writer.write("excused", [(count, now, one.id) for one, count in excused.items()])
        self._recall.keep(self._engine.correlator, most)

    def begin_run(self, started_ns: int) -> Callable[..., None]:
        """Record that the sensor runs. What this returns records the end, by `run_row`'s names."""
        run_id = self._run_id = uuid7(started_ns, os.getpid())

        def write(**end) -> None:
            row = rows.run_row(run_id, started_ns, __version__, platform.release(), **end)
            self._writer.write("sensor_runs", [row])

        write()
        return write

    def close(self) -> None:
        """Everything found is stored, and told as far as the receivers answer in time.

        What is not delivered waits in the outbox for the next run. What could not be stored is
        counted and told.
        """
        if self._hasher:
            self._hasher.close(HASH_S)
            self._keep_digests()
        if self._recall:
            self._keep(EVERYTHING)
        if self._book:
            self._book.close()
        end = self._writer.close()
        for fate, counts in (("dropped", end.dropped), ("refused", end.refused)):
            for what, count in counts.items():
                self._on_trouble(f"{count} rows of '{what}' were {fate}: the database took no more")
        if self._delivery:
            self._delivery.drain(DRAIN_S)
            self._delivery.stop()


def _rows_of(rules: RuleSet) -> tuple[list[tuple], list[tuple]]:
    """The rows of the rules, and of the filters."""

    @cache
    def digest(path: str) -> str | None:
        with suppress(OSError):  # it has gone since it was read
            return hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return None

    now_ns = time.time_ns()
    return (
        [(r.id, r.title, r.level, r.path, digest(r.path)) for r in rules.rules],
        [rows.filter_row(one, now_ns) for one in rules.filters],
    )
