"""How a filter is explained: of which rules it is, and its condition as a tree."""

from profguard.cli.output import emit, say
from profguard.cli.rules.detection import show_tree
from profguard.cli.rules.events import read_events
from profguard.errors import printable
from profguard.rules import RuleSet
from profguard.rules.filters import KEYS, Filter
from profguard.rules.interpret import explain


def explain_filter(one: Filter, rules: RuleSet, event_file: str | None, as_json: bool) -> None:
    """Print it; with a file, of the first event that it excuses, or else of the first."""
    its = [rule.title for rule, filters in rules.filters_of.items() if one in filters]
    events = [] if event_file is None else read_events(event_file)
    event = next((event for event in events if one.excuses(event)), events[0] if events else None)
    answer = explain(one.condition, event)
    excuses = None if event is None else one.excuses(event)
    if as_json:
        more = {} if excuses is None else {"excuses": excuses}
        emit({"filter": filter_summary(one), "rules": its, **more, "condition": answer.as_dict()})
        return
    say(printable(f"{one.title}, {one.place}"))
    said = [f"{key} {getattr(one, key)}" for key in KEYS if getattr(one, key)]
    if said:
        say(printable(", ".join(said)))
    say(printable("Of these rules it leaves a match only where its condition holds:"))
    for title in its or ["none"]:
        say(printable(f"  {title}"))
    if excuses is not None:
        say("It excuses the event." if excuses else "It does not excuse the event.")
    show_tree(answer)


def filter_summary(one: Filter) -> dict:
    """A filter as JSON."""
    return {
        "id": one.id,
        "title": one.title,
        "kind": one.kind,
        "logsource": str(one.logsource),
        "rules": list(one.rules) or "any",
        **{key: getattr(one, key) for key in KEYS},
        "path": one.path,
        "line": one.place.line,
    }
