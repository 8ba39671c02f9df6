"""The labels of a process: which of the configuration's selections it fits."""

from collections.abc import Collection, Sequence
from typing import Any

from profguard.config import LabelDefinition
from profguard.errors import ConfigError, Place, Problem, RuleError
from profguard.model import Process
from profguard.rules.index import demands, normalized
from profguard.rules.labels import Label, compile_selection
from profguard.rules.matchers import OneOf
from profguard.rules.sigma import fields_in

# What differs between the threads of one process.
# What all processes of a cgroup have in common.
_CGROUP_ATTRIBUTES = {"cgroup", "unit", "container_id"}
_THREAD_ATTRIBUTES = {"name", "tid"}


class Labeler:
    """Gives a process its labels, in the order in which the configuration defines them.

    `placeholders` are the lists that `|expand` may name. Raises ConfigError, with every problem
    of every label and its place in the configuration file.
    """

    def __init__(
        self,
        definitions: Sequence[LabelDefinition] = (),
        placeholders: dict[str, tuple[str, ...]] | None = None,
    ):
        labels: list[Label] = []
        problems: list[Problem] = []
        for definition in definitions:
            try:
                labels.append(_compile(definition, placeholders))
            except RuleError:
                problems.extend(_located(definition, placeholders))
        if problems:
            raise ConfigError(*problems)
        self._tests = tuple((label.name, label.matches) for label in labels)
        self.environ_names = frozenset().union(*(label.environ_names for label in labels))
        self.per_thread = any(
            field.key in _THREAD_ATTRIBUTES
            for label in labels
            for field in fields_in(label.condition)
        )

        self._places = {label.name.casefold(): _places(label) for label in labels}

    def may_have(self, labels: Collection[str], process: Process) -> bool:
        """Whether a process in the same cgroup as this one could have one of these labels.

        `labels` are in lower case. One that asks for more than the cgroup may be had anywhere.
        """
        return any(
            all(matcher.matches(getattr(process, key) or "") for key, matcher in places)
            for name, places in self._places.items()
            if name in labels
        )

    def __bool__(self) -> bool:
        return bool(self._tests)

    def labels(self, process: Process) -> tuple[str, ...]:
        return tuple(name for name, matches in self._tests if matches(process))


def _places(label: Label) -> list[tuple[str, OneOf]]:
    """The exact values that a label demands of what all processes of a cgroup have in common."""
    return [
        (key.field.key, OneOf(values, key.folded))
        for key, values in demands(normalized(label.condition)).items()
        if not key.base and key.field.key in _CGROUP_ATTRIBUTES
    ]


def _compile(definition: LabelDefinition, placeholders) -> Label:
    return compile_selection(
        definition.name, definition.selection, definition.place(), placeholders
    )


def _located(definition: LabelDefinition, placeholders) -> list[Problem]:
    """The problems of a label that does not compile, each at the field that has it."""
    found: list[Problem] = []
    for path, field, value in _conditions(definition.selection):
        found += _problems(definition, {field: value}, definition.place(*path), placeholders)
    return found or _problems(definition, definition.selection, definition.place(), placeholders)


def _problems(
    definition: LabelDefinition, selection: Any, place: Place | None, placeholders
) -> tuple[Problem, ...]:
    try:
        compile_selection(definition.name, selection, place, placeholders)
    except RuleError as error:
        return error.problems
    return ()


def _conditions(selection: Any, path: tuple = (), field: str = ""):
    """Each condition of a selection: its path, its field's name joined by dots, its value."""
    if isinstance(selection, dict):
        for key, value in selection.items():
            inner = (*path, key)
            if isinstance(value, dict):
                yield from _conditions(value, inner, f"{field}{key}.")
            else:
                yield inner, field + key, value
    elif isinstance(selection, list):
        for index, one in enumerate(selection):
            yield from _conditions(one, (*path, index))
