"""`profguard rules list`."""

from pathlib import Path

import click

from profguard.cli.output import emit, json_option, table
from profguard.cli.rules.common import asked_of, directories_argument, rule_paths, summary
from profguard.cli.rules.exceptions import filter_summary
from profguard.rules import load


@click.command(name="list")
@directories_argument
@json_option
def list_rules(directories: tuple[Path, ...], as_json: bool) -> None:
    """List rules, gravest first, and then filters.

    \b
    Examples:
      profguard rules list                        level, event, title and id
      profguard rules list my_rules --json        all about each, one a line
    """
    rules = load(rule_paths(directories))
    rules.close()
    if as_json:
        for rule in rules.rules:
            emit(summary(rule))
        for one in rules.filters:
            emit(filter_summary(one))
        return
    rows = [(rule.level, asked_of(rule), rule.title, rule.id) for rule in rules.rules]
    rows += [("-", "filter", one.title, one.id) for one in rules.filters]
    table(("level", "event", "title", "id"), rows)
