"""The value modifiers of Sigma: one entry each in MODIFIERS, applied in the order written.

A value starts as a Text, a Scalar (number or boolean) or None, each modifier turns it into one or
several others, and what is left in the end becomes a matcher.
"""

import base64
import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from profguard.errors import did_you_mean
from profguard.rules.matchers import (
    TIME_PARTS,
    Absent,
    Cidr,
    Compare,
    Matcher,
    OneOf,
    Pattern,
    Present,
    SameAs,
    TimePart,
    of_text,
)
from profguard.rules.text import Text, Wild, parse_text

MAX_VARIANTS = 5_000  # texts that one value may grow into

Placeholders = Mapping[str, Any]


@dataclass(frozen=True)
class Scalar:
    """A number or boolean, with the text that the rule has for it."""

    value: int | float | bool
    raw: str

    @property
    def is_number(self) -> bool:
        return not isinstance(self.value, bool)


class ModifierError(ValueError):
    """A modifier that does not exist, or does not fit; `code` is PG104, PG105 or PG117."""

    def __init__(self, code: str, message: str, hint: str | None = None):
        self.code, self.hint = code, hint
        super().__init__(message)


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


def _encode(value: Text | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    if value.has_wildcards:
        raise ModifierError(
            "PG105",
            f"a value with wildcards cannot be encoded: {value}",
            r"put contains, startswith or endswith last; write \* and \? for plain characters",
        )
    return value.plain.encode("utf-8", "surrogateescape")


def _literal(data: bytes | str, like: Text | bytes) -> Text:
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return Text((text,) if text else (), like.cased if isinstance(like, Text) else False)


def _base64(value: Text | bytes, _) -> Text:
    return _literal(base64.b64encode(_encode(value)), value)


def _base64offset(value: Text | bytes, _) -> list[Text]:
    """What base64 makes of the value where 0, 1 or 2 bytes stand before it, and some after it.

    Characters that depend on those other bytes are cut off.
    """
    data = _encode(value)
    variants = []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data)
        start = (0, 2, 3)[offset]
        end = len(encoded) - (0, 3, 2)[(len(data) + offset) % 3]
        variants.append(_literal(encoded[start:end], value))
    return variants


def _utf16(codec: str, mark: bytes = b""):
    def apply(value: Text | bytes, _) -> bytes:
        return mark + _encode(value).decode("utf-8", "surrogateescape").encode(codec, "replace")

    return apply


_DASHES = ("-", "/", "\N{EN DASH}", "\N{EM DASH}", "\N{HORIZONTAL BAR}")
# A dash that begins an option: before a word, and not inside of one.
_OPTION = re.compile(rf"\B[{''.join(_DASHES)}]\b")


def _windash(value: Text, _) -> list[Text]:
    slots: list[tuple] = []
    for part in value.parts:
        if isinstance(part, Wild):
            slots.append((part,))
            continue
        end = 0
        for match in _OPTION.finditer(part):
            slots += [(part[end : match.start()],), _DASHES]
            end = match.end()
        slots.append((part[end:],))
    if len(_DASHES) ** sum(slot is _DASHES for slot in slots) > MAX_VARIANTS:
        raise ModifierError(
            "PG105",
            "too many dashes for windash: every combination would be tried",
            "split the value, or use re",
        )
    return [value.with_parts(parts) for parts in itertools.product(*slots)]


def _around(before: tuple, after: tuple, relation: str):
    def apply(value: Text | SameAs, _) -> Text | SameAs:
        if isinstance(value, SameAs):
            return replace(value, relation=relation)
        return value.between(before, after)

    return apply


def _cased(value: Text | SameAs | None, _) -> Text | SameAs | None:
    if value is None:
        return None
    if isinstance(value, SameAs):
        return replace(value, folded=False)
    return replace(value, cased=True)


def _unchanged(value: Text, name: str) -> str:
    if value.raw is None:
        raise ModifierError("PG105", f"{name} must come before the other modifiers")
    return value.raw


def _re(value: Text, _) -> Pattern:
    source = _unchanged(value, "re")
    try:
        re.compile(source)
    except (re.error, RecursionError, OverflowError) as error:
        at = getattr(error, "pos", None)
        where = f" at character {at + 1}" if at is not None else ""
        said = getattr(error, "msg", str(error))
        raise ModifierError("PG105", f"not a regular expression{where}: {said}") from None
    return Pattern(source, 0, source)


def _flag(flag: re.RegexFlag):
    def apply(value: Pattern, _) -> Pattern:
        return replace(value, flags=value.flags | int(flag))

    return apply


def _cidr(value: Text, _) -> Cidr:
    source = _unchanged(value, "cidr")
    try:
        return Cidr(ipaddress.ip_network(source))
    except ValueError as error:
        hint = "write a network as 10.0.0.0/8 or fd00::/8"
        raise ModifierError("PG105", f"not a network: {error}", hint) from None


def _fieldref(value: Text, _) -> SameAs:
    return SameAs(_unchanged(value, "fieldref"))


def _exists(value: Scalar, _) -> Matcher:
    if value.is_number:
        raise ModifierError("PG105", "exists takes true or false")
    return Present() if value.value else Absent()


def _number(value: Scalar, name: str) -> int | float:
    if not value.is_number:
        raise ModifierError("PG105", f"{name} takes a number, not {value.raw}")
    return value.value


