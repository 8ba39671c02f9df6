"""Which parts of a rule its cases test."""

import pytest

from profguard.model import Event
from profguard.rules.check.coverage import coverage, undecided

RULE = """\
title: T
logsource: {product: linux, service: profguard, category: perf}
detection:
  cpu: {perf.pmu: cpu}
  odd:
    - perf.cpu: 1
    - {perf.cpu: 3, perf.ret: 0}
  filter: {process.name: x}
  unused: {perf.cpu: 9}
  condition: cpu and odd and not filter
"""
FIRES = {"perf": {"pmu": "cpu", "cpu": 1}}
SECOND = {"perf": {"pmu": "cpu", "cpu": 3, "ret": 0}}
OTHER_PMU = {"perf": {"pmu": "msr", "cpu": 1}}
EVEN = {"perf": {"pmu": "cpu", "cpu": 2, "ret": 0}}
FILTERED = {**FIRES, "process": {"name": "x"}}
OTHER_RET = {"perf": {"pmu": "cpu", "cpu": 3, "ret": 1}}
OTHER_EVENT = {"event": {"name": "prof"}}


def event(nested):
    return Event.from_dict({"event": {"name": "perf"}, **nested})


# (events, {part: (true, false, decides when true, decides when false)})
COVERED = {
    "none": ([], {"cpu": (0, 0, False, False), "odd[1]": (0, 0, False, False)}),
    "another event": ([OTHER_EVENT], {"cpu": (0, 0, False, False)}),
    "one that fires": (
        [FIRES],
        {"cpu": (1, 0, True, False), "odd": (1, 0, True, False), "odd[1]": (1, 0, True, False),
         "odd[2]": (0, 1, False, False), "filter": (0, 1, False, True)},
    ),
    "one that is quiet for two reasons": (
        [{"perf": {"pmu": "msr", "cpu": 2}}],
        {"cpu": (0, 1, False, False), "odd": (0, 1, False, False)},
    ),
    "an alternative that another one covers": (
        [FIRES, OTHER_PMU], {"cpu": (1, 1, True, True), "odd": (2, 0, True, False)},
    ),
    "all": (
        [FIRES, SECOND, OTHER_PMU, EVEN, FILTERED, OTHER_RET],
        {"cpu": (5, 1, True, True), "odd": (4, 2, True, True), "odd[1]": (3, 3, True, True),
         "odd[2]": (1, 5, True, True), "filter": (1, 5, True, True),
         "odd: perf.ret is 0": (2, 4, True, True)},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), COVERED.values(), ids=list(COVERED))
def test_a_part_is_tested_where_its_answer_decides_an_event(rules_of, events, expected):
    [rule] = rules_of(RULE).rules
    parts = coverage(rule, map(event, events))
    found = {one.name: (one.true, one.false, one.if_true, one.if_false) for one in parts}
    assert {name: found[name] for name in expected} == expected
    assert [one.name for one in parts if one.kind != "question"] == [
        "cpu", "odd", "odd[1]", "odd[2]", "filter",
    ]  # fmt: skip


def test_the_questions_that_no_event_tests_are_named(rules_of):
    [rule] = rules_of(RULE).rules
    asked = [event(one) for one in (FIRES, SECOND, OTHER_PMU, EVEN, FILTERED)]
    assert [str(leaf) for leaf in undecided(rule.condition, asked)] == ["perf.ret is 0"]
    assert undecided(rule.condition, [*asked, event(OTHER_RET)]) == []


def test_a_rule_of_a_foreign_log_source_has_no_parts(rules_of):
    text = RULE.replace("service: profguard, category: perf", "category: file_event")
    [rule] = rules_of(text).rules
    assert coverage(rule, [event(FIRES)]) == []
