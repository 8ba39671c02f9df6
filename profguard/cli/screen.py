"""What the sensor shows while it runs: lines for people, or one JSON object a line."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import click
import msgspec

from profguard.cli.output import json_line, number, say
from profguard.config import Config
from profguard.engine import Change
from profguard.errors import printable
from profguard.findings.redact import Redactor
from profguard.model import Event, Finding, Process
from profguard.sensor.live import Count
from profguard.timefmt import span

MAX_FLOODS = 10_000  # that are told
_COLOURS = {
    "critical": {"fg": "white", "bg": "red", "bold": True},
    "high": {"fg": "red", "bold": True},
    "medium": {"fg": "yellow"},
    "low": {"fg": "cyan"},
    "informational": {},
}


def choose(settings: Config, *, events: bool, as_json: bool) -> "Json | Screen":
    """The output that the command line asks for; secrets are masked in both."""
    return (Json if as_json else Screen)(Redactor(settings.redact.patterns), events=events)


class Json:
    """One object a line: status, findings as they open and end, and with `events` all events."""

    def __init__(self, redactor: Redactor, *, events: bool):
        self._redactor, self._events = redactor, events
        self._encoder = msgspec.json.Encoder()
        self._stream = sys.stdout.buffer

    def begin(self, headline: str, listing: str | None) -> None:
        """Nothing to say: a status line follows when the probes are live."""

    def event(self, event: Event) -> None:
        if event.spec.name == "sensor_status":
            self._line({"type": "status", "state": event["state"], "reason": event["reason"]})
        elif self._events:
            self._line(self._redactor.event(event).as_dict())

    def changes(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind in ("opened", "escalated", "ended", "tainted"):
                shown = self._redactor.finding(change.finding).as_dict()
                shown["finding"]["change"] = change.kind
                self._line(shown)

    def summary(self, counts: dict[str, Count] | None) -> None:
        """What happened in the kernel, what was lost, what arrived: by event."""
        if counts is None:  # a replay has no kernel to count
            return
        events = {name: asdict(count) for name, count in sorted(counts.items())}
        self._line({"type": "status", "state": "summary", "events": events})
        self.flush()

    def _line(self, item: dict) -> None:
        line = self._encoder.encode(item)
        if not line.isascii() or b"\x7f" in line:
            # It leaves C1 control characters and marks of direction, which a terminal obeys.
            line = json_line(item).encode()
        self._stream.write(line + b"\n")

    def flush(self) -> None:
        self._stream.flush()


class Screen:
    """A finding is two or three lines, its end one; with `events` an event is one line."""

    def __init__(self, redactor: Redactor, *, events: bool):
        self._redactor, self._events = redactor, events
        self._listing = "profguard findings list"
        self.findings = 0
        self._floods: set[tuple] = set()

    def begin(self, headline: str, listing: str | None) -> None:
        self._listing = listing
        say(f"{headline}\nWatching. Ctrl-C ends.")

    def event(self, event: Event) -> None:
        name = event.spec.name
        if name == "lost_events":
            why = f": {event['reason'].replace('_', ' ')}" if event["reason"] else ""
            _line(f"{clock(event)}  {event['count']} {event['event']} events were lost{why}")
        elif name == "folded_events" and not self._events:
            self._flood(event)
        elif name == "sensor_status":
            if event["state"] in ("degraded", "rules_reloaded", "rules_refused"):
                state = event["state"].replace("_", " ")
                _line(f"{clock(event)}  {state}: {event['reason']}")
        elif self._events:
            _line(event_line(self._redactor.event(event)))

    def _flood(self, event: Event) -> None:
        """A flood makes one event after the other: it is told once."""
        flood = event.process and event.process.identity, event["event"]
        if flood not in self._floods and len(self._floods) < MAX_FLOODS:
            self._floods.add(flood)
            said = f"too many {event['event']} events to take one by one: they are counted"
            _line(f"{clock(event)}  {who(event.process)}: {said}")

    def changes(self, changes: Sequence[Change]) -> None:
        for change in changes:
            finding = self._redactor.finding(change.finding)
            if change.kind in ("opened", "escalated"):
                self.findings += change.kind == "opened"
                self._show(finding)
            elif change.kind == "ended":
                lasted = span(finding.duration_ns or 0)
                _line(f"{clock(change.event)}  ended     after {lasted}: finding {finding.id}")

    def _show(self, finding: Finding) -> None:
        level = click.style(f"{finding.level:<9}", **_COLOURS[finding.level])
        event = finding.event
        click.echo(f"{clock(event)}  {level} {click.style(printable(finding.message), bold=True)}")
        if event.process or event.target:
            _line(f"{'':20}{who_to_whom(event)}")
        mechanism = f"{finding.mechanism}, " if finding.mechanism else ""
        _line(f"{'':20}{mechanism}rule '{finding.rule_title}', finding {finding.id}")

    def summary(self, counts: dict[str, Count] | None) -> None:
        findings = number(self.findings, "findings")
        if counts is None:  # a replay
            say(f"\n{findings}.")
            return
        received = number(sum(count.received for count in counts.values()), "events")
        lost = sum(count.lost for count in counts.values())
        where = f" `{self._listing}` shows them." if self._listing else ""
        say(f"\n{received}, {lost} lost, {findings}.{where}")

    def flush(self) -> None:
        sys.stdout.flush()


def _line(text: str) -> None:
    """Print one line: a line break in a name makes no second one."""
    click.echo(printable(text))


def clock(event: Event) -> str:
    """The time of day of an event, UTC."""
    seconds = event.time_ns // 1_000_000_000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def who(process: Process | None) -> str:
    """`perf[123] /usr/bin/perf (root)`: what is known of a process, on one line."""
    if process is None:
        return "unknown"
    parts = [f"{process.name or '?'}[{'?' if process.pid is None else process.pid}]"]
    if process.executable:
        parts.append(process.executable)
    if process.user_name or process.user_id is not None:
        parts.append(f"({process.user_name or process.user_id})")
    return " ".join(parts)


def who_to_whom(event: Event) -> str:
    """The actor and, where there is one, the target; or how much else it is about."""
    target = who(event.target) if event.target else event.relation
    return f"{who(event.process)} -> {target}" if target else who(event.process)


def event_line(event: Event) -> str:
    """An event on one line: time, name, who, to whom, and the arguments that are known."""
    values = " ".join(
        f"{arg.name}={value}"
        for arg, value in zip(event.spec.public_args, event.args, strict=True)
        if value not in (None, ())
    )
    return f"{clock(event)}  {event.spec.name}  {who_to_whom(event)}  {values}"
