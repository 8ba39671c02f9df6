"""What goes into the outbox: one row for each destination that wants to know of a finding."""

import hashlib
import time
from collections.abc import Iterable
from typing import Any

from profguard.alerts.destinations import Destination
from profguard.model import Finding
from profguard.timefmt import rfc3339


def plan(finding: Finding, destinations: Iterable[Destination]) -> list[tuple]:
    """The outbox rows of a finding, for the writer to commit together with it.

    The body is fixed here. The message id depends on finding and destination only, so that
    planning a finding again adds nothing.
    """
    rows = []
    bodies: dict[Any, str] = {}
    created = None
    for destination in destinations:
        if not destination.wants(finding):
            continue
        created = created or rfc3339(time.time_ns())
        make = destination.body
        if make not in bodies:
            bodies[make] = make(finding)
        message_id = webhook_id(finding.id, destination.name)
        rows.append((message_id, finding.id, destination.name, bodies[make], created))
    return rows


def webhook_id(finding_id: str, destination: str) -> str:
    """The id of that finding's message to that destination."""
    digest = hashlib.sha256(f"{destination}\0{finding_id}".encode()).hexdigest()
    return f"msg_{digest[:32]}"
