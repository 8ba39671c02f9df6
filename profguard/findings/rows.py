"""Findings and events as rows: immutable snapshots, safe to hand to the writer's thread."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from profguard.findings import tables
from profguard.model import Event, Finding, Process
from profguard.rules.correlate.memory import Saved
from profguard.rules.filters import Filter
from profguard.timefmt import rfc3339

PROBLEMS_KEPT = 50  # of one load of the rules
LOADS_KEPT = 1000
EVENTS_KEPT = 16  # of one finding's repeats; the event that ended it is always kept
_INTEGER_END = 1 << 63  # SQLite's integers and JSON functions end here
_BIG_INTEGER = re.compile(r"[0-9]{19}")  # perhaps one


def text(value: str) -> str:
    """`value` as SQLite and JSON can hold it: a lone surrogate becomes a question mark."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="replace").decode()
    return value


def storable(value: Any) -> Any:
    """A JSON value with integers of 2^63 and more as text."""
    if isinstance(value, int):
        return str(value) if value >= _INTEGER_END or value < -_INTEGER_END else value
    if isinstance(value, dict):
        return {key: storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value


def json_text(value: Any) -> str:
    """JSON for one line; what is not valid Unicode is replaced."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable_tree(value)).decode()


def _printable_tree(value: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(key): _printable_tree(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable_tree(item) for item in value]
    return value


def event_json(event: Event) -> str:
    """The event's public shape on one line, its big integers as text."""
    shape = event.as_dict()
    line = json_text(shape)
    return json_text(storable(shape)) if _BIG_INTEGER.search(line) else line


def time_or_none(time_ns: int | None) -> str | None:
    return None if time_ns is None else rfc3339(time_ns)


def process_values(process: Process | None) -> tuple:
    """The columns that tables.py gives each role, in that order."""
    if process is None:
        return (None,) * 9
    user = process.user_name
    if user is None and process.user_id is not None:
        user = str(process.user_id)
    return (
        process.pid,
        process.start_boot_ns,
        process.name,
        process.executable,
        process.command_line,
        user,
        process.container_id,
        process.unit,
        json_text(process.labels) if process.labels else None,
    )


def clean(row: tuple) -> tuple:
    """The row as SQLite can hold it."""
    try:
        "".join([value for value in row if type(value) is str]).encode()
    except UnicodeEncodeError:
        row = tuple(text(value) if isinstance(value, str) else value for value in row)
    if any(type(value) is int and value >= _INTEGER_END for value in row):
        row = tuple(storable(value) for value in row)
    return row


def finding_row(finding: Finding, event_text: str | None = None) -> tuple:
    """A row of `findings`; `event_text` is the event's JSON, where it is made already."""
    event = finding.event
    return clean(
        (
            finding.id,
            finding.rule_id,
            finding.rule_title,
            finding.level,
            finding.message,
            event.host,
            rfc3339(finding.first_seen_ns),
            rfc3339(finding.last_seen_ns),
            finding.first_seen_ns,
            finding.last_seen_ns,
            finding.count,
            finding.mechanism,
            finding.session,
            time_or_none(finding.started_ns),
            time_or_none(finding.ended_ns),
            finding.duration_ns,
            int(finding.tainted),
            event.relation,
            *process_values(event.process),
            *process_values(event.target),
            json_text(finding.tags),
            event_text or event_json(event),
            finding.tool,
            finding.tool_sha256,
        )
    )


def update_row(finding: Finding) -> tuple:
    """What may change in a finding after it was made, in the order of UPDATE_FINDING."""
    return clean(
        (
            finding.rule_id,
            finding.rule_title,
            finding.level,
            finding.message,
            rfc3339(finding.last_seen_ns),
            finding.last_seen_ns,
            finding.count,
            finding.mechanism,
            finding.session,
            time_or_none(finding.started_ns),
            time_or_none(finding.ended_ns),
            finding.duration_ns,
            int(finding.tainted),
            json_text(finding.tags),
            finding.id,
        )
    )


UPDATE_FINDING = (
    "UPDATE findings SET rule_id = ?, rule_title = ?, level = ?, message = ?, last_seen = ?,"
    " last_seen_ns = ?, count = ?, mechanism = ?, session = ?, started = ?, ended = ?,"
    " duration_ns = ?, tainted = ?, tags = ? WHERE id = ?"
)


def finding_event_row(
    finding: Finding,
    kind: str,
    event: Event,
    event_text: str | None = None,
    position: int | None = None,
) -> tuple:
    """A row of `finding_events`; `event_text` as for `finding_row`."""
    return (
        finding.id,
        kind,
        finding.count if position is None else position,
        rfc3339(event.time_ns),
        event.time_ns,
        event.spec.name,
        event_text or event_json(event),
    )


def event_row(event: Event) -> tuple:
    """A row of `events`."""
    return (
        rfc3339(event.time_ns),
        event.time_ns,
        event.spec.name,
        event.process.pid if event.process else None,
        event.target.pid if event.target else None,
        event_json(event),
    )


def loss_row(
    time_ns: int, cpu: int | None, event: str | None, count: int, reason: str | None = None
) -> tuple:
    """A row of `losses`."""
    return (rfc3339(time_ns), time_ns, cpu, event, count, reason)


def run_row(
    run_id: str,
    started_ns: int,
    version: str,
    kernel: str | None = None,
    *,
    stopped_ns: int | None = None,
    reason: str | None = None,
    received: int | None = None,
    dropped: int | None = None,
    folded: int | None = None,
) -> tuple:
    """A row of `sensor_runs`; written again with the same id when the run ends."""
    started, stopped = rfc3339(started_ns), time_or_none(stopped_ns)
    return clean((run_id, started, stopped, version, kernel, reason, received, dropped, folded))


def load_row(
    run_id: str | None,
    time_ns: int,
    cause: str,
    state: str,
    *,
    rules: int,
    problems: Sequence[dict[str, Any]] = (),
    paths: Sequence[str] = (),
) -> tuple:
    """A row of `rule_loads`, without its number; `problems` are the errors."""
    told = json_text(list(problems[:PROBLEMS_KEPT]))
    when = (rfc3339(time_ns), time_ns)
    return clean((run_id, *when, cause, state, rules, len(problems), told, json_text(list(paths))))


def filter_row(one: Filter, since_ns: int) -> tuple:
    """A row of `filters`, of one that has excused nothing yet."""
    said = (one.id, one.title, one.path, one.owner, one.reason, one.expires)
    return clean((*said, rfc3339(since_ns), 0, None))


def state_row(saved: Saved) -> tuple:
    """A row of `correlation_state`."""
    key, entries = json_text(saved.key), json_text(storable(saved.entries))
    return clean((saved.rule_id, saved.digest, key, saved.newest_ns, entries))


def state_key(saved: Saved) -> tuple:
    """What identifies a row of `correlation_state`."""
    return clean((saved.rule_id, json_text(saved.key)))


def _excluded(table: tables.Table) -> str:
    """What a row is set to by one with its id. A digest that is known stays."""
    names = [name for name in table.names[1:] if name != tables.TOOL_SHA256.name]
    kept = f"coalesce(excluded.{tables.TOOL_SHA256.name}, {table.name}.{tables.TOOL_SHA256.name})"
    return ", ".join(
        [*(f"{name} = excluded.{name}" for name in names), f"{tables.TOOL_SHA256.name} = {kept}"]
    )


# In the order in which a transaction fills them: what is referred to comes first.
STATEMENTS = {
    "findings": tables.FINDINGS.insert(
        f"ON CONFLICT (id) DO UPDATE SET {_excluded(tables.FINDINGS)}"
    ),
    "updates": UPDATE_FINDING,
    "finding_sha256": "UPDATE findings SET tool_sha256 = ? WHERE id = ?",
    "finding_rules": tables.FINDING_RULES.insert(
        "ON CONFLICT (finding_id, rule_id) DO UPDATE SET position = excluded.position"
    ),
    "finding_events": tables.FINDING_EVENTS.insert("ON CONFLICT DO NOTHING"),
    "outbox": (
        "INSERT INTO outbox (webhook_id, finding_id, destination, state, payload, created)"
        " VALUES (?, ?, ?, 'pending', ?, ?) ON CONFLICT (webhook_id) DO NOTHING"
    ),
    "events": tables.EVENTS.insert(),
    "losses": tables.LOSSES.insert(),
    "sensor_runs": tables.SENSOR_RUNS.insert(
        "ON CONFLICT (id) DO UPDATE SET stopped = excluded.stopped, reason = excluded.reason,"
        " received = excluded.received, dropped = excluded.dropped, folded = excluded.folded"
    ),
    "rule_loads": (
        "INSERT INTO rule_loads"
        " (run_id, time, time_ns, cause, state, rules, errors, problems, paths)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    "rule_loads_kept": ("DELETE FROM rule_loads WHERE id <= (SELECT max(id) FROM rule_loads) - ?"),
    "rules_gone": "DELETE FROM rules",
    "rules": tables.RULES.insert("ON CONFLICT DO NOTHING"),
    "filters_gone": "DELETE FROM filters WHERE id NOT IN (SELECT value FROM json_each(?))",
    "filters": tables.FILTERS.insert(
        "ON CONFLICT (id) DO UPDATE SET title = excluded.title, path = excluded.path,"
        " owner = excluded.owner, reason = excluded.reason, expires = excluded.expires"
    ),
    "excused": "UPDATE filters SET excused = excused + ?, last_excused = ? WHERE id = ?",
    "correlation_state": tables.CORRELATION_STATE.insert(
        "ON CONFLICT (rule_id, key) DO UPDATE SET digest = excluded.digest,"
        " newest_ns = excluded.newest_ns, entries = excluded.entries"
    ),
    "sessions": tables.SESSIONS.insert(
        f"ON CONFLICT (id) DO UPDATE SET {_excluded(tables.SESSIONS)}"
        # a replay of what a sensor saw changes nothing
        " WHERE excluded.run_id IS NOT NULL OR sessions.run_id IS NULL"
    ),
    "sessions_left": "UPDATE sessions SET state = ? WHERE id = ? AND state <> 'ended'",
    "correlation_gone": "DELETE FROM correlation_state WHERE rule_id = ? AND key = ?",
}
