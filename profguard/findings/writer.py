"""The one thread that writes findings: grouped transactions, and nothing lost silently."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Condition, Thread

from profguard.errors import StoreError
from profguard.findings import rows
from profguard.findings.batch import Batch
from profguard.findings.intake import Change, Intake, Plan
from profguard.findings.redact import DEFAULT, Redactor
from profguard.findings.retention import Retention
from profguard.findings.store import Store, store_error

ROWS_PER_COMMIT = 1_000
COMMIT_AFTER_S = 0.05
PENDING_MAX = 20_000  # rows kept in memory while the database cannot take them, about 40 MB
RETRY_FIRST_S, RETRY_MOST_S = 0.1, 5.0
PRUNE_EVERY_S = 3600.0


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
        plan: Plan | None = None,
        *,
        redactor: Redactor = DEFAULT,
        retention: Retention | None = None,
        on_commit: Callable[[], None] | None = None,
        on_trouble: Callable[[WriterStatus], None] | None = None,
        pending_max: int = PENDING_MAX,
    ):
        self._store = store
        self._intake = Intake(plan, redactor)
        self._retention = retention
        self._prune_at = 0.0
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
                    before = len(self._pending)
                    self._intake.put(self._pending, change)
                    self._announce(before)
                else:
                    self._drop(change)
                    dropped += 1
        return dropped

    def write(
        self,
        statement: str,
        new_rows: Iterable[tuple],
        timeout_s: float = 0.0,
        *,
        replace: bool = False,
    ) -> int:
        """Queue rows for a key of STATEMENTS; returns how many were dropped.

        With `replace`, a row takes the place of one that waits and has the same first column.
        """
        dropped = 0
        deadline = time.monotonic() + timeout_s
        with self._changed:
            for row in new_rows:
                key = row[0] if replace else None
                if self._has_room(deadline) or self._pending.holds(statement, key):
                    before = len(self._pending)
                    self._pending.put(statement, row, key)
                    self._announce(before)
                else:
                    self._dropped[statement] += 1
                    dropped += 1
        return dropped

    def record_load(
        self, row: tuple, in_force: tuple[Iterable[tuple], Iterable[tuple]] | None
    ) -> None:
        """Queue a row of `rule_loads`; `in_force` are the rows of the rules and filters it set."""
        with self._changed:
            before = len(self._pending)
            if in_force is not None:  # needs no room: the rows of an earlier load are replaced
                self._pending.replace_rules(*in_force)
            if self._has_room(0.0):
                self._pending.put("rule_loads", row)
                self._pending.put("rule_loads_kept", (rows.LOADS_KEPT,), 0)
            else:
                self._dropped["rule_loads"] += 1
            self._announce(before)

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

    @property
    def has_room(self) -> bool:
        """Whether rows can be queued now, and the database takes them."""
        with self._changed:
            return self._error is None and self._has_room(0.0)

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
        self._intake.leave_out(change)

    def _announce(self, before: int) -> None:
        """Wake the thread for a first row, then for a full batch; it was `before` rows long."""
        if before == 0 or before < ROWS_PER_COMMIT <= len(self._pending):
            self._changed.notify_all()

    # The writer's thread

    def _run(self) -> None:
        delay_s = RETRY_FIRST_S
        while self._take_batch():
            try:
                refused = self._in_flight.commit(self._connected())
                self._done(refused)
                self._prune()
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
        self._abandon()
        self._disconnect()

    def _prune(self) -> None:
        if self._retention is None or time.monotonic() < self._prune_at:
            return
        if not self._retention.prune(self._connection, time.time_ns()):
            self._prune_at = time.monotonic() + PRUNE_EVERY_S

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
