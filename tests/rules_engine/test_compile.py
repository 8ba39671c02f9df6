"""The compiled function and the plain interpreter must say the same of every rule and event."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profguard.events.perf import ATTR_FLAGS, EVENT_STATES
from profguard.model import LEVELS, RELATIONS, Event, Process
from profguard.rules import interpret, pack
from profguard.rules.documents import read_document
from profguard.rules.emit import Emitter
from profguard.rules.index import normalized
from profguard.rules.labels import compile_selection
from profguard.rules.source import parse
from profguard.rules.text import parse_text
from profguard.rules.tree import Named, Not, all_of, any_of

WORDS = [
    "perf",
    "/usr/bin/perf",
    "/opt/perf",
    "PERF",
    "gdb",
    "/bin/gdb",
    "",
    "straße",
    "a\\b*",
    "x",
]
NAMES = st.sampled_from(WORDS)
PATTERNS = st.sampled_from([*WORDS, "*", "p?rf", "*/p*f", "/*/?erf", "*ss*", "\\*", "a\\\\*", None])
SMALL = st.integers(0, 3)

TEXT_FIELDS = [
    "process.executable",
    "process.command_line",
    "process.name",
    "process.environ.APP",
    "target.executable",
    "target.labels",
    "process.ancestors",
    "perf.pmu",
]
NUMBER_FIELDS = ["process.pid", "target.user.id", "perf.cpu", "perf.config"]


def one_or_more(values):
    return values | st.lists(values, min_size=1, max_size=3)


def item(field, modifiers, values):
    return st.tuples(st.sampled_from(field), st.sampled_from(modifiers), values).map(
        lambda made: ("|".join(filter(None, made[:2])), made[2])
    )


ITEMS = st.one_of(
    item(TEXT_FIELDS, ["", "cased", "neq"], one_or_more(PATTERNS)),
    item(TEXT_FIELDS, ["contains", "endswith", "startswith|cased"], one_or_more(NAMES)),
    item(TEXT_FIELDS, ["contains|all"], st.lists(NAMES, min_size=2, max_size=3)),
    item(TEXT_FIELDS, ["re", "re|i"], st.sampled_from(["^/", "p.rf$", "[xy]", "s{2}"])),
    item(TEXT_FIELDS, ["exists"], st.booleans()),
    item(TEXT_FIELDS, ["fieldref", "fieldref|contains"], st.sampled_from(TEXT_FIELDS)),
    item(NUMBER_FIELDS, ["", "neq", "lt", "gte"], one_or_more(SMALL)),
    item(NUMBER_FIELDS, ["fieldref"], st.sampled_from(NUMBER_FIELDS)),
    item(["perf.attr_flags"], ["", "neq"], one_or_more(st.sampled_from(["inherit", "FREQ"]))),
    item(["perf.state"], ["", "startswith"], st.sampled_from(["off", "active"])),
    item(["relation"], [""], one_or_more(st.sampled_from(list(RELATIONS)))),
    st.tuples(st.just("|all"), st.just(["perf", "x"])),
)
MAPS = st.lists(ITEMS, min_size=1, max_size=3).map(dict)
SELECTIONS = st.one_of(MAPS, st.lists(MAPS | st.sampled_from(["gdb", "*e*f"]), min_size=1))
CONDITIONS = st.recursive(
    st.sampled_from(["a", "b", "c", "1 of a*", "all of them", "1 of them"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" and ".join),
        st.tuples(inner, inner).map(" or ".join),
        inner.map("not ({})".format),
        inner.map("({})".format),
    ),
    max_leaves=5,
)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.just("T"),
            "level": st.sampled_from(LEVELS),
            "logsource": st.just({"service": "profguard", "category": "perf"}),
            "detection": st.fixed_dictionaries(
                {"a": SELECTIONS, "b": SELECTIONS, "c": SELECTIONS, "condition": CONDITIONS}
            ),
        }
    ),
    min_size=1,
    max_size=12,
)
PROCESSES = st.fixed_dictionaries(
    {},
    optional={
        "pid": SMALL,
        "executable": NAMES,
        "command_line": NAMES,
        "name": NAMES,
        "user": st.fixed_dictionaries({"id": SMALL}),
        "environ": st.fixed_dictionaries({"APP": NAMES}),
        "labels": st.lists(NAMES, max_size=2),
        "ancestors": st.lists(NAMES, max_size=2),
    },
)
EVENTS = st.fixed_dictionaries(
    {
        "event": st.just({"name": "perf"}),
        "perf": st.fixed_dictionaries(
            {},
            optional={
                "pmu": NAMES,
                "cpu": SMALL,
                "config": SMALL,
                "state": st.sampled_from(list(EVENT_STATES.values())),
                "attr_flags": st.lists(st.sampled_from(list(ATTR_FLAGS.values())[:12]), max_size=3),
            },
        ),
    },
    optional={"process": PROCESSES, "target": PROCESSES, "relation": st.sampled_from([*RELATIONS])},
)


def rule_set(rules):
    problems, made = [], []
    for number, rule in enumerate(rules):
        [document] = parse(json.dumps(rule, ensure_ascii=False), "r.yml", problems)
        found = read_document(document, f"rule-{number:02}", {}, problems)
        if found:
            made.append(found)
    return pack.rule_set(made)


def matched(rules, event):
    return [match.rule for match in rules.match(event)]


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(RULES, st.lists(EVENTS, min_size=1, max_size=6))
def test_compiled_rules_match_what_the_interpreter_matches(rules, events):
    rules = rule_set(rules)
    for event in map(Event.from_dict, events):
        plain = [rule for rule in rules.rules if interpret.matches(rule.condition, event)]
        assert matched(rules, event) == plain


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NAMES, SMALL), min_size=30, max_size=60), EVENTS)
def test_many_rules_with_exact_values_match_what_the_interpreter_matches(wanted, event):
    """Enough rules of one kind that lookups take the place of questions."""
    rules = rule_set(
        {
            "title": "T",
            "logsource": {"service": "profguard", "category": "perf"},
            "detection": {
                "a": {"process.executable|endswith": f"/{name}{n}", "perf.cpu": n},
                "b": {"process.executable": [name, f"/{n}"]},
                "c": {"process.name|cased": name, "process.pid": [n, n + 1]},
                "condition": ["a or (b and c)", "a", "b", "c", "not b and c"][index % 5],
            },
        }
        for index, (name, n) in enumerate(wanted)
    )
    event = Event.from_dict(event)
    plain = [rule for rule in rules.rules if interpret.matches(rule.condition, event)]
    assert matched(rules, event) == plain


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ITEMS, min_size=1, max_size=3).map(dict), EVENTS)
def test_compiled_labels_match_what_the_interpreter_matches(items, event):
    selection = {
        key.removeprefix("process."): value
        for key, value in items.items()
        if key.startswith("process.") and "fieldref" not in key
    }
    process = Event.from_dict(event).process
    if selection and process:
        label = compile_selection("x", selection)
        plain = interpret.holds(label.condition, interpret.process_reader(process))
        assert label.matches(process) is plain


@given(st.text(st.sampled_from("ab*?\\é"), max_size=8))
def test_a_text_and_its_printed_form_mean_the_same(raw):
    assert parse_text(str(parse_text(raw))).parts == parse_text(raw).parts


SOURCE = """\
title: T{n}
id: 00000000-0000-4000-8000-0000000000{n:02}
level: {level}
logsource: {{product: linux, service: profguard, category: perf}}
detection:
  selection: {{process.name: perf}}
  condition: selection
