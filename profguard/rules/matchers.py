"""What can be asked of one field's value: the leaves' verbs, as plain data.

`matches(value)` says what each means for one present value; for a field that is a list the leaf
asks it of every element. The compiler writes the same as Python source.
"""

import ipaddress
import itertools
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from profguard.rules.text import Text, Wild, glob_regex
from profguard.timefmt import from_rfc3339


def fold(value: str) -> str:
    """`value` as it is compared where case does not matter."""
    return value.casefold()


@dataclass(frozen=True)
class OneOf:
    """The value is one of these: numbers, or texts (folded unless case matters)."""

    values: frozenset
    folded: bool = False

    def matches(self, value: Any) -> bool:
        return (fold(value) if self.folded else value) in self.values

    def __str__(self):
        return "is " + " or ".join(repr(value) for value in sorted(self.values, key=str))


@dataclass(frozen=True)
class Prefix:
    values: tuple[str, ...]
    folded: bool = True

    def matches(self, value: str) -> bool:
        return (fold(value) if self.folded else value).startswith(self.values)

    def __str__(self):
        return "starts with " + " or ".join(map(repr, self.values))


@dataclass(frozen=True)
class Suffix:
    values: tuple[str, ...]
    folded: bool = True

    def matches(self, value: str) -> bool:
        return (fold(value) if self.folded else value).endswith(self.values)

    def __str__(self):
        return "ends with " + " or ".join(map(repr, self.values))


@dataclass(frozen=True)
class Infix:
    values: tuple[str, ...]
    folded: bool = True

    def matches(self, value: str) -> bool:
        text = fold(value) if self.folded else value
        return any(part in text for part in self.values)

    def __str__(self):
        return "contains " + " or ".join(map(repr, self.values))


@dataclass(frozen=True)
class AnyText:
    """`*`: every text, also the empty one."""

    folded: bool = False

    def matches(self, value: Any) -> bool:
        return isinstance(value, str)

    def __str__(self):
        return "is any text"


@dataclass(frozen=True)
class Pattern:
    """A regular expression that is searched for: from `|re`, or made of wildcards.

    `source` is what the user wrote; `folded` patterns are matched against the folded value.
    """

    regex: str
    flags: int
    source: str
    folded: bool = False

    @cached_property
    def compiled(self) -> re.Pattern:
        return re.compile(self.regex, self.flags)

    def matches(self, value: str) -> bool:
        return self.compiled.search(fold(value) if self.folded else value) is not None

    def __str__(self):
        return f"matches {self.source!r}"


COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Compare:
    """The number compared with another."""

    operator: str
    number: int | float
    folded: bool = False

    def matches(self, value: float) -> bool:
        return COMPARISONS[self.operator](value, self.number)

    def __str__(self):
        return f"{self.operator} {self.number}"


TIME_PARTS = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day": lambda moment: moment.day,
    "week": lambda moment: moment.isocalendar().week,
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}


def time_part(part: str, text: str) -> int | None:
    """The minute, hour, day, ISO week, month or year of an RFC 3339 time, in UTC."""
    try:
        moment = datetime.fromtimestamp(from_rfc3339(text) // 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return TIME_PARTS[part](moment)


@dataclass(frozen=True)
class TimePart:
    """One part of the time compared with a number."""

    part: str
    number: int | float
    operator: str = "=="
    folded: bool = False

    def matches(self, value: str) -> bool:
        number = time_part(self.part, value)
        return number is not None and COMPARISONS[self.operator](number, self.number)

    def __str__(self):
        return f"{self.part} {self.operator} {self.number}"


def in_network(network, text: str) -> bool:
    """Whether `text` is an address of this IPv4 or IPv6 network."""
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False


@dataclass(frozen=True)
class Cidr:
    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    folded: bool = False

    def matches(self, value: str) -> bool:
        return in_network(self.network, value)

    def __str__(self):
        return f"is in {self.network}"


@dataclass(frozen=True)
class Absent:
    """null: the value is not known. Asked of the whole field, never of an element."""

    folded: bool = False

    def __str__(self):
        return "is null"


@dataclass(frozen=True)
class Present:
    """The value is known. Asked of the whole field, never of an element."""

    folded: bool = False

    def __str__(self):
        return "exists"


@dataclass(frozen=True)
class SameAs:
    """The value equals that of another field of the same event, or holds, starts or ends with it.

    `other` is a name until the rule's fields are resolved, then a Field.
    """

    other: Any
    relation: str = "equals"  # or contains, startswith, endswith
    folded: bool = True

    def related(self, value: Any, other: Any) -> bool:
        if isinstance(value, str) != isinstance(other, str):
            return False
        if not isinstance(value, str):
            return value == other
        if self.folded:
            value, other = fold(value), fold(other)
        if self.relation == "equals":
            return value == other
        if self.relation == "contains":
            return other in value
        return getattr(value, self.relation)(other)

    def __str__(self):
        return f"{self.relation} the field {getattr(self.other, 'name', self.other)}"


Matcher = (
    OneOf
    | Prefix
    | Suffix
    | Infix
    | AnyText
    | Pattern
    | Compare
    | TimePart
    | Cidr
    | Absent
    | Present
    | SameAs
)


def of_text(text: Text) -> Matcher:
    """The cheapest matcher that means the same as a text with wildcards."""
    folded = not text.cased
    parts = tuple(fold(p) if folded and isinstance(p, str) else p for p in text.parts)
    any_, words = Wild.ANY, [p for p in parts if isinstance(p, str)]
    shape = tuple(str if isinstance(p, str) else p for p in parts)
    if shape in ((), (str,)):
        return OneOf(frozenset(words or [""]), folded)
    if shape == (any_,):
        return AnyText()
    if shape == (str, any_):
        return Prefix((words[0],), folded)
    if shape == (any_, str):
        return Suffix((words[0],), folded)
    if shape == (any_, str, any_):
        return Infix((words[0],), folded)
    if Wild.ONE not in parts:
        return Pattern(glob_regex(parts), 0, str(text), folded)
    # Folding may change a text's length, and `?` is one character of the text as it is.
    flags = re.IGNORECASE if folded else 0
    return Pattern(glob_regex(text.parts), flags, str(text))


def merge(matchers: list[Matcher]) -> list[Matcher]:
    """The same alternatives with those of one kind merged into one matcher, order kept."""
    groups: dict[Any, list[Matcher]] = {}
    for index, matcher in enumerate(matchers):
        mergeable = isinstance(matcher, OneOf | Prefix | Suffix | Infix)
        key = (type(matcher), matcher.folded) if mergeable else index
        groups.setdefault(key, []).append(matcher)
    return [_merged(group) for group in groups.values()]


def _merged(group: list[Matcher]) -> Matcher:
    first = group[0]
    if len(group) == 1:
        return first
    values = itertools.chain.from_iterable(matcher.values for matcher in group)
    if isinstance(first, OneOf):
        return OneOf(frozenset(values), first.folded)
    return type(first)(tuple(dict.fromkeys(values)), first.folded)
