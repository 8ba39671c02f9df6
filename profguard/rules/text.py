r"""Sigma's texts: `*` and `?` are wildcards, a backslash makes them (and itself) plain.

A backslash before any other character is just a backslash.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum


class Wild(Enum):
    ANY = "*"
    ONE = "?"


_TOKEN = re.compile(r"\\([*?\\])|([*?])")


@dataclass(frozen=True)
class Text:
    """Literal pieces and wildcards in order. `raw` is the source, while nothing has changed it."""

    parts: tuple[str | Wild, ...]
    cased: bool = False
    raw: str | None = None

    @property
    def has_wildcards(self) -> bool:
        return any(isinstance(part, Wild) for part in self.parts)

    @property
    def plain(self) -> str:
        """The text of a value that has no wildcards."""
        return "".join(part for part in self.parts if isinstance(part, str))

    def between(self, before: tuple = (), after: tuple = ()) -> "Text":
        """This text with parts put before and after it."""
        return Text(_joined((*before, *self.parts, *after)), self.cased)

    def with_parts(self, parts: tuple) -> "Text":
        return replace(self, parts=_joined(parts), raw=None)

    def __str__(self):
        return "".join(
            part.value if isinstance(part, Wild) else re.sub(r"([*?\\])", r"\\\1", part)
            for part in self.parts
        )


def _joined(parts: tuple) -> tuple:
    """Neighbouring literals as one, and `**` as `*`, which means the same."""
    out: list[str | Wild] = []
    for part in parts:
        last = out[-1] if out else None
        if isinstance(part, str) and isinstance(last, str):
            out[-1] = last + part
        elif part != "" and not (part is Wild.ANY and last is Wild.ANY):
            out.append(part)
    return tuple(out)


def parse_text(raw: str) -> Text:
    """The text that a rule's string means."""
    parts: list[str | Wild] = []
    end = 0
    for match in _TOKEN.finditer(raw):
        parts.append(raw[end : match.start()])
        escaped, wild = match.groups()
        parts.append(escaped or Wild(wild))
        end = match.end()
    parts.append(raw[end:])
    return Text(_joined(tuple(parts)), raw=raw)


def glob_regex(parts: tuple[str | Wild, ...]) -> str:
    """A regular expression for a whole text, in time linear in it for each piece.

    What follows a `*` is looked for once, from the left, and never again (an atomic group): if
    the leftmost place does not lead to a match, no other does.
    """
    pieces, current = [], ""
    for part in parts:
        if part is Wild.ANY:
            pieces.append(current)
            current = ""
        else:
            current += "." if part is Wild.ONE else re.escape(part)
    pieces.append(current)
    first, *middle, last = pieces if len(pieces) > 1 else (pieces[0], None)
    if last is None:
        return rf"(?s:\A{first}\Z)"
    searched = "".join(f"(?>.*?{piece})" for piece in middle)
    return rf"(?s:\A{first}{searched}.*{last}\Z)"
