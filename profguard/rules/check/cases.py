"""What test cases say of rules and filters, and what comes of them. case_reader.py reads them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profguard.errors import Place, Problem
from profguard.model import Event
from profguard.rules.correlate.correlator import Correlator
from profguard.rules.correlate.rule import Correlation
from profguard.rules.correlate.window import LATE_NS
from profguard.rules.filters import Filter
from profguard.rules.interpret import explain
from profguard.rules.pack import RuleSet
from profguard.rules.rule import Detection, Match, Rule
from profguard.rules.source import told


@dataclass(frozen=True)
class Case:
    """Events with what a rule or filter should say of the last of them."""

    rule: Rule | Filter
    name: str
    match: bool
    events: tuple[Event, ...]
    place: Place
    ends_ns: int | None = None  # until when time passes after the last event

    @property
    def event(self) -> Event:
        return self.events[-1]


@dataclass(frozen=True)
class Result:
    """What came of a case; `problem` is set where it failed."""

    case: Case
    problem: Problem | None

    @property
    def owner(self) -> str:
        """What is tested, by the name of its file."""
        return Path(self.case.rule.path).stem

    @property
    def name(self) -> str:
        return self.case.name

    @property
    def place(self) -> Place:
        return self.case.place

    @property
    def passed(self) -> bool:
        return self.problem is None

    def as_dict(self) -> dict[str, Any]:
        return {
            "rule": self.case.rule.id,
            "case": self.case.name,
            "match": self.case.match,
            "passed": self.passed,
            "path": self.case.place.path,
            "line": self.case.place.line,
        }


def run_cases(rules: RuleSet, cases: Iterable[Case]) -> list[Result]:
    """Each case with its outcome."""
    return [Result(case, _failure(rules, case)) for case in cases]


def _failure(rules: RuleSet, case: Case) -> Problem | None:
    rule = case.rule
    if _fires(rules, case) == case.match:
        return None
    verb = "should match, but does not" if case.match else "should not match, but does"
    what = "filter" if isinstance(rule, Filter) else "rule"
    said = f"{what} {rule.id}, case '{case.name}': {verb}"
    return told("PG115", said, case.place, _why(case))


def _fires(rules: RuleSet, case: Case) -> bool:
    if isinstance(case.rule, Filter):
        excused: list[Filter] = []
        rules.match(case.event, excused)
        return case.rule in excused
    return case.rule in [match.rule for match in matches_of(rules, case)]


def matches_of(rules: RuleSet, case: Case) -> list[Match]:
    """What rules say of the event of a case; of a story, what correlation rules say."""
    if not isinstance(case.rule, Correlation):
        return list(rules.match(case.event))
    correlator = Correlator(rules.correlations)
    found: list[Match] = []
    for event in case.events:
        found += correlator.advance(event.time_ns)
        found += correlator.feed(rules.match(event))
    if case.ends_ns is not None:
        found += correlator.advance(case.ends_ns + LATE_NS)
    return found


def _why(case: Case) -> str | None:
    """What decided, as far as that is one thing."""
    rule = case.rule
    if isinstance(rule, Filter):
        return explain(rule.condition, case.event).why()
    if not rule.enabled:
        return "the rule is not enabled"
    if isinstance(rule, Correlation):
        return None
    event = case.event
    if event.spec.name not in rule.events:
        return f"the rule is asked of {', '.join(rule.events)} events, this is {event.spec.name}"
    if not isinstance(rule, Detection):
        return f"it is given {rule.given(event)}"
    return explain(rule.condition, event).why()


def missing_cases(
    rules: RuleSet, cases: Iterable[Case], severity: str, tested: Collection[str] = ()
) -> list[Problem]:
    """A problem for each rule without a case that fires, or without one that stays quiet.

    Rules that only serve a correlation are tested by its cases; `tested` are names of rules that
    have tests of their own.
    """
    seen = {(case.rule.id, case.match) for case in cases}
    asked = [r for r in rules.rules if r.events and r.enabled and r not in rules.silent]
    problems = []
    for rule in (*asked, *rules.filters):
        lacks = [
            said
            for match, said in ((True, "a case that fires"), (False, "one that stays quiet"))
            if (rule.id, match) not in seen
        ]
        if lacks and rule.names.isdisjoint(tested):
            what = "filter" if isinstance(rule, Filter) else "rule"
            said = f"{what} '{rule.title}' has no test: it lacks " + " and ".join(lacks)
            hint = f"add cases to {Path(rule.path).stem}.yml in tests/rules"
            problems.append(told("PG114", said, rule.place, hint, severity))
    return problems
