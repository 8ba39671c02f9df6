"""What a message looks like: a format makes the body from a finding."""

from collections.abc import Callable

from profguard.findings.rows import json_text
from profguard.model import Finding


def as_json(finding: Finding) -> str:
    """The finding's public shape, one line of JSON."""
    return json_text(finding.as_dict())


FORMATS: dict[str, Callable[[Finding], str]] = {"json": as_json}
