"""Whether any value of a field could answer several questions at once.

"No" is certain: no value that the field can have answers them all. Where this module cannot tell,
it says that there may be one.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from profguard.rules.fields import Field
from profguard.rules.matchers import (
    Absent,
    AnyText,
    Cidr,
    Infix,
    Matcher,
    OneOf,
    Prefix,
    Present,
    SameAs,
    Suffix,
    TimePart,
    fold,
)
from profguard.rules.tree import Keyword, Test

ANYWHERE = Field("any value", "str", "keyword", is_list=True)  # what keywords are asked of

_PART_BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "year": (1, 9999),
}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True)
class Literal:
    """A question with the answer that is wanted."""

    leaf: Test | Keyword
    holds: bool

    @property
    def field(self) -> Field:
        return self.leaf.field if isinstance(self.leaf, Test) else ANYWHERE

    @property
    def size(self) -> int:
        """About how many comparisons it takes part in."""
        return len(getattr(self.leaf.matcher, "values", "1"))

    @property
    def wants_value(self) -> bool:
        """Whether the field must be known for the answer; only a `not` is content with null."""
        return self.holds != isinstance(self.leaf.matcher, Absent)

    @property
    def wants_null(self) -> bool:
        kind = Absent if self.holds else Present
        return isinstance(self.leaf.matcher, kind)

    def __str__(self):
        return str(self.leaf) if self.holds else f"not {self.leaf}"


def impossible(source: Field, asked: Sequence[Literal]) -> bool:
    """Whether no value of `source`, nor its absence, gives all these answers."""
    wanted = any(one.wants_value for one in asked)
    if source.kind == "absent" or any(one.wants_null for one in asked):
        return wanted
    if not wanted:
        return False
    answered = [one.leaf for one in asked if one.holds]
    if any(one.leaf in answered for one in asked if not one.holds):
        return True
    yes = [one.leaf.matcher for one in asked if one.holds and _of_values(one)]
    no = [one.leaf.matcher for one in asked if not one.holds and _of_values(one)]
    if source.is_list:  # one element may answer one question, and another the next
        return any(_no_value(source, [one], no) for one in yes)
    return _no_value(source, yes, no)


def _of_values(one: Literal) -> bool:
    return not isinstance(one.leaf.matcher, Absent | Present | SameAs)


def _no_value(source: Field, yes: list[Matcher], no: list[Matcher]) -> bool:
    """Whether every value fails one of `yes` or fits one of `no`."""
    candidates = _candidates(source, yes)
    if candidates is not None:
        return not any(
            all(_may_fit(one, value, exact) for one in yes)
            and all(_may_fail(one, value, exact) for one in no)
            for value, exact in candidates
        )
    if source.kind == "int":
        questions = [(one, True) for one in yes] + [(one, False) for one in no]
        return _no_number(source.bounds, questions)
    return _no_time(yes, no) or any(_all_refuted(one, yes, no) for one in yes)


def _candidates(source: Field, yes: list[Matcher]) -> list[tuple[Any, bool]] | None:
    """The only values there can be, and whether each is exact or folded; None if they are many."""
    if source.kind == "bool":
        return [(True, True), (False, True)]
    if source.choices is not None and source.numbers is None:
        return [(choice, True) for choice in source.choices]
    lists = [one for one in yes if isinstance(one, OneOf)]
    if not lists:
        return None
    best = min(lists, key=lambda one: (one.folded, len(one.values)))
    values = best.values
    if source.kind == "int":
        values = [value for value in values if value % 1 == 0 and _within(source.bounds, value)]
    return [(value, not best.folded) for value in values]


def _within(bounds: tuple[int | None, int | None], value: float) -> bool:
    low, high = bounds
    return (low is None or low <= value) and (high is None or value <= high)


def _may_fit(matcher: Matcher, value: Any, exact: bool) -> bool:
    if exact or matcher.folded or isinstance(matcher, Cidr):
        return matcher.matches(value)
    # The value's case is open: it may be the one that is asked for.
    if isinstance(matcher, OneOf):
        return value in map(fold, matcher.values)
    if isinstance(matcher, Prefix | Suffix | Infix):
        return replace(matcher, values=tuple(map(fold, matcher.values))).matches(value)
    return True


def _may_fail(matcher: Matcher, value: Any, exact: bool) -> bool:
    if exact or matcher.folded or isinstance(matcher, Cidr | AnyText):
        return not matcher.matches(value)
    return True


def _no_number(
    bounds: tuple[int | None, int | None], questions: Iterable[tuple[Matcher, bool]]
) -> bool:
    """Whether no integer within `bounds` answers comparisons as wanted."""
    low = -math.inf if bounds[0] is None else bounds[0]
    high = math.inf if bounds[1] is None else bounds[1]
    without = set()
    for matcher, holds in questions:
        if isinstance(matcher, OneOf):
            without |= matcher.values
            continue
        number, operator = matcher.number, matcher.operator
        if operator == "==":
            if not holds:
                without.add(number)
                continue
            low, high = max(low, number), min(high, number)
            if number % 1:
                return True
        else:
            operator = operator if holds else _OPPOSITE[operator]
            low, high = _narrowed(low, high, operator, number)
    if low > high:
        return True
    return high - low < len(without) and all(n in without for n in range(int(low), int(high) + 1))


def _narrowed(low: float, high: float, operator: str, number: float) -> tuple[float, float]:
    """The integers from low to high that are in this relation to a number."""
    if not math.isfinite(number):
        return low, high
    if operator == ">":
        return max(low, math.floor(number) + 1), high
    if operator == ">=":
        return max(low, math.ceil(number)), high
    if operator == "<":
        return low, min(high, math.ceil(number) - 1)
    return low, min(high, math.floor(number))


def _no_time(yes: list[Matcher], no: list[Matcher]) -> bool:
    """Whether a part of the time would have to be a number that it never is.

    What is no time answers every question about its parts with no, so that one yes is needed.
    """
    parts = {one.part for one in yes if isinstance(one, TimePart)}
    asked = [(one, True) for one in yes] + [(one, False) for one in no if parts]
    return any(
        _no_number(
            _PART_BOUNDS[part],
            [(one, holds) for one, holds in asked if getattr(one, "part", None) == part],
        )
        for part in parts
    )


def _all_refuted(matcher: Matcher, yes: list[Matcher], no: list[Matcher]) -> bool:
    """Whether each alternative of a text's matcher is excluded by another question."""
    if isinstance(matcher, Cidr):
        return any(_outside(matcher, one) for one in yes) or any(_within_it(matcher, n) for n in no)
    if not isinstance(matcher, Prefix | Suffix | Infix):
        return matcher in no or any(isinstance(one, AnyText) for one in no)
    ends = not isinstance(matcher, Infix)  # only the ends of a text exclude each other
    apart = [one for one in yes if type(one) is type(matcher)] if ends else ()
    return all(
        any(_apart(value, matcher, one) for one in apart)
        or any(_implies(value, matcher, one) for one in no)
        for value in matcher.values
    )


