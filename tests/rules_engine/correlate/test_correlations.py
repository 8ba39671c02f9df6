"""Correlation rules: what several matches mean together, by tables of short stories."""

import time

import pytest

from profguard.rules.correlate.correlator import Correlator
from profguard.rules.correlate.rule import COUNT
from tests.rules_engine.correlate.stories import BASE, EPOCH_NS, S, correlation, event, story


def play(rules, events) -> list[float]:
    """The times, in s, at which the rule called `joined` matches."""
    correlator, found = Correlator(rules.correlations), []
    for one in events:
        made = correlator.advance(one.time_ns)
        made += correlator.feed(rules.match(one))
        found += [m for m in made if m.rule.name == "joined"]
    return [(match.time_ns - EPOCH_NS) / S for match in found]


TYPES = {
    # type, rules, condition: story, when it matches
    "count reached": ("event_count", "[opened]", "{gte: 3}", "o0 o1 o2", [2]),
    "count goes on": ("event_count", "[opened]", "{gte: 2}", "o0 o1 o2", [1, 2]),
    "count of two groups": ("event_count", "[opened]", "{gte: 2}", "o0:1 o1:2 o2:3", []),
    "count too slow": ("event_count", "[opened]", "{gte: 3}", "o0 o6 o12", []),
    "count at the very span": ("event_count", "[opened]", "{gte: 2}", "o0 o10", [10]),
    "count beyond the span": ("event_count", "[opened]", "{gte: 2}", "o0 o10.001", []),
    "count over boundaries": ("event_count", "[opened]", "{gte: 3}", "o8 o9 o11", [11]),
    "count of two rules": ("event_count", "[opened, read]", "{gte: 2}", "o0 r1", [1]),
    "count gt": ("event_count", "[opened]", "{gt: 1}", "o0 o1", [1]),
    "count eq": ("event_count", "[opened]", "{eq: 2}", "o0 o1 o2", [1]),
    "count lt": ("event_count", "[opened]", "{lt: 2}", "o0 o1", [0]),
    "count lte": ("event_count", "[opened]", "{lte: 2}", "o0 o1 o2", [0, 1]),
    "count neq": ("event_count", "[opened]", "{neq: 2}", "o0 o1 o2", [0, 2]),
    "count in a range": ("event_count", "[opened]", "{gt: 1, lte: 3}", "o0 o1 o2 o3", [1, 2]),
    "late event": ("event_count", "[opened]", "{gte: 3}", "o0 o2 o1", [2]),
    "an event too late begins anew": ("event_count", "[opened]", "{gte: 2}", "o100 o1 o2", [2]),
    "temporal": ("temporal", "[opened, read]", "", "o0 r1", [1]),
    "temporal, any order": ("temporal", "[opened, read]", "", "r0 o1", [1]),
    "temporal, one twice": ("temporal", "[opened, read]", "", "r0 r1", []),
    "temporal, too slow": ("temporal", "[opened, read]", "", "r0 o11", []),
    "temporal, two of three": ("temporal", "[opened, read, attached]", "{gte: 2}", "r0 a1", [1]),
    "ordered": ("temporal_ordered", "[opened, read]", "", "o0 r1", [1]),
    "ordered, wrong order": ("temporal_ordered", "[opened, read]", "", "r0 o1", []),
    "ordered, at last": ("temporal_ordered", "[opened, read]", "", "r0 o1 r2", [2]),
    "ordered, at once is not later": ("temporal_ordered", "[opened, read]", "", "o1 r1", []),
    "ordered, three": (
        "temporal_ordered", "[opened, read, attached]", "", "a0 o1 a2 r3 o4 a5", [5],
    ),
    "ordered, late": ("temporal_ordered", "[opened, read]", "", "r2 o1", [2]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "members", "condition", "told", "expected"), TYPES.values(), ids=TYPES
)
def test_a_correlation_matches_when_its_story_is_told(
    rules_of, kind, members, condition, told, expected
):
    rules = rules_of(correlation(kind, rules=members, condition=condition))
    assert play(rules, story(told)) == expected


