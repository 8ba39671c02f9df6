"""How long Python's regular expressions may take on the worst text, told from the pattern alone.

The engine tries one way after another. The ways are the paths of the pattern's automaton, so what
counts is how many paths one text may have: exponentially many where two paths lead around the same
loop, one more power of the text's length for each loop that can hand over to a later one anywhere
(Weber and Seidl, 1991, "On the degree of ambiguity of finite automata"). Nothing is ever tried out,
so no pattern can hang the check, and its answer does not depend on the machine.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from math import factorial, inf, prod
from re import _constants as ops
from re import _parser

from profguard.backtracking.automaton import (
    Automaton,
    TooLargeError,
    automaton_of,
    is_anchored,
    size_of,
)

LENGTH = 4_096  # bytes of the longest command line that an event holds
# Steps that one search may take: some seconds, by a bound that is rarely reached. A step of a dot
# takes about 1 ns on the worst text, one of another loop up to 8: `foo.*bar.*baz` as it stands
# needs 0.7 G and 0.9 s, `a[^b]*c[^d]*e` 8 * 2.9 G and 11 s.
BUDGET = 4_000_000_000
_SLOW = 8
_BUDGET_OF_CHECK = 250_000  # pairs and triples of states looked at: less than a second
_FEW = 12  # rounds of a bounded repeat whose ways are counted: 2 ** 12

_LASTING = re.compile(r"[*+{]|\\[1-9]|\(\?P=")  # only with one of these a part may go on and on
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT)


@lru_cache(256)
def too_slow(source: str, flags: int = 0) -> str | None:
    """What is wrong with searching for a valid pattern in hostile text, or None."""
    if not _LASTING.search(source) and source.count("?") < _FEW:
        return None
    tree = _parser.parse(source, flags)
    if size_of(tree) <= LENGTH:  # of one fixed form: at each place there is one way
        return None
    flags = int(flags | tree.state.flags)  # an enum's operators are slow
    todo = [(list(tree), flags, is_anchored(tree, flags))]
    try:
        while todo:
            items, flags, anchored = todo.pop()
            built = automaton_of(_without_end(items), flags, anchored=anchored)
            todo += [(list(body), inner, False) for body, inner in built.asserted]
            steps = _Ways(built).steps()
            if steps == inf:
                return "takes exponential time on some texts"
            if steps > BUDGET:
                return f"takes too long on some texts of {LENGTH} characters"
    except (TooLargeError, RecursionError):
        return "is too complex to tell how long it takes"
    return None


def _without_end(items: list) -> list:
    """A pattern without what is optional at its end: who gets there has found a match."""
    while items and items[-1][0] in _REPEATS:
        op, (least, _, body) = items[-1]
        items = items[:-1]
        if least:
            return [*items, (op, (least, least, body))]
    return items


@dataclass
class _Ways:
    """The paths of one automaton. `loops` are its strongly connected parts that have an edge."""

    built: Automaton
    looked_at: int = 0
    after: list[dict[int, int]] = field(init=False)
    loops: list[frozenset[int]] = field(init=False)

    def __post_init__(self):
        self.after = self.built.successors()
        self.loops = _loops(self.after)

    def steps(self) -> float:
        """An upper estimate of the steps of a search in the worst text of LENGTH characters."""
        few: float = self.finite()
        for loop in self.loops:
            if self.is_ambiguous(loop):
                rounds = self.bound(loop)
                if rounds > _FEW:
                    return inf
                few *= 2**rounds
        return few * self.chained()

    def is_left_once(self, early: frozenset[int], late: frozenset[int]) -> bool:
        """Whether the change from one loop to the other is final, for it leaves an atomic group."""
        atomic = self.built.atomic
        return bool(frozenset.intersection(*(atomic[one] for one in early)) - atomic[min(late)])

    def bound(self, loop: frozenset[int]) -> float:
        return max(self.built.bounds[state] for state in loop)

    def count(self) -> None:
        self.looked_at += 1
        if self.looked_at > _BUDGET_OF_CHECK:
            raise TooLargeError

    def steps_of_pair(self, one: int, other: int, within: frozenset[int]):
        """The pairs that two paths may reach with one more character, both of them in a loop."""
        classes = self.built.classes
        for left in self.after[one]:
            if left in within:
                for right in self.after[other]:
                    if right in within and classes[left] & classes[right]:
                        yield left, right

    def is_ambiguous(self, loop: frozenset[int]) -> bool:
        """Whether two paths lead from a state of the loop back to it with the same text."""
        if any(
            count > 1 for state in loop for to, count in self.after[state].items() if to in loop
        ):
            return True
        todo = [(state, state) for state in loop]
        before: dict[tuple[int, int], list] = {pair: [] for pair in todo}
        while todo:
            pair = todo.pop()
            for reached in self.steps_of_pair(*pair, loop):
                self.count()
                if reached not in before:
                    before[reached] = []
                    todo.append(reached)
                before[reached].append(pair)
        # Of the pairs that can be reached: does one that is apart lead back together?
        todo = [(state, state) for state in loop]
        seen = set(todo)
        while todo:
            for pair in before[todo.pop()]:
                if pair[0] != pair[1]:
                    return True
                if pair not in seen:
                    seen.add(pair)
                    todo.append(pair)
        return False

    def chained(self) -> float:
        """LENGTH to the power of the loops that hand over to one another, less what that needs.

        Each loop is taken with the ways that lead into it: the length of the text that can be
        given to either of two loops tells how often the engine may change over.
        """
        reach = [_reached(self.after, loop) for loop in self.loops]
        order = sorted(range(len(self.loops)), key=lambda number: -len(reach[number]))
        best: dict[int, tuple[float, ...]] = {}  # the factors, one for each change
        for number in order:
            loop, found = self.loops[number], ()
            for earlier, factors in best.items():
                if not reach[earlier] & loop:
                    continue
                found = max(found, factors, key=_steps)
                if self.is_left_once(self.loops[earlier], loop):
                    continue
                length = self.handover(self.loops[earlier], loop, reach[earlier])
                if length:
                    most = min(LENGTH, self.bound(self.loops[earlier]), self.bound(loop))
                    found = max(found, (*factors, most / length), key=_steps)
            best[number] = found
        return max(
            (_steps(factors) * self.price(self.loops[number]) for number, factors in best.items()),
            default=LENGTH,
        )

    def price(self, loop: frozenset[int]) -> int:
        return 1 if len(loop) == 1 and self.built.is_dot(min(loop)) else _SLOW

    def handover(self, early: frozenset, late: frozenset, reach: frozenset) -> int | None:
        """The length of the shortest text that leads around either loop and from one to the other.

        None where there is none: then only one place in a text can be where the change happens.
        """
        shortest = None
        for p in early:
            for q in late:
                length = self.handover_at(p, q, early, late, reach)
                if length and (shortest is None or length < shortest):
                    shortest = length
        return shortest

    def handover_at(self, p: int, q: int, early, late, reach) -> int | None:
        classes, after = self.built.classes, self.after
        todo = deque([((p, p, q), 0)])
        seen = {(p, p, q)}
        while todo:
            (x, y, z), length = todo.popleft()
            for left in after[x]:
                if left not in early:
                    continue
                for right in after[z]:
                    both = classes[left] & classes[right]
                    if right not in late or not both:
                        continue
                    for between in after[y]:
                        reached = (left, between, right)
                        if between not in reach or not both & classes[between] or reached in seen:
                            continue
                        if reached == (p, q, q):
                            return length + 1
                        self.count()
                        seen.add(reached)
                        todo.append((reached, length + 1))
        return None

    def finite(self) -> float:
        """The most paths outside of loops that a text of one repeated character has."""
        inside = frozenset().union(*self.loops)
        outside = [state for state in range(len(self.after)) if state not in inside]
        most = 1
        for bit in range(len(self.built.samples)):
            taken = {state for state in outside if self.built.classes[state] >> bit & 1}
            if len(taken) > _FEW:
                most = max(most, self.paths(taken))
        return most

    def paths(self, within: set[int]) -> int:
        ways = {state: 1 for state in within if state in self.built.begins or self.enters(state)}
        most = 1
        while ways:
            longer: dict[int, int] = {}
            for state, count in ways.items():
                for to, edges in self.after[state].items():
                    if to in within:
                        self.count()
                        longer[to] = longer.get(to, 0) + count * edges
            most = max(most, sum(longer.values()))
            if most > BUDGET:
                return most
            ways = longer
        return most

    def enters(self, state: int) -> bool:
        return any(state in self.after[one] for loop in self.loops for one in loop)


def _steps(factors: tuple[float, ...]) -> float:
    return LENGTH * prod(factors) / factorial(len(factors) + 1)


def _reached(after: list[dict[int, int]], begins: frozenset[int]) -> frozenset[int]:
    seen, todo = set(begins), list(begins)
    while todo:
        for state in after[todo.pop()]:
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return frozenset(seen)


def _loops(after: list[dict[int, int]]) -> list[frozenset[int]]:
    """The strongly connected parts that have an edge (Kosaraju)."""
    before: list[list[int]] = [[] for _ in after]
    for state, successors in enumerate(after):
        for to in successors:
            before[to].append(state)
    finished: list[int] = []
    seen: set[int] = set()
    for root in range(len(after)):
        stack = [(root, iter(after[root]))] if root not in seen else []
        seen.add(root)
        while stack:
            state, rest = stack[-1]
            following = next((to for to in rest if to not in seen), None)
            if following is None:
                finished.append(state)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(after[following])))
    found, taken = [], set()
    for root in reversed(finished):
        if root in taken:
            continue
        part, todo = set(), [root]
        taken.add(root)
        while todo:
            state = todo.pop()
            part.add(state)
            for one in before[state]:
                if one not in taken:
                    taken.add(one)
                    todo.append(one)
        if len(part) > 1 or root in after[root]:
            found.append(frozenset(part))
    return found
