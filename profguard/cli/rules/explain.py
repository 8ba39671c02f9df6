"""`profguard rules explain`."""

from pathlib import Path

import click

from profguard.cli.output import json_option
from profguard.cli.rules.common import named
from profguard.cli.rules.correlation import explain_correlation
from profguard.cli.rules.detection import explain_detection
from profguard.cli.rules.exceptions import explain_filter
from profguard.cli.rules.policies import explain_policy


@click.command()
@click.argument("rule", metavar="RULE")
@click.option(
    "--event",
    "event_file",
    metavar="FILE",
    help="JSON of an event or a finding, or lines of them; - reads stdin.",
)
@click.option(
    "--rules",
    "directories",
    metavar="DIR",
    multiple=True,
    type=Path,
    help="Where to look for RULE (default: the shipped rules).",
)
@json_option
def explain(
    rule: str, event_file: str | None, directories: tuple[Path, ...], as_json: bool
) -> None:
    """Show a rule's condition as a tree; with an event, which parts of it are true.

    RULE is the id, title or file name of a rule or of a filter, or the path of a rule file. Of
    several events that one is shown which the rule matches first; where it matches none, the first
    that it is asked of. Of a correlation rule all are shown, and what they come to; of a rule in
    Rego its source, what it sees of an event, and what it says of this one.

    \b
    Examples:
      profguard rules explain unexpected_profiling
      profguard rules explain my_rule.yml --event event.json
      profguard findings show 0197a5c0 --json | profguard rules explain ptrace_production --event -
    """
    found, rules = named(rule, directories)
    match found.kind:
        case "detection":
            explain_detection(found, event_file, as_json)
        case "correlation":
            explain_correlation(found, event_file, as_json)
        case "filter":
            explain_filter(found, rules, event_file, as_json)
        case "rego":
            explain_policy(found, rules, event_file, as_json)
    rules.close()
