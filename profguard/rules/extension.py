"""The one key that is ours in a Sigma rule: `profguard: {message, suppress, enabled}`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from profguard.errors import Problem, which_of
from profguard.rules.fields import Field
from profguard.rules.rule import DEFAULT_SUPPRESS_NS, REFERENCE
from profguard.rules.source import Document, told

KEY = "profguard"
KEYS = ("message", "suppress", "enabled")
SUPPRESS_KEYS = ("by", "for")

UNITS_NS = {
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
DURATION = r"[1-9][0-9]{0,5}[smhd]"
DURATION_HINT = 'write "30s", "10m", "1h" or "7d"'


def duration_ns(value: Any) -> int | None:
    """A length of time that a rule gives, such as `10m`; None for what is none."""
    if not isinstance(value, str) or not re.fullmatch(DURATION, value):
        return None
    return int(value[:-1]) * UNITS_NS[value[-1]]


@dataclass
class Extension:
    """What a rule says under `profguard:`, checked."""

    message: str | None = None
    message_fields: dict[str, Field] = field(default_factory=dict)
    suppress_by: tuple[str, ...] | None = None
    suppress_fields: tuple[Field, ...] = ()
    suppress_for_ns: int = DEFAULT_SUPPRESS_NS
    enabled: bool = True


@dataclass
class KeyReader:
    """Reads the key, as far as all kinds of documents are alike in it."""

    document: Document
    problems: list[Problem]

    def fail(self, path: tuple, message: str, hint: str | None = None, *, key=False) -> None:
        place = self.document.place(*path, key=key)
        self.problems.append(told("PG108", message, place, hint))

    def table(self, value: Any, path: tuple, keys: tuple[str, ...]) -> bool:
        """Whether `value` is a map; its unknown keys are reported."""
        if not isinstance(value, dict):
            self.fail(path, f"{path[-1]} is a map with the keys " + ", ".join(keys))
            return False
        for key in value.keys() - set(keys):
            hint = which_of(key, keys)
            self.fail((*path, key), f"unknown key '{key}' of {path[-1]}", hint, key=True)
        return True


@dataclass
class ExtensionReader(KeyReader):
    """Reads the key of a rule; `field_at(name, path)` gives a field or reports that there is none.

    A kind of rules may know further keys, which are not read here.
    """

    field_at: Callable[[str, tuple], Field | None]
    keys: tuple[str, ...] = KEYS
    suppress_keys: tuple[str, ...] = SUPPRESS_KEYS

    def read(self, table: Any) -> Extension:
        found = Extension()
        if not self.table(table, (KEY,), self.keys):
            return found
        enabled = table.get("enabled", True)
        if isinstance(enabled, bool):
            found.enabled = enabled
        else:
            self.fail((KEY, "enabled"), "enabled is true or false")
        self.message(table.get("message"), found)
        if "suppress" in table:
            self.suppress(table["suppress"], found)
        return found

    def message(self, text: Any, found: Extension) -> None:
        path = (KEY, "message")
        if text is None:
            return
        if not isinstance(text, str):
            self.fail(path, "message is text")
            return
        found.message = text
        for match in REFERENCE.finditer(text):
            name = match[1]
            if name is not None:
                source = self.field_at(name, path)
                if source is not None:
                    found.message_fields[name] = source
        if re.search(r"[{}]", REFERENCE.sub("", text)):
            self.fail(path, "message has a lone brace", "write {{ or }} for a plain brace")

    def suppress(self, table: Any, found: Extension) -> None:
        path = (KEY, "suppress")
        if not self.table(table, path, self.suppress_keys):
            return
        for_ns = duration_ns(table.get("for"))
        if for_ns is not None:
            found.suppress_for_ns = for_ns
        elif "for" in table:
            self.fail((*path, "for"), "not a duration", DURATION_HINT)
        names = table.get("by")
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            sources = [self.field_at(n, (*path, "by", i)) for i, n in enumerate(names)]
            if None not in sources:
                found.suppress_by, found.suppress_fields = tuple(names), tuple(sources)
        elif "by" in table:
            self.fail((*path, "by"), "by is a list of fields")
