"""`profguard rules`: check, test, list and explain rules. One file a command."""

import click

from profguard.cli.rules.cases import test
from profguard.cli.rules.explain import explain
from profguard.cli.rules.lint import lint
from profguard.cli.rules.listing import list_rules
from profguard.cli.rules.schema import schema


@click.group()
def group() -> None:
    """Check, test and explain detection rules.

    DIR is a directory of rules or one rule file; without it, the shipped rules are meant.

    \b
    Examples:
      profguard rules lint my_rules && profguard rules test my_rules
      profguard rules explain my_rule.yml --event event.json
    """


for command in (lint, test, list_rules, explain, schema):
    group.add_command(command)
