"""Our reading of Sigma is Sigma's: pySigma matches the same events with the same rules.

Each rule is matched three times: compiled, interpreted, and as SQL that pySigma makes of it. A list
with several elements has no place in a table: see LISTS in test_modifiers.py.
"""

import itertools
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sigma.exceptions import SigmaError

from profguard.events import BY_NAME
from profguard.model import Event
from profguard.resources import folder
from profguard.rules import Detection, interpret, pack
from profguard.rules.documents import read_document
from profguard.rules.source import parse
from tests.rules_engine.oracle import Oracle, is_comparable
from tests.rules_engine.sigma_rules import DETECTIONS, EVENTS, ITEMS, PLACEHOLDERS

ROOT = Path(__file__).parents[2]


def rule_of(detection):
    source = {"product": "linux", "service": "profguard", "category": "perf"}
    return {"title": "T", "logsource": source, "detection": detection}


def read(rule):
    """The rule of some data, and the codes of what is wrong with it."""
    problems = []
    [document] = parse(json.dumps(rule, ensure_ascii=False), "rule.yml", problems)
    found = read_document(document, "rule", PLACEHOLDERS, problems)
    return found, [problem.code for problem in problems if problem.severity == "error"]


def ours(rule, events):
    """The numbers of the events that a rule matches, compiled and interpreted alike."""
    rules = pack.rule_set([rule])
    compiled = {number for number, event in enumerate(events) if rules.match(event)}
    plain = {n for n, event in enumerate(events) if interpret.matches(rule.condition, event)}
    assert compiled == plain
    return compiled


def compare(rules, events):
    with Oracle("perf", events, PLACEHOLDERS) as oracle:
        for rule in rules:
            found, wrong = read(rule)
            assert not wrong
            assert ours(found, events) == oracle.matches(rule), rule


# Not shrunk, which takes minutes: the rule that differs is in the message.
REPEATABLE = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ROWS = st.lists(EVENTS, min_size=8, max_size=16).map(lambda rows: list(map(Event.from_dict, rows)))


@settings(REPEATABLE, max_examples=200)
@given(st.lists(ITEMS, min_size=4, max_size=8), ROWS)
def test_every_modifier_matches_the_same_events(items, events):
    compare([rule_of({"a": {key: value}, "condition": "a"}) for key, value in items], events)


@settings(REPEATABLE, max_examples=100)
@given(st.lists(DETECTIONS, min_size=2, max_size=4), ROWS)
def test_whole_rules_match_the_same_events(detections, events):
    compare(map(rule_of, detections), events)


SHORT = ["".join(made) for n in range(4) for made in itertools.product("a*?\\", repeat=n)]


@pytest.mark.parametrize("modifier", ["", "|contains", "|endswith|cased"])
def test_wildcards_and_escapes_match_the_same_texts(modifier):
    """Every text of up to three of these characters as a rule's value against every other."""
    rows = [{"event": {"name": "perf"}, "process": {"name": text}} for text in SHORT]
    items = [{f"process.name{modifier}": text} for text in SHORT]
    rules = [rule_of({"a": item, "condition": "a"}) for item in items]
    compare(rules, list(map(Event.from_dict, rows)))


def recorded():
    """Each event that was recorded, and each of the cases of the shipped rules."""
    files = [ROOT / "captures" / "demo.jsonl", *(ROOT / "tests" / "acts").glob("*.jsonl")]
    lines = [line for file in sorted(files) for line in file.read_text().splitlines()]
    found = [json.loads(line) for line in lines]
    events = [Event.from_dict(one) for one in found if one.get("type") == "event"]
    for file in sorted((ROOT / "tests" / "rules").rglob("*.yml")):
        [document] = parse(file.read_text(), str(file), [])
        category = CATEGORIES[document.value["rule"]]
        told = [case.get("events", [case.get("event")]) for case in document.value["cases"]]
        for event in itertools.chain.from_iterable(told):
            head = {"name": category, **event.get("event", {})}
            events.append(Event.from_dict({**event, "event": head}))
    return events