def _compare(name: str, operator: str):
    def apply(value: Scalar | TimePart, _) -> Compare | TimePart:
        if isinstance(value, TimePart):
            return replace(value, operator=operator)
        return Compare(operator, _number(value, name))

    return apply


def _time(part: str):
    def apply(value: Scalar, _) -> TimePart:
        return TimePart(part, _number(value, part))

    return apply


_PLACEHOLDER = re.compile(r"(?<!\\)%([^%\s\\]+)%")


def _expand(value: Text, placeholders: Placeholders) -> list[Any]:
    """The value with each `%name%` replaced by every value that the configuration gives it."""
    variants: list[tuple] = [()]
    for part in value.parts:
        if isinstance(part, Wild):
            variants = [(*variant, part) for variant in variants]
            continue
        pieces = _PLACEHOLDER.split(part)  # text, name, text, name, ..., text
        for index, piece in enumerate(pieces):
            if index % 2:
                options = [parse_text(str(v)).parts for v in _meaning(piece, placeholders)]
            else:
                options = [(piece.replace(r"\%", "%"),)]
            variants = [(*variant, *option) for variant in variants for option in options]
            if len(variants) > MAX_VARIANTS:
                raise ModifierError("PG105", "placeholders expand to too many values")
    return [value.with_parts(variant) for variant in variants]


def _meaning(name: str, placeholders: Placeholders) -> Sequence:
    if name not in placeholders:
        hint = did_you_mean(name, placeholders) or "define it in the configuration"
        raise ModifierError("PG117", f"unknown placeholder '%{name}%'", hint)
    values = placeholders[name]
    return [values] if isinstance(values, str | int | float) else list(values)


_TEXT = (Text,)
_BYTES = (Text, bytes)
_PLACED = (Text, SameAs)
_NUMERIC = (Scalar, TimePart)
_ANY = Wild.ANY

MODIFIERS = {
    entry.name: entry
    for entry in (
        Modifier("contains", "anywhere in the value", _PLACED,
                 _around((_ANY,), (_ANY,), "contains"), "position"),
        Modifier("startswith", "at the beginning", _PLACED,
                 _around((), (_ANY,), "startswith"), "position"),
        Modifier("endswith", "at the end", _PLACED,
                 _around((_ANY,), (), "endswith"), "position"),
        Modifier("all", "every value of the list, not any", kind="logic"),
        Modifier("neq", "the field differs from the values", kind="negation"),
        Modifier("cased", "upper and lower case differ", (*_PLACED, type(None)), _cased, "case"),
        Modifier("exists", "the field is there (true) or not (false)", (Scalar,), _exists,
                 "alone", takes_text="true or false"),
        Modifier("re", "a regular expression", _TEXT, _re, "type"),
        Modifier("i", "regular expression ignores case", (Pattern,), _flag(re.IGNORECASE),
                 "flag i", ("re", "m", "s")),
        Modifier("m", "^ and $ match at lines", (Pattern,), _flag(re.MULTILINE),
                 "flag m", ("re", "i", "s")),
        Modifier("s", "the dot matches a newline too", (Pattern,), _flag(re.DOTALL),
                 "flag s", ("re", "i", "m")),
        Modifier("base64", "encoded in Base64", _BYTES, _base64, "base64"),
        Modifier("base64offset", "anywhere in something encoded in Base64", _BYTES,
                 _base64offset, "base64"),
        Modifier("utf16le", "encoded in UTF-16, little end first", _BYTES,
                 _utf16("utf-16-le"), "utf16"),
        Modifier("wide", "the same as utf16le", _BYTES, _utf16("utf-16-le"), "utf16"),
        Modifier("utf16be", "encoded in UTF-16, big end first", _BYTES,
                 _utf16("utf-16-be"), "utf16"),
        Modifier("utf16", "encoded in UTF-16 with a byte order mark", _BYTES,
                 _utf16("utf-16-le", b"\xff\xfe"), "utf16"),
        Modifier("windash", "options with any kind of dash or a slash", _TEXT, _windash,
                 "windash"),
        Modifier("cidr", "an address of the network", _TEXT, _cidr, "type"),
        Modifier("lt", "less than", _NUMERIC, _compare("lt", "<"), "comparison",
                 takes_text="a number"),
        Modifier("lte", "at most", _NUMERIC, _compare("lte", "<="), "comparison",
                 takes_text="a number"),
        Modifier("gt", "more than", _NUMERIC, _compare("gt", ">"), "comparison",
                 takes_text="a number"),
        Modifier("gte", "at least", _NUMERIC, _compare("gte", ">="), "comparison",
                 takes_text="a number"),
        Modifier("fieldref", "the value of another field", _TEXT, _fieldref, "type"),
        Modifier("expand", "placeholders from the configuration", _TEXT, _expand, "expand"),
        *(
            Modifier(part, f"the {part} of a time", (Scalar,), _time(part), "time",
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
                hint = did_you_mean(name, MODIFIERS) or "known are: " + ", ".join(MODIFIERS)
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
            values = made
            if len(values) > MAX_VARIANTS:
                raise ModifierError("PG105", "the modifiers make too many values of this one")
        return values


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
        value = _literal(value, value)
    if isinstance(value, Scalar):
        if numeric:
            return OneOf(frozenset((value.value,)))
        value = parse_text(value.raw)
    return of_text(value) if isinstance(value, Text) else value
