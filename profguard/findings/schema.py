"""The JSON schemas of findings and sessions as profguard prints, exports and sends them."""

from typing import Any

from profguard.codegen.schemas import event_schema
from profguard.model import LEVELS, SOURCES

_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$"}
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 1}
_NAMES = {"type": "array", "items": _TEXT}


def finding_schema() -> dict[str, Any]:
    """The shape of `Finding.as_dict`; process, target and arguments are those of its event."""
    schema = event_schema()
    event_parts = schema["properties"]
    return schema | {
        "title": "profguard finding",
        "required": ["type", "finding", "rule", "relation", "event"],
        "properties": {
            "type": {"const": "finding"},
            "finding": _finding(),
            "rule": _rule(),
            **{name: part for name, part in event_parts.items() if name != "type"},
            "relation": _or_null(event_parts["relation"]),
        },
    }


def session_schema() -> dict[str, Any]:
    """What `profguard sessions` prints; process and target are those of the event that began it."""
    schema = event_schema()
    event_parts = schema["properties"]
    shared = {name: event_parts[name] for name in ("host", "process", "target")}
    return {
        "$schema": schema["$schema"],
        "title": "profguard session",
        "type": "object",
        "required": ["type", "session", "relation"],
        "properties": {
            "type": {"const": "session"},
            "session": _session(),
            **shared,
            "relation": _or_null(event_parts["relation"]),
            "findings": _says("ids of what was found about it; of `show` only", _NAMES),
        },
        "additionalProperties": False,
        "$defs": {"process": schema["$defs"]["process"]},
    }


def _session() -> dict[str, Any]:
    return _all_of_it(
        {
            "id": _says("UUIDv7", {**_TEXT, "format": "uuid"}),
            "state": _says(
                "unknown: nobody saw whether it ended", {"enum": ["running", "ended", "unknown"]}
            ),
            "tool": _or_null(_says("the tool that does it; unknown: no data names it", _TEXT)),
            "tool_sha256": _tool_sha256(),
            "mechanisms": _says(
                "how it is done, in the order in which they came: perf, itimer, ptrace, ...",
                {"type": "array", "items": _TEXT, "minItems": 1},
            ),
            "mode": _or_null(_says("sampling or counting", _TEXT)),
            "pmu": _or_null(_says("PMU of its first prof event", _TEXT)),
            "scope": _says("what it is done to", {"enum": ["process", "cpu-wide", "cgroup"]}),
            "source": _says("how the sensor came to know it", {"enum": list(SOURCES)}),
            "started": _says("when it began, or was found by the snapshot", _TIME),
            "ended": _or_null(_says("when it ended; null where nobody saw that", _TIME)),
            "last_seen": _says("time of its latest event", _TIME),
            "duration_ns": _or_null(_says("for how long it went on", {"type": "integer"})),
            "events": _says("events that belong to it", {"type": "integer", "minimum": 0}),
            "event_ids": _says(
                "perf events or timers that are on, at most 64",
                {"type": "array", "items": {"type": "integer"}},
            ),
            "tainted": _says(
                "whether events were lost, or no sensor ran, meanwhile", {"type": "boolean"}
            ),
        }
    )


def _finding() -> dict[str, Any]:
    return _all_of_it(
        {
            "id": _says(
                "UUIDv7, made from the time of its first event", {**_TEXT, "format": "uuid"}
            ),
            "first_seen": _says("time of the first event", _TIME),
            "last_seen": _says("time of the latest event", _TIME),
            "count": _says("matches folded into this finding", _COUNT),
            "message": _says("what happened, in one sentence", _TEXT),
            "tool": _or_null(_says("the tool that did it; unknown: no data names it", _TEXT)),
            "tool_sha256": _tool_sha256(),
            "mechanism": _or_null(_says("how it is done: perf, itimer, ptrace, ...", _TEXT)),
            "session": _or_null(_says("session of profiling it belongs to", _TEXT)),
            "started": _or_null(_says("when the act began", _TIME)),
            "ended": _or_null(_says("when it ended; null while it goes on", _TIME)),
            "duration_ns": _or_null(_says("for how long it went on", {"type": "integer"})),
            "tainted": _says("whether events were lost meanwhile", {"type": "boolean"}),
            "rules": _says("ids of every rule that matched, the naming one first", _NAMES),
        }
    )


def _tool_sha256() -> dict[str, Any]:
    return _or_null(
        _says(
            "SHA-256 of the executable of an unknown tool; null where the tool is known, and until "
            "it is read, if it can be",
            {**_TEXT, "pattern": "^[0-9a-f]{64}$"},
        )
    )


def _rule() -> dict[str, Any]:
    return _all_of_it(
        {
            "id": _says("the rule that names the finding", _TEXT),
            "title": _says("its title", _TEXT),
            "level": _says("how grave it is", {"enum": list(LEVELS)}),
            "tags": _says("its tags, ATT&CK among them", _NAMES),
        }
    )


def _all_of_it(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _says(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, **schema}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if key != "description"}
    said = {"description": schema["description"]} if "description" in schema else {}
    return said | {"anyOf": [plain, {"type": "null"}]}