def _outside(one: Cidr, other: Matcher) -> bool:
    if not isinstance(other, Cidr):
        return False
    same = one.network.version == other.network.version
    return not (same and one.network.overlaps(other.network))


def _within_it(one: Cidr, other: Matcher) -> bool:
    if not isinstance(other, Cidr):
        return isinstance(other, AnyText)
    same = one.network.version == other.network.version
    return same and one.network.subnet_of(other.network)


def _apart(value: str, matcher: Prefix | Suffix, other: Matcher) -> bool:
    """Whether no text that begins (or ends) with `value`, one of `matcher`'s, fits `other`."""
    values = other.values
    if matcher.folded != other.folded:
        value, values = fold(value), tuple(map(fold, values))
    if isinstance(matcher, Prefix):
        return not (value.startswith(values) or any(one.startswith(value) for one in values))
    return not (value.endswith(values) or any(one.endswith(value) for one in values))


def _implies(value: str, matcher: Matcher, other: Matcher) -> bool:
    """Whether each text that fits the alternative `value` of `matcher` fits `other` too."""
    if isinstance(other, AnyText):
        return True
    if not isinstance(other, Prefix | Suffix | Infix) or (matcher.folded and not other.folded):
        return False
    if other.folded and not matcher.folded:
        value = fold(value)
    if isinstance(other, Infix):
        return any(one in value for one in other.values)
    if type(matcher) is not type(other):
        return False
    begins = value.startswith if isinstance(other, Prefix) else value.endswith
    return begins(other.values)


def least(source: Field, asked: Sequence[Literal]) -> tuple[Literal, ...]:
    """Of questions that cannot all be answered, as few as already cannot."""
    kept = list(asked)
    for one in asked:
        fewer = [other for other in kept if other is not one]
        if impossible(source, fewer):
            kept = fewer
    return tuple(kept)
