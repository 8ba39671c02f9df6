"""What `profguard rules` does with rules in Rego, which is imported only where there are some."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from profguard.cli.output import emit, say
from profguard.cli.rules.common import summary
from profguard.cli.rules.events import events_for
from profguard.errors import Problem
from profguard.model import Event
from profguard.rules import Match
from profguard.rules.files import REGO, REGO_TEST, rule_files
from profguard.rules.pack import RuleSet

if TYPE_CHECKING:
    from profguard.rules.rego.rule import RegoRule
    from profguard.rules.rego.unit import UnitResult


def unit_tests(paths: list[Path], rules: RuleSet, problems: list[Problem]) -> list["UnitResult"]:
    """The results of the tests in Rego below these paths."""
    files = rule_files(paths, [], (REGO,))
    if not any(map(_is_test, files)):
        return []
    from profguard.rules.rego.service import Service
    from profguard.rules.rego.unit import run_test_files

    service = rules.rego.pack.service if rules.rego else Service()
    try:
        return run_test_files(files, service, problems)
    finally:
        service.stop()


def tested_packages(paths: list[Path]) -> set[str]:
    """The packages of rules that the tests in Rego below these paths are for."""
    files = [path for path in rule_files(paths, [], (REGO,)) if _is_test(path)]
    if not files:
        return set()
    from profguard.rules.rego.source import read_module

    modules = [read_module(path, []) for path in files]
    return {module.package for module in modules if module}


def _is_test(path: Path) -> bool:
    return path.name.endswith(REGO_TEST)


def explain_policy(rule: "RegoRule", rules: RuleSet, event_file: str | None, as_json: bool) -> None:
    """The source of a rule in Rego, what it sees, and what it says of an event of the file.

    Of several it is the first that matches, or else the first that it is asked of.
    """
    events = [] if event_file is None else events_for(rule, event_file)
    event = next((one for one in events if _says(rules, rule, one)), events[0] if events else None)
    told = {"source": rule.policy.module.text, "sees": list(rule.field_names)}
    if event is not None:
        matches = _says(rules, rule, event)
        statistics = rules.rego.pack.record.statistics[rule.policy]
        told |= {
            "given": json.loads(rule.given(event)),
            "match": bool(matches),
            "results": list(matches[0].values["results"]) if matches else [],
            "message": matches[0].message if matches else None,
            "error": statistics.last_error,
        }
    if as_json:
        emit({"rule": summary(rule), **told})
        return
    say(f"{rule.title} ({rule.level}), {rule.place}")
    say(f"asked of  {', '.join(rule.events)}")
    say(f"sees      {', '.join(told['sees']) or 'nothing of an event'}")
    if event is not None:
        outcome = told["error"] or told["message"] or "no match"
        say(f"given     {json.dumps(told['given'])}")
        say(f"{'yes' if told['match'] else 'no':<9} {outcome}")
    say("\n" + told["source"].rstrip().expandtabs(4))


def _says(rules: RuleSet, rule: "RegoRule", event: Event) -> list[Match]:
    return [match for match in rules.match(event) if match.rule is rule]
