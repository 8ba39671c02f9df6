"""What the commands share that choose and show rows of the database."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from profguard.findings.when import moment_ns


class Moment(click.ParamType):
    """A time or an age, as ns since the epoch."""

    name = "time"

    def convert(self, value, param, ctx):
        if isinstance(value, int):
            return value
        try:
            return moment_ns(value, time.time_ns())
        except ValueError as error:
            self.fail(str(error), param, ctx)


since_option = click.option(
    "--since",
    "since_ns",
    type=Moment(),
    help="Seen since a time, or an age such as 10m, 2h, 7d.",
)
until_option = click.option("--until", "until_ns", type=Moment(), help="Seen until then.")
pid_option = click.option("--pid", type=click.IntRange(0, 2**31), help="Pid of actor or target.")
executable_option = click.option(
    "--executable",
    metavar="PATH",
    help="Executable of actor or target: a path, or the end of one.",
)
target_option = click.option(
    "--target", metavar="PID|PATH", help="Pid or executable of the target."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many."
)


def choosing(kind: type, *options: Callable) -> Callable:
    """The options that choose rows, collected in one `kind`, a dataclass, called `chosen`."""

    def decorate(command):
        def with_filter(**given):
            chosen = kind(**{name: given.pop(name) for name in kind.__dataclass_fields__})
            return command(chosen=chosen, **given)

        with_filter.__name__, with_filter.__doc__ = command.__name__, command.__doc__
        with_filter.__click_params__ = getattr(command, "__click_params__", [])
        for option in reversed(options):
            with_filter = option(with_filter)
        return with_filter

    return decorate


def process_text(row: dict[str, Any], role: str) -> str:
    """`/usr/bin/perf[123]`: the actor or target of a row, as short as that."""
    what = row[f"{role}_executable"] or row[f"{role}_name"] or ""
    pid = "" if row[f"{role}_pid"] is None else f"[{row[f'{role}_pid']}]"
    return f"{what}{pid}" or "-"


def process_facts(row: dict[str, Any], role: str) -> Iterator[tuple[str, str]]:
    """What else is known of the actor or target of a row."""
    for fact in ("command_line", "user", "unit", "container_id"):
        if row[f"{role}_{fact}"] is not None:
            yield f"  {fact.replace('_', ' ')}", one_line(row[f"{role}_{fact}"])
    if labels := json.loads(row[f"{role}_labels"] or "[]"):
        yield "  labels", one_line(", ".join(labels))


def tool_facts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The tool of a row, and what an unknown one executes."""
    if row["tool"] is not None:
        yield "tool", one_line(row["tool"])
    if row["tool_sha256"] is not None:
        yield "  sha256", row["tool_sha256"]


def time_text(time: str) -> str:
    """An RFC 3339 time to the second, as a table shows it."""
    return time[:19].replace("T", " ")


def one_line(text: str) -> str:
    return text.replace("\n", "\\n")
