"""Test cases: a YAML file a rule, with events that the rule must match or must leave alone.

    rule: perf_system_wide
    cases:
      - name: perf record -a by an unknown program
        match: true
        event: {process: {executable: /usr/bin/perf}, prof: {action: enable, flags: 16384}}

`rule` is the rule's id or its file's name without suffix. `event` has the public shape of events;
the event's name may be left out and is then the rule's category.

A correlation rule has `events` instead, each of them `at` a time since the first; one that has
nothing else lets time pass. A filter's case matches if it takes a match of one of its rules back.

    rule: opened_often
    cases:
      - name: three within a second
        match: true
        events: [{at: 0s, perf: {ret: 3}}, {at: 1s, perf: {ret: 3}}, {at: 1s, perf: {ret: 3}}]
"""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from profguard.errors import Problem, did_you_mean, which_of
from profguard.events import BY_NAME, EventSpec
from profguard.model import PROCESS_FIELDS, RELATIONS, SOURCES, Event
from profguard.rules.check.cases import Case
from profguard.rules.correlate.rule import Correlation
from profguard.rules.extension import UNITS_NS
from profguard.rules.files import YAML, rule_files
from profguard.rules.filters import Filter
from profguard.rules.pack import RuleSet
from profguard.rules.rule import Rule
from profguard.rules.source import Document, read, told

_FILE_KEYS = ("rule", "cases")
_CASE_KEYS = ("name", "match", "event", "events")
_HEAD_KEYS = ("name", "time", "source", "tier", "boot_ns", "cpu", "sequence")
_EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01, where a case gives no time
_EVENT_KEYS = ("type", "event", "host", "process", "target", "relation")


def read_cases(
    paths: Sequence[Path], rules: RuleSet, problems: list[Problem], *, whole: bool = True
) -> list[Case]:
    """The cases under `paths`, of the rules in `rules`.

    Where `rules` is the `whole` set, a file for a rule that is not in it is PG120; but not if
    that rule's own file is wrong, which was told already.
    """
    cases: list[Case] = []
    broken = {Path(problem.place.path).stem for problem in problems if problem.place}
    for path in rule_files(paths, problems, YAML):
        for document in read(path, problems):
            reader = _Reader(document, rules, problems, broken if whole else None)
            cases += reader.cases()
    return cases


