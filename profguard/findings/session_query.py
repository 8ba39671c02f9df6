"""Questions to the database: which sessions there are, and one of them with its findings."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from profguard.findings.document import stored_process
from profguard.findings.query import by_prefix, process_terms, reading, where
from profguard.findings.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions. What is None does not limit; processes are as in a Filter of findings.

    `active` is those that run now, or did when the sensor wrote last. `since_ns` and `until_ns`
    choose those that went on at any time between.
    """

    active: bool = False
    tool: str | None = None
    mechanism: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    pid: int | None = None
    executable: str | None = None
    target: str | None = None

    def where(self) -> tuple[str, list]:
        """An SQL condition and its values."""
        return where(self._terms())

    def _terms(self) -> Iterator[tuple[str, list]]:
        if self.active:
            yield "state = ?", ["running"]
        if self.tool is not None:
            yield "tool = ?", [self.tool]
        if self.mechanism is not None:
            yield "EXISTS (SELECT 1 FROM json_each(mechanisms) WHERE value = ?)", [self.mechanism]
        if self.since_ns is not None:
            yield "state = ? OR last_seen_ns >= ?", ["running", self.since_ns]
        if self.until_ns is not None:
            yield "started_ns <= ?", [self.until_ns]
        yield from process_terms(self.pid, self.executable, self.target)


class SessionQuery:
    """Reads one database. Rows are dicts by column name, the latest sessions first."""

    def __init__(self, store: Store):
        self._store = store

    def sessions(self, chosen: SessionFilter, limit: int | None = None) -> list[dict[str, Any]]:
        """Rows of `sessions`, those that began last first."""
        condition, values = chosen.where()
        sql = f"{_ROWS} WHERE {condition} ORDER BY started_ns DESC, id DESC LIMIT ?"
        with reading(self._store) as connection:
            found = connection.execute(sql, [*values, -1 if limit is None else limit])
            return [dict(row) for row in found]

    def session(self, prefix: str) -> dict[str, Any]:
        """The row whose id begins so. Raises UsageError PG405 where that is none or not one."""
        with reading(self._store) as connection:
            return dict(by_prefix(connection, "sessions", _ROWS, prefix))

    def findings(self, session_id: str) -> list[dict[str, Any]]:
        """What was found about a session, oldest first."""
        sql = (
            "SELECT id, first_seen, level, rule_id, rule_title, message FROM findings"
            " WHERE session = ? ORDER BY first_seen_ns, id"
        )
        with reading(self._store) as connection:
            return [dict(row) for row in connection.execute(sql, (session_id,))]


_ROWS = "SELECT * FROM sessions"
_SAID = (
    "tool",
    "tool_sha256",
    "mode",
    "pmu",
    "scope",
    "source",
    "started",
    "ended",
    "last_seen",
)


def document(row: dict[str, Any]) -> dict[str, Any]:
    """The public shape of a row."""
    out: dict[str, Any] = {
        "type": "session",
        "session": {
            "id": row["id"],
            "state": row["state"],
            **{name: row[name] for name in _SAID},
            "mechanisms": json.loads(row["mechanisms"]),
            "duration_ns": row["duration_ns"],
            "events": row["events"],
            "event_ids": json.loads(row["event_ids"]),
            "tainted": bool(row["tainted"]),
        },
    }
    if row["host"] is not None:
        out["host"] = {"name": row["host"]}
    for role in ("process", "target"):
        if row[role] is not None:
            out[role] = stored_process(json.loads(row[role]))
    return out | {"relation": row["relation"]}
