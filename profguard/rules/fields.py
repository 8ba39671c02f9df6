"""The fields that a rule may name, for each event, from the registry and the process model."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_type_hints

from profguard.events import BY_NAME, Arg, Tag
from profguard.model import PROCESS_FIELDS, PROCESS_MEANINGS, RELATIONS, SOURCES, Event, Process
from profguard.rules.taxonomy import MAPPINGS
from profguard.tiers import TIERS
from profguard.timefmt import rfc3339

ENVIRON = "environ."

# What the observed process writes itself: comm, argv and environment. Relying on it alone is
# relying on its honesty.
_FORGEABLE = ("name", "command_line", "parent.name", "parent.command_line")
_TIMES = ("start_time",)


@dataclass(frozen=True)
class Field:
    """One field of an event: its public name, its type and where its value is.

    `kind` is int, str, bool, time (RFC 3339 text) or absent (never has a value); of a list it is
    the kind of an element. `key` is the index of an argument, or the attribute of its root.
    `choices` are all its values; but where they are names of `numbers`, one that has no name is
    the number in decimal, as text.
    """

    name: str
    kind: str
    root: str  # args, process, target, event, environ of a process: process.environ, ...
    key: int | str = ""
    is_list: bool = False
    choices: tuple[str, ...] | None = field(default=None, compare=False)
    numbers: dict[int, str] | None = field(default=None, compare=False, repr=False)
    forgeable: bool = field(default=False, compare=False)
    meaning: str = field(default="", compare=False)

    @property
    def environ_name(self) -> str | None:
        """The environment variable that this field reads."""
        return self.key if self.root.endswith(".environ") else None


def read(source: Field, event: Event) -> Any:
    """The value of a field. None where it is absent; a process's empty list counts as absent."""
    root, key = source.root, source.key
    if root == "args":
        return event.args[key]
    if root == "event":
        return _HEAD[key](event)
    if root == "absent":
        return None
    owner, _, environ = root.partition(".")
    process = event.process if owner == "process" else event.target
    return None if process is None else read_process(environ, key, process)


def read_process(environ: str, key: str, process: Process) -> Any:
    if environ:
        return process.environ.get(key)
    value = getattr(process, key)
    return None if value == () else value


_HEAD = {
    "name": lambda event: event.spec.name,
    "time": lambda event: rfc3339(event.time_ns),
    "source": lambda event: event.source,
    "tier": lambda event: event.tier,
    "relation": lambda event: event.relation,
    "host": lambda event: event.host,
}


@cache
def fields_of(event_name: str | None) -> dict[str, Field]:
    """Every field of an event by its name, except the open-ended `process.environ.NAME`.

    Without an event, those that all have.
    """
    names = tuple(BY_NAME) if event_name is None else (event_name,)
    arguments = () if event_name is None else BY_NAME[event_name].public_args
    known = [
        Field("event.name", "str", "event", "name", choices=names, meaning="the event"),
        Field("event.time", "time", "event", "time", meaning="when it happened, RFC 3339"),
        Field(
            "event.source",
            "str",
            "event",
            "source",
            choices=tuple(SOURCES),
            meaning="how the event was obtained",
        ),
        Field(
            "event.tier",
            "str",
            "event",
            "tier",
            choices=tuple(TIERS.values()),
            meaning="the kind of hook that saw it",
        ),
        Field(
            "relation",
            "str",
            "event",
            "relation",
            choices=tuple(RELATIONS),
            meaning="what the target is to the process",
        ),
        Field("host.name", "str", "event", "host", meaning="name of this host"),
        *(_argument(event_name, index, arg) for index, arg in enumerate(arguments)),
        *process_fields("process").values(),
        *process_fields("target").values(),
    ]
    return {source.name: source for source in known}


def _argument(event_name: str, index: int, arg: Arg) -> Field:
    is_list = arg.type == "list"
    kind = arg.type
    if is_list:
        kind = "int" if (arg.ctype or "").startswith(("u32[", "u64[")) else "str"
    names = arg.values or arg.bits
    weak = {Tag.TOCTOU, Tag.RACE, Tag.U}
    return Field(
        f"{event_name}.{arg.name}",
        kind,
        "args",
        index,
        is_list,
        tuple(dict.fromkeys(names.values())) if names else None,
        arg.values,
        bool(weak & set(arg.tags)),
        arg.meaning,
    )


@cache
def process_fields(root: str) -> dict[str, Field]:
    """The fields of the acting process or the target, by their full name (`process.pid`)."""
    types = get_type_hints(Process)
    found = {}
    for name, attr in PROCESS_FIELDS.items():
        if attr == "environ":
            continue
        hint = types[attr]
        is_list = hint == tuple[str, ...]
        kind = "int" if int in get_args(hint) else "time" if name in _TIMES else "str"
        full = f"{root}.{name}"
        meaning = PROCESS_MEANINGS[name]
        found[full] = Field(
            full, kind, root, attr, is_list, forgeable=name in _FORGEABLE, meaning=meaning
        )
    return found


def environ_field(root: str, variable: str) -> Field:
    name = f"{root}.{ENVIRON}{variable}"
    meaning = f"the environment variable {variable}"
    return Field(name, "str", f"{root}.environ", variable, forgeable=True, meaning=meaning)


def resolve(name: str, event_name: str | None, category: str | None = None) -> Field | None:
    """The field called `name` of an event, or of every event, or None.

    `category` is the generic Sigma log source that the rule was written for, if it was.
    """
    mapping = MAPPINGS.get(category)
    if mapping and name in mapping.fields:
        ours = mapping.fields[name]
        return Field(name, "absent", "absent") if ours is None else resolve(ours, event_name)
    for root in ("process", "target"):
        prefix = f"{root}.{ENVIRON}"
        if name.startswith(prefix) and len(name) > len(prefix):
            return environ_field(root, name.removeprefix(prefix))
    return fields_of(event_name).get(name)


def known_names(event_name: str | None, category: str | None = None) -> list[str]:
    """The names to suggest for a misspelt one."""
    mapping = MAPPINGS.get(category)
    return [*(mapping.fields if mapping else ()), *fields_of(event_name)]