VALUES = {
    # type and condition, the values one after the other, when it matches
    "different values": ("value_count", "{field: perf.cpu, gte: 3}", [1, 1, 2, 3], [3]),
    "no value": ("value_count", "{field: perf.cpu, gte: 1}", [None], []),
    "sum": ("value_sum", "{field: perf.cpu, gte: 10}", [4, 5, 1, 0], [2, 3]),
    "sum of nothing": ("value_sum", "{field: perf.cpu, lt: 10}", [None], []),
    "average": ("value_avg", "{field: perf.cpu, gt: 2.5}", [2, 3, 4], [2]),
    "median": ("value_percentile", "{field: perf.cpu, percentile: 50, gte: 3}", [1, 9, 3, 4],
               [1, 2, 3]),
    "between two": ("value_percentile", "{field: perf.cpu, percentile: 25, eq: 1.5}", [3, 1], [1]),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "condition", "values", "expected"), VALUES.values(), ids=VALUES)
def test_values_are_counted_summed_and_ranked(rules_of, kind, condition, values, expected):
    rules = rules_of(correlation(kind, condition=condition))
    events = [event("o", at, cpu=value) for at, value in enumerate(values)]
    assert play(rules, events) == expected


OWN = {
    # absent and until: story, when it matches
    "not followed": ("{absent: [ended]}", "o0 o30:2", [10]),
    "followed": ("{absent: [ended]}", "o0 e9 o30:2", []),
    "followed too late": ("{absent: [ended]}", "o0 e10.5 o30:2", [10]),
    "followed at the very end": ("{absent: [ended]}", "o0 e10 o30:2", []),
    "followed by another's": ("{absent: [ended]}", "o0 e1:2 o30:2", [10]),
    "begun again": ("{absent: [ended]}", "o0 e1 o2 o30:2", [12]),
    "once for all that came meanwhile": ("{absent: [ended]}", "o0 o1 o2 o30:2", [10]),
    "told before it began": ("{absent: [ended]}", "e2 o1 o30:2", []),
    "time has not passed": ("{absent: [ended]}", "o0 o12:2", []),
    "broken off": ("{until: [ended]}", "o0 e1 o2", []),
    "broken off and begun again": ("{until: [ended]}", "o0 e1 o2 o3", [3]),
    "broken off by a late event": ("{until: [ended]}", "o0 o2:2 e1 o3", []),
    "what is later goes on": ("{until: [ended]}", "o2 e1 o3", [3]),
}


@pytest.mark.parametrize(("own", "told", "expected"), OWN.values(), ids=OWN)
def test_absence_and_breaking_off(rules_of, own, told, expected):
    condition = "{gte: 1}" if "absent" in own else "{gte: 2}"
    rules = rules_of(correlation("event_count", condition=condition, own=own))
    assert play(rules, story(told)) == expected


def test_an_alias_names_different_fields_of_different_events(rules_of):
    """Who was attached to reads afterwards: the target of one is the process of the other."""
    more = "  aliases: {who: {attached: target.pid, read: process.pid}}\n"
    text = correlation("temporal_ordered", rules="[attached, read]", more=more)
    rules = rules_of(text.replace("group-by: [process.pid]", "group-by: [who]"))
    attach = event("a", 0, pid=1)
    attach.target = event("a", 0, pid=7).process
    assert play(rules, [attach, event("r", 1, pid=1)]) == []
    assert play(rules, [attach, event("r", 1, pid=7)]) == [1]


CHAIN = """
title: Many
name: many
correlation: {type: event_count, rules: [opened], group-by: [process.pid], timespan: 10s,
  condition: {gte: 3}}
---
title: Then read
name: joined
correlation: {type: temporal_ordered, rules: [many, read], group-by: [process.pid], timespan: 1m}
level: high
profguard: {message: "{process.pid} read after it opened: {count}"}
"""


def test_correlations_are_chained(rules_of):
    rules = rules_of(BASE + CHAIN)
    assert play(rules, story("o0 o1 r2 o3 r4")) == [4]
    assert [rule.name for rule in rules.correlations] == ["many", "joined"]
    assert {rule.name for rule in rules.silent} == {"opened", "read", "many"}


def test_a_chain_may_stand_in_any_order(rules_of):
    first, second = CHAIN.split("---\n")
    rules = rules_of(second + "\n---\n" + first + "---" + BASE.rstrip().removesuffix("---"))
    assert play(rules, story("o0 o1 r2 o3 r4")) == [4]


