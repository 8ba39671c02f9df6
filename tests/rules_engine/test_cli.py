"""`profguard rules` as a user runs it."""

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from profguard.cli import execute
from profguard.rules.schema import rule_schema

RULE = """\
title: T
name: a
description: D
logsource: {product: linux, service: profguard, category: perf}
detection:
  selection: {perf.pmu: cpu, process.pid|gt: 0}
  condition: selection
level: high
"""
CASES = """\
rule: a
cases:
  - {name: fires, match: true, event: {perf: {pmu: cpu}, process: {pid: 1}}}
  - {name: quiet, match: false, event: {perf: {pmu: dummy}, process: {pid: 1}}}
"""


@pytest.fixture
def pack(tmp_path):
    """A directory with rules/a.yml and its cases in tests/rules/a.yml."""
    for name, text in (("rules/a.yml", RULE), ("tests/rules/a.yml", CASES)):
        (tmp_path / name).parent.mkdir(parents=True, mode=0o755)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    return tmp_path


def profguard(*arguments, stdin=None):
    code = "from profguard.cli import main; main()"
    command = [sys.executable, "-c", code, "rules", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, check=False)


def test_lint_and_test_say_that_all_is_well(pack):
    done = profguard("lint", pack / "rules")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 rule, 0 errors, 0 warnings\n", "")
    done = profguard("test", pack / "rules")
    said = "1 rule, 2 cases, 2 passed, 0 errors, 0 warnings\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


def test_lint_says_what_is_wrong_and_fails(pack):
    (pack / "rules/a.yml").write_text(RULE.replace("perf.pmu", "perf.pmuu"))
    done = profguard("lint", pack / "rules")
    assert done.returncode == 1
    assert "rules/a.yml:6:15: unknown field 'perf.pmuu' of event perf\n" in done.stdout
    assert "hint: did you mean 'perf.pmu'?  (PG103)\n" in done.stdout
    done = profguard("lint", pack / "rules", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["errors"], told["problems"][0]["code"]) == (1, 1, "PG103")


def test_lint_of_one_file_does_not_miss_the_others(pack):
    (pack / "rules/b.yml").write_text(RULE.replace("T", "B").replace("name: a", "name: b"))
    done = profguard("lint", pack / "rules/a.yml")
    assert (done.returncode, done.stdout) == (0, "1 rule, 0 errors, 0 warnings\n")
    done = profguard("lint", pack / "rules")
    assert done.returncode == 0
    assert "b.yml:1: warning: rule 'B' has no test" in done.stdout


def test_a_failing_case_fails_the_test(pack):
    (pack / "tests/rules/a.yml").write_text(CASES.replace("dummy", "CPU"))
    done = profguard("test", pack / "rules", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(one["case"], one["passed"]) for one in told["results"]] == [
        ("fires", True),
        ("quiet", False),
    ]
    assert told["problems"][0]["code"] == "PG115"


def test_cases_may_be_anywhere(pack):
    (pack / "tests").rename(pack / "elsewhere")
    done = profguard("test", pack / "rules")
    assert (done.returncode, "hint: name their directory with --cases" in done.stderr) == (2, True)
    done = profguard("test", pack / "rules", "--cases", pack / "elsewhere/rules")
    assert done.returncode == 0


def test_coverage_names_what_no_case_tests(pack):
    done = profguard("test", pack / "rules", "--coverage")
    assert done.returncode == 0
    assert done.stdout.split("\n")[:5] == [
        "rule  selection  true  false  decides",
        "a     selection  1     1      yes",
        "",
        "1 of 1 selections and alternatives are tested",
        "",
    ]
    (pack / "tests/rules/a.yml").write_text(CASES.replace("dummy", "cpu").replace("false", "true"))
    done = profguard("test", pack / "rules", "--coverage")
    assert "a     selection  2     0      when true\n" in done.stdout
    assert "a: no case depends on 'selection' being false\n" in done.stdout
    [rule] = json.loads(profguard("test", pack / "rules", "--json").stdout)["coverage"]
    assert (rule["rule"], [part["name"] for part in rule["parts"]]) == (
        "a", ["selection", "selection: perf.pmu is 'cpu'", "selection: process.pid > 0"],
    )  # fmt: skip
    assert rule["parts"][0] == {
        "kind": "selection",
        "name": "selection",
        "line": 6,
        "true": 2,
        "false": 0,
        "decides": {"true": True, "false": False},
    }


def test_the_outcome_is_written_as_junit_too(pack):
    file = pack / "cases.xml"
    assert profguard("test", pack / "rules", "--junit", file).returncode == 0
    assert ET.parse(file).getroot().get("tests") == "2"
    (pack / "rules/b.yml").write_text("a: [")
    assert profguard("test", pack / "rules", "--junit", file).returncode == 1
    root = ET.parse(file).getroot()
    assert [root.get(key) for key in ("tests", "failures", "errors")] == ["3", "0", "1"]
    done = profguard("test", pack / "rules", "--junit", pack / "no/where.xml")
    assert done.returncode == 2
    assert "where.xml: No such file or directory" in done.stderr