---
"""


def test_rules_match_gravest_first_then_by_path_and_id(rules_of):
    levels = ["low", "critical", "medium", "critical", "informational", "high"]
    text = "".join(SOURCE.format(n=n, level=level) for n, level in enumerate(levels))
    event = Event.from_dict({"event": {"name": "perf"}, "process": {"name": "perf"}})
    titles = [rule.title for rule in matched(rules_of(text), event)]
    assert titles == ["T1", "T3", "T5", "T2", "T0", "T4"]


def test_rules_that_are_disabled_or_of_other_events_stay_quiet(rules_of):
    text = SOURCE.format(n=1, level="low").replace("---\n", "profguard: {enabled: false}\n")
    rules = rules_of(text)
    assert len(rules.rules) == 1
    assert rules.match(Event.from_dict({"event": {"name": "perf"}})) == ()
    assert rules.match(Event.from_dict({"event": {"name": "prof"}})) == ()


HOSTILE = [
    "'); import os; os.abort() #",
    '"""',
    "{0.__class__}",
    "\\",
    "\x00\r\n\t",
    "\u2028",
    "\udcff",
    "\U0010ffff",
    "%s%(x)s",
]


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_text_of_a_rule_stays_text_in_the_generated_source(value):
    """Whatever a rule or label says is compared as it is, and runs nothing."""
    literal = value.replace("\\", "\\\\")
    selection = [{"name": literal}, {"environ.A'B": literal}, {"command_line|contains": literal}]
    label = compile_selection("x", selection)
    [process] = [Event.from_dict({"event": {"name": "perf"}, "process": {"name": value}}).process]
    assert label.matches(process)
    process.name = value + "x"
    assert not label.matches(process)
    process.environ = {"A'B": value}
    assert label.matches(process)


def test_common_questions_are_one_expression():
    """Two rules that ask the same share the very expression, whatever they call the selection."""
    question = compile_selection("x", {"name": ["a", "b"]}).condition
    other = compile_selection("y", {"name": ["b", "a"]}).condition
    emitter = Emitter()
    assert emitter.expression(question) is emitter.expression(other)
    both = all_of([Named("n", question), Not(Not(other)), any_of([question])])
    assert normalized(both) == normalized(question)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_rules_with_many_shared_conjuncts(count):
    """More of them than Python lets statements nest comfortably."""
    shared = {f"process.environ.V{n}|contains": str(n) for n in range(40)}
    rules = rule_set(
        {
            "title": "T",
            "logsource": {"service": "profguard", "category": "perf"},
            "detection": {"a": {**shared, "perf.cpu|gte": n}, "condition": "a"},
        }
        for n in range(count)
    )
    environ = {f"V{n}": f"x{n}" for n in range(40)}
    event = Event.from_dict({"event": {"name": "perf"}, "perf": {"cpu": 5}})
    assert rules.match(event) == ()
    event.process = Process(environ=environ)
    assert len(rules.match(event)) == min(count, 6)
    event.process.environ["V39"] = ""
    assert rules.match(event) == ()
