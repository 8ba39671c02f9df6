"""What the commands about rules share: where rules and their cases are, and which rule is meant."""

import os
from collections.abc import Collection
from pathlib import Path

import click

from profguard.errors import Problem, UsageError, did_you_mean
from profguard.resources import folder, is_shipped, rules_at
from profguard.rules import Detection, Rule, RuleSet, load
from profguard.rules.check.cases import Case, missing_cases
from profguard.rules.filters import Filter

MANY = 6  # events that a rule is asked of, to be counted rather than named

directories_argument = click.argument("directories", metavar="[DIR]...", nargs=-1, type=Path)
cases_option = click.option(
    "--cases", type=Path, metavar="DIR", help="Where the cases are (default: tests/rules beside)."
)


def rule_paths(directories: tuple[Path, ...]) -> list[Path]:
    return [rules_at(path) for path in directories] or [folder("rules")]


def case_folders(paths: list[Path], chosen: Path | None) -> list[Path]:
    """Where these rules' cases are: `chosen`, or tests/rules beside or above each path."""
    if chosen is not None:
        return [chosen]
    found: dict[Path, None] = {}
    for path in paths:
        nearest = (above / "tests" / "rules" for above in list(real(path).parents)[:4])
        found |= dict.fromkeys([one for one in nearest if one.is_dir()][:1])
    return list(found)


def beside(paths: list[Path], folders: list[Path]) -> bool:
    """Whether `paths` are all the rules that these cases can be for."""
    roots = {real(path).parent / "tests" / "rules" for path in paths if path.is_dir()}
    return len(roots) == len(paths) and all(real(one) in roots for one in folders)


def untested(
    directories: tuple[Path, ...],
    rules: RuleSet,
    cases: list[Case],
    severity: str,
    tested: Collection[str],
) -> list[Problem]:
    """What `missing_cases` tells, but of the rules of the program where they only stand beside."""
    found = missing_cases(rules, cases, severity, tested)
    if not any(map(is_shipped, directories)):
        return found
    return [one for one in found if not Path(one.place.path).is_relative_to(folder("rules"))]


def real(path: Path) -> Path:
    """Where a path really leads; `Path.resolve` raises for links that go round."""
    return Path(os.path.realpath(path))


def named(name: str, directories: tuple[Path, ...]) -> tuple[Rule | Filter, RuleSet]:
    """The rule or filter called `name`, or that of the file of this path, and its set.

    Raises UsageError.
    """
    path = Path(name)
    if not directories and path.is_file():
        rules = load([path])
        first = [one for one in (*rules.rules, *rules.filters) if one.file_name == path.stem]
        found = first[0] if first else None
    else:
        rules = load(rule_paths(directories))
        found = rules.get(name) or rules.get_filter(name)
    if found is None:
        names = [Path(known.path).stem for known in (*rules.rules, *rules.filters)]
        hint = did_you_mean(name, names) or "`profguard rules list` lists them"
        raise UsageError.of("PG701", f"no rule is called '{name}'", hint)
    return found, rules


def asked_of(rule: Rule) -> str:
    """The events of a rule as a list shows them."""
    events = ", ".join(rule.events) if len(rule.events) < MANY else f"{len(rule.events)} events"
    if isinstance(rule, Detection) and not events:
        events = f"none ({rule.logsource})"
    return events if rule.enabled else f"{events}, disabled"


def summary(rule: Rule) -> dict:
    """A rule as JSON."""
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "kind": rule.kind,
        "events": list(rule.events),
        "logsource": rule.logsource if isinstance(rule, Detection) else None,
        "enabled": rule.enabled,
        "tags": list(rule.tags),
        "path": rule.path,
        "line": rule.line,
        "fields": list(rule.field_names),
    }
