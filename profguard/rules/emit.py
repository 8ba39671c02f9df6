"""Conditions as Python expressions.

Text of a rule gets into the source only as `repr()` of a str, an int or a float; everything else
is a constant that the source refers to by a name made here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from profguard.model import Process
from profguard.rules.fields import Field, read
from profguard.rules.index import Key, cost
from profguard.rules.interpret import texts_of
from profguard.rules.matchers import (
    Absent,
    AnyText,
    Compare,
    Infix,
    Matcher,
    OneOf,
    Pattern,
    Prefix,
    Present,
    SameAs,
    Suffix,
)
from profguard.rules.tree import And, Keyword, Node, Not, Or, Test

_NOBODY = Process()
_ROOTS = {
    "a": "e.args",
    "p": "e.process or NOBODY",
    "t": "e.target or NOBODY",
}
_OWNERS = {"process": "p", "target": "t"}
_HEAD = {
    "source": "e.source",
    "tier": "e.tier",
    "relation": "e.relation",
    "host": "e.host",
}


@dataclass(frozen=True)
class Expression:
    """Source of a truth value, and the variables that must be set before it is evaluated."""

    source: str
    needs: tuple[str, ...] = ()


@dataclass
class Variable:
    """A local variable: how it is set, and from which others."""

    source: str
    needs: tuple[str, ...] = ()


@dataclass
class Emitter:
    """Makes the expressions of one module, with the variables and constants they refer to.

    `variables` are functions of the event alone: a block sets those that it needs.
    """

    constants: dict[str, Any] = field(default_factory=lambda: {"NOBODY": _NOBODY})
    variables: dict[str, Variable] = field(
        default_factory=lambda: {name: Variable(source) for name, source in _ROOTS.items()}
    )
    numbers: dict[Field, int] = field(default_factory=dict)
    cache: dict[Node, Expression] = field(default_factory=dict)

    def constant(self, value: Any) -> str:
        name = f"C{len(self.constants)}"
        self.constants[name] = value
        return name

    def literal(self, value: Any) -> str:
        if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
            return repr(value)
        return self.constant(value)

    def variable(self, source: Field, *, folded: bool = False) -> str:
        """The variable that holds a field's value, or its folded one; None where absent."""
        number = self.numbers.setdefault(source, len(self.numbers))
        raw = f"f{number}"
        if raw not in self.variables:
            self.variables[raw] = self.access(source)
        if not folded:
            return raw
        name = f"g{number}"
        if name not in self.variables:
            made = f"[x.casefold() for x in {raw}]" if source.is_list else f"{raw}.casefold()"
            self.variables[name] = Variable(f"None if {raw} is None else {made}", (raw,))
        return name

    def access(self, source: Field) -> Variable:
        root, key = source.root, source.key
        if root == "args":
            return Variable(f"a[{key:d}]", ("a",))
        if root == "event":
            if key in _HEAD:
                return Variable(_HEAD[key])
            return Variable(f"{self.constant(read)}({self.constant(source)}, e)")
        if root == "absent":
            return Variable("None")
        owner, _, environ = root.partition(".")
        base = _OWNERS[owner]
        if environ:
            return Variable(f"{base}.environ.get({key!r})", (base,))
        empty = " or None" if source.is_list else ""
        return Variable(f"{base}.{_attribute(key)}{empty}", (base,))

    def key(self, key: Key) -> str:
        """The variable that holds what a lookup goes by."""
        whole = self.variable(key.field, folded=key.folded)
        if not key.base:
            return whole
        name = f"b{whole}"
        if name not in self.variables:
            made = f"None if {whole} is None else {whole}.rpartition('/')[2]"
            self.variables[name] = Variable(made, (whole,))
        return name

    def expression(self, node: Node) -> Expression:
        """The expression of a normalized condition; always a bool."""
        found = self.cache.get(node)
        if found is None:
            found = self.cache[node] = self.composed(node)
        return found

    def composed(self, node: Node) -> Expression:
        if isinstance(node, And | Or):
            parts = [self.expression(part) for part in sorted(node.parts, key=cost)]
            needs = dict.fromkeys(name for part in parts for name in part.needs)
            word = " and " if isinstance(node, And) else " or "
            return Expression(f"({word.join(part.source for part in parts)})", tuple(needs))
        if isinstance(node, Not):
            part = self.expression(node.part)
            return Expression(f"(not {part.source})", part.needs)
        if isinstance(node, Keyword):
            return self.keyword(node.matcher)
        return self.test(node)

    def keyword(self, matcher: Matcher) -> Expression:
        texts = "kg" if matcher.folded else "kf"
        if texts not in self.variables:
            self.variables["kf"] = Variable(f"{self.constant(texts_of)}(e)")
            self.variables["kg"] = Variable("[x.casefold() for x in kf]", ("kf",))
        return Expression(f"any({self.element(matcher, 'x')} for x in {texts})", (texts,))

    def test(self, node: Test) -> Expression:
        matcher, source = node.matcher, node.field
        name = self.variable(source, folded=matcher.folded and not isinstance(matcher, SameAs))
        if isinstance(matcher, Absent):
            return Expression(f"({name} is None)", (name,))
        if isinstance(matcher, Present):
            return Expression(f"({name} is not None)", (name,))
        if isinstance(matcher, SameAs):
            return self.comparison_of_fields(source, matcher)
        if not source.is_list:
            asked = self.element(matcher, name)
            guard = "" if isinstance(matcher, OneOf) else f"{name} is not None and "
            return Expression(f"({guard}{asked})", (name,))
        if isinstance(matcher, OneOf):
            values = list(matcher.values)
            if len(values) == 1:
                asked = f"{self.literal(values[0])} in {name}"
            else:
                asked = f"not {self.constant(matcher.values)}.isdisjoint({name})"
        else:
            asked = f"any({self.element(matcher, 'x')} for x in {name})"
        return Expression(f"({name} is not None and {asked})", (name,))

    def element(self, matcher: Matcher, name: str) -> str:
        """The question to one value that is there, held by the variable `name`."""
        if isinstance(matcher, OneOf):
            return self.one_of(matcher, name)
        if isinstance(matcher, Prefix | Suffix):
            method = "startswith" if isinstance(matcher, Prefix) else "endswith"
            values = tuple(matcher.values)
            what = repr(values[0]) if len(values) == 1 else repr(values)
            return f"{name}.{method}({what})"
        if isinstance(matcher, Infix):
            return f"({' or '.join(f'{value!r} in {name}' for value in matcher.values)})"
        if isinstance(matcher, AnyText):
            return "True"
        if isinstance(matcher, Pattern):
            return f"({self.constant(matcher.compiled.search)}({name}) is not None)"
        if isinstance(matcher, Compare):
            return f"{name} {matcher.operator} {self.literal(matcher.number)}"
        return f"{self.constant(matcher.matches)}({name})"

    def one_of(self, matcher: OneOf, name: str) -> str:
        values = sorted(matcher.values, key=lambda value: (str(type(value)), value))
        if len(values) == 1:
            return f"{name} == {self.literal(values[0])}"
        return f"{name} in {{{', '.join(map(self.literal, values))}}}"

    def comparison_of_fields(self, source: Field, matcher: SameAs) -> Expression:
        left, right = self.variable(source), self.variable(matcher.other)
        related = self.constant(matcher.related)
        asked = f"{related}({left}, {right})"
        if source.is_list or matcher.other.is_list:
            values = left if source.is_list else f"({left},)"
            others = right if matcher.other.is_list else f"({right},)"
            asked = f"{self.constant(_any_pair)}({related}, {values}, {others})"
        guard = f"{left} is not None and {right} is not None"
        return Expression(f"({guard} and {asked})", (left, right))


def _any_pair(related: Callable[[Any, Any], bool], values, others) -> bool:
    return any(related(one, other) for one in values for other in others)


def _attribute(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"{name!r} is not an attribute")
    return name
