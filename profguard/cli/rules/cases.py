"""`profguard rules test`."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from profguard.cli.output import json_option, say, table
from profguard.cli.rules.common import (
    beside,
    case_folders,
    cases_option,
    directories_argument,
    rule_paths,
    untested,
)
from profguard.cli.rules.policies import unit_tests
from profguard.cli.rules.report import by_place, finish
from profguard.errors import Problem, UsageError
from profguard.rules import Detection, Rule, RuleSet, load
from profguard.rules.check.case_reader import read_cases
from profguard.rules.check.cases import Case, Result, run_cases
from profguard.rules.check.coverage import Part, coverage


@click.command()
@directories_argument
@cases_option
@click.option("--coverage", "with_coverage", is_flag=True, help="Show which selections are tested.")
@click.option(
    "--junit",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the outcome to FILE too, as JUnit XML.",
)
@json_option
def test(
    directories: tuple[Path, ...],
    cases: Path | None,
    with_coverage: bool,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Run each rule's cases: events that it must match, and events that it must leave alone.

    A rule needs a case of either kind, or tests in Rego: the test_ rules of *_test.rego files.
    Exits with 0 where every case does what it says, with 1 where one does not.

    A selection is tested if a case would go wrong were it never true, and another were it always
    true. --coverage counts in how many cases each selection, and each alternative of one that is a
    list, is true and false, and says whether that decides.

    \b
    Examples:
      profguard rules test                        the shipped rules
      profguard rules test my_rules --cases my_cases
      profguard rules test my_rules --coverage    what the cases leave untested
      profguard rules test my_rules --junit cases.xml
    """
    paths = rule_paths(directories)
    rules = load(paths, skip_bad=True)
    problems = [problem for problem in rules.problems if problem.is_error]
    folders = case_folders(paths, cases)
    units = unit_tests([*paths, *folders], rules, problems)
    if not folders and not units:
        hint = "name their directory with --cases"
        raise UsageError.of("PG701", "there is no tests/rules beside the rules", hint)
    found = read_cases(folders, rules, problems, whole=beside(paths, folders))
    packages = {unit.package for unit in units}
    problems += untested(directories, rules, found, "error", packages)
    timed = list(_timed(rules, found)) + [(unit, 0.0) for unit in units]
    rules.close()
    if junit:
        _write_junit(junit, timed, problems)
    results = [result for result, _ in timed]
    problems += [result.problem for result in results if result.problem]
    passed = sum(result.passed for result in results)
    counts = {"rules": len(rules.rules), "cases": len(results), "passed": passed}
    covered = list(_covered(rules, found)) if with_coverage or as_json else []
    if with_coverage and not as_json:
        _show_coverage(covered)
    more = {
        "results": [result.as_dict() for result in results],
        "coverage": [
            {"rule": rule.id, "parts": [part.as_dict() for part in parts]}
            for rule, parts in covered
        ],
    }
    finish(problems, as_json, counts, more)


def _timed(rules: RuleSet, cases: list[Case]) -> Iterator[tuple[Result, float]]:
    """The outcome of each case with the seconds that it took."""
    for case in cases:
        begun = time.perf_counter()
        [result] = run_cases(rules, [case])
        yield result, time.perf_counter() - begun


def _write_junit(
    path: Path, timed: Sequence[tuple[Result, float]], problems: list[Problem]
) -> None:
    from profguard.rules.check.junit import junit

    try:
        path.write_text(junit(timed, by_place(problems)), encoding="utf-8")
    except OSError as error:
        raise UsageError.of("PG702", f"cannot write {path}: {error.strerror}") from None


def _covered(rules: RuleSet, cases: list[Case]) -> Iterator[tuple[Rule, list[Part]]]:
    for rule in rules.rules:
        if isinstance(rule, Detection) and rule.events and rule.enabled:
            yield rule, coverage(rule, [case.event for case in cases if case.rule is rule])


def _show_coverage(covered: list[tuple[Rule, list[Part]]]) -> None:
    """A table of selections and alternatives, and the rules of which one is not tested."""
    rows = [
        (Path(rule.path).stem, part)
        for rule, parts in covered
        for part in parts
        if part.kind != "question"
    ]
    table(
        ("rule", "selection", "true", "false", "decides"),
        [(name, part.name, part.true, part.false, _decides(part)) for name, part in rows],
    )
    say("")
    undecided = [(name, part) for name, part in rows if not part.decides]
    for name, part in undecided:
        answers = {"true": part.if_true, "false": part.if_false}
        lacking = " or ".join(answer for answer, decided in answers.items() if not decided)
        say(f"{name}: no case depends on '{part.name}' being {lacking}")
    tested = len(rows) - len(undecided)
    say(f"{tested} of {len(rows)} selections and alternatives are tested\n")


def _decides(part: Part) -> str:
    if part.decides:
        return "yes"
    if part.if_true or part.if_false:
        return "when true" if part.if_true else "when false"
    return "never"
