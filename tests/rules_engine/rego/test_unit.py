"""Tests in Rego: each by itself, with its policies and helpers, told where it fails."""

import pytest

from profguard.rules.rego.service import Service
from profguard.rules.rego.source import parse_module
from profguard.rules.rego.unit import run_tests
from tests.rules_engine.rego.texts import HELPERS, ours, tracee

SIGNATURE = tracee(
    """\
    tracee_match {
        input.eventName == "ptrace"
        helpers.get_tracee_argument("request") == "PTRACE_TRACEME"
    }
    """
)
THEIRS = """\
package tracee.TRC_1

test_match {
    tracee_match with input as {
        "eventName": "ptrace",
        "args": [{"name": "request", "value": "PTRACE_TRACEME"}]
    }
}

test_no_match {
    not tracee_match with input as {"eventName": "ptrace", "args": []}
}

test_wrong {
    tracee_match with input as {"eventName": "prof"}
}

helper_of_tests { true }
"""
OURS = """\
package profguard.rule

import data.profguard.rule as tested

test_message if {
    tested.match == {"pid 7"} with input as {"process": {"pid": 7}}
}

test_error if {
    to_number("x") == 1
}

test_slow if {
    some i in numbers.range(1, 100000)
    some j in numbers.range(1, 100000)
    i * j == -1
}

test_after if match with input as {"process": {"pid": 1}}
"""


@pytest.fixture
def run(tmp_path):
    """A function: the results by test name, and the problems, of texts by file name."""
    services = []

    def run(files, limit_s=0.3):
        services.append(Service(limit_s=limit_s))
        problems = []
        modules = [parse_module(tmp_path / name, text, problems) for name, text in files.items()]
        results = run_tests(modules, services[-1], problems)
        return {result.name: result for result in results}, problems

    yield run
    for service in services:
        service.stop()


def test_tests_of_tracees_style(run):
    """`with input as` gives each its event; a rule that is no test is none."""
    results, problems = run({"helpers.rego": HELPERS, "s.rego": SIGNATURE, "s_test.rego": THEIRS})
    assert problems == []
    assert {name: result.passed for name, result in results.items()} == {
        "test_match": True,
        "test_no_match": True,
        "test_wrong": False,
    }
    problem = results["test_wrong"].problem
    assert (problem.code, problem.place.line) == ("PG154", 14)
    assert problem.message == "test 'test_wrong' fails"
    assert "undefined" in problem.hint


def test_tests_of_our_policies(run):
    """An error and an endless test are told, and take no other test down."""
    policy = ours('match contains sprintf("pid %d", [input.process.pid])\n')
    results, problems = run({"rule.rego": policy, "rule_test.rego": OURS})
    assert problems == []
    assert {name: result.passed for name, result in results.items()} == {
        "test_message": True,
        "test_error": False,
        "test_slow": False,
        "test_after": True,
    }
    assert "could not parse" in results["test_error"].problem.message
    assert results["test_error"].problem.place.line == 10
    assert "longer than 0.3 s" in results["test_slow"].problem.message


def test_a_test_file_that_is_no_rego_is_told(run):
    results, [problem] = run({"a_test.rego": "package a\ntest_x if {\n"})
    assert results == {}
    assert problem.code == "PG150"
    assert problem.place.path.endswith("a_test.rego")


def test_a_test_that_is_nested_too_deeply_is_told(run):
    deep = "+\n".join(["+".join("1" * 50)] * 10)
    text = f"package a\n\ntest_x if {{\n    {deep} == 500\n}}\n"
    results, [problem] = run({"a_test.rego": text}, limit_s=10)
    assert results == {}
    assert (problem.code, problem.message) == ("PG151", "an expression is nested too deeply")
    assert problem.place.path.endswith("a_test.rego")


def test_the_helpers_of_what_is_tested_come_along(run):
    """A test that does not import the helpers itself."""
    results, _ = run({"helpers.rego": HELPERS, "s.rego": SIGNATURE, "s_test.rego": THEIRS})
    assert results["test_match"].passed
