"""Selections: the maps and lists under `detection`, and the labels of the configuration."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from profguard.errors import Place, Problem, did_you_mean, which_of
from profguard.rules.fields import Field
from profguard.rules.matchers import (
    Absent,
    AnyText,
    Compare,
    Infix,
    Matcher,
    OneOf,
    Present,
    SameAs,
    TimePart,
    merge,
)
from profguard.rules.modifiers import Chain, to_matcher
from profguard.rules.source import Document, told
from profguard.rules.text import Text, Wild, parse_text
from profguard.rules.transforms import ModifierError, Placeholders, Scalar, TooManyError
from profguard.rules.tree import Keyword, Node, Not, Test, all_of, any_of

MAX_VALUES = 5_000  # that one rule may ask for, after its modifiers; wildcards within count too
MAX_LENGTH = 4_096  # characters of one value: as long as a path may be

_KINDS = {"int": "a number", "str": "text", "bool": "true or false", "time": "a time"}


@dataclass
class SelectionBuilder:
    """Makes trees of selections; what is wrong goes to `problems`, and the part is left out.

    `resolve` gives the field of a name or None, `names` what to suggest, `owner` whose fields
    they are ("event perf").
    """

    document: Document
    resolve: Callable[[str], Field | None]
    names: Callable[[], Iterable[str]]
    owner: str
    placeholders: Placeholders
    problems: list[Problem]
    made: int = 0  # values so far

    def build(self, value: Any, path: tuple) -> Node | None:
        """The tree of a selection: a map is all of its items, a list any of its members."""
        if isinstance(value, dict):
            if not value:
                return self.fail("PG108", "selection is empty", self.document.place(*path))
            parts = [self.item(key, value[key], (*path, key)) for key in value]
            return None if None in parts else all_of(parts)
        if not isinstance(value, list):
            said = "a selection is a map of fields, or a list"
            return self.fail("PG108", said, self.document.place(*path))
        if not value:
            return self.fail("PG108", "selection is empty", self.document.place(*path))
        parts: list[Node | None] = []
        words: list[tuple[Any, tuple]] = []
        for index, one in enumerate(value):
            at = (*path, index)
            if isinstance(one, dict):
                parts.append(self.build(one, at))
            elif isinstance(one, list):
                said = "a list in a list means nothing"
                return self.fail("PG108", said, self.document.place(*at))
            else:
                words.append((one, at))
        if words:
            parts.append(self.keywords(Chain(), words, path))
        return None if None in parts else any_of(parts)

    def fail(self, code: str, message: str, place: Place, hint: str | None = None) -> None:
        self.problems.append(told(code, message, place, hint))

    def item(self, key: str, value: Any, path: tuple) -> Node | None:
        """The tree of one `field|modifier: values`."""
        name, *modifiers = key.split("|")
        source = self.resolve(name) if name else None
        if name and source is None:
            place = self.document.part(*path, start=0, length=len(name), key=True)
            hint = did_you_mean(name, self.names())
            self.fail("PG103", f"unknown field '{name}' of {self.owner}", place, hint)
        try:
            chain = Chain.parse(modifiers)
        except ModifierError as error:
            self.fail(error.code, str(error), self.document.place(*path, key=True), error.hint)
            return None
        pairs = self.values(chain, value, path)
        if pairs is None or (name and source is None):
            return None
        if source is None:
            return self.keywords(chain, pairs, path)
        matchers = [self.matcher(source, chain, one, at) for one, at in pairs]
        if None in matchers:
            return None
        place = self.document.place(*path, key=True)
        return _joined(chain, matchers, lambda matcher: Test(source, matcher, place))

    def values(self, chain: Chain, value: Any, path: tuple) -> list[tuple[Any, tuple]] | None:
        """The values of an item with their paths, or None where the list does not fit."""
        values = value if isinstance(value, list) else [value]
        place = self.document.place(*path, key=True)
        if not values:
            return self.fail("PG108", "list of values is empty", place)
        if "all" in chain.names and len(values) < 2:
            hint = "remove it; for a second condition on a field use a second selection"
            return self.fail("PG105", "modifier 'all' needs more than one value", place, hint)
        if "exists" in chain.names and isinstance(value, list):
            return self.fail("PG105", "modifier 'exists' takes one value, not a list", place)
        if isinstance(value, list):
            return [(one, (*path, index)) for index, one in enumerate(values)]
        return [(value, path)]

    def literal(self, value: Any, path: tuple) -> Any:
        """A value as modifiers take it. Maps and lists within are refused by returning `...`."""
        if value is None:
            return None
        if isinstance(value, str):
            return parse_text(value)
        if isinstance(value, bool | int | float):
            raw = self.document.raw(*path)
            return Scalar(value, str(value) if raw is None else raw)
        said = "a value is text, a number, true, false or null"
        self.fail("PG108", said, self.document.place(*path), "join names with dots: process.pid")
        return ...

    def applied(self, chain: Chain, value: Any, path: tuple) -> list[Any] | None:
        if self.made > MAX_VALUES:
            return None  # said already
        if isinstance(value, str) and len(value) > MAX_LENGTH:
            said = f"value is longer than {MAX_LENGTH:,} characters"
            return self.fail("PG105", said, self.document.place(*path), "ask for a part of it")
        literal = self.literal(value, path)
        if literal is ...:
            return None
        try:
            made = chain.apply(literal, self.placeholders)
        except ModifierError as error:
            if isinstance(error, TooManyError):
                self.made = MAX_VALUES + 1  # trying the next value would take as long
            return self.fail(error.code, str(error), self.document.place(*path), error.hint)
        self.made += sum(map(_pieces, made))
        if self.made > MAX_VALUES:
            said = f"the rule asks for more than {MAX_VALUES:,} values"
            return self.fail("PG105", said, self.document.place(*path), "use several rules")
        return made

    def matcher(self, source: Field, chain: Chain, value: Any, path: tuple) -> list | None:
        """The alternatives that one value stands for, checked against the field's type."""
        made = self.applied(chain, value, path)
        if made is None:
            return None
        numeric = source.kind in ("int", "bool")
        matchers = [to_matcher(one, numeric=numeric) for one in made]
        matchers = [self.resolved(source, matcher, path) for matcher in matchers]
        if None in matchers:
            return None
        said = wrong_type(source, matchers[0])
        if said:
            return self.fail("PG111", said, self.document.place(*path), _advice(source, value))
        if not self.possible(source, matchers):
            hint = _nearest_choice(source, str(value))
            shown = f"'{value}' is not a value of {source.name}"
            return self.fail("PG118", shown, self.document.place(*path), hint)
        return matchers

    def possible(self, source: Field, matchers: list[Matcher]) -> bool:
        """Whether any value of an enumerated field can match."""
        if source.choices is None:
            return True
        return any(
            (source.numbers and _is_nameless(source.numbers, matcher))
            or isinstance(matcher, Absent | Present | SameAs)
            or any(matcher.matches(choice) for choice in source.choices)
            for matcher in matchers
        )

    def resolved(self, source: Field, matcher: Matcher, path: tuple) -> Matcher | None:
        """`matcher` with the field that it refers to, if it does."""
        if not isinstance(matcher, SameAs):
            return matcher
        other = self.resolve(matcher.other)
        place = self.document.place(*path)
        if other is None:
            hint = did_you_mean(matcher.other, self.names())
            said = f"unknown field '{matcher.other}' of {self.owner}"
            return self.fail("PG103", said, place, hint)
        kinds = {_KINDS.get(one.kind) for one in (source, other) if one.kind != "absent"}
        if len(kinds) > 1:
            said = f"{source.name} is {_KINDS[source.kind]}, {other.name} {_KINDS[other.kind]}"
            return self.fail("PG111", said, place)
        if matcher.relation != "equals" and source.kind in ("int", "bool"):
            said = f"{source.name} is {_KINDS[source.kind]}: it cannot be searched for text"
            return self.fail("PG111", said, place)
        return replace(matcher, other=other)

    def keywords(self, chain: Chain, pairs: list[tuple[Any, tuple]], path: tuple) -> Node | None:
        """The tree of values without a field: each is looked for anywhere in the event."""
        groups = []
        for value, at in pairs:
            made = self.applied(chain, value, at)
            if made is None:
                continue
            matchers = [_anywhere(one, chain) for one in made]
            if any(isinstance(m, Absent | Present | SameAs | Compare | TimePart) for m in matchers):
                said = f"a keyword is text or a number; this one {matchers[0]}"
                self.fail("PG105", said, self.document.place(*at), "name a field")
                continue
            groups.append(matchers)
        if len(groups) < len(pairs):
            return None
        place = self.document.place(*path)
        return _joined(chain, groups, lambda matcher: Keyword(matcher, place))


