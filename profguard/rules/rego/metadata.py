"""`# METADATA` of our own policies: OPA's annotations above `package`, ours below `custom`.

# METADATA
# title: Profiler of another team
# custom:
#   level: medium
#   events: [prof]
package profguard.other_team
"""

import re
from typing import Any

from profguard.errors import Problem, did_you_mean, which_of
from profguard.events import BY_NAME
from profguard.model import LEVELS
from profguard.rules.extension import DURATION_HINT, SUPPRESS_KEYS, duration_ns
from profguard.rules.fields import Field, known_names, resolve
from profguard.rules.rego.policy import About
from profguard.rules.rego.source import Module
from profguard.rules.rule import DEFAULT_LEVEL, DEFAULT_SUPPRESS_NS
from profguard.rules.source import Document, parse, told

ANNOTATIONS = (
    "title", "scope", "description", "authors", "organizations", "related_resources",
    "schemas", "entrypoint", "compile", "custom",
)  # fmt: skip
CUSTOM = (
    "id", "level", "status", "tags", "events", "falsepositives", "suppress", "enabled",
)  # fmt: skip
_TAG = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")
_START = re.compile(r"#[ \t]*METADATA[ \t]*")
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
_EXAMPLE = "write above it: # METADATA, # title: ..., # custom:, #   events: [prof]"


def read_metadata(module: Module, problems: list[Problem]) -> About | None:
    """What a policy says of itself; None where something is wrong, which is told."""
    document = _document(module, problems)
    if document is None:
        return None
    before = len(problems)
    found = _Reader(document, module, problems).about()
    return found if len(problems) == before else None


def _document(module: Module, problems: list[Problem]) -> Document | None:
    """The annotations as YAML, each value at the place where it stands in the file."""
    lines = module.text.split("\n")
    last = first = module.package_line - 1
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
        if _START.fullmatch(lines[first]):
            break
    else:
        said = "policy says nothing of itself: it has no METADATA"
        problems.append(told("PG152", said, module.place(module.package_line), _EXAMPLE))
        return None
    inside = [" " + line[1:] for line in lines[first + 1 : last]]
    before = len(problems)
    documents = parse("\n" * (first + 1) + "\n".join(inside), str(module.path), problems)
    if len(problems) > before:
        return None
    if not documents or not isinstance(documents[0].value, dict):
        problems.append(told("PG152", "METADATA is a map", module.place(first + 1), _EXAMPLE))
        return None
    documents[0].lines = lines
    return documents[0]


