"""`profguard events`: the reference of what the sensor reports, from the registry itself."""

import sys

import click

from profguard.cli.output import emit, json_option, say, table
from profguard.codegen.docs import event_page, reference
from profguard.errors import UsageError, did_you_mean
from profguard.events import BY_NAME, REGISTRY


@click.command()
@click.argument("name", required=False)
@json_option
def events(name: str | None, as_json: bool) -> None:
    """List the events, or show all about the one called NAME: arguments, hooks, an example rule.

    \b
    Examples:
      profguard events                  every event and when it happens
      profguard events prof             its arguments, and how far each can be trusted
      profguard events prof --json      the same for a program
    """
    chosen = REGISTRY if name is None else [_event(name)]
    if as_json:
        for spec in chosen:
            emit(reference(spec))
    elif name is None:
        table(("event", "happens when"), [(spec.name, spec.summary) for spec in chosen])
    else:
        _show(event_page(chosen[0]))


def _event(name: str):
    if name not in BY_NAME:
        hint = did_you_mean(name, BY_NAME) or "`profguard events` lists them"
        raise UsageError.of("PG701", f"no event is called {name!r}", hint)
    return BY_NAME[name]


def _show(page: str) -> None:
    """Markdown as it is for a pipe, laid out for a terminal."""
    if not sys.stdout.isatty():
        say(page.rstrip("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(page, hyperlinks=False))
