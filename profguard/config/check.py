"""Parsed TOML to sections: every value against its declaration, every problem with its place."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import inspect, structs

from profguard.backtracking import SLOW_HINT, too_slow
from profguard.config.source import Source
from profguard.config.spec import (
    SECTIONS,
    TOP_LEVEL,
    Alert,
    Config,
    LabelDefinition,
    Name,
    Redact,
    Section,
    Sensor,
)
from profguard.errors import Problem, did_you_mean, which_of

_SELECTIONS = ("labels", "tools")


class Checker:
    """Collects `problems` while it builds a Config. Relative paths are taken from `folder`."""

    def __init__(self, source: Source, folder: Path):
        self._source = source
        self._folder = folder
        self.problems: list[Problem] = []

    def config(self, data: dict[str, Any]) -> Config | None:
        """The configuration; None where a value is so wrong that there is none."""
        self._known_keys(data, TOP_LEVEL, ())
        sections = {
            name: self._section(kind, data.get(name, {}), (name,))
            for name, kind in SECTIONS.items()
        }
        labels, tools = (self._selections(name, data.get(name, {})) for name in _SELECTIONS)
        alerts = self._alerts(data.get("alerts", []), {label.name for label in labels})
        self._check_ring(sections["sensor"])
        self._check_patterns(sections["redact"])
        if self.problems:
            return None
        return Config(
            store=structs.replace(sections["store"], path=self._absolute(sections["store"].path)),
            rules=structs.replace(
                sections["rules"], paths=tuple(map(self._absolute, sections["rules"].paths))
            ),
            sensor=sections["sensor"],
            redact=sections["redact"],
            metrics=sections["metrics"],
            labels=labels,
            tools=tools,
            alerts=alerts,
            source=self._source,
        )

    def _wrong(
        self,
        path: tuple,
        message: str,
        hint: str | None = None,
        code: str = "PG204",
        *,
        key: bool = False,
    ) -> None:
        """Note a problem of the value at `path`, or with `key` of its key."""
        place = self._source.place(*path, key=key)
        self.problems.append(Problem(code, message, place, hint))

    def _known_keys(self, table: dict[str, Any], known, path: tuple) -> None:
        for key in table:
            if key not in known:
                hint = which_of(key, known)
                self._wrong(
                    (*path, key), f"unknown key '{dotted((*path, key))}'", hint, "PG203", key=True
                )

    def _section(self, kind: type[Section], table: Any, path: tuple) -> Section | None:
        if not isinstance(table, dict):
            self._wrong(path, f"{dotted(path)} must be a table, not {_shown(table)}")
            return None
        fields = {field.name: field for field in structs.fields(kind)}
        self._known_keys(table, fields, path)
        before = len(self.problems)
        for name, field in fields.items():
            if name in table:
                self._value(field.type, table[name], (*path, name))
            elif field.required:
                self._wrong(path, f"{dotted(path)} needs '{name}'")
        if len(self.problems) > before:
            return None
        return msgspec.convert({key: table[key] for key in fields if key in table}, kind)

    def _value(self, hint: Any, value: Any, path: tuple) -> None:
        for part_hint, part, part_path in _parts(hint, value, path):
            try:
                msgspec.convert(part, part_hint)
            except msgspec.ValidationError:
                info = inspect.type_info(part_hint)
                message = f"{dotted(part_path)} must be {expected(info)}, not {_shown(part)}"
                self._wrong(part_path, message, _near(info, part))

    def _name(self, name: str, path: tuple) -> None:
        try:
            msgspec.convert(name, Name)
        except msgspec.ValidationError:
            what = expected(inspect.type_info(Name))
            self._wrong(path, f"{_shown(name)} must be {what}", key=True)

    def _selections(self, kind: str, table: Any) -> tuple[LabelDefinition, ...]:
        if not isinstance(table, dict):
            self._wrong((kind,), f"{kind} must be a table, not {_shown(table)}")
            return ()
        found = []
        for name, selection in table.items():
            path = (kind, name)
            self._name(name, path)
            one_or_many = selection if isinstance(selection, list) else [selection]
            if not one_or_many or not all(isinstance(one, dict) and one for one in one_or_many):
                self._wrong(
                    path,
                    f"{dotted(path)} must be a selection or a list of them, "
                    f"not {_shown(selection)}",
                    'a selection is a table: {"executable|endswith" = "/server"}',
                )
                continue
            found.append(LabelDefinition(name, selection, self._source, kind))
        return tuple(found)

    def _alerts(self, tables: Any, labels: set[str]) -> tuple[Alert, ...]:
        if not isinstance(tables, list):
            self._wrong(("alerts",), "alerts must be tables: [[alerts]], each with name and sink")
            return ()
        found: list[Alert] = []
        for index, table in enumerate(tables):
            path = ("alerts", index)
            alert = self._section(Alert, table, path)
            if alert is None:
                continue
            if alert.name in {other.name for other in found}:
                self._wrong((*path, "name"), f"another alert is called '{alert.name}' already")
            if alert.secret_file and alert.secret_env:
                self._wrong((*path, "secret_env"), "a secret comes from a file or a variable")
            for number, label in enumerate(alert.labels):
                if label not in labels:
                    message = f"no label is called '{label}'"
                    self._wrong((*path, "labels", number), message, did_you_mean(label, labels))
            paths = {
                key: self._absolute(getattr(alert, key))
                for key in ("path", "secret_file")
                if getattr(alert, key)
            }
            found.append(structs.replace(alert, **paths))
        return tuple(found)

    def _check_ring(self, sensor: Sensor | None) -> None:
        if sensor and sensor.ring_mb & (sensor.ring_mb - 1):
            self._wrong(("sensor", "ring_mb"), f"{sensor.ring_mb} is not a power of two")

    def _check_patterns(self, redact: Redact | None) -> None:
        for index, pattern in enumerate(redact.patterns if redact else ()):
            path = ("redact", "patterns", index)
            try:
                re.compile(pattern)
            except re.error as error:
                self._wrong(path, f"not a regular expression: {error}")
                continue
            slow = too_slow(pattern)
            if slow:
                self._wrong(path, f"the regular expression {slow}", SLOW_HINT)

    def _absolute(self, path: str) -> str:
        return str(self._folder / path)


def dotted(path: tuple[str | int, ...]) -> str:
    """`alerts[0].name`, as a person would write it."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else step
    return out


def expected(info: inspect.Type) -> str:
    """What a value must be, in words."""
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return (extra or {}).get("title") or expected(inner)
        case inspect.UnionType(types=kinds):
            return expected(next(k for k in kinds if not isinstance(k, inspect.NoneType)))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, le=high):
            return f"a number from {low:g} to {high:g}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(values)}"
        case inspect.DictType():
            return "a table"
        case inspect.VarTupleType():
            return "a list of text"
        case inspect.StrType(min_length=length):
            return "text that is not empty" if length else "text"
    raise AssertionError(info)


def _near(info: inspect.Type, value: Any) -> str | None:
    while isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.LiteralType) and isinstance(value, str):
        return did_you_mean(value, info.values)
    return None


def _parts(hint: Any, value: Any, path: tuple) -> Iterator[tuple[Any, Any, tuple]]:
    """A value, or the elements of a list or table, each with the type it must have."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    kind = get_origin(plain)
    if kind is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _parts(get_args(plain)[0], item, (*path, index))
    elif kind is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(get_args(plain)[1], item, (*path, key))
    else:
        yield hint, value, path


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return f"'{value}'" if len(value) <= 40 else f"'{value[:37]}...'"
        case list():
            return "a list"
        case dict():
            return "a table"
    return "a date or time"
