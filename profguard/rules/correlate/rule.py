"""Sigma correlation rules: what several matches of other rules mean together.

What a correlation says is read here and tied to the rules that it refers to; correlator.py keeps
what has matched so far and decides. profguard adds two lists of rules to Sigma's, under its key:
`absent`, none of which may follow within the timespan, and `until`, which break off what has begun.
"""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar

from profguard.rules.extension import KEY
from profguard.rules.fields import Field, read
from profguard.rules.rule import Match, Rule
from profguard.rules.source import Document

TYPES = (
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
)
ESSENTIAL = {"", "title", "correlation"}
OWN_ROLES = ("absent", "until")  # lists of rules under our key
COUNT = "count"  # what a message calls the number that the condition is about


@dataclass(frozen=True, eq=False)
class Draft:
    """A correlation rule that is not tied to the rules it refers to yet.

    `value` is the document without the keys that do not fit the schema.
    """

    document: Document
    value: dict[str, Any]
    name: str  # its id where it gives none

    @property
    def names(self) -> frozenset[str]:
        """As those of a rule."""
        return frozenset(filter(None, (self.value.get("id"), self.value.get("name"), self.name)))

    @property
    def references(self) -> tuple[tuple[str, tuple], ...]:
        """The names of all rules it refers to, each with where that stands."""
        correlation = self.value["correlation"]
        own = self.value.get(KEY)
        lists = [(correlation.get("rules"), ("correlation", "rules"))]
        if isinstance(own, dict):
            lists += [(own.get(key), (KEY, key)) for key in OWN_ROLES]
        return tuple(
            (name, (*path, index))
            for names, path in lists
            if isinstance(names, list)
            for index, name in enumerate(names)
            if isinstance(name, str)
        )


@dataclass(frozen=True)
class Source:
    """How a value is read from a match: by the field that its event has under this name."""

    name: str
    fields: dict[str, Field] = field(compare=False, repr=False)

    def read(self, match: Match) -> Any:
        """The value; None where it is absent."""
        if self.name in match.values:  # of a correlation: what it was grouped by
            return match.values[self.name]
        found = self.fields.get(match.event.spec.name)
        return None if found is None else read(found, match.event)


@dataclass(frozen=True)
class Member:
    """A rule that a correlation refers to, and how its matches are read."""

    rule: Rule
    group: tuple[Source, ...]
    values: tuple[Source, ...] = ()

    def key(self, match: Match) -> tuple | None:
        """The group that a match belongs to; None where part of the key is absent."""
        key = tuple(source.read(match) for source in self.group)
        return None if None in key else key

    def value(self, match: Match) -> Any:
        """The value that is counted or summed; None where it is absent."""
        found = tuple(source.read(match) for source in self.values)
        if not found or None in found:
            return None
        return found[0] if len(found) == 1 else found


@dataclass(frozen=True, eq=False, kw_only=True)
class Correlation(Rule):
    """A correlation rule, checked. `condition` holds if all its comparisons do."""

    kind: ClassVar[str] = "correlation"
    type: str
    members: tuple[Member, ...] = field(repr=False)
    absent: tuple[Member, ...] = field(default=(), repr=False)
    until: tuple[Member, ...] = field(default=(), repr=False)
    group_by: tuple[str, ...]
    span_ns: int
    condition: tuple[tuple[str, int | float], ...]
    percentile: int = 50
    generate: bool = False
    shown: dict[str, Source] = field(default_factory=dict, repr=False)  # for the message

    @property
    def referred(self) -> tuple[Rule, ...]:
        """Every rule that it refers to."""
        return tuple(member.rule for role in self._roles for member in role)

    @property
    def survives_a_gap(self) -> bool:
        """Whether what has matched so far still counts after the sensor was away.

        Not where it matters what did not happen, for nobody saw that.
        """
        return not self.absent and not self.until

    @cached_property
    def digest(self) -> str:
        """Tells apart definitions: what was gathered for one says nothing to another."""
        said = (
            self.type,
            self.span_ns,
            [[(m.rule.id, m.group, m.values) for m in ms] for ms in self._roles],
            self.condition,
            self.percentile,
        )
        return sha256(repr(said).encode()).hexdigest()[:16]

    @property
    def _roles(self) -> tuple[tuple[Member, ...], ...]:
        return self.members, self.absent, self.until

    def value_of(self, name: str, match: Match) -> Any:
        if name in match.values:
            return match.values[name]
        return self.shown[name].read(match) if name in self.shown else None

    def suppress_key(self, match: Match) -> tuple[Any, ...]:
        """A correlation has findings of its own, one for each group."""
        return tuple(match.values[name] for name in self.group_by)
