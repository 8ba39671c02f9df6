"""`profguard rules test`."""

from pathlib import Path

import click

from profguard.cli.output import json_option
from profguard.cli.rules.common import (
    beside,
    case_folders,
    cases_option,
    directories_argument,
    rule_paths,
)
from profguard.cli.rules.report import finish
from profguard.errors import UsageError
from profguard.rules import load
from profguard.rules.cases import missing_cases, read_cases, run_cases


@click.command()
@directories_argument
@cases_option
@json_option
def test(directories: tuple[Path, ...], cases: Path | None, as_json: bool) -> None:
    """Run each rule's cases: events that it must match, and events that it must leave alone.

    A rule needs a case of either kind. Exits with 0 where every case does what it says, with 1
    where one does not.

    \b
    Examples:
      profguard rules test                        the shipped rules
      profguard rules test my_rules --cases my_cases
    """
    paths = rule_paths(directories)
    rules = load(paths, skip_bad=True)
    problems = [problem for problem in rules.problems if problem.severity == "error"]
    folders = case_folders(paths, cases)
    if not folders:
        hint = "name their directory with --cases"
        raise UsageError.of("PG701", "there is no tests/rules beside the rules", hint)
    found = read_cases(folders, rules, problems, whole=beside(paths, folders))
    results = run_cases(rules, found)
    problems += [result.problem for result in results if result.problem]
    problems += missing_cases(rules, found, "error")
    passed = sum(result.passed for result in results)
    counts = {"rules": len(rules.rules), "cases": len(results), "passed": passed}
    finish(problems, as_json, counts, {"results": [result.as_dict() for result in results]})
