"""A rule as the engine sees it, and what it says of an event."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from profguard.errors import Place, printable
from profguard.model import Event
from profguard.rules.fields import Field, read
from profguard.rules.taxonomy import ANY_SOURCE, LogSource
from profguard.rules.tree import Node
from profguard.timefmt import span

DEFAULT_LEVEL = "medium"
DEFAULT_SUPPRESS_NS = 3_600_000_000_000
UNKNOWN = "unknown"
MAX_SHOWN = 200  # characters of one value in a message

# A reference, or an escaped brace: `{{` and `}}` are plain ones.
REFERENCE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, eq=False, kw_only=True)
class Metadata:
    """What a rule of any kind says of itself."""

    id: str
    title: str
    level: str = DEFAULT_LEVEL
    status: str | None = None
    description: str | None = None
    author: str | None = None
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    suppress_by: tuple[str, ...] | None = None
    suppress_for_ns: int = DEFAULT_SUPPRESS_NS
    enabled: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule(Metadata):
    """What rules of every kind have, checked. Its identity is the object; `id` is unique in a set.

    `events` are those it is asked of. A rule for a log source that profguard does not have has
    none: it is listed and never matches.
    """

    kind: ClassVar[str]
    name: str | None = None  # what it calls itself, for correlation rules and filters
    file_name: str = ""  # that of its file without suffix; of a second document, with #2
    path: str
    line: int
    events: tuple[str, ...] = ()
    fields: tuple[Field, ...] = field(default=(), repr=False)
    message: str = ""
    message_fields: dict[str, Field] = field(default_factory=dict, repr=False)
    suppress_fields: tuple[Field, ...] = field(default=(), repr=False)
    keys: frozenset[str] = field(default=frozenset(), repr=False)  # that its document has

    @property
    def place(self) -> Place:
        return Place(self.path, self.line)

    @property
    def names(self) -> frozenset[str]:
        """What it may be called: its id, the name it gives itself, and that of its file."""
        return frozenset(filter(None, (self.id, self.name, self.file_name)))

    @property
    def field_names(self) -> tuple[str, ...]:
        """What it reads of an event."""
        return tuple(source.name for source in self.fields)

    @property
    def environ_names(self) -> frozenset[str]:
        """The environment variables that this rule reads."""
        used = (*self.fields, *self.message_fields.values(), *self.suppress_fields)
        return frozenset(source.environ_name for source in used if source.environ_name)

    def render(self, match: "Match") -> str:
        """The message with the values of a match; what is absent reads "unknown".

        Values are made printable and cut to MAX_SHOWN characters: processes choose them.
        """

        def value_of(reference: re.Match) -> str:
            name = reference[1]
            if name is None:
                return reference[0][0]
            value = self.value_of(name, match)
            if value is None:
                return UNKNOWN
            return span(value) if name.endswith("_ns") else shown(value)

        return REFERENCE.sub(value_of, self.message)

    def value_of(self, name: str, match: "Match") -> Any:
        """What `{name}` stands for in the message."""
        return read(self.message_fields[name], match.event)

    def suppress_key(self, match: "Match") -> tuple[Any, ...] | None:
        """What makes matches repeats of one another; None where acts do, which rules share."""
        if self.suppress_by is None:
            return None
        return tuple(read(source, match.event) for source in self.suppress_fields)


@dataclass(frozen=True, eq=False, kw_only=True)
class Detection(Rule):
    """A Sigma detection rule: a condition over one event; none for a foreign log source."""

    kind: ClassVar[str] = "detection"
    logsource: LogSource = ANY_SOURCE
    category: str | None = None  # of a generic log source, whose field names it uses
    condition: Node | None = field(default=None, repr=False)
    selections: dict[str, Node] = field(default_factory=dict, repr=False)

    @property
    def event(self) -> str | None:
        return self.events[0] if self.events else None


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A rule that an event fulfils. `values` are what the rule itself found, by name.

    Of a correlation, `event` is the one that completed it, `evidence` has the events that it
    joined, oldest first, and `decided_ns` is when it was clear.
    """

    rule: Rule
    event: Event
    values: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Event, ...] = ()
    decided_ns: int | None = None

    @property
    def time_ns(self) -> int:
        return self.event.time_ns if self.decided_ns is None else self.decided_ns

    @property
    def began_ns(self) -> int:
        """When what it is about began: with the first event that it joined."""
        return self.evidence[0].time_ns if self.evidence else self.event.time_ns

    @property
    def message(self) -> str:
        return self.rule.render(self)


def shown(value: Any) -> str:
    """A value as a person reads it: one printable line of at most MAX_SHOWN characters."""
    text = ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    if len(text) > MAX_SHOWN:
        text = text[: MAX_SHOWN - 3] + "..."
    return printable(text)
