"""Sigma filters: exceptions that are kept apart from the rules they tune.

A rule that a filter speaks of matches only what fulfils the filter's condition too; so an exception
reads `condition: not selection`. What profguard adds stands under its key: who owns the exception,
why there is one, and the day until which it holds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from profguard.errors import Place, Problem
from profguard.model import Event
from profguard.rules.body import Body, fields_in
from profguard.rules.compile import compile_condition
from profguard.rules.correlate.rule import Correlation
from profguard.rules.extension import KEY, KeyReader
from profguard.rules.fields import Field
from profguard.rules.rule import Detection, Rule
from profguard.rules.source import Document
from profguard.rules.taxonomy import PRODUCT, SERVICE, LogSource
from profguard.rules.transforms import Placeholders
from profguard.rules.tree import Node

ESSENTIAL = {"", "title", "logsource", "filter"}
ANY = "any"
KEYS = ("owner", "reason", "expires")

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_S = 86_400


@dataclass(frozen=True, eq=False, kw_only=True)
class Filter:
    """One filter, checked. `rules` are the names that it gives; none where it is for any rule."""

    kind: ClassVar[str] = "filter"
    id: str
    file_name: str  # as that of a rule
    title: str
    path: str
    place: Place
    logsource: LogSource
    rules: tuple[str, ...]
    rule_places: tuple[Place, ...] = field(repr=False)
    event: str | None  # the event whose fields it reads; None: those that all events have
    condition: Node = field(repr=False)
    admits: Callable[[Event], bool] = field(repr=False)
    fields: tuple[Field, ...] = field(repr=False)
    owner: str | None = None
    reason: str | None = None
    expires: str | None = None  # the last day on which it holds (UTC)
    expires_ns: int | None = None  # the end of that day

    @property
    def names(self) -> frozenset[str]:
        return frozenset((self.id, self.file_name))

    def speaks_of(self, rule: Rule) -> bool:
        """Whether the rule is one of those it names, and of its log source."""
        if self.rules and rule.names.isdisjoint(self.rules):
            return False
        return self.covers(rule)

    def covers(self, rule: Rule) -> bool:
        """Whether the rule is asked of what the filter's log source is.

        A correlation rule is asked of no event itself.
        """
        if not rule.events or isinstance(rule, Correlation):
            return False
        if isinstance(rule, Detection):
            return self.logsource.covers(rule.logsource)
        return any(
            self.logsource.covers(LogSource(PRODUCT, SERVICE, event)) for event in rule.events
        )

    def excuses(self, event: Event) -> bool:
        """Whether it leaves this event out, which a rule of its objects to."""
        if self.expires_ns is not None and event.time_ns >= self.expires_ns:
            return False
        if self.event is not None and self.event != event.spec.name:
            return False
        return not self.admits(event)


def read_filter(
    document: Document,
    value: dict[str, Any],
    name: str,
    placeholders: Placeholders,
    problems: list[Problem],
) -> Filter | None:
    """The filter of a document; None where an error is reported."""
    before = len(problems)
    body = Body(document, value, placeholders, problems)
    body.read_logsource(any_event=True)
    section = value["filter"]
    selections = body.selections("filter", ignored=("rules",))
    root = body.condition("filter", selections)
    more = _Extension(document, problems).read(value.get(KEY, {}))
    names = section["rules"]
    rules = () if names in (ANY, [ANY]) else tuple(names)
    if any(problem.is_error for problem in problems[before:]) or root is None:
        return None
    return Filter(
        id=value.get("id") or name,
        file_name=name,
        title=value["title"],
        path=document.path,
        place=document.place(),
        logsource=body.source,
        rules=rules,
        rule_places=tuple(document.place("filter", "rules", i) for i in range(len(rules))),
        event=body.event,
        condition=root,
        admits=compile_condition(root),
        fields=fields_in(root),
        **more,
    )


class _Extension(KeyReader):
    """Reads `profguard: {owner, reason, expires}`."""

    def read(self, table: Any) -> dict[str, Any]:
        if not self.table(table, (KEY,), KEYS):
            return {}
        for key in KEYS:
            if key in table and not (isinstance(table[key], str) and table[key].strip()):
                self.fail((KEY, key), f"{key} is text")
        found = {key: table[key] for key in KEYS if isinstance(table.get(key), str)}
        if "expires" in found:
            found["expires_ns"] = self.end_of(found["expires"])
        return found

    def end_of(self, day: str) -> int | None:
        """The end of a day in UTC, in ns since the epoch."""
        try:
            start = datetime.fromisoformat(_DATE.fullmatch(day)[0]).replace(tzinfo=UTC)
        except (TypeError, ValueError):  # of another form, or no day of the calendar
            return self.fail((KEY, "expires"), f"'{day}' is not a day", "write it as 2027-01-31")
        return (int(start.timestamp()) + _DAY_S) * 1_000_000_000
