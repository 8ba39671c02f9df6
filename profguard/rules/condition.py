"""The language of `condition`: names of selections, and, or, not, parentheses, `1 of x*`."""

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import NamedTuple

from profguard.errors import did_you_mean
from profguard.rules.tree import Named, Node, Not, all_of, any_of, leaves

MAX_DEPTH = 32
MAX_LENGTH = 20_000  # characters
MAX_ASKED = 20_000  # questions to fields, each counted as often as its selection is named

_TOKEN = re.compile(r"[()|]|[^\s()|]+")


class Token(NamedTuple):
    text: str
    start: int

    @property
    def word(self) -> str:
        return self.text.lower()


class ConditionError(ValueError):
    """A condition that means nothing; `token` is where. `code` is PG106, PG107 or PG119."""

    def __init__(self, code: str, message: str, token: Token, hint: str | None = None):
        self.code, self.token, self.hint = code, token, hint
        super().__init__(message)


def parse(
    text: str, selections: Mapping[str, Node | None], asked: int = 0
) -> tuple[Node, frozenset[str], int]:
    """The tree of a condition, the names of the selections it uses, and how much it asks.

    `asked` is what the rule's conditions before this one ask. A selection that is None has errors
    of its own. Raises ConditionError.
    """
    if len(text) > MAX_LENGTH:
        said = f"condition is longer than {MAX_LENGTH:,} characters"
        raise ConditionError("PG106", said, Token("", 0), "use several rules")
    parser = _Parser(text, selections, asked)
    node = parser.any_of(0)
    if parser.token.text:
        raise parser.unexpected("'and', 'or' or the end")
    return node, frozenset(parser.used), parser.asked


class _Parser:
    """Recursive descent; each method consumes what it names. `or` binds least, `not` most."""

    def __init__(self, text: str, selections: Mapping[str, Node | None], asked: int):
        self.tokens = [Token(m[0], m.start()) for m in _TOKEN.finditer(text)]
        self.tokens.append(Token("", len(text.rstrip())))
        self.selections = selections
        self.sizes: dict[str, int] = {}
        self.asked = asked
        self.used: set[str] = set()
        self.at = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def unexpected(self, wanted: str) -> ConditionError:
        token = self.token
        if token.text == "|":
            hint = "counting is done by a correlation rule"
            return ConditionError("PG119", "aggregations are not part of Sigma 2", token, hint)
        found = f"'{token.text}'" if token.text else "the end"
        return ConditionError("PG106", f"expected {wanted}, found {found}", token)

    def any_of(self, depth: int) -> Node:
        parts = [self.all_of(depth)]
        while self.token.word == "or":
            self.take()
            parts.append(self.all_of(depth))
        return any_of(parts)

    def all_of(self, depth: int) -> Node:
        parts = [self.negated(depth)]
        while self.token.word == "and":
            self.take()
            parts.append(self.negated(depth))
        return all_of(parts)

    def negated(self, depth: int) -> Node:
        nots = 0
        while self.token.word == "not":
            self.take()
            nots += 1
        node = self.primary(depth)
        return Not(node) if nots % 2 else node

    def primary(self, depth: int) -> Node:
        if self.token.text == "(":
            opening = self.take()
            if depth >= MAX_DEPTH:
                said = f"parentheses are nested deeper than {MAX_DEPTH} levels"
                raise ConditionError("PG106", said, opening)
            node = self.any_of(depth + 1)
            if self.token.text != ")":
                raise self.unexpected("')'")
            self.take()
            return node
        if self.token.text in ("", ")", "|") or self.token.word in ("and", "or"):
            raise self.unexpected("a selection")
        if self.token.word in ("1", "any", "all") and self.tokens[self.at + 1].word == "of":
            return self.quantified()
        return self.selection()

    def quantified(self) -> Node:
        quantifier = self.take()
        self.take()
        if self.token.text in ("", "(", ")", "|"):
            raise self.unexpected("'them' or a pattern such as selection*")
        pattern = self.take()
        # A name with an underscore is meant only by a pattern that begins with one.
        hidden = pattern.text.startswith("_")
        names = [name for name in self.selections if hidden or not name.startswith("_")]
        if pattern.word != "them":
            # Only `*` is special in such a pattern.
            plain = re.sub(r"[?\[]", lambda match: f"[{match[0]}]", pattern.text)
            matches = re.compile(translate(plain)).match
            names = [name for name in names if matches(name)]
        if not names:
            raise self.unknown(pattern, f"no selection matches '{pattern.text}'")
        nodes: list[Node] = [self.named(name, pattern) for name in names]
        return all_of(nodes) if quantifier.word == "all" else any_of(nodes)

    def selection(self) -> Node:
        token = self.take()
        if token.text not in self.selections:
            raise self.unknown(token, f"unknown selection '{token.text}'")
        return self.named(token.text, token)

    def named(self, name: str, token: Token) -> Node:
        node = self.selections[name]
        if name not in self.sizes:
            self.sizes[name] = sum(1 for _ in leaves(node)) if node else 1
        self.asked += self.sizes[name]
        if self.asked > MAX_ASKED:
            said = f"the condition asks more than {MAX_ASKED:,} questions"
            raise ConditionError("PG106", said, token, "use several rules")
        self.used.add(name)
        return Named(name, node)

    def unknown(self, token: Token, message: str) -> ConditionError:
        name = token.text.rstrip("*")
        known = ", ".join(self.selections) or "none"
        hint = did_you_mean(name, self.selections) or f"the rule has: {known}"
        return ConditionError("PG107", message, token, hint)
