"""The one thread that writes findings: grouped transactions, and nothing lost silently."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Protocol

from profguard.errors import StoreError
from profguard.findings import rows
from profguard.findings.batch import Batch
from profguard.findings.redact import DEFAULT, Redactor
from profguard.findings.store import Store, store_error
from profguard.model import Event, Finding

ROWS_PER_COMMIT = 1_000
COMMIT_AFTER_S = 0.05
PENDING_MAX = 20_000  # rows kept in memory while the database cannot take them, about 40 MB
RETRY_FIRST_S, RETRY_MOST_S = 0.1, 5.0
_REMEMBERED_MAX = 10_000  # ids kept to recognise what was queued or dropped before


class Change(Protocol):
    """What happened to a finding: `kind` is opened, escalated, repeated or ended."""

    kind: str
    finding: Finding
    event: Event | None


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """How the writer is doing. `pending` are rows; `dropped` and `refused` count since the start.

    `dropped` is by kind of change (or by table, for rows given to `write`): there was no room.
    `refused` is by table: the database would not take the row. `error` is set while the database
    cannot be written; what is pending is then kept and tried again.
    """

    pending: int
    committed: int
    dropped: dict[str, int]
    refused: dict[str, int]
    error: str | None


class Writer:
    """Takes changes from any thread and commits them from its own.

    `plan` gives the outbox rows of a finding, which commit together with it. `on_commit` is called
    after a commit that had such rows, `on_trouble` with the status when an error begins, changes
    or ends; both in the writer's thread. Every finding is redacted before it is kept.
    """

    def __init__(
        self,
        store: Store,
        plan: Callable[[Finding], Iterable[tuple]] | None = None,
        *,
        redactor: Redactor = DEFAULT,
        on_commit: Callable[[], None] | None = None,
        on_trouble: Callable[[WriterStatus], None] | None = None,
        pending_max: int = PENDING_MAX,
    ):
        self._store = store
        self._plan = plan
        self._redactor = redactor
        self._on_commit = on_commit
        self._on_trouble = on_trouble
        self._pending_max = pending_max
        self._changed = Condition()
        self._pending = Batch()
        self._in_flight = Batch()
        self._hurry = False
        self._closing = False
        self._give_up_at = float("inf")
        self._committed = 0
        self._dropped: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._error: str | None = None
        self._dropped_ids: dict[str, None] = {}
        self._announced: dict[str, tuple] = {}
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._thread = Thread(target=self._run, name="profguard-writer", daemon=True)
        self._thread.start()

    # The side of the callers

    def submit(self, changes: Iterable[Change], timeout_s: float = 0.0) -> int:
        """Queue snapshots of the changes; returns how many were dropped for want of room.

        Waits for room for at most `timeout_s`: a live sensor must not, a replay should.
        """
        dropped = 0
        deadline = time.monotonic() + timeout_s
        for change in changes:
            with self._changed:
                if self._has_room(deadline) or self._is_known(change):
                    self._queue(change)
                else:
                    self._drop(change)
                    dropped += 1
        return dropped

    def write(self, statement: str, new_rows: Iterable[tuple], timeout_s: float = 0.0) -> int:
        """Queue rows for `events`, `losses` or `sensor_runs`; returns how many were dropped."""
        dropped = 0
        deadline = time.monotonic() + timeout_s
        with self._changed:
            for row in new_rows:
                if self._has_room(deadline):
                    self._put(statement, row)
                else:
                    self._dropped[statement] += 1
                    dropped += 1
        return dropped

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Commit what is pending now; False where that did not succeed in time."""
        with self._changed:
            self._hurry = self._backlog() > 0
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._backlog(), timeout_s)

    def close(self, timeout_s: float = 5.0) -> WriterStatus:
        """Commit what is pending and stop.

        What could not be committed in time is counted as dropped, by table.
        """
        with self._changed:
            self._closing = True
            self._give_up_at = time.monotonic() + timeout_s
            self._changed.notify_all()
        self._thread.join()
        return self.status

    @property
    def status(self) -> WriterStatus:
        with self._changed:
            return self._status()

    def _status(self) -> WriterStatus:
        return WriterStatus(
            self._backlog(), self._committed, dict(self._dropped), dict(self._refused), self._error
        )

    # Queueing, with the lock held

    def _backlog(self) -> int:
        return len(self._pending) + len(self._in_flight)

    def _has_room(self, deadline: float) -> bool:
        if self._closing:
            return False
        if self._backlog() < self._pending_max:
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        self._hurry = True
        self._changed.notify_all()
        self._changed.wait_for(lambda: self._closing or self._backlog() < self._pending_max, left)
        return not self._closing and self._backlog() < self._pending_max

    def _is_known(self, change: Change) -> bool:
        """Whether it only replaces a pending update, which needs no room."""
        return change.kind != "opened" and self._pending.holds("updates", change.finding.id)

    def _drop(self, change: Change) -> None:
        self._dropped[change.kind] += 1
        if change.kind == "opened":
            _remember(self._dropped_ids, change.finding.id)

    def _queue(self, change: Change) -> None:
        finding = self._redactor.finding(change.finding)
        kind = change.kind
        if finding.id in self._dropped_ids:
            del self._dropped_ids[finding.id]
            kind = "opened"  # there was no room for it before; it is still going on
        if kind in ("opened", "escalated"):  # what it is about is new
            text = rows.event_json(finding.event)
            self._put("findings", rows.finding_row(finding, text), finding.id)
            self._pending.drop("updates", finding.id)  # older than this
            self._put("finding_events", rows.finding_event_row(finding, kind, finding.event, text))
        else:
            self._put("updates", rows.update_row(finding), finding.id)
            if change.event is not None and (kind == "ended" or finding.count <= rows.EVENTS_KEPT):
                event = self._redactor.event(change.event)
                self._put("finding_events", rows.finding_event_row(finding, kind, event))
        self._queue_alerts(finding)

    def _queue_alerts(self, finding: Finding) -> None:
        # new at first, then only where a graver rule took over or another one matched too
        standing = (finding.rule_id, finding.level, len(finding.rules))
        if self._announced.get(finding.id) == standing:
            return
        _remember(self._announced, finding.id, standing)
        for position, rule_id in enumerate(finding.rules):
            key = (finding.id, rule_id)
            self._put("finding_rules", (finding.id, rule_id, position), key)
        for row in self._plan(finding) if self._plan else ():
            self._put("outbox", row)

    def _put(self, statement: str, row: tuple, key: object = None) -> None:
        was_empty = not self._pending
        self._pending.put(statement, row, key)
        # the thread waits for a first row, then for COMMIT_AFTER_S or a full batch
        if was_empty or len(self._pending) == ROWS_PER_COMMIT:
            self._changed.notify_all()

    # The writer's thread

    def _run(self) -> None:
        delay_s = RETRY_FIRST_S
        while self._take_batch():
            try:
                refused = self._in_flight.commit(self._connected())
            except (sqlite3.Error, StoreError) as error:
                if isinstance(error, sqlite3.Error):
                    error = store_error(error, self._store.path)
                self._disconnect()
                self._report(error.render())
                if not self._pause(delay_s):
                    break
                delay_s = min(2 * delay_s, RETRY_MOST_S)
            else:
                delay_s = RETRY_FIRST_S
                self._done(refused)
        self._abandon()
        self._disconnect()

    def _connected(self) -> sqlite3.Connection:
        """The connection; a new one where the file was removed or replaced under it."""
        identity = self._store.identity()
        if self._connection is None or identity is None or identity != self._identity:
            self._disconnect()
            self._store = Store(self._store.path)
            self._identity = self._store.identity()
            self._connection = self._store.connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _take_batch(self) -> bool:
        """Wait until there is something to commit; False when closing with nothing left."""
        with self._changed:
            if self._in_flight:
                return True  # the last commit failed
            self._changed.wait_for(lambda: self._pending or self._closing)
            self._changed.wait_for(
                lambda: self._closing or self._hurry or len(self._pending) >= ROWS_PER_COMMIT,
                COMMIT_AFTER_S,
            )
            self._in_flight, self._pending = self._pending, self._in_flight
            return bool(self._in_flight)

    def _done(self, refused: list[tuple[str, str]]) -> None:
        with self._changed:
            had_alerts = "outbox" in self._in_flight.rows
            self._committed += len(self._in_flight) - len(refused)
            self._refused.update(statement for statement, _ in refused)
            self._in_flight = Batch()
            self._hurry = self._hurry and bool(self._pending)
            self._changed.notify_all()
        self._report(f"rows refused: {refused[0][1]}" if refused else None)
        if had_alerts and self._on_commit:
            self._on_commit()

    def _report(self, error: str | None) -> None:
        with self._changed:
            news = error != self._error
            self._error = error
            status = self._status()
        if news and self._on_trouble:
            self._on_trouble(status)

    def _pause(self, delay_s: float) -> bool:
        """Wait before the next attempt; False where closing leaves no time for one."""
        with self._changed:
            until = time.monotonic() + delay_s
            self._changed.wait_for(lambda: self._closing, delay_s)
            left = min(until, self._give_up_at) - time.monotonic()
            if left > 0:
                self._changed.wait_for(lambda: False, left)
            return time.monotonic() < self._give_up_at

    def _abandon(self) -> None:
        with self._changed:
            for batch in (self._in_flight, self._pending):
                for statement, kept in batch.rows.items():
                    self._dropped[statement] += len(kept)
            self._in_flight, self._pending = Batch(), Batch()
            self._changed.notify_all()


def _remember(memory: dict, key: str, value: object = None) -> None:
    """Keep the latest _REMEMBERED_MAX keys."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > _REMEMBERED_MAX:
        del memory[next(iter(memory))]