RULES = pack.load([folder("rules")]).rules
SHIPPED = {rule.id: rule for rule in RULES if isinstance(rule, Detection)}
CATEGORIES = {Path(rule.path).stem: rule.events[0] for rule in RULES}


NEEDS_LISTS = {
    "kernel_sampling",
    "perf_group_remove_on_exec",
}  # match only events with several attr_flags


@pytest.fixture(scope="module")
def tables():
    events = {name: [] for name in BY_NAME}
    for event in recorded():
        events[event.spec.name].append(event)
    return {name: (rows, Oracle(name, rows)) for name, rows in events.items() if rows}


@pytest.mark.parametrize("rule", SHIPPED.values(), ids=lambda rule: Path(rule.path).stem)
def test_shipped_rules_match_the_same_recorded_events(tables, rule):
    events, oracle = tables[rule.event]
    [document] = parse(Path(rule.path).read_text(), rule.path, [])
    there = {number for number, event in enumerate(events) if is_comparable(rule, event)}
    matched = ours(rule, events) & there
    assert matched == oracle.matches(document.value) & there
    assert there - matched
    assert matched or Path(rule.path).stem in NEEDS_LISTS


class Deviation(NamedTuple):
    """Where pySigma and its SQLite backend read a rule in another way than we do.

    `says` is the sentence that decides it. `event` is what the item is asked of; `ours` and
    `theirs` are whether it matches, or the code or error of a refusal.
    """

    says: str
    item: dict
    event: dict
    ours: bool | str
    theirs: bool | str


