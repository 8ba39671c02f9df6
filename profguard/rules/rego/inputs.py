"""What a policy is given of an event: JSON in Tracee's shape or in ours, cut to its projection."""

from collections.abc import Callable
from typing import Any

import msgspec

from profguard.events import EventSpec
from profguard.model import FIELD_PATHS, Event
from profguard.rules.rego.projection import Elements, Path, Projection
from profguard.timefmt import rfc3339
from profguard.tracee import to_tracee

Input = Callable[[Event], bytes]

_ARGS = ("args",)
_HEAD = ("tier", "boot_ns", "cpu", "sequence")


def to_json(value: Any) -> bytes:
    """One line of JSON; what is no Unicode becomes a question mark."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_sound(value))


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_sound(key): _sound(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sound(each) for each in value]
    return value


def tracee_input(projection: Projection) -> Input:
    """Events in Tracee's shape: the top-level keys that are seen, and of `args` what is."""
    if () in projection:
        return lambda event: to_json(to_tracee(event))
    keys = tuple(sorted({path[0] for path in projection}))
    elements = projection.get(_ARGS)
    if elements is None or (elements.members is None and elements.names is None):
        return lambda event: to_json(to_tracee(event, keys))
    cut = _cut(elements)

    def project(event: Event) -> bytes:
        value = to_tracee(event, keys)
        if value.get("args"):
            value["args"] = cut(value["args"])
        return to_json(value)

    return project


def _cut(elements: Elements) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    names, members = elements.names, elements.members
    if members == {"name", "value"} and names is not None:
        return lambda args: [
            {"name": arg["name"], "value": arg.get("value")} for arg in args if arg["name"] in names
        ]

    def cut(args: list[dict[str, Any]]) -> list[dict[str, Any]]:
        chosen = args if names is None else [arg for arg in args if arg["name"] in names]
        if members is None:
            return chosen
        return [{key: arg[key] for key in arg if key in members} for arg in chosen]

    return cut


def our_input(spec: EventSpec, projection: Projection) -> Input:
    """Events of one kind in the shape of `Event.as_dict`, by a function made for the projection."""
    if () in projection:
        return lambda event: to_json(event.as_dict())
    writer = _Writer(spec)
    for path in sorted(projection):
        writer.add(path)
    return writer.function()


class _Writer:
    """The source of a function that builds one nested dict, statement by statement.

    Names in it come from our own tables, texts only by `repr`.
    """

    def __init__(self, spec: EventSpec):
        self.spec = spec
        self.lines: dict[str, None] = {}

    def function(self) -> Input:
        body = "\n".join(f"    {line}" for line in self.lines)
        source = f"def project(e):\n    out = {{}}\n{body}\n    return to_json(out)\n"
        scope: dict[str, Any] = {"to_json": to_json, "rfc3339": rfc3339}
        exec(compile(source, f"<input of {self.spec.name}>", "exec"), scope)  # noqa: S102
        return scope["project"]

    def add(self, path: Path) -> None:
        head, rest = path[0], path[1:]
        if head == "type":
            self.line("out['type'] = 'event'")
        elif head == "event":
            self.head(rest)
        elif head == "host":
            self.line("if e.host is not None: out['host'] = {'name': e.host}")
        elif head in ("process", "target"):
            self.process(head, rest)
        elif head == "relation":
            self.line("if e.relation is not None: out['relation'] = e.relation")
        elif head == self.spec.name:
            self.arguments(rest)

    def line(self, line: str) -> None:
        self.lines[line] = None

    def head(self, rest: Path) -> None:
        constant = {"name": self.spec.name}
        if self.spec.sensor is not None:
            constant["sensor"] = self.spec.sensor
        values = {key: repr(value) for key, value in constant.items()}
        values |= {"time": "rfc3339(e.time_ns)", "source": "e.source"}
        values |= {key: f"e.{key}" for key in _HEAD}
        for key, value in values.items():
            if rest[:1] in ((), (key,)):
                known = f"if {value} is not None: " if key in _HEAD else ""
                self.line(f"{known}out.setdefault('event', {{}})[{key!r}] = {value}")

    def process(self, owner: str, rest: Path) -> None:
        if not rest:
            self.line(f"if e.{owner} is not None: out[{owner!r}] = e.{owner}.as_dict()")
            return
        self.line(f"p = e.{owner}")
        self.line(f"if p is not None: out[{owner!r}] = {owner} = {{}}")
        for attr, path in FIELD_PATHS.items():
            if path[: len(rest)] != rest and rest[: len(path)] != path:
                continue
            holder = owner
            for step in path[:-1]:
                holder += f".setdefault({step!r}, {{}})"
            known = f"p is not None and p.{attr} is not None and p.{attr} not in ((), {{}})"
            self.line(f"if {known}: {holder}[{path[-1]!r}] = p.{attr}")

    def arguments(self, rest: Path) -> None:
        name = self.spec.name
        self.line(f"out.setdefault({name!r}, {{}})")
        for arg in self.spec.public_args:
            if rest[:1] in ((), (arg.name,)):
                position = self.spec.index[arg.name]
                self.line(f"out[{name!r}][{arg.name!r}] = e.args[{position:d}]")
