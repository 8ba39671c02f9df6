"""A regular expression as the automaton that a backtracking engine walks.

A state is one character class of the pattern. Edges are counted: two edges between the same states
are two ways in which the engine may go on with the same character, as in `(a*)*`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from math import inf

# The parser of the standard library. Its tree is not a documented interface, but it is the only
# reading of a pattern that is certain to be the engine's.
from re import _constants as ops
from re import _parser

MAX_STATES = 1_500
_MAX_COPIES = 32  # of a class, where a repeat with a fixed count is written out

# Beside the characters that a pattern names: one for each way in which classes tell others apart.
_SAMPLES = "\0\n\t az09AZ_-/.é²\u0660\u2028\U0010ffff"
_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}
_STARTS = (ops.AT_BEGINNING, ops.AT_BEGINNING_STRING)


class TooLargeError(ValueError):
    """The automaton would have too many states."""


@dataclass(frozen=True)
class Fragment:
    """A part of the automaton: where it begins and ends, each in how many ways, and in how many
    ways it matches nothing (2 stands for more).
    """

    first: Counter
    last: Counter
    nullable: int


_NOTHING = Fragment(Counter(), Counter(), nullable=1)


@dataclass
class Automaton:
    """States by number. `classes` are the characters that each takes, as bits of the samples;
    `bounds` how often it may be taken again and again (1 outside of repeats), `atomic` the groups
    around it that are left only once.
    """

    samples: str
    classes: list[int] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    atomic: list[frozenset[int]] = field(default_factory=list)
    edges: Counter = field(default_factory=Counter)
    begins: list[int] = field(default_factory=list)
    asserted: list[tuple[Iterable, int]] = field(default_factory=list)  # bodies of lookarounds
    bound: float = 1  # of what is being built
    groups: frozenset[int] = frozenset()  # around what is being built
    group_count: int = 0
    known: dict[tuple, int] = field(default_factory=dict)  # what classes take

    def successors(self) -> list[dict[int, int]]:
        found: list[dict[int, int]] = [{} for _ in self.classes]
        for (one, other), count in self.edges.items():
            found[one][other] = count
        return found

    def takes(self, char: str) -> bool:
        """Whether any class takes this one of the samples."""
        bit = self.samples.index(char)
        return any(taken >> bit & 1 for taken in self.classes)

    def is_dot(self, state: int) -> bool:
        """Whether a class takes everything, but perhaps the newline."""
        newline = 1 << self.samples.index("\n")
        return (self.classes[state] | newline) + 1 == 1 << len(self.samples)

    def state(self, taken: int, bound: float) -> Fragment:
        if len(self.classes) >= MAX_STATES:
            raise TooLargeError
        self.classes.append(taken)
        self.bounds.append(bound)
        self.atomic.append(self.groups)
        number = len(self.classes) - 1
        return Fragment(Counter([number]), Counter([number]), nullable=0)

    def joined(self, ends: Counter, starts: Counter) -> None:
        for one, ways in ends.items():
            for other, more in starts.items():
                self.edges[one, other] += ways * more

    def sequence(self, items: Iterable, flags: int) -> Fragment:
        whole = _NOTHING
        for op, argument in items:
            whole = self.followed(whole, self.part(op, argument, flags))
        return whole

    def followed(self, one: Fragment, other: Fragment) -> Fragment:
        self.joined(one.last, other.first)
        return Fragment(
            one.first + _times(other.first, one.nullable),
            other.last + _times(one.last, other.nullable),
            min(2, one.nullable * other.nullable),
        )

    def part(self, op, argument, flags: int) -> Fragment:
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            return self.state(self.taken(op, argument, flags), self.bound)
        if op is ops.SUBPATTERN:
            _, add, remove, body = argument
            return self.sequence(body, (flags | add) & ~remove)
        if op is ops.ATOMIC_GROUP:
            return self.once(argument, flags)
        if op is ops.BRANCH:
            return _either([self.sequence(branch, flags) for branch in argument[1]])
        if op is ops.GROUPREF_EXISTS:
            bodies = [self.sequence(body or (), flags) for body in argument[1:]]
            return _either(bodies)
        if op is ops.POSSESSIVE_REPEAT:
            return self.once([(ops.MAX_REPEAT, argument)], flags)
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            return self.repeat(*argument, flags)
        if op is ops.GROUPREF:  # any text
            return self.repeat(0, ops.MAXREPEAT, [(ops.ANY, None)], flags | re.DOTALL)
        if op in (ops.ASSERT, ops.ASSERT_NOT):
            self.asserted.append((argument[1], flags))
        return _NOTHING  # asks for a place and takes nothing

    def once(self, body: Iterable, flags: int) -> Fragment:
        """A part that the engine does not come back to when it has left it."""
        outer = self.groups
        self.groups = outer | {self.group_count}
        self.group_count += 1
        inner = self.sequence(body, flags)
        self.groups = outer
        return inner

    def repeat(self, least: int, most: int, body, flags: int) -> Fragment:
        if most == 0:
            return _NOTHING
        if most == 1 or (least == most and most * size_of(body) <= _MAX_COPIES):
            whole = _NOTHING
            for _ in range(most):
                whole = self.followed(whole, self.sequence(body, flags))
            return Fragment(whole.first, whole.last, min(2, whole.nullable + (least < most)))
        outer = self.bound
        self.bound = outer * (inf if most == ops.MAXREPEAT else most)
        inner = self.sequence(body, flags)
        self.bound = outer
        self.joined(inner.last, inner.first)
        if inner.nullable and least > 1:  # which of the rounds are the empty ones is tried out
            self.joined(inner.last, inner.first)
        empty = inner.nullable + 1 if inner.nullable else 0  # a round of nothing, or no more round
        return Fragment(inner.first, inner.last, min(2, empty + (least == 0)))

    def taken(self, op, argument, flags: int) -> int:
        """The samples that a class takes, as bits."""
        question = op, repr(argument), flags
        found = self.known.get(question)
        if found is None:
            folded = flags & re.IGNORECASE
            found = 0
            for bit, char in enumerate(self.samples):
                cases = {char, char.lower(), char.upper()} if folded else (char,)
                if any(_takes(op, argument, one, flags) for one in cases):
                    found |= 1 << bit
            self.known[question] = found
        return found


def automaton_of(items: Iterable, flags: int, *, anchored: bool) -> Automaton:
    """The automaton of a parsed pattern. Not anchored, it begins with a loop over any character."""
    built = Automaton("".join(dict.fromkeys([*_SAMPLES, *_named(items)])))
    start = _NOTHING
    if not anchored:
        start = built.state((1 << len(built.samples)) - 1, inf)
        built.joined(start.last, start.first)
        start = Fragment(start.first, start.last, nullable=1)
    whole = built.followed(start, built.sequence(items, flags))
    built.begins = list(whole.first)
    return built


def is_anchored(items: Iterable, flags: int) -> bool:
    """Whether a match can only be at the beginning of the text."""
    for op, argument in items:
        if op is ops.SUBPATTERN:
            return is_anchored(argument[3], flags)
        return op is ops.AT and argument in _STARTS and not flags & re.MULTILINE
    return False


def _either(bodies: list[Fragment]) -> Fragment:
    first: Counter = Counter()
    last: Counter = Counter()
    for body in bodies:
        first += body.first
        last += body.last
    return Fragment(first, last, min(2, sum(body.nullable for body in bodies)))


def _times(states: Counter, ways: int) -> Counter:
    return Counter({state: count * ways for state, count in states.items()} if ways else {})


def size_of(body: Iterable) -> float:
    """How many classes a body of one fixed form has; `inf` of any other."""
    size: float = 0
    for op, argument in body:
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            size += 1
        elif op is ops.SUBPATTERN:
            size += size_of(argument[3])
        elif op is ops.MAX_REPEAT and argument[0] == argument[1]:
            size += argument[0] * size_of(argument[2])
        elif op is not ops.AT:
            return inf
    return size


def _takes(op, argument, char: str, flags: int) -> bool:
    if op is ops.LITERAL:
        return ord(char) == argument
    if op is ops.NOT_LITERAL:
        return ord(char) != argument
    if op is ops.ANY:
        return bool(flags & re.DOTALL) or char != "\n"
    if op is ops.RANGE:
        return argument[0] <= ord(char) <= argument[1]
    if op is ops.CATEGORY:
        return _category(argument).match(char) is not None
    negated = bool(argument) and argument[0][0] is ops.NEGATE
    return negated != any(_takes(*item, char, flags) for item in argument[negated:])


@cache
def _category(name) -> re.Pattern:
    return re.compile(_CATEGORIES[name])


def _named(tree) -> set[str]:
    """The characters that a pattern names, and the neighbours of its ranges."""
    found: set[str] = set()
    if isinstance(tree, _parser.SubPattern | list | tuple):
        if len(tree) == 2 and tree[0] in (ops.LITERAL, ops.NOT_LITERAL):
            return {chr(tree[1])}
        if len(tree) == 2 and tree[0] is ops.RANGE:
            low, high = tree[1]
            near = (low - 1, low, high, high + 1)
            return {chr(one) for one in near if 0 <= one <= 0x10FFFF}
        for item in tree:
            found |= _named(item)
    return found
