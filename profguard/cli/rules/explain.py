"""`profguard rules explain`."""

import json
import sys
from pathlib import Path

import click

from profguard.cli.output import emit, json_option
from profguard.cli.rules.common import named, summary
from profguard.errors import CaptureError, Place, UsageError, printable
from profguard.model import Event
from profguard.rules import Detection, Rule
from profguard.rules.interpret import Answer
from profguard.rules.interpret import explain as explain_node


@click.command()
@click.argument("rule", metavar="RULE")
@click.option("--event", "event_file", metavar="FILE", help="An event in JSON; - reads stdin.")
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

    RULE is a rule's id, title or file name, or the path of a rule file.

    \b
    Examples:
      profguard rules explain unexpected_profiling
      profguard rules explain my_rule.yml --event event.json
    """
    found = named(rule, directories)
    assert isinstance(found, Detection)
    if found.condition is None:
        said = f"rule '{found.title}' is for the log source {found.logsource}: it never matches"
        raise UsageError.of("PG701", said, place=found.place)
    event = None if event_file is None else _event(event_file, found)
    answer = explain_node(found.condition, event)
    if as_json:
        emit({"rule": summary(found), "condition": answer.as_dict()})
    else:
        _show_tree(found, answer)


def _event(name: str, rule: Rule) -> Event:
    """The event of a JSON file: the whole of it, or its first line."""
    place = Place("stdin" if name == "-" else name, 1)
    try:
        with click.open_file(name) as file:
            text = file.read()
        event = Event.from_dict(_json(text))
    except OSError as error:
        raise CaptureError.of("PG501", f"cannot read: {error.strerror}", place=place) from None
    except KeyError as error:
        said = f"not an event: no event is called {error}"
        raise CaptureError.of("PG502", said, place=place) from None
    except (ValueError, TypeError, AttributeError) as error:
        raise CaptureError.of("PG502", f"not an event: {error}", place=place) from None
    if event.spec.name != rule.event:
        said = f"rule '{rule.title}' is asked of {rule.event} events, this is {event.spec.name}"
        raise UsageError.of("PG701", said, place=place)
    return event


def _json(text: str) -> dict:
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text.partition("\n")[0])


def _show_tree(rule: Rule, answer: Answer) -> None:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    def line(part: Answer) -> Text:
        mark = {True: ("yes  ", "green"), False: ("no   ", "red"), None: ("", "")}[part.truth]
        value = "" if part.value is None else f"  (it is {part.value})"
        return Text.assemble(mark, printable(str(part.node)), (value, "dim"))

    def grow(tree: Tree, part: Answer) -> Tree:
        for one in part.parts:
            grow(tree.add(line(one)), one)
        return tree

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1_000)
    console.print(Text(printable(f"{rule.title} ({rule.level}), {rule.place}"), "bold"))
    console.print(grow(Tree(line(answer)), answer))
