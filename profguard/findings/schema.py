"""The JSON schema of the findings that profguard prints, exports and sends."""

from typing import Any

from profguard.codegen.schemas import event_schema
from profguard.model import LEVELS

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
            "mechanism": _or_null(_says("how it is done: perf, itimer, ptrace, ...", _TEXT)),
            "session": _or_null(_says("session of profiling it belongs to", _TEXT)),
            "started": _or_null(_says("when the act began", _TIME)),
            "ended": _or_null(_says("when it ended; null while it goes on", _TIME)),
            "duration_ns": _or_null(_says("for how long it went on", {"type": "integer"})),
            "tainted": _says("whether events were lost meanwhile", {"type": "boolean"}),
            "rules": _says("ids of every rule that matched, the naming one first", _NAMES),
        }
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
