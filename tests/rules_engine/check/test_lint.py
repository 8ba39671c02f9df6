"""What `rules lint` doubts: each with a rule that has just that, its code, place and hint."""

from pathlib import Path

import pytest

from profguard.rules import load
from profguard.rules.check.lint import warnings

HEAD = """\
title: T
id: 00000000-0000-4000-8000-000000000001
description: D
level: low
logsource: {product: linux, service: profguard, category: perf}
"""
BODY = """\
detection:
  a: {perf.ret|gte: 0}
  condition: a
"""
OTHERS = HEAD.replace("service: profguard, category: perf", "category: process_creation").replace(
    "description: D\nlevel: low\n", ""
)


def detection(condition, **selections):
    lines = "".join(f"  {name}: {value}\n" for name, value in selections.items())
    return f"detection:\n{lines}  condition: {condition}\n"


@pytest.fixture
def lint(tmp_path):
    """A function: what is doubtful about rule files, given by name."""

    def run(**files):
        for name, text in files.items():
            path = tmp_path / f"{name}.yml"
            path.write_text(text)
            path.chmod(0o644)
        rules = load([tmp_path])
        assert rules.problems == ()
        return warnings(rules)

    return run


NEVER = {"a": "{perf.ret: 0, perf.pmu: cpu}", "b": "{perf.pmu: [msr, power]}"}
# (rule, code, severity, line, part of the message, part of the hint)
DOUBTFUL = {
    "never matches": (
        HEAD + detection("a and b", **NEVER), "PG130", "error", 8, "rule 'T' can never match",
        "perf.pmu is 'cpu' and perf.pmu is 'msr' or 'power' exclude each other",
    ),
    "a range that no value is in": (
        HEAD + detection("a", a="{perf.ret: 0, perf.cpu|lt: -2147483648}"), "PG130", "error", 7,
        "never match", "no event has perf.cpu < -2147483648",
    ),
    "a filter that never bites": (
        HEAD + detection("a and not b", **NEVER), "PG131", "warning", 8,
        "selection 'b' can never be true where it stands", "exclude each other",
    ),
    "an alternative": (
        HEAD + detection("a and b", a="{perf.ret|gte: 0}", b="[perf.cpu: 5, perf.ret: -1]"),
        "PG131", "warning", 8, "'perf.ret is -1' can never be true", "perf.ret >= 0 and",
    ),
    "an alternative of several questions": (
        HEAD + detection("a and b", a="{perf.ret: 1}",
                         b="[perf.cpu: 5, {perf.ret: -1, perf.cpu: 1}]"),
        "PG131", "warning", 8, "this alternative can never be true", "perf.ret is 1 and",
    ),
    "a selection that is implied": (
        HEAD + detection("a and b", a="{perf.ret: 5}", b="{perf.ret|gte: 0}"), "PG131", "warning",
        8, "selection 'b' decides nothing", "always true here: perf.ret is 5 and not perf.ret >= 0",
    ),
    "an alternative that another one holds": (
        HEAD + detection("a or a and b", a="{perf.ret: 5}", b="{perf.cpu: 0}"), "PG131",
        "warning", 7, "this alternative can never be true", "perf.ret is 5",
    ),
    "no description": (
        HEAD.replace("description: D\n", "") + BODY, "PG132", "warning", 1,
        "rule 'T' has no description", "reads it first",
    ),
    "no id and no level": (
        "\n".join(line for line in HEAD.split("\n") if line[:2] not in ("id", "le")) + BODY,
        "PG132", "warning", 1, "has no id and no level", "level: without one it is medium",
    ),
    "long title": (
        HEAD.replace("T", "T" * 111) + BODY, "PG132", "warning", 1, "has 111 characters", "110",
    ),
    "technique": (
        HEAD + "tags: [attack.t105, attack.t1055]\n" + BODY, "PG132", "warning", 1,
        "'attack.t105' is no tag", "attack.t1055.008",
    ),
    "tactic": (
        HEAD + "tags: [attack.discovry, attack.initial_access]\n" + BODY, "PG132", "warning", 1,
        "'attack.discovry'", "did you mean 'attack.discovery'?",
    ),
    "tag of another's rule": (
        OTHERS + "tags: [attack.t1055.01]\n" + detection("a", a="{Image: /x}"), "PG132",
        "warning", 1, "'attack.t1055.01'", "attack.t1055.008",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "severity", "line", "said", "hint"), DOUBTFUL.values(), ids=list(DOUBTFUL)
)
def test_what_is_doubtful_is_told_once_at_its_place(lint, text, code, severity, line, said, hint):
    [problem] = lint(rule=text)
    assert (problem.code, problem.severity, problem.place.line) == (code, severity, line)
    assert said in problem.message
    assert hint in problem.hint