def _pieces(value: Any) -> int:
    """How many texts are looked for, one after the other, where a value stands: `a*b*` is two."""
    wild = sum(isinstance(part, Wild) for part in value.parts) if isinstance(value, Text) else 0
    return max(1, wild - 1)


def _anywhere(value: Any, chain: Chain) -> Matcher:
    """The matcher of a keyword: its text anywhere, unless modifiers say where."""
    matcher = to_matcher(value, numeric=False)
    if chain.names & {"startswith", "endswith", "contains"}:
        return matcher
    if isinstance(matcher, OneOf):
        return Infix(tuple(matcher.values), matcher.folded)
    if isinstance(value, Scalar) or not hasattr(value, "between"):
        return matcher
    return to_matcher(value.between((Wild.ANY,), (Wild.ANY,)), numeric=False)


def _joined(chain: Chain, groups: list[list[Matcher]], leaf: Callable[[Matcher], Node]) -> Node:
    """The leaves of an item's values joined as its modifiers say."""
    if "all" in chain.names:
        return all_of([any_of([leaf(one) for one in merge(group)]) for group in groups])
    merged = merge([matcher for group in groups for matcher in group])
    node = any_of([leaf(matcher) for matcher in merged])
    return Not(node) if "neq" in chain.names else node


def wrong_type(source: Field, matcher: Matcher) -> str | None:
    """What is wrong with asking this of a field of its type, or None."""
    kind = source.kind
    if kind == "absent" or isinstance(matcher, Absent | Present | SameAs):
        return None
    if isinstance(matcher, Compare):
        fits = kind == "int"
    elif isinstance(matcher, TimePart):
        fits = kind == "time"
    elif isinstance(matcher, OneOf):
        sample = next(iter(matcher.values))
        found = {bool: "bool", int: "int", float: "int"}.get(type(sample), "str")
        fits = found == kind or (found == "str" and kind == "time")
    else:
        fits = kind in ("str", "time") or (isinstance(matcher, AnyText) and kind == "str")
    return None if fits else f"{source.name} is {_KINDS[kind]}: asking if it {matcher} is futile"


def _is_nameless(numbers: dict[int, str], matcher: Matcher) -> bool:
    """Whether this asks for a number that has no name, in decimal."""
    if not isinstance(matcher, OneOf):
        return False
    [value] = matcher.values
    return re.fullmatch(r"-?[0-9]{1,20}", value) is not None and int(value) not in numbers


def _nearest_choice(source: Field, value: str) -> str:
    names = {str(number): name for number, name in (source.numbers or {}).items()}
    if value in names:
        return f"write its name: {names[value]}"
    return which_of(value, source.choices, "it is one of")


def _advice(source: Field, value: Any) -> str | None:
    if source.kind == "int":
        number = isinstance(value, str) and value.lstrip("+-").isdigit()
        return f"write {value} without quotes" if number else "compare it with a number"
    if source.kind == "bool":
        return "write true or false"
    return "lt, lte, gt and gte are for numbers" if source.kind == "str" else None
