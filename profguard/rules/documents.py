"""What a YAML document of a rule file is: a detection rule, a correlation rule or a filter."""

import itertools

from profguard.errors import Problem
from profguard.rules import filters, sigma
from profguard.rules.correlate import rule as correlation
from profguard.rules.correlate.rule import Draft
from profguard.rules.filters import Filter
from profguard.rules.rule import Detection
from profguard.rules.source import Document, told
from profguard.rules.transforms import Placeholders

_KINDS = ("correlation", "filter")
_ESSENTIAL = {
    "detection": sigma.ESSENTIAL,
    "correlation": correlation.ESSENTIAL,
    "filter": filters.ESSENTIAL,
}


def read_document(
    document: Document, name: str, placeholders: Placeholders, problems: list[Problem]
) -> Detection | Draft | Filter | None:
    """What a document means, or None. `name` is its id where it gives none.

    Problems are appended: errors where there is nothing, warnings also where there is something.
    """
    before = len(problems)
    kind, made = _kind(document, problems), None
    if kind is not None:
        # Slow to import, and --help needs no rule.
        from profguard.rules.validate import problems_of  # noqa: PLC0415

        wrong = problems_of(document, kind)
        problems += itertools.chain.from_iterable(wrong.values())
        if not wrong.keys() & _ESSENTIAL[kind]:
            value = {key: value for key, value in document.value.items() if key not in wrong}
            if kind == "correlation":
                made = Draft(document, value, name)
            else:
                read = sigma.read_detection if kind == "detection" else filters.read_filter
                made = read(document, value, name, placeholders, problems)
    failed = any(problem.is_error for problem in problems[before:])
    return None if failed else made


def _kind(document: Document, problems: list[Problem]) -> str | None:
    value = document.value
    if not isinstance(value, dict):
        problems.append(told("PG108", "a rule is a map", document.place()))
        return None
    if "action" in value:
        place = document.place("action", key=True)
        said = "rule collections (action) are not part of Sigma 2"
        problems.append(told("PG119", said, place, "keep such files elsewhere"))
        return None
    return next((kind for kind in _KINDS if kind in value), "detection")
