"""Findings for other programs: JSON, JSON lines, CSV."""

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from profguard.errors import printable
from profguard.findings.document import document
from profguard.findings.tables import FINDINGS

FORMATS = ("json", "jsonl", "csv")
# What a spreadsheet would run as a formula is written as text.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def exported(rows: Iterable[dict[str, Any]], form: str) -> Iterator[str]:
    """Pieces of text that make the whole output: an array, a line a finding, or a table."""
    return {"json": _json, "jsonl": _jsonl, "csv": _csv}[form](rows)


def _json(rows) -> Iterator[str]:
    separator = "["
    for row in rows:
        yield separator + json.dumps(document(row))
        separator = ",\n"
    yield "[]\n" if separator == "[" else "]\n"


def _jsonl(rows) -> Iterator[str]:
    for row in rows:
        yield json.dumps(document(row), separators=(",", ":")) + "\n"


def _csv(rows) -> Iterator[str]:
    names = [name for name in FINDINGS.names if name != "event"]
    yield _csv_line(names)
    for row in rows:
        yield _csv_line([_cell(row[name]) for name in names])


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return printable("'" + value if value.startswith(_FORMULA_STARTS) else value)


def _csv_line(values: list) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()