RULES = "Sigma rules specification: "
MODIFIERS = "appendix on modifiers: "
DEVIATIONS = {
    "letters beyond ASCII": Deviation(
        RULES + "All values are treated as case-insensitive strings.",
        {"process.name": "É"}, {"process": {"name": "é"}}, True, False,
    ),
    "true is text": Deviation(
        RULES + "All values are treated as case-insensitive strings.",
        {"process.name": True}, {"process": {"name": "TRUE"}}, True, False,
    ),
    "true is no number": Deviation(
        RULES + "All values are treated as case-insensitive strings.",
        {"process.name": True}, {"process": {"name": "1"}}, False, True,
    ),
    "numbers searched for as text": Deviation(
        MODIFIERS + "[they] can be applied on all types of fields.",
        {"process.name|contains": 22}, {"process": {"name": "x22"}}, True, "SigmaTypeError",
    ),
    "text for a number": Deviation(
        RULES + "Numeric values don't use any quotes.",
        {"perf.cpu": "1"}, {"perf": {"cpu": 1}}, "PG111", True,
    ),
    "null and cased": Deviation(
        RULES + "A null value is defined with `null`",
        {"process.name|cased": None}, {}, True, "SigmaTypeError",
    ),
    "cased field": Deviation(
        MODIFIERS + "`cased`: Values are applied case sensitively.",
        {"process.name|fieldref|cased": "perf.pmu"},
        {"process": {"name": "a"}, "perf": {"pmu": "a"}}, True, "SigmaTypeError",
    ),
    "cased before re": Deviation(
        RULES + "Regular expressions are case-sensitive by default.",
        {"process.name|cased|re": "^a"}, {"process": {"name": "a"}}, True, "SigmaValueError",
    ),
    "network before neq": Deviation(
        MODIFIERS + "`neq`: The field is different from the specified values.",
        {"process.environ.APP|neq|cidr": "10.0.0.0/8"},
        {"process": {"environ": {"APP": "11.0.0.1"}}}, True, "SigmaValueError",
    ),
    "no address": Deviation(
        MODIFIERS + "The modifiers listed in this section can only be applied to IP values.",
        {"process.environ.APP|cidr": "10.0.0.0/8"},
        {"process": {"environ": {"APP": "10.x"}}}, False, True,
    ),
    "every network": Deviation(
        MODIFIERS + "The modifiers listed in this section can only be applied to IP values.",
        {"process.environ.APP|cidr": "0.0.0.0/0"},
        {"process": {"environ": {"APP": "fe80::1"}}}, False, True,
    ),
    "address with zeros": Deviation(
        MODIFIERS + "Supports both IPv4 and IPv6 notations.",
        {"process.environ.APP|cidr": "2001:db8::/32"},
        {"process": {"environ": {"APP": "2001:0db8::1"}}}, True, False,
    ),
    "escaped percent": Deviation(
        RULES + r"`field|expand: \%plain%name%` handles `%plain` as plain value",
        {"process.name|expand": r"\%plain%none%"},
        {"process": {"name": "%plainzz"}}, True, "SigmaValueError",
    ),
    "other dashes": Deviation(
        MODIFIERS + "Creates all possible permutations of the [five] characters.",
        {"process.name|windash": "\N{EN DASH}a"}, {"process": {"name": "-a"}}, True, False,
    ),
    "many dashes": Deviation(
        MODIFIERS + "[it] uses all possible permutation of strings in the selection.",
        {"process.name|windash": "-a -b -c -d"},
        {"process": {"name": "/a -b -c /d"}}, True, "SigmaModifiedError",
    ),
    "utf16le by its name": Deviation(
        MODIFIERS + "`wide`: an alias for the `utf16le` modifier.",
        {"process.name|utf16le|base64": "a"}, {"process": {"name": "YQA="}},
        True, "SigmaModifierError",
    ),
    "wide letters beyond ASCII": Deviation(
        MODIFIERS + "`utf16le`: Transforms value to UTF16-LE encoding",
        {"process.name|wide|base64": "é"}, {"process": {"name": "6QA="}}, True, "SigmaValueError",
    ),
    "week": Deviation(
        MODIFIERS + "`week`: number between 1 and 52.",
        {"event.time|week": 1}, {"event": {"time": "2026-01-02T00:00:00Z"}}, True, False,
    ),
    "all of one": Deviation(
        MODIFIERS + "Single item values are not allowed to have an `all` modifier",
        {"process.name|contains|all": ["a"]}, {"process": {"name": "a"}}, "PG105", True,
    ),
    "neither of all": Deviation(
        MODIFIERS + "`neq`: The field is different from the specified values.",
        {"process.name|all|neq": ["a", "b"]}, {"process": {"name": "a"}}, "PG105", True,
    ),
    # An event of ours is no message: where a value stands among the others means nothing.
    "wildcard in a keyword": Deviation(
        RULES + "strings that are applied to the full log message",
        {"": "a*b"}, {"perf": {"pmu": "xa"}, "process": {"name": "bx"}}, False, True,
    ),
    "beginning of a keyword": Deviation(
        MODIFIERS + "The value is expected at the beginning of the field's content.",
        {"|startswith": "qa"}, {"process": {"name": "xqa"}}, False, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", DEVIATIONS.values(), ids=DEVIATIONS)
def test_a_deviation_is_known_and_has_its_sentence(row):
    """Both behaviours are as written; one that pySigma has mended is one to strike out."""
    assert row.says.startswith((RULES, MODIFIERS))
    rule = rule_of({"a": row.item, "condition": "a"})
    event = Event.from_dict({**row.event, "event": {"name": "perf", **row.event.get("event", {})}})
    found, wrong = read(rule)
    assert (wrong[0] if wrong else bool(ours(found, [event]))) == row.ours
    with Oracle("perf", [event], PLACEHOLDERS) as oracle:
        try:
            theirs = bool(oracle.matches(rule))
        except SigmaError as error:
            theirs = type(error).__name__
    assert theirs == row.theirs
    assert theirs != row.ours