def test_a_match_says_what_was_joined(rules_of):
    rules = rules_of(BASE + CHAIN)
    correlator = Correlator(rules.correlations)
    events = story("o0 o1 o2 r3")
    [match] = [
        m for e in events for m in correlator.feed(rules.match(e)) if m.rule.name == "joined"
    ]
    assert match.message == "1 read after it opened: 2"
    assert match.values == {"process.pid": 1, COUNT: 2}
    assert match.event is events[3]
    assert match.evidence == (events[2], events[3])
    assert match.began_ns == EPOCH_NS + 2 * S


HEAD = BASE.count("\n") + 1
BROKEN = {
    # what is wrong: the rule, code, line below the base rules, parts of the message and the hint
    "no such rule": (correlation("temporal", rules="[openend]"), "PG140", 5, "'openend'", "opened"),
    "no such type": (
        correlation("eventcount", condition="{gte: 1}"), "PG108", 4, "eventcount", "event_count",
    ),
    "no timespan": (
        correlation("temporal").replace("  timespan: 10s\n", ""), "PG108", 4, "timespan", None,
    ),
    "not a timespan": (correlation("temporal", span="10 s"), "PG142", 7, "'10 s'", "5m"),
    "unknown field": (
        correlation("temporal").replace("[process.pid]", "[process.pidd]"),
        "PG103", 6, "process.pidd", "process.pid",
    ),
    "a field that one of the events lacks": (
        correlation("temporal", rules="[opened, read]").replace("[process.pid]", "[perf.pmu]"),
        "PG103", 6, "of event process_vm_readv, which rule 'read'", None,
    ),
    "no condition": (correlation("event_count"), "PG108", 4, "no 'condition'", None),
    "condition without number": (
        correlation("event_count", condition="{}"), "PG142", 8, "no number", "gte",
    ),
    "misspelt comparison": (
        correlation("event_count", condition="{gte: 1, ltee: 2}"), "PG142", 8, "'ltee'", "lte",
    ),
    "text for a number": (
        correlation("event_count", condition='{gte: "3"}'), "PG142", 8, "a number", None,
    ),
    "infinite": (correlation("event_count", condition="{gte: 1e999}"), "PG142", 8, "finite", None),
    "too many to count": (
        correlation("event_count", condition="{gte: 1000000}"), "PG142", 8, "10,000", None,
    ),
    "more than there are": (
        correlation("temporal", condition="{gte: 2}"), "PG142", 8, "never match", None,
    ),
    "nothing to count": (
        correlation("value_count", condition="{gte: 2}"), "PG142", 8, "has a field", None,
    ),
    "a field for a mere count": (
        correlation("event_count", condition="{field: process.pid, gte: 2}"),
        "PG142", 8, "counts no field", None,
    ),
    "the sum of texts": (
        correlation("value_sum", condition="{field: process.name, gte: 2}"),
        "PG111", 8, "is not a number", None,
    ),
    "which percentile": (
        correlation("value_percentile", condition="{field: process.pid, gte: 2}"),
        "PG142", 8, "percentile", "95",
    ),
    "alias of a stranger": (
        correlation("temporal", more="  aliases: {who: {read: process.pid}}\n"),
        "PG140", 8, "'read' is not a rule of this correlation", "opened",
    ),
    "alias without its rule": (
        correlation(
            "temporal", rules="[opened, read]", more="  aliases: {who: {read: process.pid}}\n"
        ).replace("group-by: [process.pid]", "group-by: [who]"),
        "PG142", 8, "rule 'opened'", None,
    ),
    "waits for itself": (correlation("temporal", rules="[joined]"), "PG141", 5, "itself", "circle"),
    "unknown key of ours": (
        correlation("temporal", own="{abscent: []}"), "PG108", 8, "'abscent'", "absent",
    ),
    "no such absent rule": (
        correlation("temporal", own="{absent: [endet]}"), "PG140", 8, "'endet'", "ended",
    ),
    "absent is no list": (
        correlation("temporal", own="{absent: ended}"), "PG142", 8, "list of rules", None,
    ),
    "folding": (
        correlation("temporal", own="{suppress: {by: [process.pid]}}"), "PG108", 8, "'by'", "for",
    ),
    "unknown field of the message": (
        correlation("temporal", own='{message: "{proces.pid}"}'), "PG103", 8, "proces.pid",
        "process.pid",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "message", "hint"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_with_a_correlation_is_said_where_it_is(
    problems_of, text, code, line, message, hint
):
    [problem] = problems_of(text)
    assert (problem.code, problem.place.line - HEAD + 1) == (code, line)
    assert problem.severity == "error"
    assert message in problem.message
    assert (hint or "") in (problem.hint or "")


def test_a_circle_of_three_is_told_of_each(problems_of):
    text = "---".join(
        f"""
title: {name}
name: {name}
correlation: {{type: temporal, rules: [{other}, opened], group-by: [process.pid], timespan: 1m}}
"""
        for name, other in (("one", "two"), ("two", "three"), ("three", "one"))
    )
    assert [problem.code for problem in problems_of(BASE + text)] == ["PG141"] * 3


def test_what_refers_to_a_broken_rule_is_left_out_and_says_so(problems_of):
    text = correlation("temporal").replace("perf.ret|gte: 0", "perf.rett|gte: 0")
    assert [problem.code for problem in problems_of(text)] == ["PG103", "PG140"]


def test_state_is_bounded(rules_of, monkeypatch):
    """Neither many groups nor many events of one make it grow, and what matters is still found."""
    monkeypatch.setattr("profguard.rules.correlate.correlator.MAX_GROUPS", 10)
    rules = rules_of(correlation("event_count", condition="{gte: 3}"))
    correlator = Correlator(rules.correlations)
    [state] = correlator.states
    for pid in range(100):
        for at in range(50):
            correlator.feed(rules.match(event("o", pid / 100 + at / 1000, pid)))
    assert len(state.groups) == 10
    assert state.evicted == 90
    assert all(len(group.window) <= 4 for group in state.groups.values())


def test_entries_of_all_groups_together_are_bounded(rules_of, monkeypatch):
    """Many groups of many events each: those that were quiet for longest make room."""
    monkeypatch.setattr("profguard.rules.correlate.correlator.MAX_KEPT", 1_000)
    rules = rules_of(correlation("value_count", condition="{field: perf.cpu, gte: 300}"))
    correlator = Correlator(rules.correlations)
    [state] = correlator.states
    for pid in range(20):
        for cpu in range(299):
            correlator.feed(rules.match(event("o", pid / 10 + cpu / 10_000, pid, cpu=cpu)))
    assert state.kept == sum(len(group.window) for group in state.groups.values()) <= 1_000
    assert state.evicted == 17
    assert correlator.feed(rules.match(event("o", 1.95, 19, cpu=299)))


def test_a_clock_that_is_set_back_blinds_nobody(rules_of):
    """Neither what was broken off nor what was called off later by the old clock counts."""
    for own, told in (
        ("{until: [ended]}", "o0 e100 o1 o2"),
        ("{absent: [ended]}", "o0 e100 o1 o30"),
    ):
        condition = "{gte: 2}" if "until" in own else "{gte: 1}"
        rules = rules_of(correlation("event_count", condition=condition, own=own))
        assert play(rules, story(told)), own


def test_events_in_great_disorder_cost_little_and_are_counted(rules_of):
    """All within five seconds, back and forth: each is put in its place once."""
    rules = rules_of(correlation("value_count", span="1m", condition="{field: perf.cpu, gte: 900}"))
    correlator = Correlator(rules.correlations)
    times = [(number * 7919) % 4000 for number in range(4000)]
    found = []
    begun = time.process_time()
    for cpu, ms in enumerate(times):
        found += correlator.feed(rules.match(event("o", ms / 1000, cpu=cpu)))
    assert time.process_time() - begun < 2
    assert found[0].values["count"] >= 900
    [group] = correlator.states[0].groups.values()
    assert group.window.metric.number == len(group.window) == 4000


def test_groups_that_are_over_are_let_go(rules_of):
    rules = rules_of(correlation("event_count", condition="{gte: 3}"))
    correlator = Correlator(rules.correlations)
    for pid in range(100):
        correlator.feed(rules.match(event("o", pid * 10, pid)))
    [state] = correlator.states
    assert len(state.groups) < 5
    assert state.evicted == 0
