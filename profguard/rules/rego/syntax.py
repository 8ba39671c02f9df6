"""The engine's syntax tree of a policy: its rules, and what each of them refers to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

_REFERENCES = ("RefDot", "RefBrack", "Var")
_TEXTS = ("String", "RawString")


class Span(NamedTuple):
    """A place in the policy: module by number, line and column from 1, length."""

    module: int
    line: int
    column: int
    length: int


class Reference(NamedTuple):
    """`base.step["step"][x]`: a step that is no literal is None. `inner` are such steps' trees."""

    base: str
    steps: tuple[str | None, ...]
    inner: tuple[Any, ...]
    span: dict[str, int]

    @property
    def fixed(self) -> tuple[str, ...]:
        """The steps up to the first that is no literal."""
        return self.steps[: self.steps.index(None)] if None in self.steps else self.steps

    @property
    def dotted(self) -> str | None:
        """The name, if all of it is fixed."""
        return None if None in self.steps else ".".join((self.base, *self.steps))


class Call(NamedTuple):
    """A function's name as it is written, and the trees of what it is given."""

    name: str | None
    arguments: list[Any]
    span: dict[str, int]


@dataclass(frozen=True, eq=False)
class Definition:
    """One body of statements with its head. `name` is full: data.package.rule."""

    name: str
    module: int
    tree: Any = field(repr=False)
    head: Any = field(repr=False)
    bodies: list[Any] = field(repr=False)
    parameters: tuple[str | None, ...] | None
    span: Span
    imports: Mapping[str, str] = field(repr=False)

    @cached_property
    def references(self) -> list[Reference]:
        return [found for found in walk(self.tree) if isinstance(found, Reference)]

    @cached_property
    def calls(self) -> list[Call]:
        return [found for found in walk(self.tree) if isinstance(found, Call)]

    def full(self, dotted: str) -> str:
        """What a name means here, if it is no local one and no builtin."""
        base, _, rest = dotted.partition(".")
        if base in self.imports:
            return f"{self.imports[base]}.{rest}" if rest else self.imports[base]
        return dotted if base in ("data", "input") else f"{self.package}.{dotted}"

    @property
    def package(self) -> str:
        return self.name.rpartition(".")[0]


def definitions(text: str) -> list[Definition]:
    """The rules of all modules, from the engine's JSON. Raises RecursionError if it is too deep."""
    found = []
    for number, module in enumerate(msgspec.json.decode(text)):
        source, tree = module["source"]["contents"].encode(), module["ast"]
        package = f"data.{reference(tree['package']['refr']).dotted}"
        imports = dict(_imported(each, source) for each in tree["imports"])
        found += (_definition(rule, number, package, imports) for rule in tree["rules"])
    return found


def _imported(tree: Any, source: bytes) -> tuple[str, str]:
    """What a name that is imported means."""
    path = reference(tree["refr"])
    alias = tree.get("as")  # the engine tells only where it stands
    if alias is not None:
        name = source[alias["start"] : alias["end"]].decode()
    else:
        name = path.steps[-1] if path.steps else path.base
    return name, ".".join((path.base, *path.fixed))


def _definition(rule: Any, number: int, package: str, imports: dict[str, str]) -> Definition:
    [(kind, tree)] = rule.items()
    head, bodies = (tree, []) if kind == "Default" else (tree["head"], tree["bodies"])
    [form] = [head] if kind == "Default" else head.values()
    path = reference(form["refr"])
    parameters = None
    if "args" in form and (kind != "Default" or form["args"]):
        parameters = tuple(_variable(each) for each in form["args"])
    name = ".".join((package, path.base, *path.fixed))
    span = tree["span"]
    at = Span(number, span["line"], span["col"], len(path.base))
    return Definition(name, number, tree, head, bodies, parameters, at, imports)


def _variable(tree: Any) -> str | None:
    return tree["Var"]["value"] if "Var" in tree else None


def literal(tree: Any) -> str | None:
    """The text of a literal string, else None."""
    if isinstance(tree, dict):
        for kind in _TEXTS:
            if kind in tree:
                return tree[kind]["value"]
    return None


def reference(tree: Any) -> Reference | None:
    """The reference that a tree is, None if it is something else."""
    steps: list[str | None] = []
    inner: list[Any] = []
    while isinstance(tree, dict):
        if "RefDot" in tree:
            steps.append(tree["RefDot"]["field"][1])
            tree = tree["RefDot"]["refr"]
        elif "RefBrack" in tree:
            index = tree["RefBrack"]["index"]
            steps.append(literal(index))
            if steps[-1] is None:
                inner.append(index)
            tree = tree["RefBrack"]["refr"]
        elif "Var" in tree:
            steps.reverse()
            inner.reverse()
            return Reference(tree["Var"]["value"], tuple(steps), tuple(inner), tree["Var"]["span"])
        else:
            return None
    return None


def walk(tree: Any) -> Iterator[Reference | Call]:
    """All references and calls in a tree, from the outside in. Raises RecursionError."""
    if isinstance(tree, list):
        for each in tree:
            yield from walk(each)
    elif isinstance(tree, dict):
        found = reference(tree) if any(kind in tree for kind in _REFERENCES) else None
        if found is not None:
            yield found
            yield from walk(list(found.inner))
        elif "Call" in tree:
            yield from _call(tree["Call"])
        else:
            for key, value in tree.items():
                if key != "span":
                    yield from walk(value)


def _call(tree: Any) -> Iterator[Reference | Call]:
    function = reference(tree["fcn"])
    name = function.dotted if function else None
    yield Call(name, tree["params"], tree["span"])
    if function:
        yield function
    yield from walk(tree["params"])
