"""Warnings about rules that are valid and yet probably not what was meant."""

from profguard.errors import Problem
from profguard.rules.matchers import Absent
from profguard.rules.pack import RuleSet
from profguard.rules.rule import Detection
from profguard.rules.tree import Test, leaves


def warnings(rules: RuleSet) -> list[Problem]:
    """What is doubtful about each enabled rule, beyond what loading it told already."""
    return [
        problem
        for rule in rules.rules
        if isinstance(rule, Detection) and rule.condition
        for problem in _forgeable_only(rule)
    ]


def _forgeable_only(rule: Detection) -> list[Problem]:
    """PG113 where nothing that a rule asks for is out of the observed process's hands."""
    asked = [
        leaf.field
        for leaf, positive in leaves(rule.condition)
        if positive and isinstance(leaf, Test) and not isinstance(leaf.matcher, Absent)
    ]
    if not asked or not all(source.forgeable for source in asked):
        return []
    names = ", ".join(sorted({source.name for source in asked}))
    said = f"rule relies on nothing but {names}, which the observed process can forge or race"
    hint = "add a field from kernel memory, such as process.executable or process.user.id"
    return [Problem("PG113", said, rule.place, hint, "warning")]
