"""The public Sigma schemas as shipped, and the one for editors, which knows our fields and values.

A rule that loads fits both. The editors' schema also refuses misspelt fields, modifiers and
values, and completes them. Where a value may have one of several shapes it says by `if` which one
is meant, so that an error is at the very key or value that is wrong.
"""

import copy
import json
import re
from functools import cache
from typing import Any

from profguard.events import REGISTRY
from profguard.resources import folder
from profguard.rules.correlate.reader import COMPARISONS
from profguard.rules.extension import DURATION, KEY
from profguard.rules.fields import ENVIRON, Field, fields_of, process_fields
from profguard.rules.modifiers import MODIFIERS
from profguard.rules.taxonomy import MAPPINGS, PRODUCT, SERVICE, Mapping

# The kinds of documents, by the key that only this kind has, and their public schemas.
PUBLIC_SCHEMAS = {
    "correlation": "sigma-correlation-rule.json",
    "filter": "sigma-filter.json",
    "detection": "sigma-detection-rule.json",
}

ANY_EVENT = "any-event"  # the fields that all events have
_MONTH, _DAY = "(0[1-9]|1[012])", "(0[1-9]|[12][0-9]|3[01])"
_DATE = rf"^\d{{4}}(-{_MONTH}-{_DAY}|/{_MONTH}/{_DAY})$"
_SCALARS = ["string", "number", "boolean", "null"]
_MODIFIERS = rf"(\|({'|'.join(MODIFIERS)}))"
_ENVIRON_KEY = rf"^(process|target)\.{re.escape(ENVIRON)}[^|]+{_MODIFIERS}*$"


def public_schema(kind: str) -> dict[str, Any]:
    """The schema that Sigma publishes for a kind of PUBLIC_SCHEMAS, as it is."""
    return json.loads((folder("schemas") / PUBLIC_SCHEMAS[kind]).read_text())


@cache
def sigma_schema(kind: str = "detection") -> dict[str, Any]:
    """The public schema of a kind of documents, with what the specification has beyond it.

    The specification lets the `condition` of a detection rule be a list, any of which may match;
    the schema forgot. A filter for all rules has `any` for a list of rules. Rules that were written
    for Sigma 1 and are still around have slashes in their dates.
    """
    found = public_schema(kind)
    if kind == "filter":
        rules = found["properties"]["filter"]["properties"]
        rules["rules"] = {"anyOf": [{"const": "any"}, rules["rules"]]}
    if kind != "detection":
        return found
    detection = found["properties"]["detection"]["properties"]
    single = detection["condition"]
    detection["condition"] = {
        "description": single["description"],
        "anyOf": [
            {"type": "string"},
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
        ],
    }
    for name in ("date", "modified"):
        found["properties"][name]["pattern"] = _DATE
    return found


