"""What every Sigma document says about itself: title, id, level, tags and the like."""

from typing import Any

from profguard.rules.rule import DEFAULT_LEVEL
from profguard.rules.source import Document


def heading(document: Document, value: dict[str, Any], name: str) -> dict[str, Any]:
    """The arguments of a Rule that stand in its document; `name` is its id where it gives none."""
    return {
        "id": value.get("id") or value.get("name") or name,
        "name": value.get("name"),
        "file_name": name,
        "title": value["title"],
        "path": document.path,
        "line": document.place().line,
        "level": value.get("level", DEFAULT_LEVEL),
        "status": value.get("status"),
        "description": value.get("description"),
        "author": value.get("author"),
        "tags": tuple(value.get("tags", ())),
        "falsepositives": _several(value.get("falsepositives", ())),
        "references": tuple(value.get("references", ())),
        "keys": frozenset(value),
    }


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def plain_message(title: str) -> str:
    """A message that says the title, whatever braces that has."""
    return title.replace("{", "{{").replace("}", "}}")
