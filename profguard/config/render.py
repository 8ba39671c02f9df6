"""The configuration as text: a JSON schema for editors, and TOML with or without explanations."""

import json
from typing import Any

import msgspec
from msgspec import inspect, structs

from profguard.config.check import expected
from profguard.config.spec import LABELS_MEANING, SECTIONS, TOOLS_MEANING, Alert, Config, Name

_SELECTION = {"type": "object", "minProperties": 1}
_EXAMPLES = """\
# What a process is: each label is a Sigma selection over process fields, or a list of them, any of
# which is enough.
[labels]
# production = {"cgroup|contains" = "/prod.slice/"}
# approved-profiler = [{"executable|endswith" = "/parca-agent"}, {"user.name" = "sre"}]

# What a tool is called, beside those that the program knows and before them: selections as of
# labels, but for environ; the first that fits names the tool.
[tools]
# our-profiler = {"executable|endswith" = "/our-profiler"}
"""


def config_schema() -> dict[str, Any]:
    """The JSON schema of profguard.toml."""
    kinds = [*SECTIONS.values(), Alert]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    *sections, alert = schemas
    # The default depends on who asks.
    components["Store"]["properties"]["path"].pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "profguard configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **dict(zip(SECTIONS, sections, strict=True)),
            "labels": _selections(LABELS_MEANING),
            "tools": _selections(TOOLS_MEANING),
            "alerts": {"type": "array", "items": alert},
        },
        "$defs": components,
    }


def _selections(meaning: str) -> dict[str, Any]:
    return {
        "description": meaning,
        "type": "object",
        "propertyNames": msgspec.json.schema(Name),
        "additionalProperties": {
            "anyOf": [_SELECTION, {"type": "array", "minItems": 1, "items": _SELECTION}]
        },
    }


def as_dict(config: Config) -> dict[str, Any]:
    """The values of a configuration, by the names of the file."""
    out = {name: msgspec.to_builtins(getattr(config, name)) for name in SECTIONS}
    for kind in ("labels", "tools"):
        out[kind] = {one.name: one.selection for one in getattr(config, kind)}
    out["alerts"] = [_set_values(alert) for alert in config.alerts]
    return out


def as_toml(config: Config) -> str:
    """A file that means exactly `config`."""
    values = as_dict(config)
    tables = [_table(f"[{name}]", values[name]) for name in SECTIONS]
    tables += [_table(f"[{kind}]", values[kind]) for kind in ("labels", "tools") if values[kind]]
    tables += [_table("[[alerts]]", alert) for alert in values["alerts"]]
    return "\n".join(tables)


def defaults_as_toml() -> str:
    """Every value with its meaning and its default, as a file to start from."""
    config = Config()
    tables = [_explained(f"[{name}]", getattr(config, name)) for name in SECTIONS]
    alert = _explained("[[alerts]]", Alert(name="oncall", sink="webhook"))
    # An alert has no default that could be sent anywhere.
    lines = (line if line.startswith("#") else f"# {line}".rstrip() for line in alert.splitlines())
    return "\n".join([*tables, _EXAMPLES, "\n".join(lines) + "\n"])


def _set_values(section) -> dict[str, Any]:
    return {k: v for k, v in msgspec.to_builtins(section).items() if v is not None}


def _table(head: str, values: dict[str, Any]) -> str:
    return "".join(f"{line}\n" for line in [head, *(_pair(k, v) for k, v in values.items())])


def _explained(head: str, section) -> str:
    lines = [f"# {type(section).__doc__}", head]
    values = msgspec.to_builtins(section)
    for field in structs.fields(section):
        info = inspect.type_info(field.type)
        lines.append(f"# {info.extra_json_schema['description']} ({expected(info)})")
        value = values[field.name]
        lines.append(f"# {field.name} =" if value is None else _pair(field.name, value))
    return "".join(f"{line}\n" for line in lines)


def _pair(key: str, value: Any) -> str:
    return f"{_key(key)} = {as_toml_value(value)}"


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _text(key)


def as_toml_value(value: Any) -> str:
    """A value as it stands in a file, on one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(_pair(key, item) for key, item in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(text: str) -> str:
    # A JSON string is a TOML string, but for one control character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
