"""From changes of findings to rows: snapshots, redacted, with the alerts they call for."""

from collections.abc import Callable, Iterable
from typing import Protocol

from profguard.findings import rows
from profguard.findings.batch import Batch
from profguard.findings.redact import Redactor
from profguard.model import Event, Finding

_REMEMBERED_MAX = 10_000  # ids kept to recognise what was queued or dropped before

Plan = Callable[[Finding], Iterable[tuple]]


class Change(Protocol):
    """What happened to a finding: `kind` is opened, escalated, repeated, ended or another."""

    kind: str
    finding: Finding
    event: Event | None


class Intake:
    """Puts changes into batches; `plan` gives the outbox rows of a finding."""

    def __init__(self, plan: Plan | None, redactor: Redactor):
        self._plan = plan
        self._redactor = redactor
        self._left_out: dict[str, None] = {}
        self._announced: dict[str, tuple] = {}

    def leave_out(self, change: Change) -> None:
        """There is no room for it; a finding that goes on is made up for with its next change."""
        if change.kind in ("opened", "escalated"):
            _remember(self._left_out, change.finding.id)

    def put(self, batch: Batch, change: Change) -> None:
        """Add the rows of a change. The finding may be changed afterwards."""
        finding = self._redactor.finding(change.finding)
        kind = change.kind
        if finding.id in self._left_out:
            del self._left_out[finding.id]
            kind = "opened"
        if kind in ("opened", "escalated"):  # what it is about is new
            text = rows.event_json(finding.event)
            batch.put("findings", rows.finding_row(finding, text), finding.id)
            batch.drop("updates", finding.id)  # older than this
            batch.put("finding_events", rows.finding_event_row(finding, kind, finding.event, text))
            for position, event in enumerate(finding.evidence):
                row = rows.finding_event_row(finding, "joined", event, position=position)
                batch.put("finding_events", row)
        else:
            batch.put("updates", rows.update_row(finding), finding.id)
            if change.event is not None and (kind == "ended" or finding.count <= rows.EVENTS_KEPT):
                event = self._redactor.event(change.event)
                batch.put("finding_events", rows.finding_event_row(finding, kind, event))
        self._put_alerts(batch, finding)

    def _put_alerts(self, batch: Batch, finding: Finding) -> None:
        # new at first, then only where a graver rule took over or another one matched too
        standing = (finding.rule_id, finding.level, len(finding.rules))
        if self._announced.get(finding.id) == standing:
            return
        _remember(self._announced, finding.id, standing)
        for position, rule_id in enumerate(finding.rules):
            key = (finding.id, rule_id)
            batch.put("finding_rules", (finding.id, rule_id, position), key)
        for row in self._plan(finding) if self._plan else ():
            batch.put("outbox", row)


def _remember(memory: dict, key: str, value: object = None) -> None:
    """Keep the latest _REMEMBERED_MAX keys."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > _REMEMBERED_MAX:
        del memory[next(iter(memory))]
