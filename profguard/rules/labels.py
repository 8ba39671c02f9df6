"""Labels of the configuration: a selection over the fields of one process."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from profguard.errors import Place, Problem, RuleError
from profguard.model import Process
from profguard.rules.body import fields_in
from profguard.rules.compile import compile_process_test
from profguard.rules.fields import ENVIRON, Field, environ_field, process_fields
from profguard.rules.pack import RuleSet
from profguard.rules.selection import SelectionBuilder
from profguard.rules.source import Document
from profguard.rules.transforms import Placeholders
from profguard.rules.tree import Keyword, Node, leaves

_ROOT = "process."


@dataclass(frozen=True)
class Label:
    """What a process must be to carry a label; `matches(process)` says whether it does."""

    name: str
    condition: Node
    matches: Callable[[Process], bool]
    environ_names: frozenset[str]


def compile_selection(
    name: str,
    selection: dict[str, Any] | list[dict[str, Any]],
    place: Place | None = None,
    placeholders: Placeholders | None = None,
) -> Label:
    """The label called `name` from a Sigma selection, or a list of them of which any matches.

    Fields are those of a process without `process.`: executable, user.name, environ.NAME. A table
    within the selection is its names joined by dots, as TOML's `user.name = "x"` makes one.
    Raises RuleError; `place` is where the configuration defines the label.
    """
    origin = place or Place(f"label {name}")
    if isinstance(selection, list):
        value: Any = [_flat(one) if isinstance(one, dict) else one for one in selection]
    else:
        value = _flat(selection) if isinstance(selection, dict) else selection
    problems: list[Problem] = []
    document = Document(origin.path, 0, value, [], origin=origin)
    builder = SelectionBuilder(
        document, _resolve, _names, f"a process (label {name})", placeholders or {}, problems
    )
    node = builder.build(value, ())
    if node is not None and any(isinstance(leaf, Keyword) for leaf, _ in leaves(node)):
        hint = 'write a field: {"executable|endswith" = "/server"}'
        problems.append(Problem("PG108", f"label {name} has a value without field", origin, hint))
    if problems or node is None:
        raise RuleError(*problems)
    variables = (source.environ_name for source in fields_in(node))
    return Label(name, node, compile_process_test(node), frozenset(filter(None, variables)))


def environ_names(rules: RuleSet, labels: Iterable[Label]) -> frozenset[str]:
    """The environment variables that rules or labels read: no other need be collected."""
    return rules.environ_names.union(*(label.environ_names for label in labels))


def _resolve(name: str) -> Field | None:
    if name.startswith(ENVIRON) and len(name) > len(ENVIRON):
        return environ_field("process", name.removeprefix(ENVIRON))
    if name == "labels":  # the very thing that is being defined
        return None
    return process_fields("process").get(_ROOT + name)


def _names() -> list[str]:
    return [name.removeprefix(_ROOT) for name in process_fields("process")]


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