UNDOUBTED = {
    "own": HEAD + BODY,
    "named instead of an id": HEAD.replace("id: 0000", "name: a") + BODY,
    "tags of other kinds": HEAD + "tags: [attack.g0049, attack.s0154, cve.2024-3094]\n" + BODY,
    "tactics that may come": HEAD + "tags: [attack.evasion, attack.stealth]\n" + BODY,
    "another's": OTHERS + detection("a", a="{Image: /x}"),
    "another's about a command line": OTHERS + detection("a", a="{CommandLine|contains: x}"),
    "foreign": OTHERS.replace("process_creation", "file_event") + detection("a", a="{X: 1}"),
}


@pytest.mark.parametrize("text", UNDOUBTED.values(), ids=list(UNDOUBTED))
def test_a_rule_as_it_should_be_is_not_doubted(lint, text):
    assert lint(rule=text) == []


def test_others_rules_are_not_asked_for_names_and_descriptions(lint):
    assert lint(**{"Lnx-Some.Rule": OTHERS + detection("a", a="{Image: /x}")}) == []


def test_what_is_never_observed_makes_no_second_warning_of_a_part(tmp_path):
    path = tmp_path / "rule.yml"
    path.write_text(OTHERS + detection("a", a="[{Image: /x}, {CurrentDirectory: /tmp, User: x}]"))
    path.chmod(0o644)
    rules = load([path])
    assert [problem.code for problem in rules.problems] == ["PG103"]
    assert warnings(rules) == []
    path.write_text(OTHERS + detection("a", a="{CurrentDirectory: /tmp, User: x}"))
    [problem] = warnings(load([path]))
    assert (problem.code, problem.severity) == ("PG130", "warning")


@pytest.mark.parametrize(
    ("name", "better"), [("My-Rule", "my_rule.yml"), ("a.b", "a_b.yml"), ("ä", "rule.yml")]
)
def test_a_file_name_that_is_no_word_is_told(lint, name, better):
    [problem] = lint(**{name: HEAD + BODY})
    assert (problem.code, problem.severity) == ("PG133", "warning")
    assert problem.hint.endswith(better)


def test_two_files_of_one_name_are_told(tmp_path):
    for number, folder in enumerate(("x", "y")):
        path = tmp_path / folder / "rule.yml"
        path.parent.mkdir(mode=0o755)
        path.write_text(HEAD.replace("01\n", f"0{number}\n") + BODY.replace("0}", f"{number}}}"))
        path.chmod(0o644)
    [problem] = warnings(load([tmp_path]))
    assert (problem.code, Path(problem.place.path).parent.name) == ("PG133", "y")
    assert problem.message.endswith("x/rule.yml")


def test_two_rules_that_ask_the_same_are_told_whatever_the_order(lint):
    one = HEAD + detection("a and b", a="{perf.ret|gte: 0, perf.cpu: 1}", b="{perf.pmu: cpu}")
    two = HEAD.replace("01\n", "02\n") + detection(
        "y and not not x", x="{perf.cpu: 1, perf.ret|gte: 0}", y="{perf.pmu: CPU}"
    )
    [problem] = lint(one=one, two=two)
    assert (problem.code, problem.severity) == ("PG134", "warning")
    assert Path(problem.place.path).name == "two.yml"
    assert "one.yml:1" in problem.message
    off = "profguard: {enabled: false}\n"
    assert lint(one=one, two=two + off) == []
    assert lint(one=one, two=two.replace("cpu: 1", "cpu: 2")) == []
