"""Sets of rules: read from files and directories, checked together, matched together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profguard.errors import Place, Problem, RuleError
from profguard.model import LEVELS, Event
from profguard.rules import linking
from profguard.rules.compile import compile_rules
from profguard.rules.correlate.rule import Correlation, Draft
from profguard.rules.documents import read_document
from profguard.rules.files import REGO, has_plain_name, rule_files
from profguard.rules.filters import Filter
from profguard.rules.needs import wanted_by
from profguard.rules.problems import MAX_PROBLEMS, Problems, TooManyProblemsError
from profguard.rules.rule import Detection, Match, Rule
from profguard.rules.source import Document, read
from profguard.rules.transforms import Placeholders
from profguard.wanted import Wanted

if TYPE_CHECKING:
    from profguard.rules.rego.pack import RegoPack
    from profguard.rules.rego.rule import RegoRules

Part = Rule | Draft | Filter
Matching = Callable[[Event], tuple[Detection, ...]]


@dataclass(frozen=True, eq=False)
class RuleSet:
    """Rules in the order in which they match: gravest level first, then by path and id.

    `rules` also has those that are disabled or ask for a log source that profguard does not have;
    `by_event` has a function for each event that a rule may match; `correlations` are the enabled
    ones, each after those that it refers to. `problems` are the warnings, and the errors of what
    was skipped. Rules in Rego, if there are any, are asked of a process of their own, which `close`
    ends.
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...] = ()
    by_event: Mapping[str, Matching] = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    filters: tuple[Filter, ...] = ()
    filters_of: Mapping[Rule, tuple[Filter, ...]] = field(default_factory=dict)
    rego: "RegoRules | None" = None

    @cached_property
    def silent(self) -> frozenset[Rule]:
        """The rules that only serve correlations, and report nothing themselves."""
        return frozenset(
            rule for one in self.correlations if not one.generate for rule in one.referred
        )

    @cached_property
    def wanted(self) -> Wanted:
        """What the enabled rules have a use for."""
        return wanted_by(self.rules)

    @property
    def environ_names(self) -> frozenset[str]:
        """The environment variables that a rule or filter reads."""
        filtered = (source.environ_name for one in self.filters for source in one.fields)
        return frozenset(filter(None, filtered)).union(*(rule.environ_names for rule in self.rules))

    @property
    def in_force(self) -> int:
        """How many rules are asked: enabled, and for an event that there is."""
        return sum(1 for rule in self.rules if rule.enabled and rule.events)

    @property
    def foreign(self) -> tuple[Rule, ...]:
        """The rules for log sources that profguard does not have."""
        return tuple(rule for rule in self.rules if not rule.events)

    def match(self, event: Event, excused: list[Filter] | None = None) -> tuple[Match, ...]:
        """What the enabled rules say of an event, correlation rules apart.

        A filter that takes a match back is appended to `excused`.
        """
        matching = self.by_event.get(event.spec.name)
        rules = matching(event) if matching else ()
        if self.filters_of and rules:
            rules = [rule for rule in rules if not self._excused(rule, event, excused)]
        found = tuple([Match(rule, event) for rule in rules]) if rules else ()
        if not self.rego:
            return found
        told = self.rego.match(event)
        if self.filters_of and told:
            told = [each for each in told if not self._excused(each.rule, event, excused)]
        if not told:
            return found
        return tuple(sorted((*found, *told), key=lambda match: _order(match.rule)))

    @property
    def batch(self) -> int:
        """How many events are best matched together."""
        return self.rego.batch if self.rego else 1

    def prepare(self, events: Sequence[Event]) -> None:
        """Events that are about to be matched: what Rego says of them is asked at once."""
        if self.rego:
            self.rego.prepare(events)

    def report_to(self, on_trouble: Callable[[str], None]) -> None:
        """Tell this function of rules in Rego that fail, are too slow, or are switched off."""
        if self.rego:
            self.rego.pack.record.on_trouble = on_trouble

    @property
    def errors(self) -> Mapping[str, int]:
        """How often rules failed while they matched, by id, since they were loaded."""
        return self.rego.errors if self.rego else {}

    def close(self) -> None:
        """Give back what a set holds beside memory: the process that rules in Rego are asked of."""
        if self.rego:
            self.rego.close()

    def _excused(self, rule: Rule, event: Event, excused: list[Filter] | None) -> bool:
        for one in self.filters_of.get(rule, ()):
            if one.excuses(event):
                if excused is not None:
                    excused.append(one)
                return True
        return False

    def get(self, name: str) -> Rule | None:
        """The rule with this id, name, file name without suffix, or title."""
        for rule in self.rules:
            if name in rule.names or name == rule.title:
                return rule
        return None

    def get_filter(self, name: str) -> Filter | None:
        """The filter with this id, file name without suffix, or title."""
        for one in self.filters:
            if name in one.names or name == one.title:
                return one
        return None


