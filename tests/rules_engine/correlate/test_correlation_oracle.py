"""Correlations against an oracle: the same rules and events in SQLite, by pySigma's queries.

Where we differ, the specification decides:
- group keys and values are compared as they are, the oracle ignores case: "The values of fields
  defined in group-by must all have the same value";
- a condition may have two bounds, the oracle takes one: "To define a range, you can use the
  conjunction 'AND' in the mapping";
- in an ordered correlation only as many rules count as have matched in their order; the oracle asks
  so of gt and gte only.

Percentiles are quarters here: the oracle's weights are binary fractions, which 10 % is not.
"""

import json
import sqlite3

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

from profguard.events import BY_NAME
from profguard.model import Event
from profguard.rules import pack
from profguard.rules.correlate.correlator import Correlator
from profguard.rules.source import parse

EPOCH_S = 1_800_000_000
RULES = {
    "opened": ("perf", "perf.ret"),
    "attached": ("ptrace", "ptrace.ret"),
    "refused": ("ptrace", "ptrace.pid"),
}
BASE = [
    {
        "title": name,
        "name": name,
        "logsource": {"product": "linux", "service": "profguard", "category": category},
        "detection": {
            "s": {"event.name": category, f"{field}|gte": 0},
            "condition": "s",
        },
    }
    for name, (category, field) in RULES.items()
]

OPERATORS = st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"])
MEMBERS = st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=3, unique=True)
SPANS = st.integers(3, 15)
GROUPS = st.sampled_from([["process.pid"], ["process.pid", "process.user.name"], []])
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["perf", "ptrace"]),
            "at": st.integers(0, 25),
            "pid": st.sampled_from([1, 1, 1, 2]),
            "user": st.sampled_from(["ann", "ann", "bob", None]),
            "value": st.sampled_from([0, 1, 2, 3, 5, 6, -1]),
            "other": st.sampled_from([0, 1, -1]),
        }
    ),
    min_size=6,
    max_size=16,
    unique_by=lambda one: one["at"],
)


@st.composite
def correlations(draw):
    kind = draw(
        st.sampled_from(
            [
                "event_count",
                "temporal",
                "temporal_ordered",
                "value_count",
                "value_sum",
                "value_avg",
                "value_percentile",
            ]
        )
    )
    members = draw(MEMBERS)
    found = {
        "type": kind,
        "rules": members,
        "group-by": draw(GROUPS),
        "timespan": f"{draw(SPANS)}s",
    }
    if kind.startswith("temporal"):
        if draw(st.booleans()):
            found["condition"] = {"gte": draw(st.integers(1, len(members)))}
        return found
    found["condition"] = {draw(OPERATORS): draw(st.integers(1, 4))}
    if kind != "event_count":
        found["condition"]["field"] = "process.tid"
    if kind == "value_percentile":
        found["condition"]["percentile"] = draw(st.sampled_from([0, 25, 50, 75, 100]))
    return found


@st.composite
def chains(draw):
    inner = draw(correlations())
    inner["group-by"] = ["process.pid"]
    outer = {
        "type": draw(st.sampled_from(["event_count", "temporal", "temporal_ordered"])),
        "rules": draw(st.sampled_from([["inner"], ["inner", "opened"], ["attached", "inner"]])),
        "group-by": draw(st.sampled_from([["process.pid"], []])),
        "timespan": f"{draw(SPANS)}s",
    }
    if outer["type"] == "event_count":
        outer["condition"] = {"gte": draw(st.integers(1, 3))}
    return inner, outer


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(correlations(), EVENTS)
def test_a_correlation_matches_when_the_oracle_says_so(correlation, told):
    documents = [*BASE, {"title": "J", "name": "joined", "correlation": correlation}]
    assert ours(documents, told) == theirs(documents, told)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(chains(), EVENTS)
def test_a_chain_matches_when_the_oracle_says_so(chain, told):
    inner, outer = chain
    documents = [
        *BASE,
        {"title": "I", "name": "inner", "correlation": inner},
        {"title": "J", "name": "joined", "correlation": outer},
    ]
    assert ours(documents, told) == theirs(documents, told)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(correlations(), EVENTS, st.randoms(use_true_random=False))
def test_events_that_are_a_little_late_change_nothing(correlation, told, random):
    """What is reached once stays reached: in whatever order events of 5 s come."""
    condition = correlation.get("condition", {})
    if not condition.keys() & {"gt", "gte"} or correlation["type"] in (
        "value_sum",
        "value_avg",
        "value_percentile",
    ):
        return
    documents = [*BASE, {"title": "J", "name": "joined", "correlation": correlation}]
    in_order = sorted(told, key=lambda one: one["at"])
    late = sorted(told, key=lambda one: one["at"] + random.uniform(0, 5))
    assert sorted(ours(documents, late, in_order=False)) == sorted(ours(documents, in_order))


def ours(documents, told, *, in_order=True):
    problems: list = []
    text = "\n---\n".join(json.dumps(document) for document in documents)
    parts = pack.read_documents(parse(text, "r.yml", problems), "r", {}, problems, set())
    rules = pack.rule_set(parts, problems)
    assert not rules.problems, rules.problems
    correlator, found = Correlator(rules.correlations), []
    for one in sorted(told, key=lambda one: one["at"]) if in_order else told:
        for match in correlator.feed(rules.match(event(one))):
            if match.rule.name == "joined":
                at_s = match.time_ns // 1_000_000_000 - EPOCH_S
                group = [match.values[name] for name in match.rule.group_by]
                found.append((at_s, group))
    return found


def event(one) -> Event:
    spec = BY_NAME[one["kind"]]
    args = [None] * len(spec.public_args)
    found = Event.from_dict(
        {
            "event": {"name": one["kind"]},
            "process": {
                "pid": one["pid"],
                "tid": max(one["value"], 0),
                **({"user": {"name": one["user"]}} if one["user"] else {}),
            },
        }
    )
    found.time_ns = (EPOCH_S + one["at"]) * 1_000_000_000
    args[spec.index["ret"]] = one["value"]
    if one["kind"] == "ptrace":
        args[spec.index["pid"]] = one["other"]
    found.args = args
    return found


COLUMNS = {
    "timestamp": lambda one: EPOCH_S + one["at"],
    "event.name": lambda one: one["kind"],
    "process.pid": lambda one: one["pid"],
    "process.tid": lambda one: max(one["value"], 0),
    "process.user.name": lambda one: one["user"],
    "perf.ret": lambda one: one["value"] if one["kind"] == "perf" else None,
    "ptrace.ret": lambda one: one["value"] if one["kind"] == "ptrace" else None,
    "ptrace.pid": lambda one: one["other"] if one["kind"] == "ptrace" else None,
}


def theirs(documents, told):
    collection = SigmaCollection.from_dicts([json.loads(json.dumps(one)) for one in documents])
    queries = sqliteBackend(timestamp_format="unix").convert(collection)
    names = ", ".join(f"`{name}`" for name in COLUMNS)
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE logs ({names})")
        marks = ", ".join("?" * len(COLUMNS))
        rows = [[read(one) for read in COLUMNS.values()] for one in told]
        connection.executemany(f"INSERT INTO logs VALUES ({marks})", rows)
        found = connection.execute(queries[-1]).fetchall()
    group_by = documents[-1]["correlation"]["group-by"]
    return [
        (int(end) - EPOCH_S, [json.loads(keys)[name] for name in group_by])
        for _, keys, end, *_ in found
    ]
