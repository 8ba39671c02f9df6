"""Whether a condition can ever be true, and which of its parts can never decide anything.

What is called impossible is: no event is like that. What would take too long to find out, or is
beyond `exclude`, counts as possible.
"""

from dataclasses import dataclass

from profguard.errors import Place
from profguard.rules.check.exclude import Literal, impossible, least
from profguard.rules.index import normalized
from profguard.rules.tree import ALWAYS, NEVER, And, Keyword, Named, Node, Not, Or, Test, leaves

MAX_STEPS = 100_000  # comparisons of two questions, for one condition

_Facts = dict[str, tuple[Literal, ...]]  # what must be answered how, by the field's name


@dataclass(frozen=True)
class Contradiction:
    """Questions of which no event answers all as the condition needs; as few as show it."""

    literals: tuple[Literal, ...]

    @property
    def place(self) -> Place | None:
        """Where the last of them stands."""
        places = [one.leaf.place for one in self.literals if one.leaf.place]
        return places[-1] if places else None

    @property
    def unobserved(self) -> bool:
        """Whether it comes of a field that profguard never has."""
        return any(one.field.kind == "absent" for one in self.literals)

    def __str__(self):
        if not self.literals:
            return "none of no alternatives holds"
        *others, last = map(str, self.literals)
        if not others:
            return f"no event has {last}"
        how = "each other" if len(others) == 1 else "one another"
        return f"{', '.join(others)} and {last} exclude {how}"


@dataclass(frozen=True)
class Dead:
    """A part of a condition in whose place `truth` could stand: no event tells the difference."""

    part: Node
    truth: bool
    why: Contradiction

    @property
    def place(self) -> Place | None:
        return next((leaf.place for leaf, _ in leaves(self.part) if leaf.place), None)


def contradiction(node: Node) -> Contradiction | None:
    """Why no event can fulfil a condition; None where one can, or where that cannot be told."""
    return _Search().why_not(node)


def pruned(root: Node) -> tuple[Node, list[Dead]]:
    """An equal condition with ALWAYS or NEVER for what never decides, and what that is.

    In the order of the rule; of two parts that say the same the latter is dead. A condition that
    is impossible as a whole has no dead parts.
    """
    if contradiction(root):
        return root, []
    pruning = _Pruning(_Search())
    node = pruning.without_dead(root, ())
    return node, pruning.found[::-1]


class _Pruning:
    def __init__(self, search: "_Search"):
        self.search = search
        self.found: list[Dead] = []

    def without_dead(self, node: Node, rest: tuple[Node, ...]) -> Node:
        """`node` with ALWAYS or NEVER for its dead parts, which are appended to `found`.

        `rest` is what holds wherever the truth of `node` makes a difference: in an `and` all the
        other parts hold then, and in an `or` none of them.
        """
        if isinstance(node, Not):
            return Not(self.without_dead(node.part, rest))
        dead = self.dead(node, rest)
        if dead:
            self.found.append(dead)
            return ALWAYS if dead.truth else NEVER
        if isinstance(node, Named):
            return Named(node.name, self.inner(node.part, rest))
        return self.inner(node, rest)

    def inner(self, node: Node, rest: tuple[Node, ...]) -> Node:
        if not isinstance(node, And | Or):
            return node
        parts = list(node.parts)
        for index in reversed(range(len(parts))):
            if self.search.exhausted:
                break
            others = (*parts[:index], *parts[index + 1 :])
            known = others if isinstance(node, And) else tuple(map(Not, others))
            parts[index] = self.without_dead(parts[index], (*rest, *known))
        return type(node)(tuple(parts))

    def dead(self, node: Node, rest: tuple[Node, ...]) -> Dead | None:
        for truth, counterpart in ((False, node), (True, Not(node))):
            why = self.search.why_not(counterpart, rest)
            if why and why.literals:
                return Dead(node, truth, why)
        return None


class _TooLongError(Exception):
    """A search has used up what it may."""


