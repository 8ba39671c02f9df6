"""The durable outbox: what must be sent to whom, in order, and what became of it.

An alert is pending, then delivered or dead. Per destination the oldest pending one is the only one
that is tried: the order holds, and a dead one frees the line.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from profguard.errors import UsageError
from profguard.findings.store import Store, explained
from profguard.timefmt import rfc3339

STATES = ("pending", "delivered", "dead")


@dataclass(frozen=True, slots=True)
class Queued:
    """The alert at the head of a destination's line; `attempts` have failed so far."""

    id: int
    webhook_id: str
    payload: str
    attempts: int
    next_attempt_ns: int


class Outbox:
    """The outbox as one delivering thread uses it. Every method raises StoreError.

    Only what is pending can be marked: a result that comes late undoes no other.
    """

    def __init__(self, store: Store):
        self._store = store
        self._identity = store.identity()
        # a mark that a power cut takes away means a second delivery, which is allowed
        with explained(self._store.path):
            self._connection = store.connect(durable=False)

    def _execute(self, sql: str, values: tuple) -> sqlite3.Cursor:
        with explained(self._store.path):
            return self._connection.execute(sql, values)

    @property
    def is_stale(self) -> bool:
        """Whether the database was removed or replaced meanwhile."""
        return self._store.identity() != self._identity

    def head(self, destination: str) -> Queued | None:
        """The oldest pending alert, due or not."""
        row = self._execute(
            "SELECT id, webhook_id, payload, attempts, next_attempt_ns FROM outbox"
            " WHERE destination = ? AND state = 'pending' ORDER BY id LIMIT 1",
            (destination,),
        ).fetchone()
        return row and Queued(*row)

    def pending(self, destination: str) -> int:
        sql = "SELECT count(*) FROM outbox WHERE destination = ? AND state = 'pending'"
        return self._execute(sql, (destination,)).fetchone()[0]

    def mark_delivered(self, alert_id: int, now_ns: int) -> None:
        self._execute(
            "UPDATE outbox SET state = 'delivered', attempts = attempts + 1, delivered = ?,"
            " last_error = NULL WHERE id = ? AND state = 'pending'",
            (rfc3339(now_ns), alert_id),
        )

    def mark_failed(self, alert_id: int, error: str, next_attempt_ns: int) -> None:
        self._execute(
            "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_attempt_ns = ?"
            " WHERE id = ? AND state = 'pending'",
            (error, next_attempt_ns, alert_id),
        )

    def mark_dead(self, alert_id: int, error: str) -> None:
        self._execute(
            "UPDATE outbox SET state = 'dead', attempts = attempts + 1, last_error = ?"
            " WHERE id = ? AND state = 'pending'",
            (error, alert_id),
        )

    def close(self) -> None:
        self._connection.close()


def listed(
    store: Store, states: Sequence[str] = STATES, destination: str | None = None, limit: int = -1
) -> list[dict[str, Any]]:
    """Alerts in those states, the latest first, without their payload. Raises StoreError."""
    sql = (
        "SELECT id, webhook_id, finding_id, destination, state, attempts, next_attempt_ns,"
        " last_error, created, delivered FROM outbox"
        " WHERE state IN (SELECT value FROM json_each(?))"
        " AND destination = coalesce(?, destination) ORDER BY id DESC LIMIT ?"
    )
    with explained(store.path), closing(store.connect()) as connection:
        connection.row_factory = sqlite3.Row
        return [
            dict(row) for row in connection.execute(sql, (json.dumps(states), destination, limit))
        ]


def counts(store: Store) -> dict[tuple[str, str], int]:
    """How many alerts there are, by destination and state. Raises StoreError."""
    sql = "SELECT destination, state, count(*) FROM outbox GROUP BY 1, 2"
    with explained(store.path), closing(store.connect()) as connection:
        return {(destination, state): n for destination, state, n in connection.execute(sql)}


def retry(store: Store, alert_ids: Sequence[int] = (), states: Sequence[str] = ()) -> int:
    """Make alerts pending and due at once, with all attempts before them; returns how many.

    Chosen are those with the ids, which may have been delivered, and those in the states. Raises
    UsageError PG603 for an id that is not there, and StoreError.
    """
    ids = json.dumps(alert_ids)
    with explained(store.path), closing(store.connect()) as connection:
        found = connection.execute(_KNOWN, (ids,))
        missing = set(alert_ids) - {id for (id,) in found}
        if missing:
            raise UsageError.of(
                "PG603", f"there is no alert {min(missing)}", "`profguard alerts list` shows them"
            )
        return connection.execute(_RETRY, (ids, json.dumps(states))).rowcount


_KNOWN = "SELECT id FROM outbox WHERE id IN (SELECT value FROM json_each(?))"
_RETRY = (
    "UPDATE outbox SET state = 'pending', attempts = 0, next_attempt_ns = 0, delivered = NULL"
    " WHERE id IN (SELECT value FROM json_each(?)) OR state IN (SELECT value FROM json_each(?))"
)
