"""One .rego file as text that may be handed to the engine: small, printable, shallow."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from profguard.errors import Place, Problem
from profguard.rules.files import REGO_TEST, has_plain_name
from profguard.rules.source import place_in, read_text, told

MAX_BYTES = 256_000
MAX_LINES, MAX_COLUMNS = 20_000, 1_024  # the engine's own limits
MAX_DEPTH = 16  # the engine's time for a literal doubles with each level

OURS, TRACEE, HELPER = "profguard", "tracee", "helper"
_OUR_ROOT = "profguard."

_PACKAGE = re.compile(r"^[ \t]*package[ \t]+([^\s#]+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_TRACEE_RULE = re.compile(
    r"^(__rego_metadoc__|tracee_match|tracee_selected_events)\b", re.MULTILINE
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ufeff]")
# What brackets may hide in, or a bracket. A raw string has no escapes.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*|([\[{(])|([\]})])')
_V1_WORDS = re.compile(r"^import[ \t]+rego\.v1\b|\bif[ \t]*\{|\bcontains\b.*\bif\b", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Module:
    """One file, readable and not yet parsed. `kind` is OURS, TRACEE or HELPER."""

    path: Path
    text: str = field(repr=False)
    package: str
    kind: str
    package_line: int

    @property
    def is_test(self) -> bool:
        return self.path.name.endswith(REGO_TEST)

    @property
    def dialects(self) -> tuple[str, ...]:
        """The versions of the language to try; of several errors the last one's is told."""
        if self.kind == OURS:
            return ("v1",)
        return ("v0", "v1") if _V1_WORDS.search(self.text) else ("v1", "v0")

    def place(self, line: int = 0, column: int = 0, length: int = 1) -> Place:
        at = line or self.package_line, column or 1
        return place_in(str(self.path), self.text.split("\n"), *at, length)


def read_module(path: Path, problems: list[Problem]) -> Module | None:
    """The module of a file, or None where it is told in `problems` what is wrong with it."""
    if not has_plain_name(path, problems):
        return None
    hint = "keep long lists in data documents"
    text = read_text(path, problems, MAX_BYTES, hint, "PG150")
    if text is None:
        return None
    return parse_module(path, text.replace("\r\n", "\n"), problems)


def parse_module(path: Path, text: str, problems: list[Problem]) -> Module | None:
    """The module of a text; what the engine should not even see is refused here."""
    control = _CONTROL.search(text)
    if control:
        said = f"character U+{ord(control[0]):04X} is not allowed"
        problems.append(told("PG150", said, _at(path, text, control.start())))
        return None
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        said = f"file has more than {MAX_LINES:,} lines"
        problems.append(Problem("PG116", said, Place(str(path), MAX_LINES + 1)))
        return None
    long = next((n for n, line in enumerate(lines, 1) if len(line) > MAX_COLUMNS), None)
    if long is not None:
        said = f"line is longer than {MAX_COLUMNS:,} characters"
        problems.append(Problem("PG116", said, Place(str(path), long)))
        return None
    deep = _too_deep(text)
    if deep is not None:
        said = f"nested deeper than {MAX_DEPTH} levels"
        hint = "name inner parts: parsing takes twice as long for each level"
        problems.append(told("PG151", said, _at(path, text, deep), hint))
        return None
    package = _PACKAGE.search(text)
    if package is None:
        said, hint = "file has no package", "begin with: package profguard.name_of_the_rule"
        problems.append(told("PG150", said, _at(path, text, 0), hint))
        return None
    place = _at(path, text, package.start(1), len(package[1]))
    if not _NAME.fullmatch(package[1]):
        said = f"'{package[1]}' is not a name for a package"
        problems.append(told("PG150", said, place, "write letters, digits, _ and dots"))
        return None
    return Module(path, text, package[1], _kind(package[1], text), place.line)


def _kind(package: str, text: str) -> str:
    if package.startswith(_OUR_ROOT):
        return OURS if re.search(r"^match\b", text, re.MULTILINE) else HELPER
    return TRACEE if _TRACEE_RULE.search(text) else HELPER


def _too_deep(text: str) -> int | None:
    """Where the first bracket stands that is nested too deeply."""
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[1]:
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif token[2]:
            depth -= 1
    return None


def _at(path: Path, text: str, offset: int, length: int = 1) -> Place:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return place_in(str(path), text.split("\n"), line, column, length)
