"""Ties correlation rules and filters to the rules they refer to, by id, name or file name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from profguard.errors import Problem, did_you_mean
from profguard.rules.correlate.reader import CorrelationReader
from profguard.rules.correlate.rule import Correlation, Draft
from profguard.rules.filters import Filter
from profguard.rules.rule import Rule
from profguard.rules.source import told

_TOLD = 20  # of what is wrong with references at once: nobody reads on


@dataclass
class Names:
    """Rules by all that they may be called. A name that two rules have means the first."""

    rules: dict[str, Rule] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()  # names of rules that are wrong, which was told

    def add(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            for name in rule.names:
                self.rules.setdefault(name, rule)


def correlations(
    drafts: Sequence[Draft], names: Names, problems: list[Problem]
) -> list[Correlation]:
    """The correlation rules, each after those that it refers to; `names` learns them.

    One that refers to a rule that does not exist, or to itself by a circle, is reported.
    """
    waiting = dict.fromkeys(drafts)
    drafted = {name: draft for draft in drafts for name in draft.names}
    made: list[Correlation] = []
    while waiting:
        ready = [
            draft
            for draft in waiting
            if not any(
                drafted.get(name) in waiting and name not in names.rules
                for name, _ in draft.references
            )
        ]
        if not ready:
            _report_circle(waiting, drafted, problems)
            break
        for draft in ready:
            del waiting[draft]
            found = _read(draft, names, problems)
            if found is not None:
                names.add([found])
                made.append(found)
    return made


def _read(draft: Draft, names: Names, problems: list[Problem]) -> Correlation | None:
    missing = [(name, path) for name, path in draft.references if name not in names.rules]
    for name, path in missing[:_TOLD]:
        place = draft.document.place(*path)
        if name in names.broken:
            said = f"rule '{name}', which it refers to, has errors"
            problems.append(told("PG140", said, place))
        else:
            problems.append(_no_rule(name, names, place))
    found: list[Problem] = []
    rule = CorrelationReader(draft, names.rules, found).read() if not missing else None
    problems += found
    failed = any(problem.is_error for problem in found)
    if rule is None or failed:
        names.broken |= draft.names
        return None
    return rule


def _no_rule(name: str, names: Names, place, severity: str = "error") -> Problem:
    """The problem of a name that no rule has."""
    hint = did_you_mean(name, names.rules) or "a rule is named by its id, its name or its file"
    return told("PG140", f"no rule is called '{name}'", place, hint, severity)


def _report_circle(waiting: Iterable[Draft], drafted: dict, problems: list[Problem]) -> None:
    for draft in list(waiting)[:_TOLD]:
        name, path = next(
            (name, path) for name, path in draft.references if drafted.get(name) in waiting
        )
        said = f"correlation '{draft.value['title']}' waits for itself through '{name}'"
        problems.append(told("PG141", said, draft.document.place(*path), "break the circle"))


def apply_filters(
    filters: Sequence[Filter], rules: Sequence[Rule], names: Names, problems: list[Problem]
) -> dict[Rule, tuple[Filter, ...]]:
    """The filters of each rule that has some. What a filter names in vain is reported."""
    found: dict[Rule, tuple[Filter, ...]] = {}
    for one in filters:
        for name, place in list(zip(one.rules, one.rule_places, strict=True))[:_TOLD]:
            rule = names.rules.get(name)
            if rule is None and name not in names.broken:
                problems.append(_no_rule(name, names, place, "warning"))
            elif rule is not None and not one.covers(rule):
                problems.append(_not_covered(one, rule, place))
        for rule in rules:
            if one.speaks_of(rule):
                found[rule] = (*found.get(rule, ()), one)
    return found


def _not_covered(one: Filter, rule: Rule, place) -> Problem:
    if isinstance(rule, Correlation):
        said = f"'{rule.title}' is a correlation rule, which filters do not touch"
        return told("PG144", said, place, "name the rules that it correlates", "warning")
    said = f"the filter's log source {one.logsource} is not that of rule '{rule.title}'"
    return told("PG144", said, place, "use the logsource of the rule", "warning")
