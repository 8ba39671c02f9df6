"""Questions to the database: which findings there are, one of them whole, and how many of what."""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from profguard.errors import UsageError, did_you_mean
from profguard.findings.store import Store, explained
from profguard.model import LEVELS

_PID = re.compile(r"[0-9]{1,10}")
_PREFIX = re.compile(r"[0-9a-fA-F-]{1,36}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which findings. What is None does not limit.

    `rule` is an id or a title, `level` the least level, `since_ns` and `until_ns` limit last_seen.
    `pid` and `executable` are those of actor or target, `target` is a pid or an executable. An
    executable is a whole path, or the last part of one.
    """

    rule: str | None = None
    level: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    pid: int | None = None
    executable: str | None = None
    target: str | None = None
    label: str | None = None

    def where(self) -> tuple[str, list]:
        """An SQL condition and its values."""
        return where(self._terms())

    def _terms(self) -> Iterator[tuple[str, list]]:
        if self.rule is not None:
            sql = (
                "rule_id = ? OR rule_title = ? COLLATE NOCASE OR id IN"
                " (SELECT finding_id FROM finding_rules WHERE rule_id = ?)"
            )
            yield sql, [self.rule] * 3
        if self.level is not None:
            levels = LEVELS[LEVELS.index(self.level) :]
            yield f"level IN ({', '.join('?' * len(levels))})", list(levels)
        if self.since_ns is not None:
            yield "last_seen_ns >= ?", [self.since_ns]
        if self.until_ns is not None:
            yield "last_seen_ns <= ?", [self.until_ns]
        yield from process_terms(self.pid, self.executable, self.target)
        if self.label is not None:
            yield "id IN (SELECT finding_id FROM finding_labels WHERE label = ?)", [self.label]


def process_terms(
    pid: int | None, executable: str | None, target: str | None
) -> Iterator[tuple[str, list]]:
    """What rows with an actor and a target are chosen by, as a Filter says it."""
    if pid is not None:
        yield "actor_pid = ? OR target_pid = ?", [pid] * 2
    if executable is not None:
        actor_sql, actor_values = _executable("actor", executable)
        target_sql, target_values = _executable("target", executable)
        yield f"{actor_sql} OR {target_sql}", actor_values + target_values
    if target is not None and _PID.fullmatch(target):
        yield "target_pid = ?", [int(target)]
    elif target is not None:
        yield _executable("target", target)


def _executable(role: str, path: str) -> tuple[str, list]:
    tail = "/" + path.lstrip("/")
    column = f"{role}_executable"
    return f"{column} = ? OR substr({column}, -?) = ?", [path, len(tail), tail]


def where(terms: Iterable[tuple[str, list]]) -> tuple[str, list]:
    """An SQL condition that all of these hold, and its values."""
    terms = list(terms)
    condition = " AND ".join(f"({sql})" for sql, _ in terms) or "1"
    return condition, [value for _, values in terms for value in values]


def by_prefix(connection, table: str, select: str, prefix: str) -> sqlite3.Row:
    """The row of `findings` or `sessions` whose id begins so, read by `select`.

    Raises UsageError PG405 where that is none or not one.
    """
    rows = []
    if _PREFIX.fullmatch(prefix):
        sql = f"{select} WHERE id >= ? AND id < ? ORDER BY id LIMIT 11"
        low = prefix.lower()
        rows = connection.execute(sql, (low, low + "g")).fetchall()
    if len(rows) == 1:
        return rows[0]
    if rows:
        more = "at least " if len(rows) > 10 else ""
        raise UsageError.of(
            "PG405",
            f"{more}{len(rows)} {table} have an id that begins with {prefix!r}",
            "write more of it: " + ", ".join(row["id"] for row in rows[:3]),
        )
    latest = f"SELECT id FROM {table} ORDER BY last_seen_ns DESC LIMIT 1000"  # noqa: S608 - own names only
    raise UsageError.of(
        "PG405",
        f"no {table[:-1]} has an id that begins with {prefix!r}",
        did_you_mean(prefix, [row["id"] for row in connection.execute(latest)])
        or f"`profguard {table} list` shows them",
    )


# What is counted by `totals`: the name of the count, and the SQL of its key.
_COUNTS = {
    "level": "level",
    "rule": "rule_title",
    "actor": "actor_executable",
    "target": "target_executable",
    "day": "substr(first_seen, 1, 10)",
}


class Query:
    """Reads one database. Rows are dicts by column name, newest findings first."""

    def __init__(self, store: Store):
        self._store = store

    def findings(self, chosen: Filter, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Rows of `findings` with `rules`, the ids of every rule that matched."""
        condition, values = chosen.where()
        sql = f"{_WITH_RULES} WHERE {condition} ORDER BY last_seen_ns DESC, id DESC LIMIT ?"
        with self._reading() as connection:
            for row in connection.execute(sql, [*values, -1 if limit is None else limit]):
                yield _with_rule_list(row)

    def finding(self, prefix: str) -> dict[str, Any]:
        """The row whose id begins so. Raises UsageError PG405 where that is none or not one."""
        with self._reading() as connection:
            return _with_rule_list(by_prefix(connection, "findings", _WITH_RULES, prefix))

    def evidence(self, finding_id: str) -> list[dict[str, Any]]:
        """The rows of `finding_events` of one finding, oldest first."""
        sql = "SELECT * FROM finding_events WHERE finding_id = ? ORDER BY time_ns, position"
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(sql, (finding_id,))]

    def totals(self, chosen: Filter, limit: int = 10) -> dict[str, Any]:
        """How many findings and matches there are, in all and by each of _COUNTS, most first."""
        condition, values = chosen.where()
        matching = f"FROM findings WHERE {condition}"
        with self._reading() as connection:
            sql = (
                "SELECT count(*) AS findings, coalesce(sum(count), 0) AS matches,"
                f" min(first_seen) AS first_seen, max(last_seen) AS last_seen {matching}"
            )
            out: dict[str, Any] = dict(connection.execute(sql, values).fetchone())
            for name, key in _COUNTS.items():
                order = "key DESC" if name == "day" else "findings DESC, key"
                sql = (
                    f"SELECT {key} AS key, count(*) AS findings, sum(count) AS matches {matching}"
                    f" GROUP BY key ORDER BY {order} LIMIT ?"
                )
                found = connection.execute(sql, [*values, limit])
                out[f"by_{name}"] = [{name: row["key"], **_rest(row)} for row in found]
        return out

    def require_rule(self, rule: str) -> None:
        """Raise UsageError PG701 where neither a loaded rule nor a finding has that id or title."""
        sql = (
            "SELECT id, title FROM rules UNION SELECT rule_id, rule_title FROM findings"
            " UNION SELECT rule_id, rule_id FROM finding_rules"
        )
        with self._reading() as connection:
            known = {name for row in connection.execute(sql) for name in row}
        if rule.lower() not in {name.lower() for name in known}:
            raise UsageError.of(
                "PG701",
                f"no rule has the id or title {rule!r}",
                did_you_mean(rule, known) or "`profguard findings stats` names those that matched",
            )

    def _reading(self):
        return reading(self._store)


@contextmanager
def reading(store: Store) -> Iterator[sqlite3.Connection]:
    """A connection whose rows know their columns; what SQLite refuses is a StoreError."""
    with explained(store.path), closing(store.connect()) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


_WITH_RULES = (
    "SELECT *, (SELECT json_group_array(rule_id) FROM (SELECT rule_id FROM finding_rules"
    " WHERE finding_id = findings.id ORDER BY position)) AS rules FROM findings"
)


def _with_rule_list(row: sqlite3.Row) -> dict[str, Any]:
    out = dict(row)
    out["rules"] = json.loads(out["rules"])
    return out


def _rest(row: sqlite3.Row) -> dict[str, int]:
    return {"findings": row["findings"], "matches": row["matches"]}
