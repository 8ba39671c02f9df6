"""Where each key and value of a TOML text stands. The parser of the standard library does not say.

The text has been parsed before, so it is valid: what is left is to find the borders of things.
"""

import re
import tomllib
from dataclasses import dataclass, field

from profguard.errors import Place

Path = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_NAME = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_TEXT = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_PLAIN = re.compile(r"[^,\]}#\r\n]*[^,\]}#\r\n \t]")


@dataclass(frozen=True)
class Source:
    """A configuration file: its text, and for each path of keys and indexes where it stands."""

    path: str
    text: str = field(repr=False)
    keys: dict[Path, tuple[int, int]] = field(repr=False)
    values: dict[Path, tuple[int, int]] = field(repr=False)

    @classmethod
    def of(cls, path: str, text: str) -> "Source":
        """`text` must be valid TOML."""
        scanner = _Scanner(text.replace("\r\n", "\n"))
        scanner.document()
        return cls(path, scanner.text, scanner.keys, scanner.values)

    def place(self, *path: str | int, key: bool = True) -> Place:
        """The place of the key at `path`, or of its value; else of the nearest thing around it."""
        while path:
            span = (self.keys if key else self.values).get(path)
            span = span or self.keys.get(path) or self.values.get(path)
            if span:
                return self._place(*span)
            path = path[:-1]
        return Place(self.path)

    def _place(self, start: int, end: int) -> Place:
        line_start = self.text.rfind("\n", 0, start) + 1
        line_end = self.text.find("\n", start)
        line_end = len(self.text) if line_end < 0 else line_end
        return Place(
            self.path,
            self.text.count("\n", 0, start) + 1,
            start - line_start + 1,
            self.text[line_start:line_end],
            max(1, min(end, line_end) - start),
        )


class _Scanner:
    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.keys: dict[Path, tuple[int, int]] = {}
        self.values: dict[Path, tuple[int, int]] = {}
        self._lengths: dict[Path, int] = {}  # of arrays of tables
        self._last_name = (0, 0)

    def document(self) -> None:
        base: Path = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            if self._here("["):
                base = self._header()
            else:
                self._pair(base)
            self._skip(_SPACE)

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path that the following pairs are under."""
        is_array = self.text.startswith("[[", self.at)
        brackets = 2 if is_array else 1
        self.at += brackets
        path = self._key(())
        if is_array:
            index = self._lengths.get(path, 0)
            self._lengths[path] = index + 1
            path = (*path, index)
            self.keys[path] = self._last_name
        self._skip(_BLANK)
        self.at += brackets
        return path

    def _pair(self, base: Path) -> None:
        path = self._key(base)
        self._skip(_BLANK)
        self.at += 1  # =
        self._skip(_BLANK)
        self._value(path)

    def _key(self, base: Path) -> Path:
        """A dotted key below `base`; each of its names is noted where it stands first."""
        path = base
        while True:
            self._skip(_BLANK)
            match = _NAME.match(self.text, self.at)
            name = match[0]
            if name[0] in "\"'":
                name = tomllib.loads(f"x = {name}")["x"]
            path = (*path, name)
            self._last_name = match.span()
            self.keys.setdefault(path, self._last_name)
            self.at = match.end()
            self._skip(_BLANK)
            if not self._here("."):
                return path
            self.at += 1
            # Below an array of tables a name means the last of them.
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)

    def _value(self, path: Path) -> None:
        start = self.at
        if self._here("["):
            self._items("]", lambda index: self._value((*path, index)))
        elif self._here("{"):
            self._items("}", lambda _: self._pair(path))
        else:
            match = _TEXT.match(self.text, self.at) or _PLAIN.match(self.text, self.at)
            self.at = match.end()
        self.values[path] = start, self.at

    def _items(self, end: str, item) -> None:
        self.at += 1
        index = 0
        self._skip(_SPACE)
        while not self._here(end):
            item(index)
            index += 1
            self._skip(_SPACE)
            if self._here(","):
                self.at += 1
                self._skip(_SPACE)
        self.at += 1

    def _here(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _skip(self, pattern: re.Pattern) -> None:
        self.at = pattern.match(self.text, self.at).end()
