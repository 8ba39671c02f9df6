"""Why a condition is true or false of an event, in as few words as say it."""

import pytest

from profguard.model import Event
from profguard.rules.interpret import MAX_REASONS, explain

RULE = """\
title: T
logsource: {{product: linux, service: profguard, category: perf}}
detection:
  a: {{perf.cpu: 1, perf.pmu: cpu}}
  b: [perf.ret: 0, perf.ret|gt: 5]
  c: {{process.name: x}}
  d: {{process.executable|fieldref: target.executable}}
  w: [word]
  many: [{many}]
  condition: {condition}
"""
MANY = ", ".join(f"{{perf.config: {n}, perf.pmu: p{n}}}" for n in range(20))
EVENT = Event.from_dict(
    {
        "event": {"name": "perf"},
        "perf": {"cpu": 1, "pmu": "msr", "ret": 3, "attr_flags": ["freq"]},
        "process": {"name": "x", "executable": "/a\x1b"},
        "target": {"executable": "/b"},
    }
)
PMU = "(perf.pmu is 'cpu') is false, it is 'msr'"
NAME = "(process.name is 'x') is true, it is 'x'"
RETS = "(perf.ret is 0) is false, it is 3, (perf.ret > 5) is false, it is 3"
# condition -> why it is as it is
REASONS = {
    "a": f"a: {PMU}",
    "not a": f"a: {PMU}",
    "not not c": f"c: {NAME}",
    "not c": f"c: {NAME}",
    "c and not a": f"c: {NAME}; a: {PMU}",
    "c or not a": f"c: {NAME}",
    "b": f"b: {RETS}",
    "b and a": f"a: {PMU}",
    "a or b": f"a: {PMU}; b: {RETS}",
    "not (a or b)": f"a: {PMU}; b: {RETS}",
    "not (a and not b)": f"a: {PMU}",
    "not (c and not (a or b))": f"c: {NAME}; a: {PMU}; b: {RETS}",
    "(b or a) and (a or c)": f"b: {RETS}; a: {PMU}",
    "1 of c* or all of a*": f"c: {NAME}",
    "d": "d: (process.executable equals the field target.executable) is false, it is '/a\\x1b', "
    "target.executable is '/b'",
    "w": "w: (any value contains 'word') is false",
}


@pytest.fixture
def answer(rules_of):
    def run(condition):
        [rule] = rules_of(RULE.format(condition=condition, many=MANY)).rules
        return explain(rule.condition, EVENT)

    return run


@pytest.mark.parametrize(("condition", "why"), REASONS.items(), ids=list(REASONS))
def test_what_decided_is_told_selection_by_selection(answer, condition, why):
    assert answer(condition).why() == why


def test_of_many_reasons_the_first_are_told(answer):
    why = answer("many").why()
    assert why.count("is false") == MAX_REASONS
    assert why.endswith(f"; and {20 - MAX_REASONS} more")
