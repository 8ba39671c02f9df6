"""The events of a JSON file that a rule can be asked of: a capture, findings, or one event."""

import json
from collections.abc import Iterator
from typing import Any

import click

from profguard.errors import CaptureError, Place, UsageError
from profguard.model import Event
from profguard.rules import Rule

_SHAPES = (None, "event", "finding")  # what may stand under `type`; a capture has other lines too


def events_for(rule: Rule, name: str) -> list[Event]:
    """The events of a file, `-` for stdin, that the rule is asked of; there is at least one.

    A finding stands for its first event and for those of its evidence. Raises CaptureError or
    UsageError.
    """
    found = read_events(name)
    asked = [event for event in found if event.spec.name in rule.events]
    if asked:
        return asked
    kinds = ", ".join(dict.fromkeys(event.spec.name for event in found))
    said = f"rule '{rule.title}' is asked of {', '.join(rule.events)} events, this is {kinds}"
    raise UsageError.of("PG701", said, place=Place(_called(name), 1))


def read_events(name: str) -> list[Event]:
    """All events of a file, `-` for stdin. Raises CaptureError."""
    return list(_events(name))


def _called(name: str) -> str:
    return "stdin" if name == "-" else name


def _events(name: str) -> Iterator[Event]:
    try:
        with click.open_file(name) as file:
            text = file.read()
    except (OSError, ValueError) as error:
        said = f"cannot read: {getattr(error, 'strerror', None) or error}"
        raise CaptureError.of("PG501", said, place=Place(_called(name), 1)) from None
    documents = _documents(text, _called(name))
    known = [one for one in documents if not isinstance(one[1], dict) or _known(one[1])]
    for line, nested in known or documents:
        yield _event(nested, Place(_called(name), line))
        for one in nested.get("evidence", ()):
            yield _event(one, Place(_called(name), line))


def _known(nested: dict) -> bool:
    return nested.get("type") in _SHAPES


def _documents(text: str, called: str) -> list[tuple[int, Any]]:
    """The JSON values of a text, one whole or one a line, each with its line."""
    try:
        whole = json.loads(text)
    except ValueError:
        lines = [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
        return [(at, _json(line, Place(called, at))) for at, line in lines] or [(1, None)]
    return [(1, one) for one in whole] if isinstance(whole, list) and whole else [(1, whole)]


def _json(text: str, place: Place) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CaptureError.of("PG502", f"not an event: {error}", place=place) from None


def _event(nested: Any, place: Place) -> Event:
    try:
        return Event.from_dict(nested)
    except KeyError as error:
        said = f"not an event: no event is called {error}"
    except (ValueError, TypeError, AttributeError) as error:
        said = f"not an event: {error}"
    raise CaptureError.of("PG502", said, place=place) from None