def test_list_shows_each_rule(pack):
    assert profguard("list", pack / "rules").stdout.split("\n")[1].split() == [
        "high", "perf", "T", "a",
    ]  # fmt: skip
    told = json.loads(profguard("list", pack / "rules", "--json").stdout)
    assert (told["id"], told["fields"], told["line"]) == ("a", ["perf.pmu", "process.pid"], 1)


def test_explain_shows_which_parts_are_true(pack):
    event = json.dumps({"event": {"name": "perf"}, "perf": {"pmu": "cpu\x1b[31m"}})
    done = profguard("explain", pack / "rules/a.yml", "--event", "-", stdin=event)
    assert done.returncode == 0
    assert "no   perf.pmu is 'cpu'  (it is 'cpu\\x1b[31m')" in done.stdout
    done = profguard("explain", "a", "--rules", pack / "rules", "--json")
    [both] = json.loads(done.stdout)["condition"]["parts"]
    parts = [{"node": "perf.pmu is 'cpu'"}, {"node": "process.pid > 0"}]
    assert both == {"node": "all of", "parts": parts}


PERF = {"event": {"name": "perf"}, "perf": {"pmu": "cpu"}, "process": {"pid": 1}}
QUIET = {**PERF, "perf": {"pmu": "msr"}}
PROF = {"event": {"name": "prof"}}
FINDING = {"type": "finding", "finding": {"id": "x"}, "rule": {"id": "a"}, "relation": None, **PERF}
# what --event is given: documents, and whether the rule matches the one that is shown
EVENTS = {
    "an event": ([PERF], True),
    "an event that does not match": ([QUIET], False),
    "a finding": ([FINDING], True),
    "a finding that began otherwise": ([{**FINDING, **PROF, "evidence": [PROF, PERF]}], True),
    "several": ([PROF, QUIET, PERF], True),
    "a capture": ([{"type": "capture", "version": 1}, QUIET, {"type": "status"}], False),
}


@pytest.mark.parametrize("shape", ["lines", "array"])
@pytest.mark.parametrize(("documents", "expected"), EVENTS.values(), ids=list(EVENTS))
def test_explain_takes_events_and_findings_as_they_are_printed(
    pack, capsys, documents, expected, shape
):
    """It shows the first event that the rule matches, or else the first that it is asked of."""
    text = "\n".join(map(json.dumps, documents)) if shape == "lines" else json.dumps(documents)
    (pack / "events").write_text(text)
    arguments = ["rules", "explain", f"{pack}/rules/a.yml", "--event", f"{pack}/events"]
    assert (execute([*arguments, "--json"]), execute(arguments)) == (0, 0)
    line, _, said = capsys.readouterr().out.partition("\n")
    told = json.loads(line)
    assert told["matches"] == told["condition"]["truth"] == expected
    assert ("It matches." in said) == expected
    if not expected:
        assert told["why"] == "selection: (perf.pmu is 'cpu') is false, it is 'msr'"
        assert f"It does not match. {told['why']}\n" in said


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["explain", "aa"], None, 2, "no rule is called 'aa'"),
        (["explain", "a", "--event", "-"], "{", 6, "stdin:1: not an event"),
        (["explain", "a", "--event", "-"], "[]", 6, "stdin:1: not an event"),
        (["explain", "a", "--event", "-"], "{}", 6, "stdin:1: not an event: it has no event.name"),
        (["explain", "a", "--event", "-"], '{"event": {"name": "prof"}}', 2, "asked of perf"),
        (["explain", "a", "--event", "-"], '{"event": {"name": "perf"}}\n{', 6, "stdin:2: not an"),
        (["explain", "a", "--event", "-"], '{"type": "status"}', 6, "stdin:1: not an event"),
        (["explain", "a", "--event", "-"], "", 6, "stdin:1: not an event"),
        (["explain", "a", "--event", "/nothing"], None, 6, "/nothing:1: cannot read"),
        (["list", "/nothing"], None, 3, "/nothing: no such file or directory"),
        (["lint", "--jsno"], None, 2, "No such option"),
    ],
)
def test_mistakes_are_told_in_a_sentence(pack, arguments, stdin, code, said):
    if arguments[0] == "explain":
        arguments = [*arguments, "--rules", pack / "rules"]
    done = profguard(*arguments, stdin=stdin)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_is_printed_whole():
    printed = profguard("schema").stdout
    assert json.loads(printed) == rule_schema()
    assert printed.count("\n") > 1_000
    assert json.loads(profguard("schema", "--json").stdout) == rule_schema()
