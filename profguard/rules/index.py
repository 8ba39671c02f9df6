"""Which rules an event could match at all: what each needs, and where to look that up.

A condition is brought to a list of conjuncts, all of which must hold. Some of them demand that a
field has one of a few exact values; rules that demand different values of the same field are found
by one dictionary lookup.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from profguard.rules.fields import Field
from profguard.rules.matchers import AnyText, Infix, OneOf, Pattern, Prefix, Suffix, TimePart
from profguard.rules.tree import And, Keyword, Named, Node, Not, Or, Test, all_of, any_of

Way = TypeVar("Way")

MIN_GROUP = 4  # rules for which a lookup costs less than asking each


@dataclass(frozen=True)
class Key:
    """A lookup: by the field's value, or by what follows the last slash in it."""

    field: Field
    folded: bool
    base: bool = False


def normalized(node: Node) -> Node:
    """The same condition without names, with `not` moved inwards and nested lists flattened."""
    if isinstance(node, Named):
        return normalized(node.part)
    if isinstance(node, Not):
        return _negated(node.part)
    if isinstance(node, And | Or):
        kind = type(node)
        parts: dict[Node, None] = {}
        for part in map(normalized, node.parts):
            parts |= dict.fromkeys(part.parts if isinstance(part, kind) else (part,))
        return (all_of if kind is And else any_of)(list(parts))
    return node


def _negated(node: Node) -> Node:
    if isinstance(node, Named):
        return _negated(node.part)
    if isinstance(node, Not):
        return normalized(node.part)
    if isinstance(node, And | Or):
        opposite = Or if isinstance(node, And) else And
        return normalized(opposite(tuple(Not(part) for part in node.parts)))
    return Not(node)


def conjuncts(node: Node) -> tuple[Node, ...]:
    """What must all hold for a normalized condition to hold."""
    return node.parts if isinstance(node, And) else (node,)


_LEAF_COSTS = {Prefix: 2, Suffix: 2, Infix: 3, AnyText: 1, Pattern: 12, TimePart: 40}


def cost(node: Node) -> int:
    """About how long it takes to ask, in comparisons of two numbers."""
    if isinstance(node, And | Or):
        return 1 + sum(map(cost, node.parts))
    if isinstance(node, Not | Named):
        return cost(node.part)
    if isinstance(node, Keyword):
        return 100
    per_value = _LEAF_COSTS.get(type(node.matcher), 1)
    return per_value * (4 if node.field.is_list else 1)


def demands(node: Node) -> dict[Key, frozenset]:
    """For each key, the values of which one is needed for the node to hold."""
    if isinstance(node, Test) and not node.field.is_list:
        return _demanded(node)
    if isinstance(node, And):
        found: dict[Key, frozenset] = {}
        for part in node.parts:
            found = _both(found, demands(part))
        return found
    if isinstance(node, Or):
        first, *others = map(demands, node.parts)
        shared = set(first).intersection(*others)
        return {key: first[key].union(*(one[key] for one in others)) for key in shared}
    return {}


def _demanded(node: Test) -> dict[Key, frozenset]:
    matcher, source = node.matcher, node.field
    if isinstance(matcher, OneOf):
        found = {Key(source, matcher.folded): matcher.values}
        if all(isinstance(value, str) for value in matcher.values):
            found[Key(source, matcher.folded, base=True)] = _bases(matcher.values)
        return found
    if isinstance(matcher, Suffix) and all("/" in value for value in matcher.values):
        return {Key(source, matcher.folded, base=True): _bases(matcher.values)}
    return {}


def _bases(values) -> frozenset[str]:
    return frozenset(value.rpartition("/")[2] for value in values)


def _both(one: dict[Key, frozenset], other: dict[Key, frozenset]) -> dict[Key, frozenset]:
    shared = {key: one[key] & other[key] for key in one.keys() & other.keys()}
    return {**one, **other, **shared}


def choose_keys(rules: dict[Way, dict[Key, frozenset]]) -> dict[Key, list[Way]]:
    """Groups of rules to look up by a key, from each rule's demands.

    A rule goes by the key under which it has the fewest companions. It is in no group where even
    so half of the rules come along, or where its group stays small: asking is then as quick.
    """
    companions: Counter = Counter()
    for wanted in rules.values():
        for key, values in wanted.items():
            companions.update((key, value) for value in values)
    groups: dict[Key, list] = {}
    for number, wanted in rules.items():
        best = None
        for key, values in wanted.items():
            crowd = max((companions[key, value] for value in values), default=0)
            rank = (crowd, key.base, key.field.name)
            if crowd * 2 <= len(rules) and (best is None or rank < best[0]):
                best = (rank, key)
        if best:
            groups.setdefault(best[1], []).append(number)
    return {key: group for key, group in groups.items() if len(group) >= MIN_GROUP}
