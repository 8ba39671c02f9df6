"""How long findings and sessions are kept: what is too old goes, and then what takes room."""

import sqlite3
from dataclasses import dataclass

from profguard.timefmt import rfc3339

FINDINGS_A_STEP, ROWS_A_STEP = 500, 5_000  # so that no step keeps new findings waiting for long
_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Retention:
    """The limits; 0 is none. `max_bytes` is of the database without its log."""

    days: int = 0
    max_bytes: int = 0

    def prune(self, connection: sqlite3.Connection, now_ns: int) -> bool:
        """Take one step, in one transaction; returns whether there is more to delete.

        A finding goes with its evidence and alerts, except alerts that are still to be sent; a
        session that runs stays. Space that became free goes back to the file system. Raises
        sqlite3.Error.
        """
        connection.execute("BEGIN IMMEDIATE")
        try:
            deleted = self._by_age(connection, now_ns) if self.days else 0
            if not deleted and self.max_bytes and _used_bytes(connection) > self.max_bytes:
                deleted = _oldest(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        # as a script: execute would take one step of it, which is one page
        connection.executescript(f"PRAGMA incremental_vacuum({ROWS_A_STEP})")
        return deleted > 0

    def _by_age(self, connection, now_ns) -> int:
        before_ns = max(0, now_ns - self.days * _DAY_NS)
        deleted = _findings(connection, "WHERE last_seen_ns < ?", before_ns)
        for statement in (_OLD_EVENTS, _OLD_LOSSES, _OLD_SESSIONS):
            deleted += connection.execute(statement, (before_ns, ROWS_A_STEP)).rowcount
        return deleted + connection.execute(_OLD_RUNS, (rfc3339(before_ns),)).rowcount


_OLD_EVENTS = (
    "DELETE FROM events WHERE rowid IN"
    " (SELECT rowid FROM events WHERE time_ns < ? ORDER BY time_ns LIMIT ?)"
)
_OLD_LOSSES = (
    "DELETE FROM losses WHERE rowid IN"
    " (SELECT rowid FROM losses WHERE time_ns < ? ORDER BY time_ns LIMIT ?)"
)
_OLD_SESSIONS = (
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
    " WHERE last_seen_ns < ? AND state <> 'running' ORDER BY last_seen_ns LIMIT ?)"
)
_UNMENTIONED_SESSIONS = (
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE state <> 'running'"
    " AND NOT EXISTS (SELECT 1 FROM findings WHERE findings.session = sessions.id)"
    " ORDER BY last_seen_ns LIMIT ?)"
)
_OLD_RUNS = "DELETE FROM sensor_runs WHERE stopped < ?"


def _used_bytes(connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _oldest(connection) -> int:
    """Delete the oldest of what is wanted least, as long as there is any.

    That is recorded events, then sessions that no finding mentions, then findings.
    """
    return (
        connection.execute(_OLD_EVENTS, (1 << 62, ROWS_A_STEP)).rowcount
        or connection.execute(_UNMENTIONED_SESSIONS, (ROWS_A_STEP,)).rowcount
        or _findings(connection, "")
    )


def _findings(connection, where: str, *values) -> int:
    chosen = f"SELECT id FROM findings {where} ORDER BY last_seen_ns LIMIT {FINDINGS_A_STEP}"  # noqa: S608 - own text
    connection.execute(f"CREATE TEMP TABLE going AS {chosen}", values)
    for statement in (
        "DELETE FROM finding_events WHERE finding_id IN (SELECT id FROM going)",
        "DELETE FROM finding_rules WHERE finding_id IN (SELECT id FROM going)",
        "DELETE FROM outbox WHERE state <> 'pending' AND finding_id IN (SELECT id FROM going)",
    ):
        connection.execute(statement)
    deleted = connection.execute("DELETE FROM findings WHERE id IN (SELECT id FROM going)").rowcount
    connection.execute("DROP TABLE going")
    return deleted
