"""Warnings about rules that are valid and yet probably not what was meant.

A rule that can never match is an error here: it says that it watches, and does not. The engine
loads it all the same.
"""

from collections.abc import Hashable, Iterator

from profguard.errors import Problem
from profguard.rules.check.metadata import is_own, metadata_warnings, same_names
from profguard.rules.check.reach import Dead, contradiction, pruned
from profguard.rules.index import normalized
from profguard.rules.matchers import Absent
from profguard.rules.pack import RuleSet
from profguard.rules.rule import Detection
from profguard.rules.source import told
from profguard.rules.tree import And, Keyword, Named, Node, Not, Or, Test, children, leaves


def warnings(rules: RuleSet) -> list[Problem]:
    """What is doubtful about each rule, beyond what loading it told already.

    Of a rule for a generic log source it is not told that it relies on a command line: half of
    those that people share do, and whoever loads them cannot change it.
    """
    found: list[Problem] = []
    for rule in rules.rules:
        found += metadata_warnings(rule, silent=rule in rules.silent)
        if isinstance(rule, Detection) and rule.condition:
            found += _forgeable_only(rule) if is_own(rule) else []
            found += _unreachable(rule)
    return [*found, *_same_condition(rules), *same_names(rules.rules)]


def _unreachable(rule: Detection) -> Iterator[Problem]:
    """PG130 for a rule that no event can match, PG131 for each part that never decides."""
    why = contradiction(rule.condition)
    if why:
        # That a field is not observed was a warning when the rule was loaded.
        severity = "warning" if why.unobserved else "error"
        place = why.place or rule.place
        yield told("PG130", f"rule '{rule.title}' can never match", place, str(why), severity)
    for dead in pruned(rule.condition)[1]:
        if not dead.why.unobserved:
            yield _dead(dead, rule)


def _dead(dead: Dead, rule: Detection) -> Problem:
    what = f"'{dead.part}'" if isinstance(dead.part, Test | Keyword) else "this alternative"
    if isinstance(dead.part, Named):
        what = f"selection '{dead.part.name}'"
    if dead.truth:
        said, hint = f"{what} decides nothing", f"it is always true here: {dead.why}"
    else:
        said, hint = f"{what} can never be true where it stands", str(dead.why)
    return told("PG131", said, dead.place or rule.place, hint, "warning")


def _same_condition(rules: RuleSet) -> Iterator[Problem]:
    """PG134 for each enabled rule that asks the same as an earlier one."""
    first: dict[Hashable, Detection] = {}
    for rule in sorted(rules.rules, key=lambda rule: (rule.path, rule.line)):
        if not isinstance(rule, Detection) or rule.condition is None or not rule.enabled:
            continue
        other = first.setdefault((rule.event, _asked(normalized(rule.condition))), rule)
        if other is not rule:
            said = f"rule '{rule.title}' asks the same as '{other.title}' at {other.place}"
            hint = "every event that matches one matches both: keep one of them"
            yield told("PG134", said, rule.place, hint, "warning")


def _asked(node: Node) -> Hashable:
    """What a normalized condition asks, whatever the order of its parts."""
    if isinstance(node, And | Or | Not):
        return type(node), frozenset(map(_asked, children(node)))
    return node


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
