"""What correlations gathered survives a restart, as plain data."""

import json

import pytest

from profguard.findings.redact import Redactor
from profguard.rules.correlate import memory
from profguard.rules.correlate.correlator import Correlator
from tests.rules_engine.correlate.stories import EPOCH_NS, S, correlation, event, story

MASK = memory.Mask(Redactor().text, Redactor().event)
COUNT = correlation("event_count", condition="{gte: 3}")


def feed(rules, correlator, events):
    return [m for one in events for m in correlator.feed(rules.match(one))]


def tracked(rules):
    correlator = Correlator(rules.correlations)
    correlator.track()
    return correlator


def through_json(saved):
    return [memory.Saved(*one) for one in json.loads(json.dumps(saved))]


def kept(correlator, most=1000):
    return through_json(memory.changes(correlator, MASK, most))


def test_a_correlation_goes_on_after_a_restart(rules_of):
    rules = rules_of(COUNT)
    before = tracked(rules)
    feed(rules, before, story("o0 o1 o1:2"))
    after = Correlator(rules_of(COUNT).correlations)
    [state] = after.states
    assert memory.restore(after, kept(before), EPOCH_NS + 2 * S) == []
    assert list(state.groups) == [(1,), (2,)]
    [match] = feed_by(after, rules, story("o2"))
    assert match.values == {"process.pid": 1, "count": 3}
    assert [one.time_ns for one in match.evidence] == [EPOCH_NS + n * S for n in range(3)]


def feed_by(correlator, rules, events):
    """Feed matches of rules that are others, but called the same."""
    [state] = correlator.states
    own = {member.rule.name: member.rule for member in state.rule.members}
    found = []
    for one in events:
        for match in rules.match(one):
            found += correlator.feed([type(match)(own[match.rule.name], match.event)])
    return found


def test_only_what_changed_is_given_and_a_few_at_a_time(rules_of):
    rules = rules_of(COUNT)
    correlator = tracked(rules)
    feed(rules, correlator, story("o0:1 o0:2 o0:3"))
    assert [one.key for one in kept(correlator, 2)] == [[1], [2]]
    assert [one.key for one in kept(correlator, 2)] == [[3]]
    assert kept(correlator) == []
    feed(rules, correlator, story("o1:2"))
    assert [one.key for one in kept(correlator)] == [[2]]


def test_what_is_over_is_not_restored(rules_of):
    rules = rules_of(COUNT)
    before, after = tracked(rules), tracked(rules)
    feed(rules, before, story("o0 o1"))
    over = memory.restore(after, kept(before), EPOCH_NS + 12 * S)
    assert [one.key for one in over] == [[1]]
    assert not after.states[0].groups


def test_another_definition_begins_anew(rules_of):
    rules = rules_of(COUNT)
    before = tracked(rules)
    feed(rules, before, story("o0 o1"))
    after = Correlator(rules_of(COUNT.replace("gte: 3", "gte: 4")).correlations)
    assert len(memory.restore(after, kept(before), EPOCH_NS + 2 * S)) == 1


@pytest.mark.parametrize("own", ["{absent: [ended]}", "{until: [ended]}"])
def test_where_it_matters_what_did_not_happen_a_gap_ends_it(rules_of, own):
    """Nobody saw what happened while the sensor was away."""
    rules = rules_of(correlation("event_count", condition="{gte: 2}", own=own))
    correlator = tracked(rules)
    feed(rules, correlator, story("o0"))
    assert kept(correlator) == []


def test_groups_that_were_let_go_are_told(rules_of, monkeypatch):
    monkeypatch.setattr("profguard.rules.correlate.correlator.MAX_GROUPS", 1)
    rules = rules_of(COUNT)
    correlator = tracked(rules)
    feed(rules, correlator, story("o0:1"))
    kept(correlator)
    feed(rules, correlator, story("o1:2"))
    assert [(one.key, one.entries is None) for one in kept(correlator)] == [
        ([1], True),
        ([2], False),
    ]


def test_secrets_do_not_leave(rules_of):
    """Neither in the evidence nor in the key: such a group is not kept at all."""
    text = correlation("value_count", condition="{field: process.command_line, gte: 3}")
    rules = rules_of(text)
    correlator = tracked(rules)
    secret = event("o", 0)
    secret.process.command_line = "tool --password hunter2"
    feed(rules, correlator, [secret])
    [one] = kept(correlator)
    assert "hunter2" not in json.dumps(one)
    rules = rules_of(text.replace("group-by: [process.pid]", "group-by: [process.command_line]"))
    correlator = tracked(rules)
    feed(rules, correlator, [secret])
    assert kept(correlator) == []


@pytest.mark.parametrize(
    "entries", [[[1]], [["x", 1, True, [], None]], [[1, 1, True, [], {"a": 1}]]]
)
def test_what_is_not_ours_is_refused(rules_of, entries):
    rules = rules_of(COUNT)
    correlator = tracked(rules)
    [state] = correlator.states
    saved = memory.Saved(state.rule.id, state.rule.digest, [1], EPOCH_NS, entries)
    with pytest.raises(ValueError, match="gathered"):
        memory.restore(correlator, [saved], EPOCH_NS)
