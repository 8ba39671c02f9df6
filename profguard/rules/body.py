"""What detection rules and filters have in common: a log source, selections and a condition."""

from typing import Any

from profguard.errors import Problem, did_you_mean, which_of
from profguard.events import BY_NAME
from profguard.rules import condition
from profguard.rules.fields import Field, known_names, resolve
from profguard.rules.matchers import SameAs
from profguard.rules.selection import SelectionBuilder
from profguard.rules.source import Document, told
from profguard.rules.taxonomy import MAPPINGS, PRODUCT, SERVICE, LogSource
from profguard.rules.transforms import Placeholders
from profguard.rules.tree import Node, Test, any_of, leaves


class Body:
    """Reads `logsource`, and selections and condition of one section (`detection`, `filter`).

    `value` is the document without the keys that do not fit the schema. After `read_logsource`,
    `event` is the event asked of; None for a log source that is not ours, or for all of ours.
    """

    def __init__(
        self,
        document: Document,
        value: dict[str, Any],
        placeholders: Placeholders,
        problems: list[Problem],
    ):
        self.document, self.value = document, value
        self.placeholders, self.problems = placeholders, problems
        self.source = LogSource.of(value["logsource"])
        self.event: str | None = None
        self.category: str | None = None  # of a generic log source

    def fail(self, code, message, place, hint=None, severity="error") -> None:
        self.problems.append(told(code, message, place, hint, severity))

    # The log source.

    def read_logsource(self, *, any_event: bool = False) -> None:
        """Find the event; with `any_event` ours need not name one."""
        product, service, category = self.source
        if service == SERVICE:
            self._own_event(any_event=any_event)
        elif service is None and category in MAPPINGS and product in (PRODUCT, None):
            self.category = category
            self.event = MAPPINGS[category].event
        elif service and did_you_mean(service, (SERVICE,)):
            place = self.document.place("logsource", "service")
            said = f"no log source has the service '{service}': the rule will never match"
            self.fail("PG109", said, place, did_you_mean(service, (SERVICE,)), "warning")

    def _own_event(self, *, any_event: bool) -> None:
        product, _, category = self.source
        place = self.document.place("logsource", *(() if category is None else ("category",)))
        if product not in (PRODUCT, None):
            place = self.document.place("logsource", "product")
            self.fail("PG109", f"service {SERVICE} has no product '{product}'", place, PRODUCT)
        elif category in BY_NAME:
            self.event = category
        elif category is not None:
            hint = which_of(category, BY_NAME)
            self.fail("PG109", f"unknown event category '{category}'", place, hint)
        elif not any_event:
            hint = "category is one of: " + ", ".join(BY_NAME)
            self.fail("PG109", "logsource names no event category", place, hint)

    # Fields. Where no event is named, those that every event has.

    @property
    def _owner(self) -> str:
        return f"event {self.event}" if self.event else "every event"

    def resolve(self, name: str) -> Field | None:
        return resolve(name, self.event, self.category)

    def names(self) -> list[str]:
        return known_names(self.event, self.category)

    def field_at(self, name: str, path: tuple) -> Field | None:
        """The field of a name that is used at `path`; an unknown one is reported."""
        source = self.resolve(name)
        if source is None:
            text = self.document.raw(*path) or ""
            start = max(0, text.find(name))
            place = self.document.part(*path, start=start, length=len(name))
            said = f"unknown field '{name}' of {self._owner}"
            self.fail("PG103", said, place, did_you_mean(name, self.names()))
        return source

    # Selections and condition.

    def selections(self, section: str, ignored: tuple[str, ...] = ()) -> dict[str, Node | None]:
        """Each selection's tree; None for one that has errors."""
        builder = SelectionBuilder(
            self.document,
            self.resolve,
            self.names,
            self._owner,
            self.placeholders,
            self.problems,
        )
        found = {
            name: builder.build(value, (section, name))
            for name, value in self.value[section].items()
            if name != "condition" and name not in ignored
        }
        self._absent_fields(found)
        return found

    def _absent_fields(self, selections: dict[str, Node | None]) -> None:
        for root in selections.values():
            for leaf, _ in leaves(root) if root else ():
                if isinstance(leaf, Test) and leaf.field.kind == "absent":
                    said = f"profguard does not observe {leaf.field.name}: it is always absent"
                    self.fail("PG103", said, leaf.place, severity="warning")

    def condition(self, section: str, selections: dict[str, Node | None]) -> Node | None:
        """The tree of the condition; of a list of conditions, any."""
        value = self.value[section]["condition"]
        texts = value if isinstance(value, list) else [value]
        parts: list[Node] = []
        used: set[str] = set()
        asked = 0
        for index, text in enumerate(texts):
            path = (section, "condition", *((index,) if isinstance(value, list) else ()))
            try:
                part, names, asked = condition.parse(text, selections, asked)
            except condition.ConditionError as error:
                token = error.token
                place = self.document.part(*path, start=token.start, length=len(token.text) or 1)
                self.fail(error.code, str(error), place, error.hint)
                return None
            parts.append(part)
            used |= names
        for name in selections.keys() - used:
            place = self.document.place(section, name, key=True)
            said = f"selection '{name}' is never used"
            self.fail("PG112", said, place, "name it in the condition or remove it", "warning")
        return any_of(parts) if None not in selections.values() else None


def fields_in(root: Node) -> tuple[Field, ...]:
    """Every field that a tree reads, once, in the order of appearance."""
    found: dict[Field, None] = {}
    for leaf, _ in leaves(root):
        if isinstance(leaf, Test):
            found[leaf.field] = None
            if isinstance(leaf.matcher, SameAs):
                found[leaf.matcher.other] = None
    return tuple(found)
