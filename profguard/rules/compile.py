"""All rules of an event as one Python function.

The function is a tree of decisions: a dictionary lookup where rules want different exact values
of one field, an `if` for what several rules have in common, and in the leaves what is a rule's
own, cheapest first. Each field is read where it is first needed, and once on the way to a leaf.

What stands behind a lookup is a function of its own, made when an event first gets there: that is
most of the code of a large set of rules, and few events need it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from profguard.model import Event, Process
from profguard.rules.emit import Emitter
from profguard.rules.index import Key, choose_keys, conjuncts, cost, demands, normalized
from profguard.rules.matchers import OneOf
from profguard.rules.rule import Detection
from profguard.rules.tree import Node, Or, Test, all_of

_MAX_INDENT = 16

_MAX_BRANCHES = 16
_MAX_ATTEMPTS = 3

# What is left to ask: the conjuncts of each way in which a rule may match. The first number of a
# way is the rule's, the others tell its alternatives apart.
Way = tuple[int, ...]
Pending = dict[Way, tuple[Node, ...]]


def compile_rules(
    event_name: str, rules: Sequence[Detection]
) -> Callable[[Event], tuple[Detection, ...]]:
    """A function from an event of this name to the rules that it fulfils, in their order."""
    pending: Pending = {
        (number,): conjuncts(normalized(rule.condition)) for number, rule in enumerate(rules)
    }
    lines, found = _asking(pending)
    source = [
        "def match(e):",
        "    out = []",
        *lines,
        "    if not out:",
        "        return ()",
        "    if len(out) == 1:",
        "        return ONE[out[0]]",
        "    return tuple([RULES[i] for i in sorted(set(out))])",
    ]
    constants = {
        **found,
        "RULES": tuple(rules),
        "ONE": tuple((rule,) for rule in rules),
    }
    return _function("match", source, constants, f"<rules of {event_name}>")


def compile_condition(node: Node) -> Callable[[Event], bool]:
    """A function from an event to whether it fulfils a condition."""
    return _test(node, "e", "<condition>")


def _bucket(pending: Pending) -> Callable[[Event, list[int]], None]:
    """A function that appends the numbers of those that match; compiled when it is first called."""
    made = None

    def bucket(event: Event, out: list[int]) -> None:
        nonlocal made
        if made is None:
            lines, constants = _asking(pending)
            made = _function("bucket", ["def bucket(e, out):", *lines], constants, "<some rules>")
        made(event, out)

    return bucket


def _asking(pending: Pending) -> tuple[list[str], dict[str, Any]]:
    """Statements that ask all these of the event `e`, and the constants that they refer to."""
    writer = _Writer()
    block = _Block(writer, [], "    ", frozenset())
    block.rules({way: tuple(map(writer.interned, nodes)) for way, nodes in pending.items()})
    return block.lines, writer.emitter.constants


def compile_process_test(node: Node) -> Callable[[Process], bool]:
    """A function from a process to whether it fulfils a condition over `process.*`."""
    return _test(node, "p", "<label>")


def _test(node: Node, parameter: str, filename: str) -> Callable[[Any], bool]:
    emitter = Emitter()
    expression = emitter.expression(normalized(node))
    lines: list[str] = []
    _set(emitter, expression.needs, {parameter}, lines, "    ")
    source = [f"def test({parameter}):", *lines, f"    return {expression.source}"]
    return _function("test", source, emitter.constants, filename)


def _function(name: str, lines: list[str], constants: dict, filename: str) -> Callable:
    # The source holds literals by repr() only: see emit.py.
    scope = dict(constants)
    exec(compile("\n".join(lines), filename, "exec"), scope)  # noqa: S102
    return scope[name]


def _set(emitter: Emitter, names, known: set[str], lines: list[str], indent: str) -> None:
    """Sets variables that are not `known` yet, and first those that they are made from."""
    for name in names:
        if name not in known:
            variable = emitter.variables[name]
            _set(emitter, variable.needs, known, lines, indent)
            lines.append(f"{indent}{name} = {variable.source}")
            known.add(name)


@dataclass
class _Writer:
    """What the blocks of one function share."""

    emitter: Emitter = field(default_factory=Emitter)
    nodes: dict[Node, Node] = field(default_factory=dict)
    demanded: dict[int, dict[Key, frozenset]] = field(default_factory=dict)
    costs: dict[int, int] = field(default_factory=dict)

    def conjuncts(self, node: Node) -> tuple[Node, ...]:
        return tuple(map(self.interned, conjuncts(node)))

    def interned(self, node: Node) -> Node:
        """The one object for all nodes equal to this, so that identity can stand for equality."""
        one = self.nodes.setdefault(node, node)
        if id(one) not in self.costs:
            self.costs[id(one)] = cost(one)
            self.demanded[id(one)] = demands(one)
        return one


@dataclass
class _Block:
    """Statements at one level of indentation; `known` are the variables set around it."""

    writer: _Writer
    lines: list[str]
    indent: str
    known: frozenset[str]

    def __post_init__(self):
        self.set = set(self.known)

    def need(self, names) -> None:
        _set(self.writer.emitter, names, self.set, self.lines, self.indent)

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def inner(self) -> "_Block":
        return _Block(self.writer, self.lines, self.indent + " ", frozenset(self.set))

    def rules(self, pending: Pending) -> None:
        """Asks all these."""
        pending = dict(pending)
        for way in [way for way, nodes in pending.items() if not nodes]:
            self.line(f"out.append({way[0]})")
            del pending[way]
        groups = choose_keys(self.demands(pending))
        grouped = {way for group in groups.values() for way in group}
        others = {way: nodes for way, nodes in pending.items() if way not in grouped}
        groups_of_split, pending = self.split(others, pending)
        for key, group in (groups_of_split or groups).items():
            self.lookup(key, {way: pending.pop(way) for way in group})
        while pending:
            node, sharers = self.most_shared(pending)
            if len(sharers) == 1 or len(self.indent) > _MAX_INDENT:
                way = sharers[0]
                self.alone(way[0], pending.pop(way))
                continue
            self.condition(node)
            rest = {w: tuple(x for x in pending.pop(w) if x is not node) for w in sharers}
            self.inner().rules(rest)

    def split(self, others: Pending, pending: Pending) -> tuple[dict[Key, list[Way]], Pending]:
        """Takes apart those of `others` whose alternatives can all be looked up.

        Returns the groups to look up and what is pending now; no groups where none was split.
        """
        choices = {way: self.choice(nodes) for way, nodes in others.items()}
        for _ in range(_MAX_ATTEMPTS):
            choices = {way: choice for way, choice in choices.items() if choice}
            if not choices:
                break
            parts = {way: self.parts(way, pending[way], choice) for way, choice in choices.items()}
            after = {way: nodes for way, nodes in pending.items() if way not in parts}
            for made in parts.values():
                after |= made
            groups = choose_keys(self.demands(after))
            grouped = {way for group in groups.values() for way in group}
            # Asking the alternatives of a way one by one would gain nothing: keep it whole.
            choices = {w: c if grouped.issuperset(parts[w]) else None for w, c in choices.items()}
            if all(choices.values()):
                return groups, after
        return {}, pending

    def parts(self, way: Way, nodes: tuple[Node, ...], choice: Or) -> Pending:
        """The ways that one is when its alternatives stand for themselves."""
        rest = [node for node in nodes if node is not choice]
        branches = map(self.writer.conjuncts, choice.parts)
        return {
            (*way, index): tuple(dict.fromkeys((*branch, *rest)))
            for index, branch in enumerate(branches)
        }

    def choice(self, nodes: tuple[Node, ...]) -> Or | None:
        """The alternatives among a way's conjuncts each of which demands some exact value."""
        found = [
            node
            for node in nodes
            if isinstance(node, Or)
            and len(node.parts) <= _MAX_BRANCHES
            and all(map(demands, node.parts))
        ]
        return min(found, key=lambda node: len(node.parts), default=None)

    def demands(self, pending: Pending) -> dict[Way, dict[Key, frozenset]]:
        """Each way's demands, of all its conjuncts together."""
        found: dict[Way, dict[Key, frozenset]] = {}
        for way, nodes in pending.items():
            together: dict[Key, frozenset] = {}
            for node in nodes:
                for key, values in self.writer.demanded[id(node)].items():
                    together[key] = together[key] & values if key in together else values
            found[way] = together
        return found

    def most_shared(self, pending: Pending) -> tuple[Node, list[Way]]:
        """The conjunct that most ways have, the cheapest of them, and who has it."""
        counts: Counter = Counter()
        nodes: dict[int, Node] = {}
        for conjunction in pending.values():
            for node in conjunction:
                counts[id(node)] += 1
                nodes[id(node)] = node
        costs = self.writer.costs
        chosen = min(counts, key=lambda one: (-counts[one], costs[one]))  # the first of equals
        return nodes[chosen], [
            way for way, those in pending.items() if any(id(x) == chosen for x in those)
        ]

    def condition(self, node: Node) -> None:
        expression = self.writer.emitter.expression(node)
        self.need(expression.needs)
        self.line(f"if {expression.source}:")

    def alone(self, number: int, nodes: tuple[Node, ...]) -> None:
        """One rule, asked by itself: an `if` in an `if`, so that fields are read when needed."""
        block = self
        nodes = tuple(sorted(nodes, key=lambda one: self.writer.costs[id(one)]))
        room = max(1, _MAX_INDENT - len(self.indent))
        for node in nodes[: room - 1]:
            block.condition(node)
            block = block.inner()
        if len(nodes) >= room:
            block.condition(all_of(list(nodes[room - 1 :])))
            block = block.inner()
        block.line(f"out.append({number})")

    def lookup(self, key: Key, pending: Pending) -> None:
        """Finds by a field's value the few that want it, and asks those."""
        demanded = self.demands(pending)
        wanting: dict[object, list[Way]] = {}
        for way in pending:
            for value in demanded[way][key]:
                wanting.setdefault(value, []).append(way)
        buckets: dict[tuple[Way, ...], Callable] = {}
        for group in map(tuple, wanting.values()):
            if group not in buckets:
                rest = {way: self.left(key, pending[way]) for way in group}
                buckets[group] = _bucket(rest)
        table = {value: buckets[tuple(group)] for value, group in wanting.items()}
        name = self.writer.emitter.key(key)
        self.need((name,))
        self.line(f"h = {self.writer.emitter.constant(table.get)}({name})")
        self.line("if h is not None:")
        self.line(" h(e, out)")

    def left(self, key: Key, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        """The conjuncts that the lookup has not answered already."""
        return tuple(node for node in nodes if key.base or not _is_demand(node, key))


def _is_demand(node: Node, key: Key) -> bool:
    return (
        isinstance(node, Test)
        and isinstance(node.matcher, OneOf)
        and node.field == key.field
        and node.matcher.folded == key.folded
    )