def load(
    paths: Sequence[Path],
    *,
    skip_bad: bool = False,
    placeholders: Placeholders | None = None,
    data: Mapping[str, Any] | None = None,
) -> RuleSet:
    """The rules of files and directories. `data` are the documents that rules in Rego see.

    Raises RuleError with everything that is wrong, warnings included, if anything is an error;
    with `skip_bad` what is wrong is left out instead, and told in `problems`.
    """
    problems: list[Problem] = []
    parts: list[Part] = []
    broken: set[str] = set()
    files = rule_files(paths, problems)
    policies = [path for path in files if path.suffix == REGO]
    service = None
    if policies:
        from profguard.rules.rego.service import Service  # noqa: PLC0415 - only where it is used

        service = Service(data)  # which starts while the other files are read
    for path in files:
        if path.suffix != REGO:
            parts += read_file(path, placeholders or {}, problems, broken)
    pack = None
    if service:
        from profguard.rules.rego.pack import load_pack  # noqa: PLC0415

        wrong: list[Problem] = []
        pack = load_pack(policies, wrong, service)
        broken |= {Path(each.place.path).stem for each in wrong if each.is_error}
        problems += wrong
    found = rule_set(parts, problems, broken, pack)
    if not skip_bad and any(problem.is_error for problem in found.problems):
        found.close()
        raise RuleError(*found.problems)
    return found


def rule_set(
    parts: Iterable[Part],
    problems: Iterable[Problem] = (),
    broken: Iterable[str] = (),
    pack: "RegoPack | None" = None,
) -> RuleSet:
    """A RuleSet of what was read; `broken` are the names of what could not be.

    `pack` has the policies in Rego, which become rules here.
    """
    parts, problems = list(parts), list(problems)
    rego = None
    if pack:
        from profguard.rules.rego.rule import RegoRules  # noqa: PLC0415

        rego = RegoRules(pack)
        parts += rego.rules
    rules = [part for part in parts if isinstance(part, Rule)]
    filters = tuple(part for part in parts if isinstance(part, Filter))
    names = linking.Names(broken=frozenset(broken))
    names.add(rules)
    drafts = [part for part in parts if isinstance(part, Draft)]
    correlations = linking.correlations(drafts, names, problems)
    rules = _without_duplicates([*rules, *correlations], problems)
    filters_of = linking.apply_filters(filters, rules, names, problems)
    ordered = tuple(sorted(rules, key=_order))
    by_event: dict[str, list[Detection]] = {}
    for rule in ordered:
        if rule.enabled and isinstance(rule, Detection) and rule.event is not None:
            by_event.setdefault(rule.event, []).append(rule)
    compiled = {name: compile_rules(name, group) for name, group in by_event.items()}
    if rego:
        rego.keep(ordered)
    enabled = {rule for rule in ordered if rule.enabled and rule.events}
    correlations = tuple(rule for rule in correlations if rule in enabled)
    return RuleSet(ordered, tuple(problems), compiled, correlations, filters, filters_of, rego)


def _order(rule: Rule) -> tuple:
    return -LEVELS.index(rule.level), rule.path, rule.id


def read_file(
    path: Path, placeholders: Placeholders, problems: list[Problem], broken: set[str]
) -> list[Part]:
    """What is good in one file. A file in which the YAML itself is wrong has nothing.

    The names of what is not are added to `broken`.
    """
    if not has_plain_name(path, problems):
        return []
    found, parts = Problems(), []
    try:
        documents = read(path, found)
        if not found:
            parts = read_documents(documents, path.stem, placeholders, found, broken)
    except TooManyProblemsError:
        said = f"more than {MAX_PROBLEMS} problems: the rest of the file is not read"
        problems.append(Problem("PG116", said, Place(str(path))))
    problems += found
    if not parts:
        broken.add(path.stem)
    return parts


def read_documents(
    documents: Iterable[Document],
    stem: str,
    placeholders: Placeholders,
    problems: list[Problem],
    broken: set[str],
) -> list[Part]:
    """As `read_file`, of the documents of a file whose name without suffix is `stem`."""
    found: list[Part] = []
    for document in documents:
        name = stem if document.index == 0 else f"{stem}#{document.index + 1}"
        part = read_document(document, name, placeholders, problems)
        if part is not None:
            found.append(part)
        else:
            own = document.value if isinstance(document.value, dict) else {}
            broken |= {name, *(own[key] for key in ("id", "name") if isinstance(own.get(key), str))}
    return found


def _without_duplicates(rules: list[Rule], problems: list[Problem]) -> list[Rule]:
    first: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in first:
            said = f"rule id {rule.id} is already used at {first[rule.id].place}"
            problems.append(Problem("PG110", said, rule.place, "give each rule an id of its own"))
        else:
            first[rule.id] = rule
    return list(first.values())
