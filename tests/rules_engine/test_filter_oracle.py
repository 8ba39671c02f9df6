"""Filters against an oracle: pySigma applies them to rules, and SQLite asks what is left.

Where we differ, and why: pySigma passes over a name that no rule has, we warn of it; and a list of
one `any` is a name to it, and all rules to us.
"""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.collection import SigmaCollection

from profguard.rules import pack
from profguard.rules.source import parse
from tests.rules_engine.oracle import Oracle, is_comparable
from tests.rules_engine.sigma_rules import PLACEHOLDERS, SELECTIONS
from tests.rules_engine.test_oracle import REPEATABLE, ROWS, rule_of

SOURCES = st.sampled_from(
    [
        {"product": "linux", "service": "profguard", "category": "perf"},
        {"product": "linux", "service": "profguard"},
        {"product": "linux", "service": "profguard", "category": "ptrace"},
    ]
)
CONDITIONS = st.sampled_from(
    ["not selection", "selection", "not (selection and other)", "not 1 of them", "not 1 of sel*"]
)


@st.composite
def filters(draw):
    condition = draw(CONDITIONS)
    section = {
        "rules": draw(st.sampled_from(["any", ["one"], ["one", "two"], ["two"]])),
        "selection": draw(SELECTIONS),
        "condition": condition,
    }
    if "other" in condition or "them" in condition:
        section["other"] = draw(SELECTIONS)
    return {"title": "F", "logsource": draw(SOURCES), "filter": section}


@settings(REPEATABLE, max_examples=150)
@given(st.lists(SELECTIONS, min_size=2, max_size=2), st.lists(filters(), max_size=2), ROWS)
def test_filters_leave_the_matches_that_the_oracle_leaves(selections, exceptions, events):
    documents = [
        {**rule_of({"a": selection, "condition": "a"}), "name": name}
        for name, selection in zip(("one", "two"), selections, strict=True)
    ]
    problems: list = []
    text = "\n---\n".join(json.dumps(one, ensure_ascii=False) for one in documents + exceptions)
    parts = pack.read_documents(parse(text, "r.yml", problems), "r", PLACEHOLDERS, problems, set())
    rules = pack.rule_set(parts, problems)
    if any(problem.severity == "error" for problem in rules.problems):
        return  # a field of perf in a filter that is not of perf
    asking = (*rules.rules, *rules.filters)
    events = [event for event in events if all(is_comparable(one, event) for one in asking)]
    ours = {
        name: {n for n, e in enumerate(events) if name in (m.rule.name for m in rules.match(e))}
        for name in ("one", "two")
    }
    applied = SigmaCollection.from_dicts(json.loads(json.dumps(documents + exceptions)))
    with Oracle("perf", events, PLACEHOLDERS) as oracle:
        theirs = {rule.name: oracle.rows(rule) for rule in applied.rules}
    assert ours == theirs, (documents, exceptions)
