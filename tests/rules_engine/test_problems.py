"""Each problem a rule can have: its code, its exact place, and a hint that leads on."""

import json

import pytest

HEAD = """\
title: T
logsource: {product: linux, service: profguard, category: perf}
"""
BODY = """\
detection:
  selection: {perf.pmu: cpu}
  condition: selection
"""


# (rule, code, line, column, part of the message, part of the hint)
BROKEN = {
    "tab": (HEAD + "\tx: 1\n", "PG101", 3, 1, "token", None),
    "unclosed": (HEAD + "x: [1\n", "PG101", 4, 1, "", None),
    "tag": (HEAD + "x: !!python/object:os.system {}\n", "PG101", 3, 4, "", None),
    "scalar tag": (HEAD + "x: !!binary aGk=\n", "PG101", 3, 4, "not allowed", "remove"),
    "map as key": (HEAD + "? {a: b}\n: c\n", "PG101", 3, 3, "key", None),
    "recursive alias": (HEAD + "x: &a [*a]\n", "PG101", 3, 8, "no finished anchor", None),
    "duplicate key": (HEAD + BODY + "title: T\n", "PG102", 6, 1, "already set on line 1", None),
    "duplicate field": (
        HEAD + BODY.replace("cpu}", "cpu, perf.pmu: x}"),
        "PG102", 4, 30, "'perf.pmu'", None,
    ),
    "no detection": (HEAD, "PG108", 1, 1, "no 'detection'", "needs title"),
    "no condition": (HEAD + "detection:\n  a: {perf.pmu: x}\n", "PG108", 4, 3, "condition", None),
    "wrong level": (HEAD + BODY + "level: hihg\n", "PG108", 6, 8, "hihg", "'high'"),
    "tag form": (HEAD + BODY + "tags: [attack.T1]\n", "PG108", 6, 8, "tags.0", None),
    "id form": (HEAD + BODY + "id: 12-34\n", "PG108", 6, 5, "uuid", None),
    "title type": ("title: 5\n" + HEAD[9:] + BODY, "PG108", 1, 8, "text", "quotes"),
    "timeframe": (HEAD + BODY + "  timeframe: 5m\n", "PG108", 6, 14, "", "correlation"),
    "scalar": ("just text\n", "PG108", 1, 1, "map", None),
    "empty selection": (
        HEAD + BODY.replace("{perf.pmu: cpu}", "{}"), "PG108", 4, 14, "empty", None,
    ),
    "unknown field": (
        HEAD + BODY.replace("perf.pmu", "'perf.pmuu|contains'"),
        "PG103", 4, 16, "unknown field 'perf.pmuu' of event perf", "did you mean 'perf.pmu'?",
    ),
    "field of another event": (
        HEAD + BODY.replace("perf.pmu", "prof.action"), "PG103", 4, 15, "of event perf", None,
    ),
    "category": (
        HEAD.replace("perf}", "prf}") + BODY, "PG109", 2, 59, "'prf'", "did you mean",
    ),
    "no category": (
        HEAD.replace(", category: perf", "") + BODY, "PG109", 2, 12, "no event", "sched_process",
    ),
    "slow expression": (
        HEAD + BODY.replace("perf.pmu: cpu", "'perf.pmu|re': (a+)+$"),
        "PG122", 4, 30, "exponential", "nested repeats",
    ),
    "slow expression with a flag": (
        HEAD + BODY.replace("perf.pmu: cpu", "'perf.pmu|re|m': '^(.*a){20}b'"),
        "PG122", 4, 32, "exponential", "nested repeats",
    ),
    "product": (
        HEAD.replace("linux", "windows") + BODY, "PG109", 2, 22, "windows", "linux",
    ),
    "condition ends": (
        HEAD + BODY + "", None, 0, 0, "", None,
    ),
    "missing operand": (
        HEAD + BODY.replace("n: selection", "n: selection and"),
        "PG106", 5, 27, "expected a selection, found the end", None,
    ),
    "missing operator": (
        HEAD + BODY.replace("n: selection", "n: selection selection"),
        "PG106", 5, 24, "expected 'and', 'or' or the end", None,
    ),
    "parenthesis": (
        HEAD + BODY.replace("n: selection", "n: '(selection'"), "PG106", 5, 25, "')'", None,
    ),
    "quantifier": (
        HEAD + BODY.replace("n: selection", "n: 1 of"), "PG106", 5, 18, "'them'", None,
    ),
    "unknown selection": (
        HEAD + BODY.replace("n: selection", 'n: "not selction"'),
        "PG107", 5, 19, "'selction'", "did you mean 'selection'?",
    ),
    "no such pattern": (
        HEAD + BODY.replace("n: selection", "n: selection or 1 of filter*"),
        "PG107", 5, 32, "filter*", "selection",
    ),
    "aggregation": (
        HEAD + BODY.replace("n: selection", "n: selection | count() > 5"),
        "PG119", 5, 24, "aggregations", "correlation",
    ),
    "rule collection": ("action: global\ntitle: T\n", "PG119", 1, 1, "collections", "elsewhere"),
    "extension key": (
        HEAD + BODY + "profguard: {mesage: x}\n", "PG108", 6, 13, "'mesage'", "'message'",
    ),
    "message field": (
        HEAD + BODY + "profguard:\n  message: 'by {process.executble}'\n",
        "PG103", 7, 17, "process.executble", "process.executable",
    ),
    "message brace": (HEAD + BODY + "profguard: {message: 'a}'}\n", "PG108", 6, 22, "brace", "}}"),
    "enabled": (HEAD + BODY + "profguard: {enabled: 1}\n", "PG108", 6, 22, "true or", None),
    "suppress key": (
        HEAD + BODY + "profguard: {suppress: {fro: 1h}}\n", "PG108", 6, 24, "'fro'", "'for'",
    ),
    "suppress for": (
        HEAD + BODY + "profguard: {suppress: {for: 10}}\n", "PG108", 6, 29, "duration", "10m",
    ),
    "suppress by": (
        HEAD + BODY + "profguard: {suppress: {by: [process.pidd]}}\n",
        "PG103", 6, 29, "process.pidd", "process.pid",
    ),
}  # fmt: skip
del BROKEN["condition ends"]


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "message", "hint"), BROKEN.values(), ids=BROKEN
)
def test_a_broken_rule_has_one_problem_at_its_place(
    problems_of, text, code, line, column, message, hint
):
    [problem] = problems_of(text)
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column)
    assert problem.severity == "error"
    assert message in problem.message
    assert (hint or "") in (problem.hint or "")
    assert problem.place.text == text.split("\n")[line - 1].replace("\t", " ")


