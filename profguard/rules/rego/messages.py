"""What the engine says of an error, as a Problem with its place in the user's file."""

import re
from collections.abc import Sequence
from pathlib import Path

from profguard.errors import Place, Problem
from profguard.rules.rego.source import Module
from profguard.rules.source import told

_AT = re.compile(r"^--> (\d+):(\d+):(\d+)$", re.MULTILINE)
_WORD = re.compile(r"\w[\w.]*|\S")

# What the engine says in its own words, and what helps.
_HINTS = (
    ("`if` keyword is required", "this reads as Rego v1; put `if` before the body"),
    ("missing package", "begin with: package profguard.name_of_the_rule"),
    ("is unsafe", "give it a value first, or declare it with `some`"),
    ("rule conflicts", "two values for one name: write `contains`, or make the bodies exclusive"),
    ("expects", "ask for its type first: is_string(x), is_number(x)"),
)


def problem_of(
    said: str, modules: Sequence[Module], code: str = "PG150", severity: str = "error"
) -> Problem:
    """The Problem of an engine's message. The engine knows the modules by their numbers."""
    found = _AT.search(said)
    sentence = sentence_of(said)
    hint = next((help for word, help in _HINTS if word in sentence), None)
    if found is None:
        return told(code, sentence, modules[0].place(), hint, severity)
    module, line, column = modules[int(found[1])], int(found[2]), int(found[3])
    lines = module.text.split("\n")
    word = _WORD.match(lines[line - 1], column - 1) if 0 < line <= len(lines) else None
    place = module.place(line, column, len(word[0]) if word else 1)
    return told(code, sentence, place, hint, severity)


def sentence_of(said: str) -> str:
    """The one line of an engine's message that says what is wrong."""
    _, marked, rest = said.rpartition("\nerror: ")
    line = (rest if marked else said.strip().rpartition("\n")[2]).strip().split("\n")[0]
    return line.rstrip(":") or "the engine gave no reason"


def no_engine(error: OSError, path: Path) -> Problem:
    """The Problem of a worker that cannot be started; `path` is a file that it is needed for."""
    return Problem("PG151", f"Rego cannot be evaluated here: {error}", Place(str(path)))
