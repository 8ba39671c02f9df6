"""The value modifiers of Sigma: one entry each in MODIFIERS, applied in the order written.

A value starts as a Text, a Scalar (number or boolean) or None, each modifier turns it into one or
several others, and what is left in the end becomes a matcher.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from profguard.errors import which_of
from profguard.rules.matchers import (
    TIME_PARTS,
    Absent,
    Matcher,
    OneOf,
    Pattern,
    SameAs,
    TimePart,
    of_text,
)
from profguard.rules.text import Text, Wild, parse_text
from profguard.rules.transforms import (
    MAX_VARIANTS,
    ModifierError,
    Placeholders,
    Scalar,
    TooManyError,
    any_dash,
    around,
    as_comparison,
    as_field,
    as_network,
    as_presence,
    as_regex,
    as_time_part,
    cased,
    expanded,
    plain_text,
    to_base64,
    to_base64_offsets,
    to_utf16,
    with_flag,
)


@dataclass(frozen=True)
class Modifier:
    """What a modifier takes and makes.

    `takes` are the types of values it works on, `apply` returns the new value or a list of them.
    A modifier that does not touch values (`all`, `neq`) has no `apply`. `kind` groups those that
    exclude each other; `after` names what must stand right before it.
    """

    name: str
    meaning: str
    takes: tuple[type, ...] = ()
    apply: Callable[..., Any] | None = None
    kind: str = "transformation"
    after: tuple[str, ...] = ()
    takes_text: str = "text"


_TEXT = (Text,)
_BYTES = (Text, bytes)
_PLACED = (Text, SameAs)
_NUMERIC = (Scalar, TimePart)
_ANY = Wild.ANY

MODIFIERS = {
    entry.name: entry
    for entry in (
        Modifier("contains", "anywhere in the value", _PLACED,
                 around((_ANY,), (_ANY,), "contains"), "position"),
        Modifier("startswith", "at the beginning", _PLACED,
                 around((), (_ANY,), "startswith"), "position"),
        Modifier("endswith", "at the end", _PLACED,
                 around((_ANY,), (), "endswith"), "position"),
        Modifier("all", "every value of the list, not any", kind="logic"),
        Modifier("neq", "the field differs from the values", kind="negation"),
        Modifier("cased", "upper and lower case differ", (*_PLACED, bytes, type(None)),
                 lambda value, _: cased(value), "case"),
        Modifier("exists", "the field is there (true) or not (false)", (Scalar,), as_presence,
                 "alone", takes_text="true or false"),
        Modifier("re", "a regular expression", _TEXT, as_regex, "type"),
        Modifier("i", "regular expression ignores case", (Pattern,), with_flag(re.IGNORECASE),
                 "flag i", ("re", "m", "s")),
        Modifier("m", "^ and $ match at lines", (Pattern,), with_flag(re.MULTILINE),
                 "flag m", ("re", "i", "s")),
        Modifier("s", "the dot matches a newline too", (Pattern,), with_flag(re.DOTALL),
                 "flag s", ("re", "i", "m")),
        Modifier("base64", "encoded in Base64", _BYTES, to_base64, "base64"),
        Modifier("base64offset", "anywhere in something encoded in Base64", _BYTES,
                 to_base64_offsets, "base64"),
        Modifier("utf16le", "encoded in UTF-16, little end first", _BYTES,
                 to_utf16("utf-16-le"), "utf16"),
        Modifier("wide", "the same as utf16le", _BYTES, to_utf16("utf-16-le"), "utf16"),
        Modifier("utf16be", "encoded in UTF-16, big end first", _BYTES,
                 to_utf16("utf-16-be"), "utf16"),
        Modifier("utf16", "encoded in UTF-16 with a byte order mark", _BYTES,
                 to_utf16("utf-16-le", b"\xff\xfe"), "utf16"),
        Modifier("windash", "options with any kind of dash or a slash", _TEXT, any_dash,
                 "windash"),
        Modifier("cidr", "an address of the network", _TEXT, as_network, "type"),
        Modifier("lt", "less than", _NUMERIC, as_comparison("lt", "<"), "comparison",
                 takes_text="a number"),
        Modifier("lte", "at most", _NUMERIC, as_comparison("lte", "<="), "comparison",
                 takes_text="a number"),
        Modifier("gt", "more than", _NUMERIC, as_comparison("gt", ">"), "comparison",
                 takes_text="a number"),
        Modifier("gte", "at least", _NUMERIC, as_comparison("gte", ">="), "comparison",
                 takes_text="a number"),
        Modifier("fieldref", "the value of another field", _TEXT, as_field, "type"),
        Modifier("expand", "placeholders from the configuration", _TEXT, expanded, "expand"),
        *(
            Modifier(part, f"the {part} of a time", (Scalar,), as_time_part(part), "time",
                     takes_text="a number")
            for part in TIME_PARTS
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Chain:
    """The modifiers of one key, checked for what can be checked without a value."""

    modifiers: tuple[Modifier, ...] = ()
    names: frozenset[str] = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "names", frozenset(m.name for m in self.modifiers))

    @classmethod
    def parse(cls, names: Sequence[str]) -> "Chain":
        """Raises ModifierError for an unknown modifier or an impossible combination."""
        chain: list[Modifier] = []
        for name in names:
            modifier = MODIFIERS.get(name)
            if modifier is None:
                hint = which_of(name, MODIFIERS)
                raise ModifierError("PG104", f"unknown modifier '{name}'", hint)
            _check_order(modifier, chain)
            chain.append(modifier)
        return cls(tuple(chain))

    def apply(self, value: Any, placeholders: Placeholders) -> list[Any]:
        """The values that one value becomes. Raises ModifierError."""
        values = [value]
        for modifier in self.modifiers:
            if modifier.apply is None:
                continue
            made: list[Any] = []
            for one in values:
                result = modifier.apply(_fitting(modifier, one), placeholders)
                made += result if isinstance(result, list) else [result]
                if len(made) > MAX_VARIANTS:
                    raise TooManyError("PG105", "the modifiers make too many values of this one")
            values = made
        # What is made of a value later on keeps its case too, wherever `cased` stands.
        return [cased(one) for one in values] if "cased" in self.names else values


def _check_order(modifier: Modifier, before: list[Modifier]) -> None:
    name = modifier.name
    if any(other.name == name for other in before):
        raise ModifierError("PG105", f"modifier '{name}' is given twice", "remove one")
    for other in before:
        if other.kind == modifier.kind:
            said = f"modifiers '{other.name}' and '{name}' exclude each other"
            raise ModifierError("PG105", said, "keep one of them")
    if modifier.after and (not before or before[-1].name not in modifier.after):
        said = f"modifier '{name}' is a flag of re"
        raise ModifierError("PG105", said, f"write it as re|{name}")
    if before and "exists" in (name, before[-1].name):
        raise ModifierError("PG105", "modifier 'exists' stands alone", "use a second selection")
    kinds = {other.name for other in before} | {name}
    if kinds >= {"all", "neq"}:
        said = "modifiers 'all' and 'neq' exclude each other"
        raise ModifierError("PG105", said, "put the values in a selection and negate that")


def _fitting(modifier: Modifier, value: Any) -> Any:
    if isinstance(value, modifier.takes):
        return value
    if isinstance(value, Scalar) and Text in modifier.takes:
        return replace(parse_text(value.raw), raw=value.raw)
    raise ModifierError(
        "PG105",
        f"modifier '{modifier.name}' takes {modifier.takes_text}, not {_said(value)}",
        _ADVICE.get(type(value)),
    )


_ADVICE = {
    Pattern: "a regular expression says all of this itself: anchors and .* inside it",
    Text: "write numbers and true or false without quotes",
}


def _said(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Scalar):
        return "a number" if value.is_number else value.raw
    if isinstance(value, Text):
        return "text"
    return {Pattern: "a regular expression", bytes: "encoded bytes"}.get(
        type(value), f"what stands before it ({value})"
    )


def to_matcher(value: Any, *, numeric: bool) -> Matcher:
    """The matcher of a value after its modifiers; a number asked of a text field is its text."""
    if value is None:
        return Absent()
    if isinstance(value, bytes):
        value = plain_text(value, value)
    if isinstance(value, Scalar):
        if numeric:
            return OneOf(frozenset((value.value,)))
        value = parse_text(value.raw)
    return of_text(value) if isinstance(value, Text) else value
