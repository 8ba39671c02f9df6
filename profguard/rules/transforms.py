"""What each value modifier does to a value. Which there are is said in modifiers.py.

Each function takes a value that fits, and the placeholders of the configuration, and returns the
new value or a list of several. What cannot be done raises ModifierError.
"""

import base64
import ipaddress
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from profguard.backtracking import LONGEST, SLOW_HINT, quicker, too_slow
from profguard.errors import did_you_mean
from profguard.rules.matchers import Absent, Cidr, Compare, Pattern, Present, SameAs, TimePart
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
    """A modifier that does not exist, or does not fit; `code` is PG104, PG105, PG117 or PG122."""

    def __init__(self, code: str, message: str, hint: str | None = None):
        self.code, self.hint = code, hint
        super().__init__(message)


class TooManyError(ModifierError):
    """A value that becomes more texts than one rule may ask for."""


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


def plain_text(data: bytes | str, like: Text | bytes) -> Text:
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return Text((text,) if text else (), like.cased if isinstance(like, Text) else False)


def to_base64(value: Text | bytes, _) -> Text:
    return plain_text(base64.b64encode(_encode(value)), value)


def to_base64_offsets(value: Text | bytes, _) -> list[Text]:
    """What base64 makes of the value where 0, 1 or 2 bytes stand before it, and some after it.

    Characters that depend on those other bytes are cut off.
    """
    data = _encode(value)
    variants = []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data)
        start = (0, 2, 3)[offset]
        end = len(encoded) - (0, 3, 2)[(len(data) + offset) % 3]
        variants.append(plain_text(encoded[start:end], value))
    return variants


def to_utf16(codec: str, mark: bytes = b""):
    def apply(value: Text | bytes, _) -> bytes:
        return mark + _encode(value).decode("utf-8", "surrogateescape").encode(codec, "replace")

    return apply


_DASHES = ("-", "/", "\N{EN DASH}", "\N{EM DASH}", "\N{HORIZONTAL BAR}")
# A dash that begins an option: before a word, and not inside of one.
_OPTION = re.compile(rf"\B[{''.join(_DASHES)}]\b")


def any_dash(value: Text, _) -> list[Text]:
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
        raise TooManyError(
            "PG105",
            "too many dashes for windash: every combination would be tried",
            "split the value, or use re",
        )
    return [value.with_parts(parts) for parts in itertools.product(*slots)]


def around(before: tuple, after: tuple, relation: str):
    def apply(value: Text | SameAs, _) -> Text | SameAs:
        if isinstance(value, SameAs):
            return replace(value, relation=relation)
        return value.between(before, after)

    return apply


def cased(value: Any) -> Any:
    """A text, its encoding or a field's name, with upper and lower case told apart."""
    if isinstance(value, bytes):
        value = plain_text(value, value)
    if isinstance(value, Text):
        return replace(value, cased=True)
    return replace(value, folded=False) if isinstance(value, SameAs) else value


def _unchanged(value: Text, name: str) -> str:
    if value.raw is None:
        raise ModifierError("PG105", f"{name} must come before the other modifiers")
    return value.raw


def as_regex(value: Text, _) -> Pattern:
    source = _unchanged(value, "re")
    if len(source) > LONGEST:
        said = f"the regular expression is longer than {LONGEST:,} characters"
        raise ModifierError("PG122", said, "split it, or list the texts with contains")
    try:
        re.compile(source)
    except (re.error, RecursionError, OverflowError) as error:
        at = getattr(error, "pos", None)
        where = f" at character {at + 1}" if at is not None else ""
        said = getattr(error, "msg", str(error))
        raise ModifierError("PG105", f"not a regular expression{where}: {said}") from None
    return _quick(Pattern(quicker(source), 0, source))


def _quick(pattern: Pattern) -> Pattern:
    """The pattern itself. Raises ModifierError for one that a hostile text could make slow."""
    wrong = too_slow(pattern.regex, pattern.flags)
    if wrong:
        raise ModifierError("PG122", f"the regular expression {wrong}", SLOW_HINT)
    return pattern


def with_flag(flag: re.RegexFlag):
    def apply(value: Pattern, _) -> Pattern:
        return _quick(replace(value, flags=value.flags | int(flag)))

    return apply


def as_network(value: Text, _) -> Cidr:
    source = _unchanged(value, "cidr")
    try:
        return Cidr(ipaddress.ip_network(source))
    except ValueError as error:
        hint = "write a network as 10.0.0.0/8 or fd00::/8"
        raise ModifierError("PG105", f"not a network: {error}", hint) from None


def as_field(value: Text, _) -> SameAs:
    return SameAs(_unchanged(value, "fieldref"))


def as_presence(value: Scalar, _) -> Present | Absent:
    if value.is_number:
        raise ModifierError("PG105", "exists takes true or false")
    return Present() if value.value else Absent()


def _number(value: Scalar, name: str) -> int | float:
    if not value.is_number:
        raise ModifierError("PG105", f"{name} takes a number, not {value.raw}")
    return value.value


def as_comparison(name: str, operator: str):
    def apply(value: Scalar | TimePart, _) -> Compare | TimePart:
        if isinstance(value, TimePart):
            return replace(value, operator=operator)
        return Compare(operator, _number(value, name))

    return apply


def as_time_part(part: str):
    def apply(value: Scalar, _) -> TimePart:
        return TimePart(part, _number(value, part))

    return apply


_PLACEHOLDER = re.compile(r"(?<!\\)%([^%\s\\]+)%")


def expanded(value: Text, placeholders: Placeholders) -> list[Any]:
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
                raise TooManyError("PG105", "placeholders expand to too many values")
    return [value.with_parts(variant) for variant in variants]


def _meaning(name: str, placeholders: Placeholders) -> Sequence:
    if name not in placeholders:
        hint = did_you_mean(name, placeholders) or "define it in the configuration"
        raise ModifierError("PG117", f"unknown placeholder '%{name}%'", hint)
    values = placeholders[name]
    return [values] if isinstance(values, str | int | float) else list(values)