def test_the_caret_is_under_what_is_wrong(problems_of):
    [problem] = problems_of(HEAD + BODY.replace("perf.pmu", "perf.pmuu"))
    assert problem.render() == (
        "rule.yml:4:15: unknown field 'perf.pmuu' of event perf\n"
        "    selection: {perf.pmuu: cpu}\n"
        "                ^^^^^^^^^\n"
        "hint: did you mean 'perf.pmu'?  (PG103)"
    )


def test_everything_wrong_is_told_at_once(problems_of):
    text = HEAD + (
        "level: hihg\n"
        "tags: [Bad]\n"
        "detection:\n"
        "  a:\n"
        "    perf.pmuu: x\n"
        "    perf.cpu: x\n"
        "    perf.cpu|gtt: 1\n"
        "  b: {perf.state: actve}\n"
        "  condition: a and c\n"
        "profguard: {x: 1}\n"
    )
    found = sorted((problem.place.line, problem.code) for problem in problems_of(text))
    assert found == [
        (3, "PG108"),
        (4, "PG108"),
        (7, "PG103"),
        (8, "PG111"),
        (9, "PG104"),
        (10, "PG118"),
        (11, "PG107"),
        (12, "PG108"),
    ]


WARNINGS = {
    "unused selection": (
        HEAD + BODY.replace("  condition", "  other: {perf.pmu: x}\n  condition"),
        "PG112", 5, "'other' is never used",
    ),
    "service": (
        HEAD.replace("profguard", "profgaurd") + BODY, "PG109", 2, "never match",
    ),
    "field that is not observed": (
        "title: T\nlogsource: {product: linux, category: process_creation}\n"
        "detection:\n  s: {CurrentDirectory: /tmp, Image: /x}\n  condition: s\n",
        "PG103", 4, "CurrentDirectory",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "message"), WARNINGS.values(), ids=WARNINGS)
def test_what_is_doubtful_is_a_warning_and_the_rule_loads(rules_of, text, code, line, message):
    rules = rules_of(text)
    [problem] = rules.problems
    assert len(rules.rules) == 1
    assert (problem.code, problem.severity, problem.place.line) == (code, "warning", line)
    assert message in problem.message


def test_a_bad_document_leaves_the_good_ones_of_its_file(problems_of, rules_of):
    good = HEAD + BODY
    bad = HEAD + BODY.replace("perf.pmu", "perf.pmuu")
    [problem] = problems_of(f"{good}---\n{bad}---\n{good}")
    assert problem.place.line == len(good.split("\n")) + 4
    assert len(rules_of(f"{good}---\n{good}").rules) == 2


def test_problems_are_json(problems_of):
    [problem] = problems_of(HEAD + BODY.replace("perf.pmu", "perf.pmuu"))
    told = json.loads(json.dumps(problem.as_dict()))
    assert (told["code"], told["path"], told["line"], told["column"]) == (
        "PG103", "rule.yml", 4, 15,
    )  # fmt: skip
