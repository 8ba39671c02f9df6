"""A stored finding in its public shape, the same that `Finding.as_dict` gives while it is fresh."""

import json
from typing import Any

from profguard.events import BY_NAME

_SAID = (
    "id",
    "first_seen",
    "last_seen",
    "count",
    "message",
    "tool",
    "tool_sha256",
    "mechanism",
    "session",
    "started",
    "ended",
    "duration_ns",
)


def document(row: dict[str, Any]) -> dict[str, Any]:
    """The public shape of a row of `Query.findings`."""
    event = stored_event(row["event"])
    event.pop("type")
    shared = {key: event.pop(key) for key in ("process", "target", "host") if key in event}
    return {
        "type": "finding",
        "finding": {
            **{name: row[name] for name in _SAID},
            "tainted": bool(row["tainted"]),
            "rules": row["rules"],
        },
        "rule": {
            "id": row["rule_id"],
            "title": row["rule_title"],
            "level": row["level"],
            "tags": json.loads(row["tags"]),
        },
        **shared,
        "relation": event.pop("relation", None),
        **event,
    }


def stored_event(text: str) -> dict[str, Any]:
    """The public shape of an event that was stored: integers of 2^63 and more are numbers again."""
    event = json.loads(text)
    spec = BY_NAME.get(event["event"]["name"])  # None for an event of an older version
    arguments = event.get(spec.name, {}) if spec else {}
    for arg in spec.public_args if spec else ():
        value = arguments.get(arg.name)
        if arg.type == "int" and isinstance(value, str):
            arguments[arg.name] = int(value)
        elif arg.count and isinstance(value, list) and not arg.ctype.startswith("argv"):
            arguments[arg.name] = [int(item) for item in value]
    for role in ("process", "target"):
        if role in event:
            stored_process(event[role])
    return event


def stored_process(process: dict[str, Any]) -> dict[str, Any]:
    """The public shape of a process that was stored; it is changed in place."""
    if isinstance(process.get("inode"), str):
        process["inode"] = int(process["inode"])
    return process