class _Search:
    """Looks for a way to fulfil conditions, one alternative after the other, within MAX_STEPS.

    What excludes what is remembered by the identity of questions: it is for one rule.
    """

    def __init__(self):
        self.steps = 0
        self.clashes: dict[tuple, Contradiction | None] = {}

    @property
    def exhausted(self) -> bool:
        return self.steps > MAX_STEPS

    def why_not(self, node: Node, rest: tuple[Node, ...] = ()) -> Contradiction | None:
        """Why `node` cannot hold where `rest` does; None where it can, or nobody knows.

        Alternatives of `node` are all tried, those of `rest` only as far as one of them excludes
        the others.
        """
        facts: _Facts = {}
        self.steps += len(rest)
        if self.exhausted:
            return None
        try:
            clash, choices = self.settle(tuple(map(normalized, rest)), facts)
            return clash or self.clash((normalized(node),), facts, choices)
        except (_TooLongError, RecursionError):
            return None

    def clash(
        self, nodes: tuple[Node, ...], facts: _Facts, rest: tuple[Or, ...]
    ) -> Contradiction | None:
        """Why `nodes` cannot all hold where `facts` and `rest` do, or None."""
        clash, choices = self.settle(nodes, facts)
        if not clash:
            clash, rest = self.settle(rest, facts)
        if clash or not choices:
            return clash
        chosen = min(choices, key=lambda one: len(one.parts))
        others = tuple(one for one in choices if one is not chosen)
        first = None
        for part in chosen.parts:
            clash = self.clash((part, *others), dict(facts), rest)
            if clash is None:
                return None
            first = first or clash
        return first

    def settle(
        self, nodes: tuple[Node, ...], facts: _Facts
    ) -> tuple[Contradiction | None, tuple[Or, ...]]:
        """Adds to `facts` what must hold for `nodes` to; why it cannot, and the choices left."""
        choices: list[Or] = []
        todo = list(nodes[::-1])
        while todo:
            node = todo.pop()
            if isinstance(node, And):
                todo += node.parts[::-1]
            elif isinstance(node, Or):
                choices.append(node)
            elif clash := self.add(node, facts):
                return clash, ()
            if not todo and choices:
                clash, todo, choices = self.narrowed(choices, facts)
                if clash:
                    return clash, ()
        return None, tuple(choices)

    def narrowed(
        self, choices: list[Or], facts: _Facts
    ) -> tuple[Contradiction | None, list[Node], list[Or]]:
        """Choices without what `facts` exclude: why none is left of one, what must be, the rest."""
        settled: list[Node] = []
        left: list[Or] = []
        for choice in choices:
            clashes = [self.excluded(part, facts) for part in choice.parts]
            viable = [part for part, no in zip(choice.parts, clashes, strict=True) if not no]
            if not viable:
                return (clashes or [Contradiction(())])[0], [], []
            if len(viable) == 1:
                settled.append(viable[0])
            else:
                left.append(Or(tuple(viable)))
        return None, settled, left

    def excluded(self, node: Node, facts: _Facts) -> Contradiction | None:
        """Why a part of a choice cannot hold where `facts` do, as far as its questions say."""
        parts = node.parts if isinstance(node, And) else (node,)
        questions = [part for part in parts if not isinstance(part, And | Or)]
        trial = {name: facts[name] for name in map(_field_name, questions) if name in facts}
        return next(filter(None, (self.add(part, trial) for part in questions)), None)

    def add(self, node: Test | Keyword | Not, facts: _Facts) -> Contradiction | None:
        """Why a question cannot be answered so where `facts` hold, or None; then it is one."""
        literal = Literal(node.part, False) if isinstance(node, Not) else Literal(node, True)
        source = literal.field
        known = facts.get(source.name, ())
        if any(one.leaf is literal.leaf and one.holds == literal.holds for one in known):
            return None
        asked = facts[source.name] = (*known, literal)
        key = tuple([(id(one.leaf), one.holds) for one in asked])
        new = key not in self.clashes
        self.steps += len(asked) + (literal.size * sum(one.size for one in known) if new else 0)
        if self.exhausted:
            raise _TooLongError
        if new:
            clash = Contradiction(least(source, asked)) if impossible(source, asked) else None
            self.clashes[key] = clash
        return self.clashes[key]


def _field_name(node: Test | Keyword | Not) -> str:
    return Literal(node.part if isinstance(node, Not) else node, True).field.name