def rule_schema() -> dict[str, Any]:
    """The JSON Schema of profguard's rules: the public ones, our key, and each event's fields.

    Which kind a document is, its keys tell: `correlation`, `filter`, or else it is a detection.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sigma rule for profguard",
        "type": "object",
        **_if_has("correlation", _kind("correlation"), _if_has("filter", _kind("filter"), _kind())),
        "$defs": {
            "values": _one_or_more({"type": _SCALARS}),
            **{source.name: _described(source) for source in process_fields("process").values()},
            **{spec.name: _selection(list(fields_of(spec.name).values())) for spec in REGISTRY},
            ANY_EVENT: _selection(list(fields_of(None).values())),
            **{one.category: _selection(_mapped(one)) for one in MAPPINGS.values()},
            "correlation-rule": _correlation(),
            "filter-rule": _filter(),
            "detection-rule": _detection(),
        },
    }


def _kind(name: str = "detection") -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}-rule"}


def _if_has(key: str, then: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"required": [key]}, "then": then, "else": otherwise}


def _correlation() -> dict[str, Any]:
    found = public_schema("correlation")
    del found["$schema"]
    names = dict.fromkeys(name for spec in REGISTRY for name in fields_of(spec.name))
    field = {"anyOf": [{"enum": list(names)}, {"type": "string"}]}  # an alias is no field
    parts = found["properties"]["correlation"]["properties"]
    parts["group-by"]["items"] = field
    parts["timespan"]["pattern"] = f"^{DURATION}$"
    parts["condition"] |= {
        "additionalProperties": False,
        "properties": {
            **{name: {"type": "number"} for name in COMPARISONS},
            "field": _one_or_more(field),
            "percentile": {"type": "integer", "minimum": 0, "maximum": 100},
        },
    }
    own = _extension()
    del own["properties"]["suppress"]["properties"]["by"]
    own["properties"] |= {
        "absent": _names("rules of which none may match within the timespan after it"),
        "until": _names("rules that break off what has begun"),
    }
    found["properties"][KEY] = own
    return found


def _filter() -> dict[str, Any]:
    found = copy.deepcopy(sigma_schema("filter"))
    del found["$schema"]
    found["properties"][KEY] = _own(
        {
            "owner": {"type": "string", "description": "who answers for the exception"},
            "reason": {"type": "string", "description": "why there is one"},
            "expires": {
                "type": "string",
                "pattern": r"^\d{4}-\d{2}-\d{2}$",
                "description": "the last day on which it holds, UTC",
            },
        }
    )
    found["allOf"] = [
        *_by_log_source("filter", ("rules", "condition")),
        _selections(
            "filter",
            ("rules", "condition"),
            {"service": {"const": SERVICE}, "category": False},
            ANY_EVENT,
        ),
    ]
    return found


def _names(meaning: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": meaning}


def _detection() -> dict[str, Any]:
    found = copy.deepcopy(sigma_schema())
    del found["$schema"]
    found["properties"][KEY] = _extension()
    ours = {
        "product": {"const": PRODUCT},
        "category": {"enum": [spec.name for spec in REGISTRY]},
    }
    found["allOf"] = [
        {
            "if": _logsource({"service": {"const": SERVICE}}, ["service"]),
            "then": _logsource(ours, ["category"]),
        },
        *_by_log_source("detection", ("condition",)),
    ]
    return found


def _by_log_source(key: str, others: tuple[str, ...]) -> list[dict[str, Any]]:
    """For each log source, that all under `key` but `others` are selections of its fields."""
    own = [
        ({"service": {"const": SERVICE}, "category": {"const": s.name}}, s.name) for s in REGISTRY
    ]
    generic = [
        (
            {
                "product": {"const": PRODUCT},
                "category": {"const": category},
                "service": False,  # a property that must be missing has the schema `false`
            },
            category,
        )
        for category in MAPPINGS
    ]
    return [_selections(key, others, source, name) for source, name in (*own, *generic)]


def _selections(
    key: str, others: tuple[str, ...], source: dict[str, Any], name: str
) -> dict[str, Any]:
    required = [part for part, schema in source.items() if schema]
    selection = {"$ref": f"#/$defs/{name}"}
    word = {"type": ["string", "integer"]}
    several = {"items": {"if": {"type": "object"}, "then": selection, "else": word}}
    table = {
        "properties": dict.fromkeys(others, True),
        "additionalProperties": {"if": {"type": "array"}, "then": several, "else": selection},
    }
    return {"if": _logsource(source, required), "then": {"properties": {key: table}}}


def _extension() -> dict[str, Any]:
    suppress = {
        "by": {
            "type": "array",
            "items": {"type": "string"},
            "description": "fields: matches with equal values are repeats",
        },
        "for": {"type": "string", "pattern": f"^{DURATION}$", "description": "such as 10m or 1h"},
    }
    return _own(
        {
            "message": {
                "type": "string",
                "description": "text of a finding; {process.executable} stands for a field",
            },
            "suppress": {
                "type": "object",
                "description": "when a match counts as a repeat of an earlier one",
                "additionalProperties": False,
                "properties": suppress,
            },
            "enabled": {"type": "boolean", "description": "false switches the rule off"},
        }
    )


def _own(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of the key that is ours."""
    return {
        "type": "object",
        "description": "What profguard adds to Sigma",
        "additionalProperties": False,
        "properties": properties,
    }


def _logsource(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "required": ["logsource"],
        "properties": {"logsource": {"properties": properties, "required": required}},
    }


def _one_or_more(one: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"type": "array"}, "then": {"minItems": 1, "items": one}, "else": one}


def _selection(fields: list[Field]) -> dict[str, Any]:
    """The schema of a map of fields: each by its name, and with modifiers behind it."""
    names = "|".join(re.escape(source.name) for source in fields)
    return {
        "type": "object",
        "properties": {source.name: _property(source) for source in fields},
        "patternProperties": {
            f"^({names}){_MODIFIERS}+$": {"$ref": "#/$defs/values"},
            rf"^{_MODIFIERS}+$": {"$ref": "#/$defs/values"},
            _ENVIRON_KEY: {"$ref": "#/$defs/values"},
        },
        "additionalProperties": False,
    }


def _property(source: Field) -> dict[str, Any]:
    """The schema of a field's values; those of processes are the same in all events."""
    if source.root in ("process", "target"):
        return {"$ref": f"#/$defs/process.{source.name.partition('.')[2]}"}
    return _described(source)


def _described(source: Field) -> dict[str, Any]:
    return {"description": source.meaning, **_values(source)}


def _values(source: Field) -> dict[str, Any]:
    if source.choices is not None:
        # Names in any case and texts with wildcards are valid; the plain names are offered.
        written = [*map(_any_case, source.choices), *(["-?[0-9]+"] if source.numbers else [])]
        text = {"type": "string", "pattern": rf"^({'|'.join(written)})$|[*?]"}
        other = {"type": ["integer", "null"] if source.numbers else "null"}
        return _one_or_more({"anyOf": [{"enum": list(source.choices)}, text, other]})
    if source.kind == "int":
        return _one_or_more({"type": ["number", "null"]})
    if source.kind == "bool":
        return _one_or_more({"type": ["boolean", "null"]})
    return {"$ref": "#/$defs/values"}


def _any_case(name: str) -> str:
    return "".join(
        f"[{char.lower()}{char.upper()}]" if char.isalpha() else re.escape(char) for char in name
    )


def _mapped(mapping: Mapping) -> list[Field]:
    """The fields of a generic log source: the taxonomy's names, and ours."""
    ours = fields_of(mapping.event)
    known = [
        Field(name, "absent", "absent", meaning="not observed by profguard: always absent")
        if target is None
        else Field(name, ours[target].kind, "", meaning=ours[target].meaning)
        for name, target in mapping.fields.items()
    ]
    return [*known, *ours.values()]
