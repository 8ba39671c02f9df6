"""From the draft of a correlation rule to the rule, or to all that is wrong with it."""

import math
from collections.abc import Mapping
from typing import Any

from profguard.errors import Problem, did_you_mean, which_of
from profguard.rules.correlate.rule import COUNT, OWN_ROLES, Correlation, Draft, Member, Source
from profguard.rules.extension import KEY, KEYS, Extension, ExtensionReader, duration_ns
from profguard.rules.fields import known_names, resolve
from profguard.rules.heading import heading, plain_message
from profguard.rules.rule import Detection, Rule
from profguard.rules.source import told

MAX_MEMBERS = 100  # rules that one correlation refers to
MAX_COUNT = 10_000  # what a condition may count up to: it bounds what is kept for a group
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "==", "neq": "!="}

_NUMERIC = ("value_sum", "value_avg", "value_percentile")
_TEMPORAL = ("temporal", "temporal_ordered")


class CorrelationReader:
    """Reads one draft; `rules` are those it may refer to, by name, and has all that it names."""

    def __init__(self, draft: Draft, rules: Mapping[str, Rule], problems: list[Problem]):
        self.draft, self.document, self.rules = draft, draft.document, rules
        self.value: dict[str, Any] = draft.value["correlation"]
        self.problems = problems
        self.type: str = self.value["type"]

    def fail(
        self,
        message: str,
        *path,
        hint: str | None = None,
        key: bool = False,
        code: str = "PG142",
        severity: str = "error",
    ) -> None:
        place = self.document.place(*path, key=key)
        self.problems.append(told(code, message, place, hint, severity))

    def read(self) -> Correlation:
        """The rule; it is only whole where no error is reported."""
        aliases = self.aliases()
        group_by = self.names_at("group-by")
        counted = self.counted()
        members = self.members("correlation", "rules", group_by, aliases, counted)
        if len(self.draft.references) > MAX_MEMBERS:
            said = f"a correlation refers to {MAX_MEMBERS} rules at most"
            self.fail(said, "correlation", "rules", hint="chain correlations")
        if not self.value.get("rules"):
            self.fail("a correlation has a list of rules", "correlation", "rules")
        extension, absent, until = self.extension(group_by, aliases, members)
        referred = [member.rule for member in (*members, *absent, *until)]
        self.check_foreign(referred)
        sources = [s for m in (*members, *absent, *until) for s in (*m.group, *m.values)]
        shown = extension.message_fields
        used = dict.fromkeys(f for s in (*sources, *shown.values()) for f in s.fields.values())
        return Correlation(
            **heading(self.document, self.draft.value, self.draft.name),
            events=tuple(dict.fromkeys(event for rule in referred for event in rule.events)),
            fields=tuple(used),
            type=self.type,
            members=members,
            absent=absent,
            until=until,
            group_by=group_by,
            span_ns=self.timespan(),
            condition=self.condition(len(members)),
            percentile=self.percentile(),
            generate=self.draft.value.get("generate", False),
            message=extension.message or plain_message(self.draft.value["title"]),
            shown=shown,
            suppress_by=group_by,
            suppress_for_ns=extension.suppress_for_ns,
            enabled=extension.enabled,
        )

    # Names of rules and fields.

    def names_at(self, key: str) -> tuple[str, ...]:
        names = self.value.get(key, [])
        return tuple(name for name in names if isinstance(name, str))

    def aliases(self) -> dict[str, dict[str, str]]:
        """By alias and rule, as the correlation calls it, the field that is meant."""
        found: dict[str, dict[str, str]] = {}
        known = [name for name, _ in self.draft.references]
        for alias, table in self.value.get("aliases", {}).items():
            path = ("correlation", "aliases", alias)
            if not isinstance(table, dict):
                self.fail("an alias is a map from rules to fields", *path)
                continue
            for name, source in table.items():
                if not isinstance(source, str):
                    self.fail("the field of an alias is text", *path, name)
                elif name not in known:
                    hint = which_of(name, known, "this correlation has")
                    said = f"'{name}' is not a rule of this correlation"
                    self.fail(said, *path, name, hint=hint, key=True, code="PG140")
                else:
                    found.setdefault(alias, {})[name] = source
        return found

    def members(
        self,
        section: str,
        key: str,
        group_by: tuple[str, ...],
        aliases: dict[str, dict[str, str]],
        counted: tuple[str, ...] = (),
    ) -> tuple[Member, ...]:
        found = []
        wanted = [
            (name, path) for name, path in self.draft.references if path[:2] == (section, key)
        ]
        for name, _ in wanted:
            rule = self.rules[name]
            names = [(one, ("correlation", "group-by", i)) for i, one in enumerate(group_by)]
            group = [self.source(one, path, name, rule, aliases) for one, path in names]
            path = ("correlation", "condition", "field")
            values = [self.source(one, path, name, rule, aliases) for one in counted]
            for source in filter(None, values):
                self.check_number(source, name, path)
            if None not in group and None not in values:
                found.append(Member(rule, tuple(group), tuple(values)))
        return tuple(found)

    def source(
        self, name: str, path: tuple, called: str, rule: Rule, aliases: dict[str, dict[str, str]]
    ) -> Source | None:
        """How `name` is read from matches of a rule that is `called` so here."""
        if name in aliases:
            path = ("correlation", "aliases", name)
            if called not in aliases[name]:
                said = f"alias '{name}' does not say which field of rule '{called}' is meant"
                return self.fail(said, *path, key=True)
            name, path = aliases[name][called], (*path, called)
        if isinstance(rule, Correlation) and name in (*rule.group_by, COUNT):
            return Source(name, {})
        fields = {event: resolve(name, event, _category(rule)) for event in rule.events}
        unknown = [event for event, found in fields.items() if found is None]
        if unknown:
            known = known_names(unknown[0], _category(rule))
            said = (
                f"unknown field '{name}' of event {unknown[0]}, which rule '{called}' is asked of"
            )
            return self.fail(said, *path, hint=did_you_mean(name, known), code="PG103")
        return Source(name, fields)

    def check_number(self, source: Source, called: str, path: tuple) -> None:
        wrong = [f for f in source.fields.values() if f.kind != "int" or f.is_list]
        if self.type in _NUMERIC and wrong:
            said = f"{source.name} of rule '{called}' is not a number: it has no {self.type[6:]}"
            self.fail(said, *path, code="PG111")

    def check_foreign(self, rules: list[Rule]) -> None:
        for rule in rules:
            if not rule.events:
                said = f"rule '{rule.title}' is for a log source that profguard does not have"
                self.fail(said, "correlation", "rules", severity="warning", code="PG109")

    # When it matches.

    def timespan(self) -> int:
        text = self.value.get("timespan", "")
        span_ns = duration_ns(text)
        if span_ns is None:
            hint = 'write "30s", "5m", "1h" or "7d"'
            self.fail(f"'{text}' is not a timespan", "correlation", "timespan", hint=hint)
        return span_ns or 1

    def counted(self) -> tuple[str, ...]:
        """The fields whose values are counted, summed or averaged."""
        table = self.table()
        value = table.get("field")
        path = ("correlation", "condition", "field")
        if not self.type.startswith("value_"):
            if value is not None:
                self.fail(f"{self.type} counts no field", *path, key=True)
            return ()
        names = value if isinstance(value, list) else [value]
        if not names or not all(isinstance(name, str) for name in names):
            hint = "name the field whose values are meant"
            self.fail(f"the condition of {self.type} has a field", *path[:2], hint=hint)
            return ()
        if len(names) > 1 and self.type in _NUMERIC:
            self.fail(f"{self.type} is of one field", *path)
        return tuple(names)

    def table(self) -> dict[str, Any]:
        value = self.value.get("condition", {})
        return value if isinstance(value, dict) else {}

    def condition(self, members: int) -> tuple[tuple[str, int | float], ...]:
        """The comparisons, all of which must hold; without one, every rule must match."""
        value, path = self.value.get("condition"), ("correlation", "condition")
        if value is None and self.type in _TEMPORAL:
            return ((">=", members),)
        if not isinstance(value, dict):
            hint = "condition: {gte: 10}"
            self.fail("the condition of a correlation is a map", *path, hint=hint)
            return ()
        known = [*COMPARISONS, *(["field"] if self.type.startswith("value_") else [])]
        known += ["percentile"] if self.type == "value_percentile" else []
        for key in value.keys() - {*known, "field"}:
            hint = which_of(key, known)
            self.fail(f"unknown key '{key}' of condition", *path, key, hint=hint, key=True)
        found = [(key, value[key]) for key in COMPARISONS if key in value]
        if not found:
            hint = "one of: " + ", ".join(COMPARISONS)
            self.fail("the condition compares with no number", *path, hint=hint)
        for key, number in found:
            self.check_bound(key, number, members)
        return tuple((COMPARISONS[key], number) for key, number in found)

    def check_bound(self, key: str, number: Any, members: int) -> None:
        path = ("correlation", "condition", key)
        if isinstance(number, bool) or not isinstance(number, int | float):
            self.fail(f"{key} takes a number", *path)
        elif not math.isfinite(number):
            self.fail(f"{key} takes a finite number", *path)
        elif self.type in ("event_count", "value_count") and not 0 <= number <= MAX_COUNT:
            self.fail(f"{key} is a number from 0 to {MAX_COUNT:,}", *path)
        elif self.type in _TEMPORAL and _least(key, number) > members:
            self.fail(f"it can never match: it refers to {members} rules only", *path)

    def percentile(self) -> int:
        if self.type != "value_percentile":
            return 50
        value = self.table().get("percentile")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
            path, hint = (
                ("correlation", "condition"),
                "condition: {field: x, percentile: 95, gt: 1}",
            )
            self.fail("value_percentile has a percentile from 0 to 100", *path, hint=hint)
            return 50
        return value

    # The key that is ours.

    def extension(
        self, group_by: tuple[str, ...], aliases: dict, members: tuple[Member, ...]
    ) -> tuple[Extension, tuple[Member, ...], tuple[Member, ...]]:
        value = self.draft.value.get(KEY, {})

        def source_at(name: str, path: tuple) -> Source | None:
            if name in (*group_by, COUNT):
                return Source(name, {})
            events = dict.fromkeys(event for m in members for event in m.rule.events)
            fields = {event: found for event in events if (found := resolve(name, event))}
            if fields or not events:
                return Source(name, fields)
            said = f"no event of this correlation has a field '{name}'"
            known = [COUNT, *group_by, *(n for event in events for n in known_names(event))]
            return self.fail(said, *path, hint=did_you_mean(name, known), code="PG103")

        keys = (*KEYS, *OWN_ROLES)
        reader = ExtensionReader(self.document, self.problems, source_at, keys, ("for",))
        extension = reader.read(value)
        if not isinstance(value, dict):
            return extension, (), ()
        for key in OWN_ROLES:
            names = value.get(key, [])
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                self.fail(f"{key} is a list of rules", KEY, key)
        return (
            extension,
            self.members(KEY, "absent", group_by, aliases),
            self.members(KEY, "until", group_by, aliases),
        )


def _least(key: str, number: float) -> float:
    """The least count that fulfils a comparison."""
    return {"gt": number + 1, "gte": number, "eq": number}.get(key, 0)


def _category(rule: Rule) -> str | None:
    return rule.category if isinstance(rule, Detection) else None