class _Reader:
    def __init__(self, document: Document, module: Module, problems: list[Problem]):
        self.document, self.module, self.problems = document, module, problems
        self.table = document.value
        custom = self.table.get("custom")
        self.custom = custom if isinstance(custom, dict) else {}

    def fail(self, message: str, *path, hint: str | None = None, code="PG152", key=False) -> None:
        place = self.document.place(*path, key=key)
        self.problems.append(told(code, message, place, hint))

    def about(self) -> About:
        self.known(self.table, ANNOTATIONS)
        if "custom" in self.table and self.table["custom"] is not self.custom:
            self.fail("custom must be a map", "custom")
        self.known(self.custom, CUSTOM, "custom")
        name = self.module.package.partition(".")[2]
        events = self.events()
        by, fields, for_ns = self.suppress(events)
        return About(
            id=self.text("custom", "id") or name,
            title=self.text("title", needed=True) or name,
            level=self.one_of(LEVELS, "custom", "level") or DEFAULT_LEVEL,
            status=self.one_of(STATUSES, "custom", "status"),
            description=self.text("description"),
            author=", ".join(self.authors()) or None,
            tags=self.tags(),
            falsepositives=self.texts("custom", "falsepositives"),
            references=self.references(),
            events=frozenset(events),
            suppress_by=by,
            suppress_fields=fields,
            suppress_for_ns=for_ns,
            enabled=self.enabled(),
        )

    def known(self, table: dict, keys: tuple[str, ...], *path) -> None:
        for key in table:
            if key not in keys:
                hint = which_of(key, keys)
                self.fail(f"unknown key '{key}'", *path, key, hint=hint, key=True)

    def get(self, *path) -> Any:
        return (self.custom if path[0] == "custom" else self.table).get(path[-1])

    def text(self, *path, needed: bool = False) -> str | None:
        value = self.get(*path)
        if value is None and needed:
            return self.fail(f"METADATA has no {path[-1]}", hint=_EXAMPLE)
        if value is None or isinstance(value, str):
            return value
        return self.fail(f"{path[-1]} must be text", *path, hint="put it in quotes")

    def texts(self, *path) -> tuple[str, ...]:
        value = self.get(*path)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        self.fail(f"{path[-1]} must be a list of texts", *path)
        return ()

    def one_of(self, options: tuple[str, ...], *path) -> str | None:
        value = self.get(*path)
        if value is None or value in options:
            return value
        hint = which_of(value, options, "one of")
        return self.fail(f"'{value}' is not a {path[-1]}", *path, hint=hint)

    def enabled(self) -> bool:
        value = self.get("custom", "enabled")
        if not isinstance(value, bool | None):
            self.fail("enabled is true or false", "custom", "enabled")
        return value is not False

    def tags(self) -> tuple[str, ...]:
        tags = self.texts("custom", "tags")
        for number, tag in enumerate(tags):
            if not _TAG.fullmatch(tag):
                self.fail(f"'{tag}' is not a tag", "custom", "tags", number, hint="attack.t1055")
        return tags

    def authors(self) -> list[str]:
        """Names; OPA allows "Ann <ann@example.org>" and {name, email}."""
        value = self.get("authors")
        if value is None:
            return []
        if not isinstance(value, list):
            self.fail("authors must be a list", "authors")
            return []
        names = [each.get("name") if isinstance(each, dict) else each for each in value]
        return [name for name in names if isinstance(name, str)]

    def references(self) -> tuple[str, ...]:
        """Addresses; OPA allows them plain and as {ref, description}."""
        value = self.get("related_resources")
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fail("related_resources must be a list", "related_resources")
            return ()
        found = [each.get("ref") if isinstance(each, dict) else each for each in value]
        return tuple(each for each in found if isinstance(each, str))

    def events(self) -> tuple[str, ...]:
        names = self.texts("custom", "events")
        if not names and not isinstance(self.get("custom", "events"), list | None):
            return ()
        if not names:
            self.fail("METADATA names no events", "custom", "events", hint="events: [prof]")
        for number, name in enumerate(names):
            if name not in BY_NAME:
                hint = did_you_mean(name, BY_NAME) or "`profguard events` lists them"
                said = f"unknown event '{name}'"
                self.fail(said, "custom", "events", number, hint=hint, code="PG109")
        return tuple(name for name in names if name in BY_NAME)

    def suppress(
        self, events: tuple[str, ...]
    ) -> tuple[tuple[str, ...] | None, dict[str, tuple[Field, ...]], int]:
        path = ("custom", "suppress")
        table, for_ns = self.get(*path), DEFAULT_SUPPRESS_NS
        if table is None:
            return None, {}, for_ns
        if not isinstance(table, dict):
            self.fail("suppress is a map with the keys " + ", ".join(SUPPRESS_KEYS), *path)
            return None, {}, for_ns
        self.known(table, SUPPRESS_KEYS, *path)
        given_ns = duration_ns(table.get("for"))
        if given_ns is not None:
            for_ns = given_ns
        elif table.get("for") is not None:
            self.fail("not a duration", *path, "for", hint=DURATION_HINT)
        by = table.get("by")
        if by is None:
            return None, {}, for_ns
        if not isinstance(by, list) or not all(isinstance(name, str) for name in by):
            self.fail("by is a list of fields", *path, "by")
            return None, {}, for_ns
        fields = {event: tuple(self.fields(by, event, (*path, "by"))) for event in events}
        return tuple(by), fields, for_ns

    def fields(self, names: list[str], event: str, path: tuple):
        for number, name in enumerate(names):
            field = resolve(name, event)
            if field is None:
                hint = did_you_mean(name, known_names(event))
                said = f"unknown field '{name}' of event {event}"
                self.fail(said, *path, number, hint=hint, code="PG103")
            else:
                yield field
