"""Sets of rules: read from files and directories, checked together, matched together."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profguard.errors import Place, Problem, RuleError
from profguard.model import LEVELS, Event
from profguard.rules.compile import compile_rules
from profguard.rules.rule import Detection, Match, Rule
from profguard.rules.sigma import read_rule
from profguard.rules.source import read
from profguard.rules.transforms import Placeholders

if TYPE_CHECKING:
    from profguard.rules.rego.pack import RegoPack
    from profguard.rules.rego.rule import RegoRules

YAML = (".yml", ".yaml")
REGO = ".rego"

Matching = Callable[[Event], tuple[Detection, ...]]


@dataclass(frozen=True, eq=False)
class RuleSet:
    """Rules in the order in which they match: gravest level first, then by path and id.

    `rules` also has those that are disabled or ask for a log source that profguard does not have;
    `by_event` has a function for each event that a rule may match. `problems` are the warnings,
    and the errors of what was skipped. Rules in Rego, if there are any, are asked of a process of
    their own, which `close` ends.
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...] = ()
    by_event: Mapping[str, Matching] = field(default_factory=dict)
    rego: "RegoRules | None" = None

    @property
    def environ_names(self) -> frozenset[str]:
        """The environment variables that a rule reads."""
        return frozenset().union(*(rule.environ_names for rule in self.rules))

    @property
    def in_force(self) -> int:
        """How many rules are asked: enabled, and for an event that there is."""
        return sum(1 for rule in self.rules if rule.enabled and rule.events)

    @property
    def foreign(self) -> tuple[Rule, ...]:
        """The rules for log sources that profguard does not have."""
        return tuple(rule for rule in self.rules if not rule.events)

    def match(self, event: Event) -> tuple[Match, ...]:
        """What the enabled rules say of an event."""
        matching = self.by_event.get(event.spec.name)
        rules = matching(event) if matching else ()
        found = tuple([Match(rule, event) for rule in rules]) if rules else ()
        told = self.rego.match(event) if self.rego else ()
        if not told:
            return found
        return tuple(sorted((*found, *told), key=lambda match: _order(match.rule)))

    def prepare(self, events: Sequence[Event]) -> None:
        """Events that are about to be matched: what Rego says of them is asked at once."""
        if self.rego:
            self.rego.prepare(events)

    def close(self) -> None:
        """End the process that rules in Rego are asked of."""
        if self.rego:
            self.rego.close()

    def get(self, name: str) -> Rule | None:
        """The rule with this id, name, file name without suffix, or title."""
        for rule in self.rules:
            if name in rule.names or name == rule.title:
                return rule
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
    rules: list[Rule] = []
    files = rule_files(paths, problems, (*YAML, REGO))
    policies = [path for path in files if path.suffix == REGO]
    service = None
    if policies:
        from profguard.rules.rego.service import Service  # noqa: PLC0415 - only where it is used

        service = Service(data)  # which starts while the other files are read
    for path in files:
        if path.suffix != REGO:
            rules += read_file(path, placeholders or {}, problems)
    pack = None
    if policies:
        from profguard.rules.rego.pack import load_pack  # noqa: PLC0415
        from profguard.rules.rego.rule import rule_of  # noqa: PLC0415

        pack = load_pack(policies, problems, service)
        rules += map(rule_of, pack.policies.values())
    rules = _without_duplicates(rules, problems)
    if not skip_bad and any(problem.severity == "error" for problem in problems):
        if pack:
            pack.close()
        raise RuleError(*problems)
    return rule_set(rules, problems, pack)


def rule_set(
    rules: Iterable[Rule], problems: Iterable[Problem] = (), pack: "RegoPack | None" = None
) -> RuleSet:
    """A RuleSet of rules that are already checked; `pack` has the policies of those in Rego."""
    ordered = tuple(sorted(rules, key=_order))
    by_event: dict[str, list[Detection]] = {}
    for rule in ordered:
        if rule.enabled and isinstance(rule, Detection) and rule.event is not None:
            by_event.setdefault(rule.event, []).append(rule)
    compiled = {name: compile_rules(name, group) for name, group in by_event.items()}
    rego = None
    if pack:
        from profguard.rules.rego.rule import RegoRule, RegoRules  # noqa: PLC0415

        rego = RegoRules(pack, [rule for rule in ordered if isinstance(rule, RegoRule)])
    return RuleSet(ordered, tuple(problems), compiled, rego)


def _order(rule: Rule) -> tuple:
    return -LEVELS.index(rule.level), rule.path, rule.id


def read_file(path: Path, placeholders: Placeholders, problems: list[Problem]) -> list[Rule]:
    """The good rules of one file. A file in which the YAML itself is wrong has none."""
    before = len(problems)
    documents = read(path, problems)
    if len(problems) > before:
        return []
    names = [path.stem if d.index == 0 else f"{path.stem}#{d.index + 1}" for d in documents]
    rules = [
        read_rule(document, name, placeholders, problems)
        for document, name in zip(documents, names, strict=True)
    ]
    return [rule for rule in rules if rule is not None]


def rule_files(
    paths: Sequence[Path], problems: list[Problem], suffixes: tuple[str, ...] = YAML
) -> list[Path]:
    """The rule files under `paths`, each once, sorted within a directory; hidden ones are not."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            problems.append(Problem("PG116", "no such file or directory", Place(str(path))))
        elif not _writable_by_others(path, problems):
            if path.is_dir():
                found |= dict.fromkeys(_walk(path, problems, suffixes))
            else:
                found[path] = None
    return list(found)


def _walk(directory: Path, problems: list[Problem], suffixes: tuple[str, ...]) -> Iterable[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        problems.append(Problem("PG116", f"cannot read: {error.strerror}", Place(str(directory))))
        return
    for path in entries:
        is_rule = path.suffix in suffixes
        if path.name.startswith(".") or not (is_rule or path.is_dir()):
            continue
        if _writable_by_others(path, problems):
            continue
        if path.is_dir():
            if not path.is_symlink():  # a link could lead back up
                yield from _walk(path, problems, suffixes)
        else:
            yield path


def _writable_by_others(path: Path, problems: list[Problem]) -> bool:
    """Whether others could change what root is about to trust; then it is reported."""
    if os.geteuid() != 0:
        return False
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # reading it will say why
    if not mode & (stat.S_IWGRP | stat.S_IWOTH):
        return False
    who = "everyone" if mode & stat.S_IWOTH else "its group"
    hint = f"chmod go-w {path}"
    problems.append(Problem("PG121", f"{who} can write it", Place(str(path)), hint))
    return True


def _without_duplicates(rules: list[Rule], problems: list[Problem]) -> list[Rule]:
    first: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in first:
            said = f"rule id {rule.id} is already used at {first[rule.id].place}"
            problems.append(Problem("PG110", said, rule.place, "give each rule an id of its own"))
        else:
            first[rule.id] = rule
    return list(first.values())
