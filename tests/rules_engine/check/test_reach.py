"""What is called impossible or dead is so: by table, and against every event of a small world."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profguard.model import Event
from profguard.rules import interpret
from profguard.rules.check.reach import contradiction, pruned
from profguard.rules.documents import read_document
from profguard.rules.fields import resolve
from profguard.rules.matchers import OneOf
from profguard.rules.source import parse
from profguard.rules.tree import And, Not, Or, Test, any_of

PATHS = ["/tmp/a", "/TMP/A", "/tmp/ab", "/usr/b", "b", ""]
STATES = ["OFF", "ACTIVE", "7"]
LABELS = ["a", "ab", "B"]
TIMES = ["2026-01-31T00:00:00Z", "2026-12-01T23:30:00Z"]
ADDRESSES = ["10.0.0.1", "10.1.0.1", "192.168.0.1", "::1", "no address"]
RELATIONS = ["self", "child", "parent"]


def some(values):
    return [list(chosen) for size in (0, 1, 2) for chosen in itertools.combinations(values, size)]


# field -> (what modifiers, what values a rule may have for it, what values events have)
WORLD = {
    "process.executable": (
        ["", "cased", "startswith", "startswith|cased", "endswith", "contains", "contains|cased",
         "neq", "re"],
        ["/tmp/a", "/TMP/A", "/tmp/", "/usr/", "a", "b", "A"],
        [None, *PATHS],
    ),
    "perf.cpu": (["", "lt", "lte", "gt", "gte", "neq"], [-1, 0, 1, 2, 1.5], [None, 0, 1, 2, 3]),
    "perf.state": (["", "startswith", "neq"], ["OFF", "ACT*", "7", "*"], [None, *STATES]),
    "relation": (["", "neq", "contains"], RELATIONS, [None, *RELATIONS]),
    "target.labels": (["", "cased", "startswith", "neq", "contains"], LABELS, some(LABELS)),
    "perf.attr_flags": (["", "neq"], ["inherit", "freq"], [None, *some(["freq", "inherit"])]),
    "event.time": (["hour|gte", "hour|lt", "day", "month|neq"], [0, 12, 31, 60], TIMES),
    "process.environ.IP": (
        ["cidr"], ["10.0.0.0/8", "10.0.0.0/16", "192.168.0.0/16", "::/0"], [None, *ADDRESSES],
    ),
}  # fmt: skip


@st.composite
def items(draw):
    """One `field|modifiers: values`."""
    field = draw(st.sampled_from(["process.executable", *WORLD]))
    modifiers, values, _ = WORLD[field]
    chosen = draw(st.sampled_from([*modifiers, "exists", None]))
    if chosen == "exists":
        return f"{field}|exists", draw(st.booleans())
    if chosen is None:
        return field, None
    value = st.sampled_from(values)
    one_or_more = value | st.lists(value, min_size=1, max_size=3)
    return "|".join(filter(None, (field, chosen))), draw(one_or_more)


MAPS = st.lists(items(), min_size=1, max_size=3).map(dict)
SELECTIONS = st.one_of(MAPS, st.lists(MAPS, min_size=1, max_size=3))
CONDITIONS = st.recursive(
    st.sampled_from(["a", "b", "c", "not b", "not c"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" and ".join),
        st.tuples(inner, inner).map("({0[0]} or {0[1]})".format),
        inner.map("not ({})".format),
    ),
    max_leaves=4,
)


def condition_of(detection):
    """The tree of a detection, which must be without errors but for what no field can have."""
    source = {"service": "profguard", "category": "perf"}
    problems = []
    text = json.dumps({"title": "T", "logsource": source, "detection": detection})
    [document] = parse(text, "r.yml", problems)
    rule = read_document(document, "r", {}, problems)
    assert rule or {problem.code for problem in problems} <= {"PG112", "PG118"}, problems
    return rule and rule.condition


def events(detection):
    """Every event of the world that differs in a field that a detection asks for."""
    names = [name for name in WORLD if f'"{name}' in json.dumps(detection)]
    for values in itertools.product(*(WORLD[name][2] for name in names)):
        nested = {"event": {"name": "perf"}}
        for name, value in zip(names, values, strict=True):
            *path, last = name.split(".")
            table = nested
            for step in path:
                table = table.setdefault(step, {})
            if value is not None:
                table[last] = value
        yield Event.from_dict(nested)


def few(detection):
    asked = [name for name in WORLD if f'"{name}' in json.dumps(detection)]
    return len(asked) <= 3


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries(
        {"a": SELECTIONS, "b": SELECTIONS, "c": SELECTIONS, "condition": CONDITIONS}
    ).filter(few)
)
def test_no_event_matches_what_is_impossible_and_none_feels_what_is_dead(detection):
    condition = condition_of(detection)
    if condition is None:
        return
    impossible = contradiction(condition)
    shorter, dead = pruned(condition)
    assert not (impossible and dead)
    for event in events(detection):
        matched = interpret.matches(condition, event)
        assert not (impossible and matched)
        assert interpret.matches(shorter, event) == matched


# (selections, condition, what excludes what): impossible
IMPOSSIBLE = {
    "two values": ({"a": {"perf.pmu": "cpu"}, "b": {"perf.pmu": "uprobe"}}, "a and b",
                   "perf.pmu is 'cpu' and perf.pmu is 'uprobe' exclude each other"),
    "value and prefix": ({"a": {"perf.pmu": ["cpu", "msr"], "perf.pmu|startswith": "intel_"}}, "a",
                         "perf.pmu is 'cpu' or 'msr' and perf.pmu starts with 'intel_' exclude"),
    "value and pattern": ({"a": {"perf.pmu|cased": "cpu", "perf.pmu|re": "^i"}}, "a", "'^i'"),
    "prefixes": ({"a": {"perf.pmu|startswith": "a"}, "b": {"perf.pmu|startswith": ["b", "C"]}},
                 "a and b", "starts with 'a' and perf.pmu starts with 'b' or 'c'"),
    "suffixes": ({"a": {"perf.pmu|endswith": "a", "perf.pmu|endswith|cased": "b"}}, "a", "ends"),
    "cased values": ({"a": {"perf.pmu|cased": "CPU"}, "b": {"perf.pmu|cased": "cpu"}}, "a and b",
                     "perf.pmu is 'CPU' and perf.pmu is 'cpu'"),
    "cased prefix": ({"a": {"perf.pmu": "cpu", "perf.pmu|startswith|cased": "X"}}, "a", "'X'"),
    "null and value": ({"a": {"perf.pmu": None}, "b": {"perf.pmu": "*"}}, "a and b",
                       "perf.pmu is null and perf.pmu is any text"),
    "exists and null": ({"a": {"perf.pmu|exists": True}, "b": {"perf.pmu": None}}, "a and b", ""),
    "not exists and value": ({"a": {"perf.cpu|exists": False, "perf.cpu|gt": 3}}, "a", "is null"),
    "itself and not": ({"a": {"perf.pmu": "a"}}, "a and not a", "perf.pmu is 'a' and not perf.pmu"),
    "not of what is implied": ({"a": {"perf.pmu|startswith": "/tmp/"},
                                "b": {"perf.pmu|contains": "tmp"}}, "a and not b", "not perf.pmu"),
    "all alternatives taken": ({"a": {"perf.pmu|startswith": ["a", "b"]},
                                "b": {"perf.pmu|contains": "a"}, "c": {"perf.pmu|contains": "b"}},
                               "a and not b and not c", "exclude one another"),
    "numbers": ({"a": {"perf.cpu|gt": 3, "perf.cpu|lt": 4}}, "a", "perf.cpu > 3 and perf.cpu < 4"),
    "number and range": ({"a": {"perf.cpu": [1, 2]}, "b": {"perf.cpu|gte": 3}}, "a and b", ">= 3"),
    "beyond the type": ({"a": {"perf.type|gt": 4294967295}}, "a",
                        "no event has perf.type > 4294967295"),
    "unsigned": ({"a": {"perf.config|lt": 0}}, "a", "no event has perf.config < 0"),
    "negative pid": ({"a": {"process.pid": -1}}, "a", "no event has process.pid is -1"),
    "half a processor": ({"a": {"perf.cpu": 1.5}}, "a", "no event has perf.cpu is 1.5"),
    "a value and all of its kind": ({"a": {"perf.cpu|lt": 2, "perf.cpu|gte": 0},
                                     "b": {"perf.cpu": [0, 1]}}, "a and not b", "one another"),
    "networks": ({"a": {"process.environ.IP|cidr": "10.0.0.0/8"},
                  "b": {"process.environ.IP|cidr": "11.0.0.0/8"}}, "a and b", "10.0.0.0/8"),
    "part of a network": ({"a": {"process.environ.IP|cidr": "10.1.0.0/16"},
                           "b": {"process.environ.IP|cidr": "10.0.0.0/8"}}, "a and not b", "not"),
    "hour": ({"a": {"event.time|hour|gte": 24}}, "a", "no event has event.time hour >= 24"),
    "hours": ({"a": {"event.time|hour|gte": 22}, "b": {"event.time|hour|lt": 5}}, "a and b",
              "hour >= 22 and event.time hour < 5"),
    "choices": ({"a": {"event.source|neq": ["live", "replay"], "event.source|exists": True},
                 "b": {"event.source": "snapshot"}}, "a and not b", "exclude one another"),
    "yes and no": ({"a": {"lost_events.cpu|exists": True, "lost_events.cpu": None}}, "a", "null"),
    "list and not any of it": ({"a": {"target.labels": "prod"},
                                "b": {"target.labels|startswith": "p"}}, "a and not b", "labels"),
    "all ways": ({"a": [{"perf.pmu": "a"}, {"perf.pmu": "b"}], "b": {"perf.pmu": "c"}}, "a and b",
                 "'c' and perf.pmu is 'a'"),
    "keyword": ({"a": ["abc"], "b": ["B"]}, "a and not b", "any value contains 'abc' and not any"),
    "condition list": ({"a": {"perf.cpu": 1, "perf.cpu|gt": 1}}, ["a", "a and a"], "perf.cpu"),
    "among many": ({"a": {"perf.pmu": "x"}, "b": {"process.name": ["a", "b"], "perf.cpu": 1},
                    "c": [{"perf.pmu": "y", "process.pid": 1}, {"perf.pmu": "z", "perf.cpu": 1}]},
                   "a and b and c", "perf.pmu is 'x' and perf.pmu is 'y'"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("selections", "condition", "said"), IMPOSSIBLE.values(), ids=list(IMPOSSIBLE)
)
def test_the_questions_that_exclude_each_other_are_named(selections, condition, said):
    category = "lost_events" if "lost_events" in str(selections) else "perf"
    rule = read_document(*_document(selections, condition, category))
    found = contradiction(rule.condition)
    assert found, "it is possible"
    assert said in str(found)


def _document(selections, condition, category):
    source = {"service": "profguard", "category": category}
    detection = {**selections, "condition": condition}
    text = json.dumps({"title": "T", "logsource": source, "detection": detection})
    [document] = parse(text, "r.yml", [])
    return document, "r", {}, []


# Looks impossible, and is not.
POSSIBLE = {
    "elements of a list": ({"a": {"target.labels": "x"}, "b": {"target.labels": "y"}}, "a and b"),
    "one case and the other": ({"a": {"perf.pmu": "cpu", "perf.pmu|cased": "CPU"}}, "a"),
    "folded but not cased": ({"a": {"perf.pmu": "cpu"}, "b": {"perf.pmu|cased": "cpu"}},
                             "a and not b"),
    "folded prefix, cased not": ({"a": {"perf.pmu|startswith": "ab"},
                                  "b": {"perf.pmu|startswith|cased": "a"}}, "a and not b"),
    "a case that a pattern asks": ({"a": {"perf.pmu": "cpu", "perf.pmu|re": "^C"}}, "a"),
    "prefix of a prefix": ({"a": {"perf.pmu|startswith": "a"}, "b": {"perf.pmu|startswith": "ab"}},
                           "a and b"),
    "prefix and suffix that overlap": ({"a": {"perf.pmu|startswith": "ab", "perf.pmu|endswith":
                                              "ba"}}, "a"),
    "not of two values": ({"a": {"perf.pmu": "a"}, "b": {"perf.pmu": "b"}}, "not a and not b"),
    "null is none of them": ({"a": {"event.source": "*"}}, "not a"),
    "number without a name": ({"a": {"perf.state": "*"},
                               "b": {"perf.state": ["DEAD", "REVOKED", "EXIT", "ERROR", "OFF",
                                                    "INACTIVE", "ACTIVE"]}}, "a and not b"),
    "another way": ({"a": [{"perf.pmu": "a"}, {"perf.cpu": 1}], "b": {"perf.pmu": "c"}}, "a and b"),
    "what is no time has no hour": ({"a": {"process.start_time|hour|gte": 12},
                                     "b": {"process.start_time|hour|lt": 12}}, "not a and not b"),
    "two fields": ({"a": {"perf.pmu": "a", "process.name": "b"}}, "a"),
    "another field": ({"a": {"process.name|fieldref": "target.name", "process.name": "x"}}, "a"),
}  # fmt: skip


@pytest.mark.parametrize(("selections", "condition"), POSSIBLE.values(), ids=list(POSSIBLE))
def test_what_an_event_can_be_is_not_called_impossible(selections, condition):
    rule = read_document(*_document(selections, condition, "perf"))
    assert contradiction(rule.condition) is None


A, AB, B = ({"perf.pmu": name} for name in ("a", ["a", "b"], "b"))
# (selections, condition, [(dead part, what stands for it)])
DEAD = {
    "clean": ({"a": A, "b": {"perf.cpu": 1}}, "a and not b", []),
    "absorbed": ({"a": A, "b": {"perf.cpu": 1}}, "a or (a and b)", [("all of", False)]),
    "twice": ({"a": A}, "a or a", [("a", False)]),
    "implied": ({"a": A, "b": AB}, "a and b", [("b", True)]),
    "filter that never bites": ({"a": A, "filter": B}, "a and not filter", [("filter", False)]),
    "filter of several": (
        {"a": A, "filter_1": [B, {"perf.cpu": 1}], "filter_2": {"perf.cpu": 2}},
        "a and not 1 of filter_*", [("perf.pmu is 'b'", False)],
    ),
    "alternative": ({"a": A, "b": [B, {"perf.cpu": 3}]}, "a and b", [("perf.pmu is 'b'", False)]),
    "always": ({"a": A}, "a or not a", [("any of", True)]),
    "question": ({"a": {"perf.pmu": "ab", "perf.pmu|startswith": "a"}}, "a",
                 [("perf.pmu starts with 'a'", True)]),
}  # fmt: skip


@pytest.mark.parametrize(("selections", "condition", "dead"), DEAD.values(), ids=list(DEAD))
def test_parts_that_never_decide_are_named(selections, condition, dead):
    rule = read_document(*_document(selections, condition, "perf"))
    _, found = pruned(rule.condition)
    assert [(str(one.part), one.truth) for one in found] == dead
    assert all(one.place and one.why.place for one in found)


def test_a_search_that_takes_too_long_finds_nothing():
    """Pigeons that do not fit their holes are a proof of many steps."""
    field = resolve("perf.pmu", "perf")
    fields = [resolve(f"process.environ.P{n}", "perf") for n in range(12)]
    sits = {
        (n, hole): Test(fields[n], OneOf(frozenset([str(hole)])))
        for n in range(12)
        for hole in range(11)
    }
    everyone = [any_of([sits[n, hole] for hole in range(11)]) for n in range(12)]
    alone = [
        Not(And((sits[one, hole], sits[other, hole])))
        for one, other in itertools.combinations(range(12), 2)
        for hole in range(11)
    ]
    assert contradiction(And((*everyone, *alone))) is None
    wide = And(tuple(Or((Test(field, OneOf(frozenset("a"))), Not(sits[0, 1]))) for _ in range(999)))
    assert contradiction(wide) is None


def test_a_rule_with_more_parts_than_there_is_time_for_is_read_as_far_as_that_goes():
    fields = [resolve(f"process.environ.V{n}", "perf") for n in range(1_200)]
    pairs = [[Test(one, OneOf(frozenset(value))) for value in "ab"] for one in fields]
    wide = And(tuple(map(any_of, pairs)))
    assert contradiction(wide) is None
    shorter, dead = pruned(wide)
    assert (shorter, dead) == (wide, [])
