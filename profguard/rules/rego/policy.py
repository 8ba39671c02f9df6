"""A policy that is checked: what it says of itself, what it is asked of, and how it is given it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from profguard.errors import Place, printable
from profguard.events import EventSpec
from profguard.model import Event
from profguard.rules.fields import Field
from profguard.rules.rego.inputs import Input, our_input, tracee_input
from profguard.rules.rego.projection import Projection
from profguard.rules.rego.source import OURS, Module
from profguard.rules.rule import Metadata, shown
from profguard.tracee import event_name

ENTRIES = {OURS: "match", "tracee": "tracee_match"}
_MESSAGE = "message"
MAX_MESSAGE = 500  # characters; a policy may put several values into one


@dataclass(frozen=True, eq=False, kw_only=True)
class About(Metadata):
    """What a policy says of itself, whichever way it says it.

    `events` are the names of what it is asked of, Tracee's names for Tracee's; None is all.
    `origins` are "host" and "container", or fewer, by event name ("" for all).
    """

    events: frozenset[str] | None = None
    origins: Mapping[str, frozenset[str]] = field(default_factory=dict)
    suppress_fields: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Policy:
    """One rule in Rego with its helpers. Its identity is the object.

    `modules` are handed to the engine, the rule's own last.
    """

    about: About
    modules: tuple[Module, ...] = field(repr=False)
    projection: Projection
    place: Place

    @property
    def module(self) -> Module:
        return self.modules[-1]

    @property
    def is_tracee(self) -> bool:
        return self.module.kind != OURS

    @property
    def entry(self) -> str:
        """The full name of the rule that is asked."""
        return entry_of(self.module)

    @cached_property
    def _inputs(self) -> dict[EventSpec, Input]:
        return {}

    def input(self, event: Event) -> bytes:
        """What it is given of an event. Raises whatever a foreign event's shape leads to."""
        make = self._inputs.get(event.spec)
        if make is None:
            if self.is_tracee:
                make = tracee_input(self.projection)
            else:
                make = our_input(event.spec, self.projection)
            if len(self._inputs) < 1024:  # foreign events are many
                self._inputs[event.spec] = make
        return make(event)

    def selects(self, ours: str, theirs: str) -> bool:
        """Whether it is asked of events with this name of ours, and of Tracee's."""
        about = self.about
        name = theirs if self.is_tracee else ours
        return about.enabled and (about.events is None or name in about.events)

    def accepts(self, event: Event) -> bool:
        """Whether it is asked of an event with such a name: Tracee's may want containers only."""
        origins = self.about.origins
        wanted = origins.get(event_name(event), origins.get(""))
        return wanted is None or _origin(event) in wanted

    def message(self, result: Any) -> str:
        """What a finding says of one result."""
        if self.is_tracee:
            listed = _listed(result)
            return f"{self.about.title}: {listed}" if listed else self.about.title
        if isinstance(result, dict) and isinstance(result.get(_MESSAGE), str):
            rest = _listed({key: value for key, value in result.items() if key != _MESSAGE})
            return said(result[_MESSAGE]) + (f" ({rest})" if rest else "")
        return (said(result) if isinstance(result, str) else _listed(result)) or self.about.title


def entry_of(module: Module) -> str:
    return f"data.{module.package}.{ENTRIES[module.kind]}"


def results(text: str) -> tuple[Any, ...]:
    """The results of an engine's answer that is not empty: one, or those of a set.

    Raises ValueError where it is nested beyond what can be read.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"the answer cannot be read: {error}") from None
    return tuple(value) if isinstance(value, list) else (value,)


def said(text: str) -> str:
    """A policy's own words as one printable line."""
    return printable(text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "...")


def _listed(result: Any) -> str:
    if result is True or result is None:
        return ""
    if isinstance(result, dict):
        return ", ".join(f"{shown(key)}: {_one(value)}" for key, value in result.items())
    return _one(result)


def _one(value: Any) -> str:
    return shown(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _origin(event: Event) -> str:
    if event.origin is not None:
        container = event.origin.get("container")
        inside = event.origin.get("containerId") or (
            isinstance(container, dict) and container.get("id")
        )
    else:
        inside = event.process and event.process.container_id
    return "container" if inside else "host"
