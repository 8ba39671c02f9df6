"""Which parts of an event a policy can see, found in its syntax tree.

What is converted for the engine is most of a policy's cost, so it is given only what it refers
to: paths such as `process.executable`. Where it takes a larger part (`input.process`, a step that
is computed), that part is given whole; where it takes `input` itself, all of it.

A list that is only searched for elements by name, as Tracee's `input.args` is, is cut down to the
elements with the names that are asked for, and to the members that are read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from profguard.rules.rego.syntax import Definition, Reference, literal, reference, walk

Path = tuple[str, ...]
INPUT = "input"
_NAME = "name"


@dataclass(frozen=True)
class Elements:
    """What of a list's elements is seen: their members, and those with one of these names.

    None is all.
    """

    members: frozenset[str] | None = None
    names: frozenset[str] | None = None

    def __or__(self, other: "Elements") -> "Elements":
        return Elements(_both(self.members, other.members), _both(self.names, other.names))


WHOLE = Elements()
Projection = Mapping[Path, Elements]


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


def projection(entry: str, rules: Iterable[Definition]) -> Projection:
    """What the rule with the full name `entry` can see of its input. {(): WHOLE} is all of it."""
    seen = reachable(entry, rules)
    found: dict[Path, Elements] = {}
    for rule in seen:
        for path, elements in _seen_by(rule, seen):
            found[path] = found[path] | elements if path in found else elements
    return {
        path: elements
        for path, elements in found.items()
        if not any(path[:length] in found for length in range(len(path)))
    }


def reachable(entry: str, rules: Iterable[Definition]) -> list[Definition]:
    """The rules that may be evaluated for the sake of one: whatever is called as they are.

    A rule is taken to be meant by any mention of its name, in whichever package; computed names
    below `data` mean every rule.
    """
    rules = list(rules)
    by_word: dict[str, list[Definition]] = {}
    for rule in rules:
        by_word.setdefault(rule.name.removeprefix(f"{rule.package}."), []).append(rule)
    waiting = [rule for rule in rules if rule.name == entry]
    seen = dict.fromkeys(waiting)
    while waiting:
        rule = waiting.pop()
        for mention in rule.references:
            meaning = rule.imports.get(mention.base, mention.base).split(".")
            if meaning[0] == "data" and (None in mention.steps or not mention.steps):
                return rules
            for word in (*meaning, *filter(None, mention.steps)):
                fresh = [other for other in by_word.get(word, ()) if other not in seen]
                seen.update(dict.fromkeys(fresh))
                waiting += fresh
    return [rule for rule in rules if rule in seen]


def _seen_by(rule: Definition, rules: list[Definition]) -> Iterator[tuple[Path, Elements]]:
    searched = {id(found.tree): found for found in _searches(rule)}
    for path in rule.imports.values():
        if path == INPUT:  # under another name it is not followed
            yield (), WHOLE
    yield from _paths(rule.tree, rule, searched, rules)


def _paths(tree: Any, rule: Definition, searched, rules) -> Iterator[tuple[Path, Elements]]:
    found = searched.get(id(tree))
    if found is not None:
        yield found.path, Elements(found.members, found.names(rule, rules))
        return
    if isinstance(tree, list):
        for each in tree:
            yield from _paths(each, rule, searched, rules)
    elif isinstance(tree, dict):
        mention = reference(tree)
        if mention is None:
            for key, value in tree.items():
                if key != "span":
                    yield from _paths(value, rule, searched, rules)
            return
        path = input_path(mention, rule)
        if path is not None:
            yield path, WHOLE
        yield from _paths(list(mention.inner), rule, searched, rules)


def input_path(mention: Reference, rule: Definition) -> Path | None:
    """The part of the input that is meant, up to a step that is computed; None: no part of it."""
    base, *rest = rule.imports.get(mention.base, mention.base).split(".")
    return (*rest, *mention.fixed) if base == INPUT else None


@dataclass(frozen=True, eq=False)
class _Search:
    """`x := input.path[_]`, where all that is done with x is to read some of its members."""

    tree: Any
    path: Path
    members: frozenset[str]
    asked: tuple[Any, ...]  # what its name is compared with, by statements that must hold

    def names(self, rule: Definition, rules: list[Definition]) -> frozenset[str] | None:
        for tree in self.asked:
            names = _values(tree, rule, rules)
            if names is not None:
                return names
        return None


def _searches(rule: Definition) -> Iterator[_Search]:
    for body in rule.bodies:
        scope = [body, rule.head]
        for statements in _queries(body):
            for statement in statements:
                found = _search(statement, statements, scope, rule)
                if found is not None:
                    yield found


def _queries(tree: Any) -> Iterator[list[Any]]:
    """The statements of each query in a tree: a body, a comprehension."""
    if isinstance(tree, list):
        for each in tree:
            yield from _queries(each)
    elif isinstance(tree, dict):
        if isinstance(tree.get("stmts"), list):
            yield tree["stmts"]
        for value in tree.values():
            yield from _queries(value)


def _search(statement: Any, statements: list, scope: list, rule: Definition) -> _Search | None:
    assigned = _expression(statement, "AssignExpr")
    if assigned is None:
        return None
    variable, source = reference(assigned["lhs"]), reference(assigned["rhs"])
    if not variable or variable.steps or not source or source.steps[-1:] != (None,):
        return None
    path = input_path(source, rule)
    index = reference(source.inner[-1])
    if not path or len(source.inner) > 1 or not index or index.base != "_" or index.steps:
        return None
    uses = [found for found in walk(scope) if getattr(found, "base", None) == variable.base]
    reads = [use for use in uses if use.steps and use.steps[0] is not None]
    if len(reads) != len(uses) - 1:  # it is given away whole, or means two things
        return None
    members = frozenset(use.steps[0] for use in reads)
    return _Search(assigned["rhs"], path, members, tuple(_asked(variable.base, statements)))


def _asked(variable: str, statements: list) -> Iterator[Any]:
    for statement in statements:
        for kind, operators in (("BoolExpr", ("Eq",)), ("AssignExpr", ("Eq", "ColEq"))):
            compared = _expression(statement, kind)
            if compared is None or compared["op"] not in operators:
                continue
            for one, other in (("lhs", "rhs"), ("rhs", "lhs")):
                name = reference(compared[one])
                if name and name.base == variable and name.steps == (_NAME,):
                    yield compared[other]


def _expression(statement: Any, kind: str) -> Any:
    """The expression of this kind that a statement is, with nothing done to its input."""
    if statement.get("with_mods"):
        return None
    expression = statement["literal"].get("Expr")
    return expression["expr"].get(kind) if expression else None


def _values(tree: Any, rule: Definition, rules: list[Definition]) -> frozenset[str] | None:
    """The texts that something can be: a literal's, or those that all callers give. None: any."""
    text = literal(tree)
    if text is not None:
        return frozenset((text,))
    variable = reference(tree)
    if not variable or variable.steps or variable.base not in (rule.parameters or ()):
        return None
    position = rule.parameters.index(variable.base)
    word = rule.name.rpartition(".")[2]
    given = []
    for caller in rules:
        for call in caller.calls:
            if call.name is None:
                return None
            if caller.full(call.name).rpartition(".")[2] == word:
                given.append(literal(dict(enumerate(call.arguments)).get(position)))
    return None if None in given else frozenset(given)
