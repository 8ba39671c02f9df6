"""A Sigma detection rule: from a YAML document to a Rule, or to all that is wrong with it."""

import itertools
from collections.abc import Collection
from typing import Any

from profguard.errors import Problem, did_you_mean
from profguard.events import BY_NAME
from profguard.rules import condition
from profguard.rules.extension import KEY, Extension, ExtensionReader
from profguard.rules.fields import Field, known_names, resolve
from profguard.rules.matchers import SameAs
from profguard.rules.rule import DEFAULT_LEVEL, Detection
from profguard.rules.selection import SelectionBuilder
from profguard.rules.source import Document, told
from profguard.rules.taxonomy import MAPPINGS, PRODUCT, SERVICE
from profguard.rules.transforms import Placeholders
from profguard.rules.tree import Node, Test, any_of, leaves


def read_rule(
    document: Document, name: str, placeholders: Placeholders, problems: list[Problem]
) -> Detection | None:
    """The rule of a document, or None. `name` is its id where it gives none.

    Problems are appended: errors where there is no rule, warnings also where there is one.
    """
    found: list[Problem] = []
    rule = None
    if _supported(document, found):
        # jsonschema is slow to import, and --help needs no rule.
        from profguard.rules.validate import problems_of  # noqa: PLC0415

        wrong = problems_of(document)
        found += itertools.chain.from_iterable(wrong.values())
        if not wrong.keys() & _ESSENTIAL:
            rule = _Reader(document, wrong.keys(), name, placeholders, found).rule()
    problems += found
    failed = any(problem.severity == "error" for problem in found)
    return None if failed else rule


# Without these there is nothing more to be said of a rule ("" is a missing key).
_ESSENTIAL = {"", "title", "logsource", "detection"}

_OTHER_KINDS = {
    "correlation": "correlation rules are not supported yet",
    "filter": "filters are not supported yet",
    "action": "rule collections (action) are not part of Sigma 2",
}


def _supported(document: Document, problems: list[Problem]) -> bool:
    value = document.value
    if not isinstance(value, dict):
        problems.append(told("PG108", "a rule is a map", document.place()))
        return False
    for key, said in _OTHER_KINDS.items():
        if key in value:
            place = document.place(key, key=True)
            problems.append(told("PG119", said, place, "keep such files elsewhere"))
            return False
    return True


class _Reader:
    def __init__(
        self,
        document: Document,
        wrong: Collection[str],
        name: str,
        placeholders: Placeholders,
        problems: list[Problem],
    ):
        self.document = document
        self.value: dict[str, Any] = {
            key: value for key, value in document.value.items() if key not in wrong
        }
        self.name = name
        self.placeholders = placeholders
        self.problems = problems
        self.event: str | None = None
        self.category: str | None = None  # of a generic log source

    def fail(self, code, message, place, hint=None, severity="error") -> None:
        self.problems.append(told(code, message, place, hint, severity))

    def rule(self) -> Detection:
        """The rule; it is only whole where no error was reported."""
        self.logsource()
        extension, root, selections = Extension(), None, {}
        if self.event is not None:
            selections = self.selections()
            root = self.conditions(selections)
            reader = ExtensionReader(self.document, self.field_at, self.problems)
            extension = reader.read(self.value.get(KEY, {}))
        value = self.value
        source = value["logsource"]
        return Detection(
            id=value.get("id") or value.get("name") or self.name,
            name=value.get("name"),
            title=value["title"],
            path=self.document.path,
            line=self.document.place().line,
            level=value.get("level", DEFAULT_LEVEL),
            status=value.get("status"),
            description=value.get("description"),
            author=value.get("author"),
            tags=tuple(value.get("tags", ())),
            falsepositives=tuple(value.get("falsepositives", ())),
            references=tuple(value.get("references", ())),
            logsource="/".join(
                source[key] for key in ("product", "service", "category") if key in source
            ),
            events=() if self.event is None else (self.event,),
            category=self.category,
            condition=root,
            selections=selections,
            fields=fields_in(root) if root else (),
            message=extension.message or value["title"].replace("{", "{{").replace("}", "}}"),
            message_fields=extension.message_fields,
            suppress_by=extension.suppress_by,
            suppress_fields=extension.suppress_fields,
            suppress_for_ns=extension.suppress_for_ns,
            enabled=extension.enabled,
        )

    def logsource(self) -> None:
        """Sets the event that the rule is asked of; none for a log source that is not ours."""
        source = self.value["logsource"]
        product, service = source.get("product"), source.get("service")
        category = source.get("category")
        if service == SERVICE:
            self.own_event(category, product)
        elif service is None and category in MAPPINGS and product in (PRODUCT, None):
            self.category = category
            self.event = MAPPINGS[category].event
        elif service and did_you_mean(service, (SERVICE,)):
            place = self.document.place("logsource", "service")
            said = f"no log source has the service '{service}': the rule will never match"
            self.fail("PG109", said, place, did_you_mean(service, (SERVICE,)), "warning")

    def own_event(self, category: str | None, product: str | None) -> None:
        place = self.document.place("logsource", *(() if category is None else ("category",)))
        if product not in (PRODUCT, None):
            place = self.document.place("logsource", "product")
            self.fail("PG109", f"service {SERVICE} has no product '{product}'", place, PRODUCT)
        elif category in BY_NAME:
            self.event = category
        elif category is None:
            hint = "category is one of: " + ", ".join(BY_NAME)
            self.fail("PG109", "logsource names no event category", place, hint)
        else:
            hint = did_you_mean(category, BY_NAME) or "known are: " + ", ".join(BY_NAME)
            self.fail("PG109", f"unknown event category '{category}'", place, hint)

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
            said = f"unknown field '{name}' of event {self.event}"
            self.fail("PG103", said, place, did_you_mean(name, self.names()))
        return source

    def selections(self) -> dict[str, Node | None]:
        """Each selection's tree; None for one that has errors."""
        owner = f"event {self.event}"
        builder = SelectionBuilder(
            self.document, self.resolve, self.names, owner, self.placeholders, self.problems
        )
        detection = self.value["detection"]
        found = {
            name: builder.build(value, ("detection", name))
            for name, value in detection.items()
            if name != "condition"
        }
        self.absent_fields(found)
        return found

    def absent_fields(self, selections: dict[str, Node | None]) -> None:
        for root in selections.values():
            for leaf, _ in leaves(root) if root else ():
                if isinstance(leaf, Test) and leaf.field.kind == "absent":
                    said = f"profguard does not observe {leaf.field.name}: it is always absent"
                    self.fail("PG103", said, leaf.place, severity="warning")

    def conditions(self, selections: dict[str, Node | None]) -> Node | None:
        """The tree of the condition; of a list of conditions, any."""
        value = self.value["detection"]["condition"]
        texts = value if isinstance(value, list) else [value]
        parts: list[Node] = []
        used: set[str] = set()
        for index, text in enumerate(texts):
            path = ("detection", "condition", *((index,) if isinstance(value, list) else ()))
            try:
                part, names = condition.parse(text, selections)
            except condition.ConditionError as error:
                token = error.token
                place = self.document.part(*path, start=token.start, length=len(token.text) or 1)
                self.fail(error.code, str(error), place, error.hint)
                return None
            parts.append(part)
            used |= names
        for name in selections.keys() - used:
            place = self.document.place("detection", name, key=True)
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
