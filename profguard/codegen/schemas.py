"""The JSON schema of the events that profguard prints, made from the registry."""

from typing import Any

from profguard.codegen.docs import HEAD_FIELDS, process_types
from profguard.events import REGISTRY, Arg, EventSpec, Tag
from profguard.model import PROCESS_MEANINGS, RELATIONS, SOURCES
from profguard.tiers import TIERS

_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$"
_COUNTER = {"type": "integer", "minimum": 0}
_JSON_TYPES = {
    int: {"type": "integer"},
    str: {"type": "string"},
    tuple: {"type": "array", "items": {"type": "string"}},
    dict: {"type": "object", "additionalProperties": {"type": "string"}},
}


def event_schema() -> dict[str, Any]:
    """The shape of `Event.as_dict`, for every event of the registry."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "profguard event",
        "description": "An event of profguard's own. One with `event.sensor` has the arguments of "
        "that sensor, which are not described here.",
        "type": "object",
        "required": ["type", "event"],
        "properties": {
            "type": {"const": "event"},
            "event": _head(),
            "host": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"name": _described("host.name", {"type": "string"})},
            },
            "process": {"description": "who acts", "$ref": "#/$defs/process"},
            "target": {"description": "who is acted upon", "$ref": "#/$defs/process"},
            "relation": _described("relation", {"enum": list(RELATIONS)}),
            **{spec.name: {"$ref": f"#/$defs/{spec.name}"} for spec in REGISTRY},
        },
        "additionalProperties": False,
        "oneOf": [_only(spec) for spec in REGISTRY],
        "$defs": {
            "process": _process(),
            **{spec.name: _arguments(spec) for spec in REGISTRY},
        },
    }


def _only(spec: EventSpec) -> dict[str, Any]:
    """An event has the arguments that its name says, and no others."""
    return {
        "required": [spec.name],
        "properties": {"event": {"properties": {"name": {"const": spec.name}}}},
    }


def _head() -> dict[str, Any]:
    fields = {
        "name": {"enum": [spec.name for spec in REGISTRY]},
        "time": {"type": "string", "pattern": _TIME},
        "source": {"enum": list(SOURCES)},
        "tier": {"enum": list(TIERS.values())},
        "boot_ns": _COUNTER,
        "cpu": _COUNTER,
        "sequence": _COUNTER,
    }
    return {
        "type": "object",
        "required": ["name", "time", "source"],
        "additionalProperties": False,
        "properties": {
            name: _described(f"event.{name}", schema) for name, schema in fields.items()
        },
    }


def _described(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": HEAD_FIELDS[field], **schema}


def _arguments(spec: EventSpec) -> dict[str, Any]:
    return {
        "description": spec.summary,
        "type": "object",
        "additionalProperties": False,
        "required": [arg.name for arg in spec.public_args],
        "properties": {arg.name: _argument(arg) for arg in spec.public_args},
    }


def _argument(arg: Arg) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": f"{arg.meaning} [{', '.join(arg.tags)}]"}
    if Tag.OPT in arg.tags:
        return schema | {"anyOf": [_value(arg), {"type": "null"}]}
    return schema | _value(arg)


def _value(arg: Arg) -> dict[str, Any]:
    """The values of an argument that is known."""
    if arg.values:  # a number without a name is shown in decimal
        names = {"enum": sorted(set(arg.values.values()))}
        return {"anyOf": [names, {"type": "string", "pattern": "^-?[0-9]+$"}]}
    if arg.bits:
        return {
            "type": "array",
            "items": {"enum": list(arg.bits.values())},
            "uniqueItems": True,
        }
    if arg.type == "list":
        base, _, length = (arg.ctype or "argv").partition("[")
        if base == "argv":  # and what userspace derives
            return {"type": "array", "items": {"type": "string"}}
        return {"type": "array", "items": _integer(base), "maxItems": int(length[:-1])}
    if arg.type == "int":
        return _integer(arg.ctype)
    return {"type": {"str": "string", "bool": "boolean"}[arg.type]}


def _integer(ctype: str | None) -> dict[str, Any]:
    if ctype is None:
        return {"type": "integer"}
    bits = int(ctype[1:])
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if ctype[0] == "s" else (0, 2**bits - 1)
    return {"type": "integer", "minimum": low, "maximum": high}


def _process() -> dict[str, Any]:
    """A process in its nested shape. What is not known is left out, so nothing is required."""
    schema = _object()
    for name, kind in process_types().items():
        *steps, leaf = name.split(".")
        node = schema
        for step in steps:
            node = node["properties"].setdefault(step, _object())
        node["properties"][leaf] = {"description": PROCESS_MEANINGS[name]} | _JSON_TYPES[kind]
    return schema


def _object() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}
