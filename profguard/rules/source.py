"""YAML files as plain data that remembers where each value stood.

Scalars are read by the YAML 1.2 core schema, which the Sigma specification names: `no` is text,
a date is text, `0x10` is a number. What a rule never needs and an attacker would use (huge files,
deep nesting, aliases that multiply, tags that construct objects) is refused while reading.
"""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml import AliasEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from profguard.errors import Place, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_SHOWN = 500  # characters of a source line or of a message
MAX_NODES = 10_000  # of one file, aliases counted as what they stand for

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_TAGS = {
    ScalarEvent: ("tag:yaml.org,2002:str", "!"),
    SequenceStartEvent: ("tag:yaml.org,2002:seq", "!"),
    yaml.MappingStartEvent: ("tag:yaml.org,2002:map", "!"),
}
_INT = re.compile(r"[-+]?[0-9]+")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(slots=True)
class Document:
    """One YAML document. A path such as ("detection", "selection", 0) names a value in it.

    `keys` and `values` are the parser's events, which know where they were in the text.
    """

    path: str
    index: int  # of the document in its file
    value: Any
    lines: list[str] = field(repr=False)
    keys: dict[tuple, yaml.Event] = field(default_factory=dict, repr=False)
    values: dict[tuple, yaml.Event] = field(default_factory=dict, repr=False)
    origin: Place | None = None  # the place of everything in it, of a value that is no file

    def place(self, *path, key: bool = False) -> Place:
        """The place of the value at `path` (with `key`, of its key), or of the nearest parent."""
        if self.origin is not None:
            return self.origin
        event = self.keys.get(path) if key else None
        while event is None:
            event = self.values.get(path)
            if not path:
                break
            path = path[:-1]
        if event is None:
            return Place(self.path)
        start, end = event.start_mark, event.end_mark
        if end.line == start.line:
            length = end.column - start.column
        else:
            length = len(self.lines[start.line]) - start.column
        return place_in(self.path, self.lines, start.line + 1, start.column + 1, max(1, length))

    def part(self, *path, start: int, length: int, key: bool = False) -> Place:
        """The place of characters `start:start + length` of the scalar (or key) at `path`."""
        event = (self.keys if key else self.values).get(path)
        whole = self.place(*path, key=key)
        if not isinstance(event, ScalarEvent) or whole.text is None:
            return whole
        quoted = whole.text[whole.column - 1] in "'\""
        column = whole.column + start + quoted
        wanted = event.value[start : start + length]
        if not whole.text.startswith(wanted, column - 1):
            return whole  # folded over lines, or written with escapes
        return place_in(self.path, self.lines, whole.line, column, length)

    def raw(self, *path) -> str | None:
        """The scalar at `path` as written."""
        event = self.values.get(path)
        return event.value if isinstance(event, ScalarEvent) else None


def told(
    code: str, message: str, place: Place, hint: str | None = None, severity: str = "error"
) -> Problem:
    """A Problem that stays readable whatever the file has for names and values."""
    return Problem(code, _cut(message), place, hint and _cut(hint), severity)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + " ..."


def place_in(path: str, lines: list[str], line: int, column: int, length: int = 1) -> Place:
    """A place with its source line, unless that is too long to be shown."""
    text = lines[line - 1].replace("\t", " ") if 0 < line <= len(lines) else None
    if text is not None and len(text) > MAX_SHOWN:
        text = None
    room = len(text) - column + 1 if text is not None else length
    return Place(path, line, column, text, max(1, min(length, room)))


def read(path: Path, problems: list[Problem]) -> list[Document]:
    """The documents of a file. What is wrong is appended to `problems`."""
    hint = "split the file, or keep long lists outside of rules"
    text = read_text(path, problems, MAX_BYTES, hint, "PG101")
    return [] if text is None else parse(text, str(path), problems)


