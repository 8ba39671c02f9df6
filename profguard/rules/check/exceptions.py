"""Warnings about exceptions: expired, dead, or nobody's."""

from collections.abc import Iterator, Mapping

from profguard.errors import Problem
from profguard.rules.check.reach import contradiction
from profguard.rules.filters import KEYS, Filter
from profguard.rules.pack import RuleSet
from profguard.rules.rule import Detection, Rule
from profguard.rules.source import told
from profguard.rules.tree import And, Not


def filter_warnings(
    rules: RuleSet, now_ns: int, unused: Mapping[str, str] | None = None
) -> list[Problem]:
    """What is doubtful about each filter at this time.

    `unused` tells since when the sensor has filters, by id, that have excused nothing.
    """
    return [problem for one in rules.filters for problem in _of(one, rules, now_ns, unused or {})]


def _of(one: Filter, rules: RuleSet, now_ns: int, unused: Mapping[str, str]) -> Iterator[Problem]:
    if one.expires_ns is not None and one.expires_ns <= now_ns:
        said = f"exception '{one.title}' is expired since {one.expires}"
        hint = "remove it, or say until when it is still needed"
        yield told("PG143", said, one.place, hint, "warning")
    missing = [key for key in KEYS if getattr(one, key) is None]
    if missing:
        said = f"exception '{one.title}' does not say: " + ", ".join(missing)
        yield told("PG145", said, one.place, "add them under profguard:", "warning")
    why = _dead(one, rules)
    if why:
        yield told("PG144", f"exception '{one.title}' excuses nothing: {why}", *_at(one))
    elif one.id in unused:
        said = f"exception '{one.title}' has excused nothing since {unused[one.id][:10]}"
        yield told("PG144", said, *_at(one))


def _at(one: Filter) -> tuple:
    return one.place, "remove it, or mend what it asks for", "warning"


def _dead(one: Filter, rules: RuleSet) -> str | None:
    """Why the filter can never take a match back; None where it can, or that cannot be told."""
    its = [rule for rule, filters in rules.filters_of.items() if one in filters]
    if not its:
        return "no rule is one of its"
    found = [_excluded(one, rule) for rule in its]
    return found[0] if all(found) else None


def _excluded(one: Filter, rule: Rule) -> str | None:
    """Why no match of the rule is what the filter excuses."""
    if not isinstance(rule, Detection) or rule.condition is None:
        return None
    why = contradiction(And((rule.condition, Not(one.condition))))
    if why is None or contradiction(rule.condition):
        return None
    return (
        f"of rule '{rule.title}', {why}" if why.literals else f"it excuses nothing at all ({why})"
    )
