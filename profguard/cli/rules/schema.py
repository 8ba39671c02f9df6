"""`profguard rules schema`."""

import json

import click

from profguard.cli.output import emit, json_option, say


@click.command()
@json_option
def schema(as_json: bool) -> None:
    """Print the JSON Schema of rules, with which editors complete fields and values.

    \b
    Examples:
      profguard rules schema > rule.schema.json
      sed -i '1i # yaml-language-server: $schema=rule.schema.json' my_rule.yml
    """
    from profguard.rules.schema import rule_schema

    if as_json:
        emit(rule_schema())
    else:
        say(json.dumps(rule_schema(), indent=1))
