"""The JUnit XML that `rules test` writes, as what reads such files expects it."""

from xml.etree import ElementTree as ET

import pytest

from profguard.errors import Place, Problem
from profguard.rules.check.case_reader import read_cases
from profguard.rules.check.cases import run_cases
from profguard.rules.check.junit import junit
from profguard.rules.pack import load

RULE = """\
title: Perf events
id: {id}
logsource: {{product: linux, service: profguard, category: perf}}
detection:
  selection: {{perf.pmu: cpu}}
  filter: {{process.name: "\\e[31m<&>"}}
  condition: selection and not filter
"""
CASES = """\
rule: {rule}
cases:
  - {{name: fires, match: true, event: {{perf: {{pmu: cpu}}}}}}
  - {{name: "qu\\aiet <&>", match: false, event: {{perf: {{pmu: "{pmu}"}}}}}}
"""


@pytest.fixture
def outcome(tmp_path):
    """A function: the parsed document of one.yml and two.yml, and of what is wrong beside."""

    def run(*errors, pmu="msr"):
        for number, name in enumerate(("one", "two")):
            rule = RULE.format(id=f"00000000-0000-4000-8000-00000000000{number}")
            cases = CASES.format(rule=name, pmu=pmu)
            for folder, text in (("rules", rule), ("cases", cases)):
                path = tmp_path / folder / f"{name}.yml"
                path.parent.mkdir(exist_ok=True, mode=0o755)
                path.write_text(text)
                path.chmod(0o644)
        rules = load([tmp_path / "rules"])
        problems = []
        results = run_cases(rules, read_cases([tmp_path / "cases"], rules, problems))
        assert problems == []
        return ET.fromstring(junit([(result, 0.25) for result in results], errors))

    return run


def counts(element):
    return tuple(element.get(key) for key in ("tests", "failures", "errors", "skipped", "time"))


def test_a_rule_is_a_suite_and_a_case_a_test(outcome):
    root = outcome()
    assert (root.tag, counts(root)) == ("testsuites", ("4", "0", "0", "0", "1.000000"))
    suites = [(suite.tag, suite.get("name"), counts(suite)) for suite in root]
    half = ("2", "0", "0", "0", "0.500000")
    assert suites == [("testsuite", "one", half), ("testsuite", "two", half)]
    tests = [(test.tag, test.get("classname"), test.get("name"), test.get("line"), len(test))
             for test in root[0]]  # fmt: skip
    assert tests == [
        ("testcase", "one", "fires", "3", 0),
        ("testcase", "one", "qu\\x07iet <&>", "4", 0),
    ]
    assert all(test.get("file").endswith("cases/one.yml") for test in root[0])


def test_a_failure_says_what_decided_with_the_values_of_the_event(outcome):
    root = outcome(pmu="cpu")
    assert counts(root)[:3] == ("4", "2", "0")
    [failure] = root[0][1]
    assert (failure.tag, failure.get("type")) == ("failure", "PG115")
    assert "case 'qu\\x07iet <&>': should not match, but does" in failure.get("message")
    assert "selection: (perf.pmu is 'cpu') is true, it is 'cpu'" in failure.text
    assert "filter: (process.name is '\\x1b[31m<&>') is false, it is absent" in failure.text


def test_what_is_wrong_beside_the_cases_is_an_error_of_a_suite_of_its_own(outcome):
    problem = Problem("PG101", "not\x00 YAML", Place("rules/three.yml", 4))
    root = outcome(problem, Problem("PG116", "no place"))
    assert counts(root)[:3] == ("6", "0", "2")
    assert (root[2].get("name"), counts(root[2])[:3]) == ("rules", ("2", "0", "2"))
    first, second = root[2]
    assert (first.get("classname"), first.get("name")) == ("three", "rules/three.yml:4 PG101")
    assert first[0].get("message") == "not\\x00 YAML"
    assert second.get("classname") == "rules"