class _Reader:
    def __init__(
        self,
        document: Document,
        rules: RuleSet,
        problems: list[Problem],
        broken: Collection[str] | None,
    ):
        self.document, self.rules, self.problems = document, rules, problems
        self.broken = broken  # names of rules known to be missing; None: any may be

    def fail(self, message: str, *path, hint: str | None = None, key: bool = False) -> None:
        place = self.document.place(*path, key=key)
        self.problems.append(told("PG120", message, place, hint))

    def known(self, table: Any, keys: Iterable[str], *path) -> bool:
        """Whether `table` is a map of only these keys; what is not so is reported."""
        if not isinstance(table, dict):
            self.fail("must be a map", *path)
            return False
        keys = list(keys)
        unknown = [key for key in table if key not in keys]
        for key in unknown:
            hint = which_of(key, keys)
            self.fail(f"unknown key '{key}'", *path, key, hint=hint, key=True)
        return not unknown

    def cases(self) -> list[Case]:
        value = self.document.value
        if not self.known(value, _FILE_KEYS):
            return []
        rule = self.rule(value.get("rule"))
        cases = value.get("cases")
        if not isinstance(cases, list) or not cases:
            self.fail("a case file has a list of cases", "cases")
        elif rule is not None:
            found = [self.case(rule, case, ("cases", i)) for i, case in enumerate(cases)]
            return [case for case in found if case is not None]
        return []

    def rule(self, name: Any) -> Rule | Filter | None:
        found = None
        if isinstance(name, str):
            found = self.rules.get(name) or self.rules.get_filter(name)
        if found is None and isinstance(name, str) and (self.broken is None or name in self.broken):
            return None
        if found is None:
            names = [Path(one.path).stem for one in (*self.rules.rules, *self.rules.filters)]
            hint = did_you_mean(str(name), names)
            said = "a case file names its rule" if name is None else f"no rule is called '{name}'"
            self.fail(said, "rule", hint=hint)
            return None
        if isinstance(found, Rule) and not found.events:
            self.fail(f"rule '{name}' is for a log source that profguard does not have", "rule")
            return None
        return found

    def case(self, rule: Rule | Filter, value: Any, path: tuple) -> Case | None:
        if not self.known(value, _CASE_KEYS, *path):
            return None
        name = value.get("name")
        if not isinstance(name, str):
            return self.fail("a case has a name", *path)
        if not isinstance(value.get("match"), bool):
            return self.fail("match is true or false", *path, "match")
        if isinstance(rule, Correlation):
            story = self.story(rule, value.get("events"), (*path, "events"))
            if story is None:
                return None
            events, ends_ns = story
        else:
            event = self.event(rule, value.get("event"), (*path, "event"))
            if event is None:
                return None
            events, ends_ns = [event], None
        return Case(rule, name, value["match"], tuple(events), self.document.place(*path), ends_ns)

    def story(self, rule: Rule, value: Any, path: tuple) -> tuple[list[Event], int | None] | None:
        """The events of a case in their order, and until when time passes after them."""
        if not isinstance(value, list) or not value:
            return self.fail("a case of a correlation rule has a list of events", *path)
        events: list[Event] = []
        now_ns = start_ns = None
        for index, nested in enumerate(value):
            at = (*path, index)
            if not isinstance(nested, dict):
                return self.fail("an event is a map", *at)
            wait_ns = self.wait(nested.get("at"), (*at, "at"))
            if wait_ns is None:
                return None
            plain = {key: part for key, part in nested.items() if key != "at"}
            event = self.event(rule, plain, at) if plain else None
            if event is None and plain:
                return None
            if start_ns is None:
                start_ns = now_ns = event.time_ns if event and event.time_ns else _EPOCH_NS
            if "at" in nested:
                now_ns = start_ns + wait_ns
            if event and ("at" in nested or not event.time_ns):
                event.time_ns = now_ns
            if event:
                events.append(event)
        if not events:
            return self.fail("nothing happens in this case", *path)
        return events, now_ns

    def wait(self, value: Any, path: tuple) -> int | None:
        """A time since the first event, in ns; 0 where none is given."""
        if value is None:
            return 0
        found = re.fullmatch(r"([0-9]{1,6})(ms|[smhd])", value) if isinstance(value, str) else None
        if found is None:
            return self.fail(f"'{value}' is not a time", *path, hint="write 10s, 5m or 500ms")
        return int(found[1]) * {"ms": 1_000_000, **UNITS_NS}[found[2]]

    def event(self, rule: Rule | Filter, nested: Any, path: tuple) -> Event | None:
        if not isinstance(nested, dict):
            return self.fail("a case has an event", *path)
        head = nested.get("event", {})
        if not self.known(head, _HEAD_KEYS, *path, "event"):
            return None
        name = head.get("name", _only_event(rule))
        if name is None:
            hint = "event: {name: ptrace}"
            return self.fail("it is not clear which event this is", *path, hint=hint)
        spec = BY_NAME.get(name) if isinstance(name, str) else None
        if spec is None:
            hint = did_you_mean(str(name), BY_NAME)
            return self.fail(f"unknown event '{name}'", *path, "event", "name", hint=hint)
        if not self.sound(spec, nested, path):
            return None
        try:
            return Event.from_dict({**nested, "event": {**head, "name": name}})
        except (ValueError, TypeError) as error:
            return self.fail(f"not an event: {error}", *path)

    def sound(self, spec: EventSpec, nested: dict[str, Any], path: tuple) -> bool:
        """Whether every name in an event exists, and every enumerated value."""
        before = len(self.problems)
        if self.known(nested, (*_EVENT_KEYS, spec.name), *path):
            self.arguments(spec, nested.get(spec.name, {}), (*path, spec.name))
            for root in ("process", "target"):
                if root in nested:
                    self.process(nested[root], (*path, root))
            head = nested.get("event", {})
            self.one_of(head.get("source"), SOURCES, (*path, "event", "source"))
            self.one_of(nested.get("relation"), RELATIONS, (*path, "relation"))
        return len(self.problems) == before

    def one_of(self, value: Any, choices: Iterable[str], path: tuple) -> None:
        choices = list(choices)
        if value is not None and value not in choices:
            hint = which_of(value, choices, "one of")
            self.fail(f"'{value}' is not a value of {path[-1]}", *path, hint=hint)

    def arguments(self, spec: EventSpec, table: Any, path: tuple) -> None:
        if not self.known(table, spec.index, *path):
            return
        for arg in spec.public_args:
            value, names = table.get(arg.name), arg.values or arg.bits
            if not names or value is None:
                continue
            for one in value if isinstance(value, list) else [value]:
                if arg.values and isinstance(one, str) and one.lstrip("-").isdigit():
                    continue  # a number without a name is its decimal text
                self.one_of(one, names.values(), (*path, arg.name))

    def process(self, table: Any, path: tuple, prefix: str = "") -> None:
        """Reports the names in a process, at any depth, that processes do not have."""
        names = {name.removeprefix(prefix) for name in PROCESS_FIELDS if name.startswith(prefix)}
        groups = {name.partition(".")[0] for name in names}
        if not self.known(table, sorted(groups), *path):
            return
        for key, value in table.items():
            if key not in names:
                self.process(value, (*path, key), f"{prefix}{key}.")


def _only_event(rule: Rule | Filter) -> str | None:
    """The event that a case is about if it does not say so."""
    if isinstance(rule, Filter):
        return rule.event
    return rule.events[0] if len(rule.events) == 1 else None
