"""Problems as SARIF 2.1.0, the format in which code scanning services take what a linter found."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from profguard import __version__
from profguard.errors import CODES, Place, Problem, printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_REPORTED = [code for code in CODES if code.startswith("PG1")]


def sarif(problems: Iterable[Problem], root: Path) -> dict[str, Any]:
    """The log of one run. Paths below `root`, an absolute path, are told relative to it."""
    driver = {
        "name": "profguard",
        "version": __version__,
        "rules": [_kind(code) for code in _REPORTED],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, root) for problem in problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _kind(code: str) -> dict[str, Any]:
    # GitHub's code scanning asks for all three texts, which SARIF does not.
    said = {"text": CODES[code]}
    helped = {"text": f"{CODES[code]}: each result says where, and what would help."}
    return {"id": code, "shortDescription": said, "fullDescription": said, "help": helped}


def _result(problem: Problem, root: Path) -> dict[str, Any]:
    said = problem.message if problem.hint is None else f"{problem.message}\nhint: {problem.hint}"
    found = {
        "ruleId": problem.code,
        "level": problem.severity,
        "message": {"text": "\n".join(map(printable, said.split("\n")))},
        "locations": [_location(problem.place, root)] if problem.place else [],
    }
    if problem.code in _REPORTED:
        found["ruleIndex"] = _REPORTED.index(problem.code)
    return found


def _location(place: Place, root: Path) -> dict[str, Any]:
    where: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.path, root)}}
    if place.line:
        where["region"] = region = {"startLine": place.line}
        if place.column:
            region["startColumn"] = place.column
            region["endColumn"] = place.column + place.length
    return {"physicalLocation": where}


def _uri(path: str, root: Path) -> str:
    """A path as a URI: relative below `root`, otherwise with the scheme `file`."""
    whole = Path(os.path.normpath(root / path))
    if whole.is_relative_to(root):
        return quote(os.fsencode(whole.relative_to(root)))
    return "file://" + quote(os.fsencode(whole))
