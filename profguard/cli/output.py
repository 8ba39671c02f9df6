"""How commands speak: lines for people, one JSON object a line for programs. Both cannot be abused.

Names, arguments and paths come from processes that choose them freely. Whatever is printed passes
through here, where control characters are escaped.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from profguard.errors import printable

_NEVER_FOLD = 100_000

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line, for programs."
)


def say(text: str, *, err: bool = False) -> None:
    """Print text for people. Its own line breaks stay, every other control character is escaped."""
    click.echo("\n".join(printable(line) for line in text.split("\n")), err=err)


def number(count: int, thing: str) -> str:
    """`1 rule`, `2 rules`; what is said of things (`passed`) stays as it is."""
    return f"{count} {thing[:-1] if count == 1 and thing.endswith('s') else thing}"


def json_line(item: Any) -> str:
    """`item` as one line of printable ASCII."""
    return json.dumps(item, separators=(",", ":")).replace("\x7f", "\\u007f")


def emit(item: Any, *, err: bool = False) -> None:
    """Print one JSON object as a line of its own, at once."""
    stream = sys.stderr if err else sys.stdout
    stream.write(json_line(item) + "\n")
    stream.flush()


def cell(value: Any) -> str:
    """A value as a table shows it: absent is "-", a list is joined by commas."""
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in value) or "-"
    return printable(str(value))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print an aligned table, folded to a terminal's width; in a pipe a row is always one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = None if sys.stdout.isatty() else _NEVER_FOLD
    console = Console(file=sys.stdout, width=width)
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell(value)) for value in row))
    with console.capture() as capture:
        console.print(grid)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())
