"""Whether a document fits the public Sigma schema of its kind.

Nearly every rule does, and jsonschema_rs says so in microseconds. What it refuses is judged by
jsonschema, which is a hundred times slower and says what is wrong where. Good rules never import
it.
"""

from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from profguard.errors import Problem
from profguard.rules.schema import sigma_schema
from profguard.rules.source import Document


@cache
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(sigma_schema(kind), validate_formats=True)


def fits(value: Any, kind: str = "detection") -> bool:
    """Whether a value surely fits. In regular expressions it is stricter than Python is."""
    return _validator(kind).is_valid(value)


def problems_of(document: Document, kind: str = "detection") -> dict[str, list[Problem]]:
    """How a document departs from the schema of its kind, by the top-level key that is wrong.

    What is missing at the top has the key "".
    """
    if fits(document.value, kind):
        return {}
    from profguard.rules.misfits import misfits  # noqa: PLC0415  (slow to import, seldom needed)

    return misfits(document, kind)
