"""A rule's condition as a tree. Nodes are equal if they ask the same, wherever they stand."""

from dataclasses import dataclass, field

from profguard.errors import Place
from profguard.rules.fields import Field
from profguard.rules.matchers import Matcher


@dataclass(frozen=True)
class Test:
    """One question to one field."""

    field: Field
    matcher: Matcher
    place: Place | None = field(default=None, compare=False, repr=False)

    __test__ = False  # not a pytest class

    def __str__(self):
        return f"{self.field.name} {self.matcher}"


@dataclass(frozen=True)
class Keyword:
    """One question to every text and number of the event; any may answer yes."""

    matcher: Matcher
    place: Place | None = field(default=None, compare=False, repr=False)

    def __str__(self):
        return f"any value {self.matcher}"


@dataclass(frozen=True)
class And:
    parts: tuple["Node", ...]

    def __str__(self):
        return "all of"


@dataclass(frozen=True)
class Or:
    parts: tuple["Node", ...]

    def __str__(self):
        return "any of"


@dataclass(frozen=True)
class Not:
    part: "Node"

    def __str__(self):
        return "not"


@dataclass(frozen=True)
class Named:
    """A selection, by the name that the rule gives it."""

    name: str = field(compare=False)
    part: "Node"

    def __str__(self):
        return self.name


Node = Test | Keyword | And | Or | Not | Named


ALWAYS, NEVER = And(()), Or(())  # what every event fulfils, and none


def children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, And | Or):
        return node.parts
    return (node.part,) if isinstance(node, Not | Named) else ()


def leaves(node: Node, *, positive: bool = True):
    """Each Test and Keyword with whether it counts for a match (an even number of nots above)."""
    if isinstance(node, Test | Keyword):
        yield node, positive
    for child in children(node):
        yield from leaves(child, positive=positive != isinstance(node, Not))


def all_of(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def any_of(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def replaced(node: Node, old: Node, new: Node) -> Node:
    """The same tree with `new` wherever this very `old` stands."""
    if node is old:
        return new
    if isinstance(node, Named):
        return Named(node.name, replaced(node.part, old, new))
    if isinstance(node, Not):
        return Not(replaced(node.part, old, new))
    if isinstance(node, And | Or):
        return type(node)(tuple(replaced(part, old, new) for part in node.parts))
    return node
