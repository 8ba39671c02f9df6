"""Which parts of a rule's condition its cases ask: true in one, false in one, and decisive."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from profguard.errors import Place
from profguard.model import Event
from profguard.rules.interpret import holds, reader_of
from profguard.rules.rule import Detection
from profguard.rules.tree import ALWAYS, NEVER, Keyword, Node, Or, Test, leaves, replaced

MAX_PARTS = 300


@dataclass(frozen=True)
class Part:
    """A selection, an alternative of one (`kind`), or one question, with what events make of it.

    `true` and `false` count the events. `if_true` is whether one of them would be judged otherwise
    if the part were never true, `if_false` if it were never false.
    """

    kind: str  # selection, alternative or question
    name: str
    place: Place | None
    true: int
    false: int
    if_true: bool
    if_false: bool

    @property
    def decides(self) -> bool:
        """Whether both of its answers are decisive."""
        return self.if_true and self.if_false

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "line": self.place and self.place.line,
            "true": self.true,
            "false": self.false,
            "decides": {"true": self.if_true, "false": self.if_false},
        }


def coverage(rule: Detection, events: Iterable[Event]) -> list[Part]:
    """The parts of a rule's condition, in the order of the rule, as these events ask them.

    Of more than MAX_PARTS the first are told: each takes as long as all events.
    """
    asked = [event for event in events if event.spec.name == rule.event]
    if rule.condition is None:
        return []
    return list(islice(_parts(rule, rule.condition, asked), MAX_PARTS))


def _parts(rule: Detection, condition: Node, events: Sequence[Event]) -> Iterator[Part]:
    used = {id(leaf) for leaf, _ in leaves(condition)}
    for name, selection in rule.selections.items():
        if not any(id(leaf) in used for leaf, _ in leaves(selection)):
            continue
        yield _part("selection", name, selection, condition, events)
        alternatives = selection.parts if isinstance(selection, Or) else ()
        for number, one in enumerate(alternatives, 1):
            yield _part("alternative", f"{name}[{number}]", one, condition, events)
        for leaf, _ in leaves(selection):
            if leaf is not selection:
                yield _part("question", f"{name}: {leaf}", leaf, condition, events)


def _part(kind: str, name: str, node: Node, condition: Node, events: Sequence[Event]) -> Part:
    answers = [holds(node, reader_of(event), event) for event in events]
    return Part(
        kind,
        name,
        next((leaf.place for leaf, _ in leaves(node)), None),
        sum(answers),
        len(answers) - sum(answers),
        decides(condition, node, NEVER, events),
        decides(condition, node, ALWAYS, events),
    )


def decides(condition: Node, part: Node, answer: Node, events: Iterable[Event]) -> bool:
    """Whether one of the events would be judged otherwise with `answer` in the part's place."""
    other = replaced(condition, part, answer)
    return any(
        holds(other, reader_of(event), event) != holds(condition, reader_of(event), event)
        for event in events
    )


def undecided(condition: Node, events: Sequence[Event]) -> list[Test | Keyword]:
    """The questions of which one answer could stand always: no event tells the difference."""
    return [
        leaf
        for leaf, _ in leaves(condition)
        if not all(decides(condition, leaf, answer, events) for answer in (ALWAYS, NEVER))
    ]
