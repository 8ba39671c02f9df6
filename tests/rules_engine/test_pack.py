"""Loading sets of rules from disk, the labels of a configuration, and the test cases of rules."""

import os
import textwrap
from pathlib import Path

import pytest

from profguard.errors import ConfigError, Place, RuleError
from profguard.model import Event, Process
from profguard.rules import compile_selection, environ_names, load
from profguard.rules.check.case_reader import read_cases
from profguard.rules.check.cases import missing_cases, run_cases
from profguard.rules.check.lint import warnings

RULE = """\
title: {title}
logsource: {{product: linux, service: profguard, category: perf}}
detection:
  selection: {{{field}: {value}}}
  condition: selection
"""


@pytest.fixture
def write(tmp_path):
    """A function that writes a file below tmp_path, and returns its path."""

    def put(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.write_text(textwrap.dedent(text))
        path.chmod(0o644)
        return path

    return put


def rule(title="T", field="perf.pmu", value="cpu", more=""):
    return RULE.format(title=title, field=field, value=value) + more


def codes(problems):
    return [(Path(problem.place.path).name, problem.code) for problem in problems]


def test_rules_are_found_in_directories_and_files(write, tmp_path):
    write("pack/b.yml", rule("B"))
    write("pack/deep/er/a.yaml", rule("A"))
    write("pack/.hidden.yml", "broken: [")
    write("pack/README.md", "no rule")
    single = write("single.yml", rule("S", more="name: my-name\n"))
    rules = load([tmp_path / "pack", single, single])
    assert {rule.id for rule in rules.rules} == {"a", "b", "my-name"}
    assert rules.get("A").id == "a"
    assert rules.get("single").title == "S"
    assert rules.get("nothing") is None


def test_all_problems_of_all_files_come_at_once(write, tmp_path):
    write("a.yml", rule(field="perf.pmuu"))
    write("b.yml", "x: [")
    write("c.yml", rule())
    with pytest.raises(RuleError) as caught:
        load([tmp_path, tmp_path / "missing"])
    found = [("a.yml", "PG103"), ("b.yml", "PG101"), ("missing", "PG116")]
    assert sorted(codes(caught.value.problems)) == found
    assert isinstance(caught.value, ConfigError)
    assert caught.value.exit_code == 3


def test_bad_rules_can_be_left_out(write, tmp_path):
    write("a.yml", rule(field="perf.pmuu"))
    write("b.yml", rule("B"))
    rules = load([tmp_path], skip_bad=True)
    assert [rule.title for rule in rules.rules] == ["B"]
    assert codes(rules.problems) == [("a.yml", "PG103")]


def test_an_id_is_given_once(write, tmp_path):
    same = "id: 929a690e-bef0-4204-a928-ef5e620d6fcc\n"
    write("a.yml", rule(more=same))
    write("b.yml", rule(more=same))
    rules = load([tmp_path], skip_bad=True)
    assert codes(rules.problems) == [("b.yml", "PG110")]
    assert "a.yml:1" in rules.problems[0].message
    assert len(rules.rules) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses such files")
@pytest.mark.parametrize(
    ("mode", "which"),
    [(0o775, "pack"), (0o757, "pack"), (0o775, "pack/sub"), (0o664, "pack/a.yml")],
)
def test_root_refuses_rules_that_others_can_write(write, tmp_path, mode, which):
    write("pack/a.yml", rule())
    write("pack/sub/b.yml", rule())
    (tmp_path / which).chmod(mode)
    with pytest.raises(RuleError) as caught:
        load([tmp_path / "pack"])
    assert codes(caught.value.problems) == [(Path(which).name, "PG121")]


def test_a_rule_file_that_is_gone_is_told(tmp_path):
    (tmp_path / "a.yml").symlink_to(tmp_path / "nothing")
    assert codes(load([tmp_path], skip_bad=True).problems) == [("a.yml", "PG116")]


def test_a_link_back_up_does_not_go_round(write, tmp_path):
    write("a.yml", rule())
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(load([tmp_path]).rules) == 1


@pytest.mark.parametrize(
    ("selection", "process", "expected"),
    [
        ({"cgroup|contains": "/prod.slice/"}, Process(cgroup="/a/prod.slice/x"), True),
        ({"cgroup|contains": "/prod.slice/"}, Process(), False),
        ([{"executable|endswith": "/a"}, {"user.name": "sre"}], Process(user_name="sre"), True),
        ([{"executable|endswith": "/a"}, {"user.name": "sre"}], Process(user_name="x"), False),
        ({"user": {"name": "sre", "id": [0, 7]}}, Process(user_name="sre", user_id=7), True),
        ({"environ.APP_ENV": "production"}, Process(environ={"APP_ENV": "Production"}), True),
        ({"environ": {"APP_ENV": "x"}}, Process(environ={"APP_ENV": "x"}), True),
        ({"container.id|exists": True}, Process(container_id="abc"), True),
        ({"ancestors": "/bin/sh"}, Process(ancestors=("/sbin/init", "/bin/sh")), True),
    ],
)
def test_labels_are_selections_over_a_process(selection, process, expected):
    assert compile_selection("x", selection).matches(process) is expected


@pytest.mark.parametrize(
    ("selection", "code", "hint"),
    [
        ({"executible": "x"}, "PG103", "did you mean 'executable'?"),
        ({"process.executable": "x"}, "PG103", "executable"),
        ({"labels": "x"}, "PG103", None),
        ({"user.id": "root"}, "PG111", "number"),
        ({"name|contain": "x"}, "PG104", "contains"),
        ({"name|expand": "%x%"}, "PG117", "configuration"),
        (["word"], "PG108", "endswith"),
        ({}, "PG108", None),
        ([], "PG108", None),
        ("word", "PG108", None),
        ([["word"]], "PG108", None),
        ({"name": 1e999}, None, None),
    ],
)
def test_a_wrong_label_is_told_where_the_configuration_defines_it(selection, code, hint):
    place = Place("profguard.toml", 7, 3)
    if code is None:
        compile_selection("x", selection, place)
        return
    with pytest.raises(RuleError) as caught:
        compile_selection("x", selection, place)
    [problem] = caught.value.problems
    assert (problem.code, problem.place) == (code, place)
    assert (hint or "") in (problem.hint or "")


def test_only_the_variables_that_are_asked_for_are_named(write, tmp_path):
    message = "profguard: {message: '{target.environ.C}'}\n"
    write("a.yml", rule(field="process.environ.A", more=message))
    label = compile_selection("x", [{"environ.B": "1"}, {"name": "x"}])
    assert environ_names(load([tmp_path]), [label]) == {"A", "B", "C"}


def test_placeholders_reach_rules_and_labels(write, tmp_path):
    write("a.yml", rule(field="perf.pmu|expand", value="'%pmus%'"))
    rules = load([tmp_path], placeholders={"pmus": ["intel_*", "cs_etm"]})
    event = Event.from_dict({"event": {"name": "perf"}, "perf": {"pmu": "intel_pt"}})
    assert len(rules.match(event)) == 1
    label = compile_selection("x", {"name|expand": "%n%"}, placeholders={"n": "abc"})
    assert label.matches(Process(name="ABC"))


# --- lint ---------------------------------------------------------------------------------------

SAID = "name: n\ndescription: D\nlevel: low\n"
RELIANCE = [
    ("{process.name: perf}", True),
    ("{process.command_line|contains: perf, process.environ.X: y}", True),
    ("{perf.attr_flags: inherit}", True),  # read through an fd table that can be swapped
    ("{process.name: perf, process.executable|endswith: /perf}", False),
    ("{process.user.id: 0}", False),
    ("{perf.ret|gte: 0}", False),
]


@pytest.mark.parametrize(("selection", "warned"), RELIANCE)
def test_relying_on_what_can_be_forged_alone_is_warned_of(rules_of, selection, warned):
    text = rule(more=SAID).replace("{perf.pmu: cpu}", selection)
    found = warnings(rules_of(text))
    assert [problem.code for problem in found] == ["PG113"] * warned
    assert all(problem.severity == "warning" for problem in found)


# --- cases --------------------------------------------------------------------------------------

CASES = """\
rule: a
cases:
  - name: fires
    match: true
    event: {perf: {pmu: cpu}}
  - name: quiet
    match: false
    event: {perf: {pmu: dummy}, process: {pid: 1, user: {name: x}}}
"""


def run(tmp_path):
    """(problems of reading, results, missing) of the rules and cases below tmp_path."""
    problems = []
    rules = load([tmp_path / "rules"])
    cases = read_cases([tmp_path / "cases"], rules, problems)
    return problems, run_cases(rules, cases), missing_cases(rules, cases, "error")


def test_cases_that_hold_pass(write, tmp_path):
    write("rules/a.yml", rule())
    write("cases/a.yml", CASES)
    problems, results, missing = run(tmp_path)
    assert problems == missing == []
    assert [(result.case.name, result.passed) for result in results] == [
        ("fires", True),
        ("quiet", True),
    ]


def test_a_case_that_fails_says_what_decided(write, tmp_path):
    write("rules/a.yml", rule(value="intel_pt"))
    write("cases/a.yml", CASES)
    _, [fires, quiet], _ = run(tmp_path)
    assert quiet.passed
    assert (fires.problem.code, fires.problem.place.line) == ("PG115", 3)
    assert "'fires': should match, but does not" in fires.problem.message
    assert fires.problem.hint == "selection: (perf.pmu is 'intel_pt') is false, it is 'cpu'"


def test_a_rule_without_both_kinds_of_cases_is_told(write, tmp_path):
    write("rules/a.yml", rule())
    write("rules/b.yml", rule("B"))
    write("rules/off.yml", rule("Off", more="profguard: {enabled: false}\n"))
    write("cases/a.yml", CASES.partition("  - name: quiet")[0])
    _, _, missing = run(tmp_path)
    assert codes(missing) == [("a.yml", "PG114"), ("b.yml", "PG114")]
    assert "lacks one that stays quiet" in missing[0].message


WRONG_CASES = {
    "unknown rule": ("rule: a\n", "rule: aa\n", 1, "no rule is called 'aa'"),
    "no rule": ("rule: a\n", "", 1, "names its rule"),
    "file key": ("cases:", "case:", 2, "unknown key 'case'"),
    "case key": ("match: true", "matches: true", 4, "unknown key 'matches'"),
    "match": ("match: true", "match: yes", 4, "true or false"),
    "no event": ("    event: {perf: {pmu: cpu}}\n", "", 3, "has an event"),
    "event key": ("{perf: {pmu: cpu}}", "{prf: {pmu: cpu}}", 5, "unknown key 'prf'"),
    "argument": ("{pmu: cpu}", "{pmuu: cpu}", 5, "unknown key 'pmuu'"),
    "enumerated": ("{pmu: cpu}", "{state: actve}", 5, "'actve' is not a value of state"),
    "bits": ("{pmu: cpu}", "{attr_flags: [inherits]}", 5, "'inherits' is not a value"),
    "type": ("{pmu: cpu}", "{pmu: 5}", 5, "perf.pmu is not of type str"),
    "process field": ("{pid: 1,", "{pidd: 1,", 8, "unknown key 'pidd'"),
    "nested field": ("{name: x}", "{nmae: x}", 8, "unknown key 'nmae'"),
    "process type": ("{pid: 1,", "{pid: x,", 8, "not an event"),
    "process is text": ("process: {pid: 1, user: {name: x}}", "process: x", 8, "must be a map"),
    "event name": (
        "{perf: {pmu: cpu}}", "{event: {name: prf}}", 5, "unknown event 'prf'",
    ),
    "time": ("{perf: {pmu: cpu}}", "{event: {time: noon}}", 5, "not an RFC 3339 time"),
    "relation": ("{perf: {pmu: cpu}}", "{relation: slef}", 5, "'slef' is not a value"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG_CASES.values(), ids=WRONG_CASES)
def test_a_wrong_case_is_told_at_its_place(write, tmp_path, old, new, line, message):
    assert old in CASES
    write("rules/a.yml", rule())
    write("cases/a.yml", CASES.replace(old, new, 1))
    [problem], _, _ = run(tmp_path)
    assert (problem.code, problem.place.line) == ("PG120", line)
    assert message in problem.message


def test_a_case_may_show_an_event_of_another_kind(write, tmp_path):
    """A rule must leave the events alone that it is not asked of."""
    write("rules/a.yml", rule())
    other = "{event: {name: prof}, prof: {action: enable}}"
    write("cases/a.yml", CASES.replace("{perf: {pmu: cpu}}", other))
    problems, [fires, _], _ = run(tmp_path)
    assert problems == []
    assert fires.problem.hint == "the rule is asked of perf events, this is prof"


def test_a_path_that_cannot_even_be_looked_at_is_told(tmp_path):
    with pytest.raises(RuleError) as caught:
        load([tmp_path / ("x" * 300)])
    [problem] = caught.value.problems
    assert (problem.code, problem.message) == ("PG116", "cannot read: File name too long")
