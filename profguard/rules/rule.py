"""A rule as the engine sees it."""

import re
from dataclasses import dataclass, field
from typing import Any

from profguard.errors import Place, printable
from profguard.model import Event
from profguard.rules.fields import Field, read
from profguard.rules.tree import Node
from profguard.timefmt import span

DEFAULT_LEVEL = "medium"
DEFAULT_SUPPRESS_NS = 3_600_000_000_000
UNKNOWN = "unknown"
MAX_SHOWN = 200  # characters of one value in a message

# A reference, or an escaped brace: `{{` and `}}` are plain ones.
REFERENCE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule:
    """One detection rule, checked. Its identity is the object; `id` is unique in a RuleSet.

    `event` is the event it is asked of, None for a log source that profguard does not have: such
    a rule is listed and never matches, and has no condition.
    """

    id: str
    title: str
    path: str
    line: int
    level: str = DEFAULT_LEVEL
    status: str | None = None
    description: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    logsource: str = ""
    event: str | None = None
    condition: Node | None = field(default=None, repr=False)
    selections: dict[str, Node] = field(default_factory=dict, repr=False)
    fields: tuple[Field, ...] = field(default=(), repr=False)
    message: str = ""
    message_fields: dict[str, Field] = field(default_factory=dict, repr=False)
    suppress_by: tuple[str, ...] | None = None
    suppress_fields: tuple[Field, ...] = field(default=(), repr=False)
    suppress_for_ns: int = DEFAULT_SUPPRESS_NS
    enabled: bool = True

    @property
    def place(self) -> Place:
        return Place(self.path, self.line)

    @property
    def environ_names(self) -> frozenset[str]:
        """The environment variables that this rule reads."""
        used = (*self.fields, *self.message_fields.values(), *self.suppress_fields)
        return frozenset(source.environ_name for source in used if source.environ_name)

    def render(self, event: Event) -> str:
        """The message with the event's values; what is absent reads "unknown".

        Values are made printable and cut to MAX_SHOWN characters: processes choose them.
        """

        def value_of(match: re.Match) -> str:
            name = match[1]
            if name is None:
                return match[0][0]
            value = read(self.message_fields[name], event)
            if value is None:
                return UNKNOWN
            return span(value) if name.endswith("_ns") else shown(value)

        return REFERENCE.sub(value_of, self.message)

    def suppress_key(self, event: Event) -> tuple[Any, ...]:
        """The values of the `suppress.by` fields: equal ones are repeats of one another."""
        return tuple(read(source, event) for source in self.suppress_fields)


def shown(value: Any) -> str:
    """A value as a person reads it: one printable line of at most MAX_SHOWN characters."""
    text = ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    if len(text) > MAX_SHOWN:
        text = text[: MAX_SHOWN - 3] + "..."
    return printable(text)
