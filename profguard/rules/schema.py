"""The public Sigma schema as shipped, and the one for editors, which knows our fields and values.

A rule that loads fits both. The editors' schema also refuses misspelt fields, modifiers and
values, and completes them.
"""

import copy
import json
import re
from functools import cache
from typing import Any

from profguard.events import REGISTRY
from profguard.resources import folder
from profguard.rules.extension import DURATION, KEY
from profguard.rules.fields import ENVIRON, Field, fields_of, process_fields
from profguard.rules.modifiers import MODIFIERS
from profguard.rules.taxonomy import MAPPINGS, PRODUCT, SERVICE, Mapping

PUBLIC_SCHEMAS = {
    "detection": "sigma-detection-rule.json",
    "correlation": "sigma-correlation-rule.json",
    "filter": "sigma-filter.json",
}

_MONTH, _DAY = "(0[1-9]|1[012])", "(0[1-9]|[12][0-9]|3[01])"
_DATE = rf"^\d{{4}}(-{_MONTH}-{_DAY}|/{_MONTH}/{_DAY})$"
_SCALARS = ["string", "number", "boolean", "null"]
_MODIFIERS = rf"(\|({'|'.join(MODIFIERS)}))"
_ENVIRON_KEY = rf"^(process|target)\.{re.escape(ENVIRON)}[^|]+{_MODIFIERS}*$"


@cache
def sigma_schema(kind: str = "detection") -> dict[str, Any]:
    """The public schema of a kind of documents, with what the specification has beyond it.

    The specification lets the `condition` of a detection rule be a list, any of which may match;
    the schema forgot. A filter for all rules has `any` for a list of rules. Rules that were written
    for Sigma 1 and are still around have slashes in their dates.
    """
    found = json.loads((folder("schemas") / PUBLIC_SCHEMAS[kind]).read_text())
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
    """The JSON Schema of profguard's rules: the public one, our key, and each event's fields."""
    found = copy.deepcopy(sigma_schema())
    found["title"] = "Sigma rule for profguard"
    found["properties"][KEY] = _extension()
    found["$defs"] = {
        "values": _one_or_more({"type": _SCALARS}),
        **{source.name: _described(source) for source in process_fields("process").values()},
    }
    found["allOf"] = [
        {
            "if": _logsource({"service": {"const": SERVICE}}, ["service"]),
            "then": _logsource(
                {
                    "product": {"const": PRODUCT},
                    "category": {"enum": [spec.name for spec in REGISTRY]},
                },
                ["category"],
            ),
        }
    ]
    for spec in REGISTRY:
        source = {"service": {"const": SERVICE}, "category": {"const": spec.name}}
        found["$defs"][spec.name] = _selection(list(fields_of(spec.name).values()))
        found["allOf"].append(_detection(source, spec.name))
    for mapping in MAPPINGS.values():
        source = {
            "product": {"const": PRODUCT},
            "category": {"const": mapping.category},
            "service": False,
        }
        found["$defs"][mapping.category] = _selection(_mapped(mapping))
        found["allOf"].append(_detection(source, mapping.category))
    return found


def _extension() -> dict[str, Any]:
    suppress = {
        "by": {
            "type": "array",
            "items": {"type": "string"},
            "description": "fields: matches with equal values are repeats",
        },
        "for": {"type": "string", "pattern": f"^{DURATION}$", "description": "such as 10m or 1h"},
    }
    return {
        "type": "object",
        "description": "What profguard adds to Sigma",
        "additionalProperties": False,
        "properties": {
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
        },
    }


def _logsource(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    # A property that must be missing has the schema `false`.
    return {"properties": {"logsource": {"properties": properties, "required": required}}}


def _detection(source: dict[str, Any], name: str) -> dict[str, Any]:
    required = [key for key, schema in source.items() if schema]
    selection = {"$ref": f"#/$defs/{name}"}
    several = {"type": "array", "items": {"anyOf": [selection, {"type": ["string", "integer"]}]}}
    return {
        "if": _logsource(source, required),
        "then": {
            "properties": {
                "detection": {
                    "properties": {"condition": True},
                    "additionalProperties": {"anyOf": [selection, several]},
                }
            }
        },
    }


def _one_or_more(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}


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
