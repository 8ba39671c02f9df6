"""How a detection rule is explained: its condition as a tree, with what an event makes of it."""

import sys

from profguard.cli.output import emit, say
from profguard.cli.rules.common import summary
from profguard.cli.rules.events import events_for
from profguard.errors import UsageError, printable
from profguard.model import Event
from profguard.rules import Detection
from profguard.rules.interpret import Answer, explain, matches
from profguard.timefmt import rfc3339

LONGEST = 500  # characters of a question


def explain_detection(rule: Detection, event_file: str | None, as_json: bool) -> None:
    """Print it; with a file, of the first event in it that the rule matches, or else the first."""
    if rule.condition is None:
        said = f"rule '{rule.title}' is for the log source {rule.logsource}: it never matches"
        raise UsageError.of("PG701", said, place=rule.place)
    events = [] if event_file is None else events_for(rule, event_file)
    event = _telling(rule, events)
    answer = explain(rule.condition, event)
    if as_json:
        judged = {} if event is None else {"matches": answer.truth, "why": answer.why()}
        emit({"rule": summary(rule), **judged, "condition": answer.as_dict()})
        return
    say(printable(f"{rule.title} ({rule.level}), {rule.place}"))
    if not rule.enabled:
        say("The rule is not enabled.")
    if len(events) > 1:
        say(f"Of {len(events)} {event.spec.name} events, the one at {rfc3339(event.time_ns)}.")
    if event is not None:
        say("It matches." if answer.truth else f"It does not match. {answer.why()}")
    show_tree(answer)


def _telling(rule: Detection, events: list[Event]) -> Event | None:
    matching = (event for event in events if matches(rule.condition, event))
    return next(matching, events[0] if events else None)


def show_tree(answer: Answer) -> None:
    """Print a condition, with each node's truth where it has one; what decided is bold."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    deciding = {id(one) for _, one in answer.reasons()} if answer.truth is not None else ()

    def line(part: Answer) -> Text:
        mark = {True: ("yes  ", "green"), False: ("no   ", "red"), None: ("", "")}[part.truth]
        asked = printable(str(part.node))
        asked = asked if len(asked) <= LONGEST else f"{asked[:LONGEST]} ..."
        value = "" if part.value is None else f"  (it is {part.value})"
        return Text.assemble(mark, (asked, "bold" if id(part) in deciding else ""), (value, "dim"))

    def grow(tree: Tree, part: Answer) -> Tree:
        for one in part.parts:
            grow(tree.add(line(one)), one)
        return tree

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 2 * LONGEST)
    console.print(grow(Tree(line(answer)), answer))
