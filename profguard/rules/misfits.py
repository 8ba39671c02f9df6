"""How a document departs from the public Sigma schema, with each misfit at its place.

jsonschema is thorough and slow: only documents that are known to be wrong come here (validate.py).
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice

from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import ValidationError, best_match

from profguard.errors import Problem, did_you_mean, which_of
from profguard.rules.problems import MAX_PROBLEMS
from profguard.rules.schema import sigma_schema
from profguard.rules.source import Document, told


def _unique(_validator, wanted: bool, items, _schema) -> Iterator[ValidationError]:
    # jsonschema's own compares each item with each where they are of several types.
    if wanted and isinstance(items, list) and len(set(map(repr, items))) < len(items):
        yield ValidationError(f"{items!r} has non-unique elements")


_Validator = validators.extend(Draft202012Validator, {"uniqueItems": _unique})


@cache
def _validator(kind: str) -> Draft202012Validator:
    return _Validator(sigma_schema(kind), format_checker=FormatChecker(["uuid"]))


def misfits(document: Document, kind: str = "detection") -> dict[str, list[Problem]]:
    """How a document departs from the schema of its kind, by the top-level key that is wrong.

    What is missing at the top has the key "".
    """
    found: dict[str, list[Problem]] = {}
    for error in islice(_validator(kind).iter_errors(document.value), MAX_PROBLEMS + 1):
        leaf = error if error.validator == "oneOf" else best_match([error])
        path = tuple(leaf.absolute_path)
        place = document.place(*path)
        problem = told("PG108", _said(leaf, path), place, _hint(leaf))
        same = found.setdefault(str(path[0]) if path else "", [])
        if all((problem.place, problem.message) != (one.place, one.message) for one in same):
            same.append(problem)
    return found


def _said(error: ValidationError, path: tuple) -> str:
    where = ".".join(map(str, path)) or "the rule"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"{where} has no '{missing}'"
    if error.validator == "type":
        wanted = error.validator_value
        names = {"object": "a map", "array": "a list", "string": "text"}
        return f"{where} must be {names.get(wanted, wanted)}"
    if error.validator == "oneOf":
        return f"'{error.instance}' is not a value of {where}"
    if error.validator == "format":
        return f"{where} is not a {error.validator_value}"
    if error.validator == "pattern":
        return f"{where} does not have the form {error.validator_value}"
    return f"{where}: {error.message[:200]}"


def _hint(error: ValidationError) -> str | None:
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        near = [did_you_mean(key, missing) for key in error.instance if key not in missing]
        needs = " and ".join(error.validator_value)
        return f"it needs {needs}" if not any(near) else None
    if error.validator == "oneOf":
        options = [option["const"] for option in error.validator_value]
        return which_of(error.instance, options, "one of")
    if error.validator == "type" and error.validator_value == "string":
        return "put it in quotes"
    if "timeframe" in error.absolute_path:
        return "a timeframe belongs in a correlation rule"
    return None
