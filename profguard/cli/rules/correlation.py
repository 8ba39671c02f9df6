"""How a correlation rule is explained: what it joins, and what events come to."""

from profguard.cli.output import emit, say, table
from profguard.cli.rules.common import summary
from profguard.cli.rules.events import events_for
from profguard.cli.screen import clock
from profguard.errors import printable
from profguard.model import Event
from profguard.rules import Detection
from profguard.rules.correlate.correlator import Correlator
from profguard.rules.correlate.rule import Correlation, Member
from profguard.rules.interpret import matches
from profguard.rules.rule import Match, Rule
from profguard.timefmt import span


def explain_correlation(rule: Correlation, event_file: str | None, as_json: bool) -> None:
    """Print it; with a file, also which of its events match what, and what they come to."""
    events = [] if event_file is None else events_for(rule, event_file)
    steps = list(_steps(rule, events))
    if as_json:
        emit({"rule": summary(rule), "correlation": _told(rule), "events": steps})
        return
    say(printable(f"{rule.title} ({rule.level}), {rule.place}"))
    if not rule.enabled:
        say("The rule is not enabled.")
    say(f"{rule.type} within {span(rule.span_ns)}, where {_condition(rule)}")
    say(f"in each group of {', '.join(rule.group_by) or 'all events'}, of:")
    for role, members in _roles(rule).items():
        for member in members:
            say(printable(f"  {role}{_described(member)}"))
    if event_file is not None:
        say("")
        rows = [(s["time"], s["event"], s["matches"], s["completes"]) for s in steps]
        table(("time", "event", "matches", "completes"), rows)


def _roles(rule: Correlation) -> dict[str, tuple[Member, ...]]:
    return {"": rule.members, "not followed by ": rule.absent, "broken off by ": rule.until}


def _described(member: Member) -> str:
    rule = member.rule
    values = f", {', '.join(s.name for s in member.values)}" if member.values else ""
    return f"'{rule.title}' ({', '.join(rule.events)}{values})"


def _condition(rule: Correlation) -> str:
    what = {"event_count": "the number of events", "value_count": "the number of values"}.get(
        rule.type, "the number of rules" if rule.type.startswith("temporal") else rule.type[6:]
    )
    return " and ".join(f"{what} {test} {number}" for test, number in rule.condition)


def _told(rule: Correlation) -> dict:
    return {
        "type": rule.type,
        "timespan_ns": rule.span_ns,
        "group_by": list(rule.group_by),
        "condition": [[test, number] for test, number in rule.condition],
        "rules": [member.rule.id for member in rule.members],
        "absent": [member.rule.id for member in rule.absent],
        "until": [member.rule.id for member in rule.until],
    }


def _steps(rule: Correlation, events: list[Event]):
    """For each event: the rules it matches, and with what the correlation matches then."""
    chain = _chain(rule)
    correlator = Correlator([one for one in chain if isinstance(one, Correlation)])
    detections = [one for one in chain if isinstance(one, Detection) and one.condition]
    for event in sorted(events, key=lambda event: event.time_ns):
        due = correlator.advance(event.time_ns)
        asked = [one for one in detections if event.spec.name in one.events]
        found = [Match(one, event) for one in asked if matches(one.condition, event)]
        completed = [m for m in (*due, *correlator.feed(found)) if m.rule is rule]
        yield {
            "time": clock(event),
            "event": event.spec.name,
            "matches": [match.rule.title for match in found],
            "completes": [match.message for match in completed],
        }


def _chain(rule: Rule) -> list[Rule]:
    """All rules that a correlation rests on, each before those that refer to it."""
    found: dict[Rule, None] = {}
    waiting = [(rule, False)]
    while waiting:
        one, is_ready = waiting.pop()
        if is_ready:
            found.setdefault(one)
        elif one not in found:
            waiting.append((one, True))
            referred = one.referred if isinstance(one, Correlation) else ()
            waiting += [(other, False) for other in referred]
    return list(found)
