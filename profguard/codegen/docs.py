"""The registry as reference pages: one a event, their index, and the fields all events share.

Pages are Markdown. `profguard events NAME` shows the same page.
"""

from types import UnionType
from typing import get_args, get_origin, get_type_hints

from profguard.events import REGISTRY, Arg, EventSpec
from profguard.events.spec import TAG_MEANINGS
from profguard.model import FIELD_PATHS, PROCESS_MEANINGS, RELATIONS, SOURCES, Process
from profguard.tiers import TIERS

_NOTE = "<!-- Generated from the event registry by `make generate`. Do not edit. -->\n\n"

_C_TYPES = {
    "u8": "unsigned char",
    "u16": "unsigned short",
    "u32": "unsigned int",
    "u64": "unsigned long",
    "s32": "int",
    "s64": "long",
    "char": "const char *",
    "path": "const char *",
    "argv": "const char **",
}

# The fields outside `process`, `target` and the event's own arguments.
HEAD_FIELDS = {
    "event.name": "name of the event",
    "event.time": "wall-clock time, RFC 3339 with nanoseconds",
    "event.source": "how the sensor came to know it: see below",
    "event.tier": "how the probe that saw it was attached",
    "event.boot_ns": "the same time on the boot clock, in ns",
    "event.cpu": "CPU it happened on",
    "event.sequence": "number among the events of its name on that CPU; a gap is a loss",
    "host.name": "name of the machine",
    "relation": "what the target is to the process: see below",
}


_PYTHON_TYPES = {int: "int", str: "str", tuple: "list of str", dict: "map of str"}


def process_types() -> dict[str, type]:
    """Public name of a process field -> int, str, tuple (of str) or dict (of str)."""
    types = {}
    for attr, hint in get_type_hints(Process).items():
        known = hint
        if isinstance(hint, UnionType):
            known = next(part for part in get_args(hint) if part is not type(None))
        types[".".join(FIELD_PATHS[attr])] = get_origin(known) or known
    return types


def c_type(arg: Arg) -> str:
    """The type of an argument in words of C; a derived argument's as a rule sees it."""
    if arg.ctype is None:
        return arg.type
    base, _, length = arg.ctype.partition("[")
    name = _C_TYPES[base]
    if length and base.startswith("u"):
        name += "[]"
    if arg.values:
        return f"{name}, as a name"
    return f"{name}, as names" if arg.bits else name


def reference(spec: EventSpec) -> dict:
    """Everything the registry says of an event: what `profguard events --json` prints."""
    return {
        "type": "event_reference",
        "name": spec.name,
        "id": spec.id,
        "summary": spec.summary,
        "description": spec.description,
        "arguments": [_argument(arg) for arg in spec.public_args],
        "hooks": [
            {"name": hook.name, "types": list(hook.types), "purpose": hook.purpose}
            for hook in spec.hooks
        ],
        "example": spec.example,
        "issues": list(spec.issues),
        "unseen": [{"at": each.at, "what": each.what} for each in spec.unseen],
        "related": list(spec.related),
    }


def _argument(arg: Arg) -> dict:
    out = {
        "name": arg.name,
        "type": arg.type,
        "c_type": None if arg.ctype is None else c_type(arg),
        "tags": [tag.value for tag in arg.tags],
        "meaning": arg.meaning,
    }
    for title, numbers in _legends(arg):
        out["legend"] = {"of": title, "names": {str(key): name for key, name in numbers.items()}}
    return out


def _legends(arg: Arg) -> list[tuple[str, dict[int, str]]]:
    """The tables of numbers that explain an argument: none or one."""
    if arg.values:
        return [("value", arg.values)]
    if arg.bits:
        return [("bit", arg.bits)]
    return [arg.legend] if arg.legend else []