def read_text(path: Path, problems: list[Problem], limit: int, hint: str, code: str) -> str | None:
    """The text of a file of at most `limit` bytes, with `hint` for a larger one.

    What is no UTF-8 is a problem with that code.
    """
    name = str(path)
    try:
        # A pipe without a writer would block here, and a device might never end.
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                problems.append(Problem("PG116", "not a regular file", Place(name)))
                return None
            data = file.read(limit + 1)
    except OSError as error:
        problems.append(Problem("PG116", f"cannot read: {error.strerror}", Place(name)))
        return None
    if len(data) > limit:
        problems.append(Problem("PG116", f"file is larger than {limit:,} bytes", Place(name), hint))
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        problems.append(Problem(code, "file is not UTF-8", Place(name, line, column)))
        return None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def parse(text: str, path: str, problems: list[Problem]) -> list[Document]:
    """The documents of a YAML text; empty ones are left out. Problems are appended."""
    composer = _Composer(text, path, problems)
    try:
        return [doc for doc in composer.documents() if doc.value is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem))) or "not valid YAML"
        place = composer.at(mark) if mark else Place(path)
        problems.append(Problem("PG101", said, place))
    except yaml.reader.ReaderError as error:
        # The position is one of the UTF-8 text.
        line = text.encode()[: error.position].count(b"\n") + 1
        said = f"character U+{error.character:04X} is not allowed in YAML"
        problems.append(Problem("PG101", said, Place(path, line)))
    except _RefusedError as refusal:
        problems.append(refusal.problem)
    return []


class _RefusedError(Exception):
    def __init__(self, problem: Problem):
        self.problem = problem
        super().__init__(problem.message)


class _Composer:
    """Builds documents from the parser's events, so that limits hold while reading."""

    def __init__(self, text: str, path: str, problems: list[Problem]):
        self.path = path
        self.lines = _LINE_BREAK.split(text)
        self.problems = problems
        self.next = _LOADER(text).get_event
        self.nodes = 0
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.document: Document

    def at(self, mark, length: int = 1) -> Place:
        return place_in(self.path, self.lines, mark.line + 1, mark.column + 1, length)

    def refuse(self, message: str, mark, hint: str | None = None) -> _RefusedError:
        return _RefusedError(Problem("PG101", message, self.at(mark), hint))

    def documents(self):
        self.next()  # the start of the stream
        index = 0
        while not isinstance(self.next(), yaml.StreamEndEvent):
            self.anchors.clear()
            self.document = Document(self.path, index, None, self.lines)
            self.document.value = self.node(self.next(), (), 0)
            self.next()  # the end of the document
            yield self.document
            index += 1

    def node(self, event, path: tuple, depth: int) -> Any:
        if isinstance(event, AliasEvent):
            return self.alias(event)
        before = self.nodes
        self.count(1, event)
        if depth > MAX_DEPTH:
            raise self.refuse(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        if event.tag is not None and event.tag not in _TAGS[type(event)]:
            said = f"tag {event.tag} is not allowed"
            raise self.refuse(said, event.start_mark, "remove the tag")
        self.document.values[path] = event
        if isinstance(event, ScalarEvent):
            value = self.scalar(event)
        elif isinstance(event, SequenceStartEvent):
            value = self.sequence(path, depth)
        else:
            value = self.mapping(path, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.nodes - before)
        return value

    def count(self, nodes: int, event) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            message = f"file has more than {MAX_NODES:,} values (an alias counts as its content)"
            raise self.refuse(message, event.start_mark, "split the file")

    def alias(self, event) -> Any:
        if event.anchor not in self.anchors:
            raise self.refuse(f"alias *{event.anchor} has no finished anchor", event.start_mark)
        value, size = self.anchors[event.anchor]
        self.count(size, event)
        return value

    def scalar(self, event) -> Any:
        text = event.value
        if event.tag is not None or not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text) and len(text) <= 40:
            return int(text)
        if _RADIX.fullmatch(text) and len(text) <= 40:
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text

    def sequence(self, path: tuple, depth: int) -> list:
        items = []
        while not isinstance(event := self.next(), SequenceEndEvent):
            items.append(self.node(event, (*path, len(items)), depth + 1))
        return items

    def mapping(self, path: tuple, depth: int) -> dict[str, Any]:
        table: dict[str, Any] = {}
        while not isinstance(event := self.next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self.refuse("a key must be a single word or text", event.start_mark)
            key = event.value
            here = (*path, key)
            twice = key in table
            if twice:
                first = self.document.keys[here].start_mark.line + 1
                start, end = event.start_mark, event.end_mark
                place = self.at(start, end.column - start.column)
                said = f"key '{key}' is already set on line {first}"
                self.problems.append(Problem("PG102", said, place))
            else:
                self.document.keys[here] = event
            value = self.node(self.next(), here, depth + 1)
            if not twice:
                table[key] = value
        return table
