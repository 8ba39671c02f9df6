"""`*_test.rego`: every rule in them whose name begins with `test_` must be true."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profguard.errors import Place, Problem
from profguard.rules.files import REGO_TEST
from profguard.rules.problems import MAX_PROBLEMS
from profguard.rules.rego.load import rules_of, with_helpers
from profguard.rules.rego.messages import no_engine, problem_of, sentence_of
from profguard.rules.rego.process import Stop
from profguard.rules.rego.service import Query, Service
from profguard.rules.rego.source import Module, read_module
from profguard.rules.rego.syntax import Definition
from profguard.rules.source import told

_PREFIX = "test_"
_HINT = "the rule's value is {}; a test passes if its value is true"


@dataclass(frozen=True)
class UnitResult:
    """What came of one test rule; `problem` is set where it failed or could not be evaluated."""

    name: str
    package: str
    place: Place
    problem: Problem | None

    @property
    def owner(self) -> str:
        """What is tested."""
        return self.package

    @property
    def passed(self) -> bool:
        return self.problem is None

    def as_dict(self) -> dict[str, Any]:
        return {
            "rule": self.package,
            "case": self.name,
            "passed": self.passed,
            "path": self.place.path,
            "line": self.place.line,
        }


def run_test_files(
    paths: Sequence[Path], service: Service, problems: list[Problem]
) -> list[UnitResult]:
    """The results of the test files among .rego files; of the others no problem is told."""
    told_already: list[Problem] = []
    modules = [
        read_module(path, problems if path.name.endswith(REGO_TEST) else told_already)
        for path in paths
    ]
    try:
        return run_tests([module for module in modules if module is not None], service, problems)
    except OSError as error:
        problems.append(no_engine(error, paths[0]))
        return []


def run_tests(
    modules: Sequence[Module], service: Service, problems: list[Problem]
) -> list[UnitResult]:
    """The results of all test modules, each evaluated with the modules that it refers to.

    `modules` has rules, helpers and tests. A test module that cannot be read is in `problems`.
    """
    tests = {-1 - number: module for number, module in enumerate(modules) if module.is_test}
    asked = {number: (_with_tested(test, modules), "") for number, test in tests.items()}
    results: list[UnitResult] = []
    for number, answer in service.load(asked).items():
        rules = _test_rules(asked[number][0], answer, service, problems)
        queries = [Query(number, b"{}", (rule.name,)) for rule in rules]
        for rule, outcome in zip(rules, service.ask(queries), strict=True):
            results.append(_result(rule, asked[number][0], outcome, service))
        service.drop(number)
    return results


def _with_tested(test: Module, modules: Sequence[Module]) -> tuple[Module, ...]:
    """The modules of the test's package in its folder, what it and they refer to, and itself."""
    tested = [
        module
        for module in modules
        if not module.is_test
        and (
            (module.package == test.package and module.path.parent == test.path.parent)
            or f"data.{module.package}" in test.text
        )
    ]
    found: dict[Module, None] = {}
    for module in (*tested, test):
        found |= dict.fromkeys(with_helpers(module, modules))
    found.pop(test)
    return (*found, test)


def _test_rules(
    modules: tuple[Module, ...], answer: dict | Stop, service: Service, problems: list[Problem]
) -> list[Definition]:
    """The first definition of each test in the last module."""
    rules, wrong = rules_of(modules, answer, service)
    problems += wrong[:MAX_PROBLEMS]
    found: dict[str, Definition] = {}
    for rule in rules or ():
        is_test = rule.name.rpartition(".")[2].startswith(_PREFIX)
        if rule.module == len(modules) - 1 and is_test and rule.parameters is None:
            found.setdefault(rule.name, rule)
    return [] if wrong else list(found.values())


def _result(
    rule: Definition, modules: tuple[Module, ...], outcome: list | Stop, service: Service
) -> UnitResult:
    span = rule.span
    place = modules[span.module].place(span.line, span.column, span.length)
    name = rule.name.rpartition(".")[2]
    problem = None
    if isinstance(outcome, Stop):
        slow = f"takes longer than {service.limit_s:g} s"
        said = f"test '{name}' {slow if outcome.slow else 'ends the engine'}"
        problem = told("PG154", said, place)
    elif outcome[0][0] == "error":
        at = problem_of(outcome[0][1], modules, "PG154").place
        said = f"test '{name}' cannot be evaluated: {sentence_of(outcome[0][1])}"
        problem = told("PG154", said, at or place)
    elif outcome[0][1] != "true":
        value = outcome[0][1].strip('"<>')
        problem = told("PG154", f"test '{name}' fails", place, _HINT.format(value))
    return UnitResult(name, modules[-1].package, place, problem)
