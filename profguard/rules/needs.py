"""What a set of rules has a use for, so that the kernel need not tell the rest."""

from collections.abc import Iterable

from profguard.events import BY_NAME
from profguard.rules.correlate.rule import Correlation
from profguard.rules.index import Key, conjuncts, demands, normalized
from profguard.rules.matchers import OneOf
from profguard.rules.rule import Detection, Rule
from profguard.rules.tree import Test
from profguard.wanted import CHOOSABLE, MAX_VALUES, PROCESSES, Wanted

# The event that begins and ends what the others are a sign of: it says how long an act lasts.
_SESSIONS = {
    "perf": "prof",
    "perf_ioctl": "prof",
    "setitimer": "prof",
    "timer_create": "prof",
    "process_vm_readv": "ptrace",
    "process_vm_writev": "ptrace",
    "proc_mem_open": "ptrace",
}


def wanted_by(rules: Iterable[Rule]) -> Wanted:
    """What the enabled ones of these rules are asked of, and what says how long that lasts."""
    enabled = [rule for rule in rules if rule.enabled]
    asked = {event for rule in enabled for event in rule.events}
    sessions = {_SESSIONS[event] for event in asked & _SESSIONS.keys()}
    values = {}
    for event, argument in CHOOSABLE:
        found = _demanded([rule for rule in enabled if event in rule.events], event, argument)
        if found is not None:
            values[event, argument] = found
    return Wanted(PROCESSES | asked | sessions, values, _labels(enabled))


def _demanded(rules: list[Rule], event: str, argument: str) -> frozenset[str] | None:
    """The values of an argument of which each rule needs one; None where any may do.

    A value that has no name, or more of them than the kernel side takes, cannot be told to it.
    """
    found: set[str] = set()
    for rule in rules:
        values = _of_rule(rule, event, argument)
        if values is None:
            return None
        found |= values
    return frozenset(found) if 0 < len(found) <= MAX_VALUES else None


def _labels(rules: list[Rule]) -> frozenset[str]:
    """Labels of which each rule wants one of its event's target; none where any target may do.

    In lower case, as rules ask for them.
    """
    found: set[str] = set()
    for rule in rules:
        if isinstance(rule, Correlation):
            continue  # it sees what the others match
        if not any(BY_NAME[event].wire_args for event in rule.events if event in BY_NAME):
            continue  # it is asked of what the sensor says of itself
        wanted = _label_of(rule)
        if not wanted:
            return frozenset()
        found |= wanted
    return frozenset(found)


def _label_of(rule: Rule) -> frozenset[str]:
    if not isinstance(rule, Detection) or rule.condition is None:
        return frozenset()
    for part in conjuncts(normalized(rule.condition)):
        if isinstance(part, Test) and part.field.name == "target.labels":
            matcher = part.matcher
            if isinstance(matcher, OneOf):
                return frozenset(map(str.casefold, matcher.values))
    return frozenset()


def _of_rule(rule: Rule, event: str, argument: str) -> set[str] | None:
    if not isinstance(rule, Detection) or rule.condition is None:
        return None
    names = BY_NAME[event].arg(argument).values.values()
    for key, values in demands(normalized(rule.condition)).items():
        if key == Key(key.field, key.folded) and key.field.name == f"{event}.{argument}":
            known = {(name.casefold() if key.folded else name): name for name in names}
            return {known[value] for value in values} if values <= known.keys() else None
    return None
