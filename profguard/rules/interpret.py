"""Asks a rule's tree of an event node by node: slow and plain.

It explains what matched and why, and it is what the compiled rules are tested against.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from profguard.model import Event, Process
from profguard.rules.fields import Field, read, read_process
from profguard.rules.matchers import Absent, Present, SameAs
from profguard.rules.rule import shown
from profguard.rules.tree import And, Keyword, Named, Node, Not, Or, Test, children

MAX_REASONS = 8  # that one sentence tells

Reader = Callable[[Field], Any]


def reader_of(event: Event) -> Reader:
    return lambda source: read(source, event)


def process_reader(process: Process) -> Reader:
    """Reads the fields of `process.*` from a process that stands alone."""

    def value_of(source: Field) -> Any:
        return read_process(source.root.partition(".")[2], source.key, process)

    return value_of


def matches(node: Node, event: Event) -> bool:
    """Whether an event fulfils a condition."""
    return holds(node, reader_of(event), event)


def holds(node: Node, value_of: Reader, event: Event | None = None) -> bool:
    """Whether a condition holds; keywords need the whole event."""
    if isinstance(node, And):
        return all(holds(part, value_of, event) for part in node.parts)
    if isinstance(node, Or):
        return any(holds(part, value_of, event) for part in node.parts)
    if isinstance(node, Not):
        return not holds(node.part, value_of, event)
    if isinstance(node, Named):
        return holds(node.part, value_of, event)
    if isinstance(node, Keyword):
        return any(node.matcher.matches(text) for text in texts_of(event))
    return _answers(node, value_of)


def _answers(node: Test, value_of: Reader) -> bool:
    value, matcher = value_of(node.field), node.matcher
    if isinstance(matcher, Absent):
        return value is None
    if isinstance(matcher, Present):
        return value is not None
    if value is None:
        return False
    values = value if node.field.is_list else (value,)
    if isinstance(matcher, SameAs):
        other = value_of(matcher.other)
        if other is None:
            return False
        others = other if matcher.other.is_list else (other,)
        return any(matcher.related(one, another) for one in values for another in others)
    return any(matcher.matches(one) for one in values)


def texts_of(event: Event) -> list[str]:
    """Every text and number of an event as text: where keywords are looked for."""
    found: list[str] = []
    _collect(event.args, found)
    for process in (event.process, event.target):
        if process is not None:
            _collect([getattr(process, name) for name in process.__struct_fields__], found)
    _collect([event.spec.name, event.relation, event.source, event.tier, event.host], found)
    return found


def _collect(values: Any, found: list[str]) -> None:
    for value in values:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, tuple | list):
            _collect(value, found)
        elif isinstance(value, dict):
            _collect(value.values(), found)
        elif value is not None:
            found.append(str(value))


@dataclass(frozen=True)
class Answer:
    """A node of a condition with its truth for an event; `value` is the field's, as shown."""

    node: Node
    truth: bool | None  # None without an event
    value: str | None
    parts: tuple["Answer", ...]

    def as_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"node": str(self.node)}
        if self.truth is not None:
            out["truth"] = self.truth
        if self.value is not None:
            out["value"] = self.value
        if self.parts:
            out["parts"] = [part.as_dict() for part in self.parts]
        return out

    def reasons(self, selection: str = "") -> Iterator[tuple[str, "Answer"]]:
        """The leaves that made this true, or false, each with the name of its selection.

        As few as say why: of several false parts of an `and` those that take the fewest words, and
        likewise of the true parts of an `or`.
        """
        if isinstance(self.node, Named):
            selection = self.node.name
        if not self.parts:
            yield selection, self
            return
        decides_alone = isinstance(self.node, Or) == self.truth
        deciding = [
            list(part.reasons(selection))
            for part in self.parts
            if isinstance(self.node, Not) or part.truth == self.truth
        ]
        for found in [min(deciding, key=len)] if decides_alone else deciding:
            yield from found

    def why(self) -> str:
        """The reasons as a sentence, selection by selection; at most MAX_REASONS of them."""
        reasons = list(self.reasons())
        told: dict[str, list[str]] = {}
        for selection, answer in reasons[:MAX_REASONS]:
            told.setdefault(selection, []).append(str(answer))
        parts = [f"{name}: {', '.join(texts)}" for name, texts in told.items()]
        left = len(reasons) - MAX_REASONS
        return "; ".join([*parts, *([f"and {left} more"] if left > 0 else [])])

    def __str__(self):
        truth = {True: "true", False: "false", None: "?"}[self.truth]
        value = "" if self.value is None else f", it is {self.value}"
        return f"({self.node}) is {truth}{value}"


def explain(node: Node, event: Event | None = None) -> Answer:
    """The tree of a condition with each node's truth for the event, if there is one."""
    parts = tuple(explain(part, event) for part in children(node))
    if event is None:
        return Answer(node, None, None, parts)
    value = None
    if isinstance(node, Test):
        value = _value(node.field, event)
        if isinstance(node.matcher, SameAs):
            value += f", {node.matcher.other.name} is {_value(node.matcher.other, event)}"
    return Answer(node, matches(node, event), value, parts)


def _value(source: Field, event: Event) -> str:
    found = read(source, event)
    if found is None:
        return "absent"
    return f"'{shown(found)}'" if isinstance(found, str) else shown(found)