def event_page(spec: EventSpec) -> str:
    """The reference page of one event."""
    parts = [
        f"# {spec.name}",
        f"## Intro\n\n{spec.name} - {spec.summary}.",
        f"## Description\n\n{spec.description}",
        _arguments_section(spec),
        "## Hooks\n\n"
        + _table(
            ("name", "types", "purpose"),
            [(f"`{hook.name}`", ", ".join(hook.types), hook.purpose) for hook in spec.hooks],
        ),
        _example_section(spec),
        _issues_section(spec),
        "## Related events\n\n" + ", ".join(f"[{name}]({name}.md)" for name in spec.related) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _arguments_section(spec: EventSpec) -> str:
    rows = [
        (f"`{arg.name}`", c_type(arg), ", ".join(arg.tags), arg.meaning) for arg in spec.public_args
    ]
    parts = ["## Arguments", _table(("name", "type", "tags", "meaning"), rows)]
    for arg in spec.public_args:
        for title, numbers in _legends(arg):
            named = [(str(number), f"`{name}`") for number, name in numbers.items()]
            parts.append(f"`{spec.name}.{arg.name}`:\n\n" + _table((title, "name"), named))
    return "\n\n".join(parts)


def _example_section(spec: EventSpec) -> str:
    rule = f"A rule:\n\n```yaml\n{spec.example}```\n\n" if spec.example else ""
    record = f"```console\n# profguard record -o {spec.name}.jsonl {spec.name}\n```"
    return f"## Example use\n\n{rule}Recorded as it happens:\n\n{record}"


def _issues_section(spec: EventSpec) -> str:
    unseen = [
        f"Where it is attached to `{each.at}*`, it misses {each.what}." for each in spec.unseen
    ]
    issues = "\n".join(f"- {issue}" for issue in (*spec.issues, *unseen))
    return f"## Issues\n\n{issues or 'None known.'}"


def events_index() -> str:
    """The list of all events, and what the tags of their arguments mean."""
    rows = [(f"[{spec.name}]({spec.name}.md)", spec.summary) for spec in REGISTRY]
    tags = [(f"`{tag}`", meaning) for tag, meaning in TAG_MEANINGS.items()]
    return (
        "# Events\n\n"
        "What the sensor reports. An argument is named after its event: `prof.action`. What every\n"
        "event has besides is in [fields](../fields.md).\n\n"
        f"{_table(('event', 'happens when'), rows)}\n\n"
        "## Tags\n\n"
        "Every argument says where its value comes from, and so how far it can be trusted. A rule\n"
        "that relies on nothing but `TOCTOU` or `RACE` arguments gets a warning from\n"
        "`profguard rules lint`.\n\n"
        f"{_table(('tag', 'meaning'), tags)}\n"
    )


def fields_page() -> str:
    """The fields that every event has, whatever it is."""
    process = [
        (f"`process.{name}`", _PYTHON_TYPES[kind], PROCESS_MEANINGS[name])
        for name, kind in process_types().items()
    ]
    return (
        "# Fields of every event\n\n"
        "Field names nest by dots: `process.parent.pid` is in JSON\n"
        '`{"process": {"parent": {"pid": ...}}}`. What cannot be known is absent, never guessed.\n'
        "The arguments of each event are in [events](events/README.md).\n\n"
        f"{_table(('field', 'meaning'), _code_rows(HEAD_FIELDS))}\n\n"
        "## process and target\n\n"
        "`process` is who acts, `target` who is profiled, traced or debugged. Both have the same\n"
        "fields; only `process` is listed. `pid` and `start_boot_ns` together identify a process:\n"
        "pids are reused, start times are not.\n\n"
        f"{_table(('field', 'type', 'meaning'), process)}\n\n"
        "## relation\n\n"
        f"{_table(('value', 'the target is'), _code_rows(RELATIONS))}\n\n"
        "## event.source\n\n"
        f"{_table(('value', 'the event'), _code_rows(SOURCES))}\n\n"
        "## event.tier\n\n"
        f"One of {', '.join(f'`{name}`' for name in TIERS.values())}.\n"
    )


def pages() -> dict[str, str]:
    """Every generated page, by its path in the checkout."""
    texts = {f"docs/events/{spec.name}.md": event_page(spec) for spec in REGISTRY}
    texts["docs/events/README.md"] = events_index()
    texts["docs/fields.md"] = fields_page()
    return {path: _NOTE + text for path, text in texts.items()}


def _code_rows(meanings: dict[str, str]) -> list[tuple[str, str]]:
    return [(f"`{name}`", meaning) for name, meaning in meanings.items()]


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in row)} |" for row in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
