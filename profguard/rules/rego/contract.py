"""Tracee's contract: what a signature says of itself by `__rego_metadoc__` and its selectors."""

import re
from typing import Any

from profguard.errors import Problem
from profguard.model import LEVELS
from profguard.rules.attack import TACTICS, TECHNIQUE
from profguard.rules.rego.policy import About
from profguard.rules.rego.source import Module
from profguard.rules.rule import DEFAULT_LEVEL
from profguard.rules.source import told

METADOC, SELECTED = "__rego_metadoc__", "tracee_selected_events"
_ANY = ("", "*")
_SOURCES = ("tracee", *_ANY)
_ORIGINS = ("host", "container")


def read_contract(
    module: Module, metadoc: Any, selected: Any, problems: list[Problem]
) -> About | None:
    """What a signature says of itself, from the values of its two rules; None if that is wrong."""
    if not isinstance(metadoc, dict):
        said = f"signature has no {METADOC} that is an object"
        hint = f'{METADOC} := {{"id": "...", "name": "..."}}'
        problems.append(told("PG152", said, module.place(), hint))
        return None
    selectors = _selectors(selected)
    if not selectors:
        said = f"signature selects no events of Tracee: {SELECTED} is empty"
        hint = f'{SELECTED}[e] {{ e := {{"source": "tracee", "name": "ptrace"}} }}'
        problems.append(told("PG152", said, module.place(), hint))
        return None
    properties = metadoc.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    name = module.package.rpartition(".")[2]
    identity = _text(metadoc.get("id")) or name
    events = {each["name"] for each in selectors}
    return About(
        id=identity,
        title=_text(metadoc.get("name")) or identity,
        level=_level(properties.get("Severity")),
        description=_text(metadoc.get("description")),
        tags=_tags(metadoc.get("tags"), properties),
        events=None if "" in events else frozenset(events),
        origins=_by_origin(selectors),
    )


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _level(severity: Any) -> str:
    """Tracee's severities are 0 to 4, at times as text; what has none is medium."""
    text = str(severity)
    known = text.isdecimal() and not isinstance(severity, bool) and len(text) < 3
    return LEVELS[min(int(text), len(LEVELS) - 1)] if known else DEFAULT_LEVEL


def _tags(tags: Any, properties: dict[str, Any]) -> tuple[str, ...]:
    """Sigma's tags for the tactic and techniques that are named; Tracee's own below `tracee.`"""
    named = [
        _text(value) or ""
        for key, value in properties.items()
        if key in ("MITRE ATT&CK", "Category", "Technique", "external_id", "Kubernetes_Technique")
    ]
    found = []
    for text in named:
        tactic = _slug(text.partition(":")[0])
        if tactic in TACTICS:
            found.append(f"attack.{tactic}")
        found += (f"attack.{technique.lower()}" for technique in TECHNIQUE.findall(text))
    if isinstance(tags, list):
        found += (f"tracee.{_slug(tag)}" for tag in tags if isinstance(tag, str) and _slug(tag))
    return tuple(dict.fromkeys(found))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _selectors(selected: Any) -> list[dict[str, str]]:
    """{name, origin} of each selector of Tracee's events; "" is any."""
    found = []
    for each in selected if isinstance(selected, list) else ():
        if not isinstance(each, dict) or str(each.get("source", "")) not in _SOURCES:
            continue
        name, origin = (str(each.get(key, "")) for key in ("name", "origin"))
        found.append({"name": "" if name in _ANY else name, "origin": origin})
    return found


def _by_origin(selectors: list[dict[str, str]]) -> dict[str, frozenset[str]]:
    """Which origins each name is asked for; nothing where that is all of them for every name."""
    found: dict[str, set[str]] = {}
    for each in selectors:
        origins = {each["origin"]} if each["origin"] in _ORIGINS else set(_ORIGINS)
        found.setdefault(each["name"], set()).update(origins)
    everywhere = found.get("", set())
    merged = {name: frozenset(origins | everywhere) for name, origins in found.items()}
    return merged if any(len(origins) < len(_ORIGINS) for origins in merged.values()) else {}
