"""The quick look at a document and the thorough one agree: nothing slips through the quick one."""

import copy
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from profguard.resources import folder
from profguard.rules.schema import sigma_schema
from profguard.rules.source import parse, read
from profguard.rules.validate import fits, problems_of

THOROUGH = Draft202012Validator(sigma_schema(), format_checker=FormatChecker(["uuid"]))
RULE = {
    "title": "T",
    "logsource": {"product": "linux"},
    "detection": {"a": {"x": 1}, "condition": "a"},
}
UUID = "929a690e-bef0-4204-a928-ef5e620d6fcc"


def with_(**keys):
    return {**copy.deepcopy(RULE), **keys}


def detecting(**keys):
    return with_(detection={"condition": "a", **keys})


GOOD = {
    "the least": RULE,
    "uuid": with_(id=UUID),
    "uuid in capitals": with_(id=UUID.upper()),
    "dates": with_(date="2026-11-23", modified="2026-12-31"),
    "256 characters of any kind": with_(title="é\N{GRINNING FACE}" * 128),
    "keys of our own": with_(profguard={"message": "x"}, anything=[None]),
    "values of every kind": detecting(a={"x": ["a", 1, 1.5, True, None, 2**63, -(10**30), ""]}),
    "infinity": detecting(a={"x": float("inf")}),
    "keywords": detecting(a=["a", 5]),
    "list of maps": detecting(a=[{"x": 1}, {"y": "2"}]),
    "list of conditions": with_(detection={"a": {"x": 1}, "condition": ["a", "not a"]}),
}
BAD = {
    "no map": [],
    "nothing": None,
    "no title": {key: value for key, value in RULE.items() if key != "title"},
    "title is a number": with_(title=5),
    "title is too long": with_(title="\N{GRINNING FACE}" * 257),
    "short uuid": with_(id=UUID[:-1]),
    "uuid in braces": with_(id="{" + UUID + "}"),
    "uuid as a name": with_(id="urn:uuid:" + UUID),
    "uuid without dashes": with_(id=UUID.replace("-", "")),
    "uuid with dashes elsewhere": with_(id=UUID.replace("-", "", 1) + "-"),
    "no such day": with_(date="2026-11-32"),
    "level": with_(level="hihg"),
    "level is a list": with_(level=["high"]),
    "the same tag twice": with_(tags=["attack.t1003", "attack.t1003"]),
    "no tag": with_(tags=["Attack t1003"]),
    "no condition": with_(detection={"a": {"x": 1}}),
    "condition is empty": with_(detection={"a": {"x": 1}, "condition": []}),
    "true for a number": with_(logsource={"product": True}),
}
# Python's regular expressions are laxer: the thorough look has the last word.
LAX = {
    "digits of other scripts": with_(date="\u0662\u0660\u0662\u0666-11-23"),
    "newline at the end": with_(date="2026-11-23\n"),
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD)
def test_a_good_document_needs_no_thorough_look(value):
    assert fits(value)
    assert THOROUGH.is_valid(value)


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_a_bad_document_gets_one(value):
    assert not fits(value)
    assert not THOROUGH.is_valid(value)


@pytest.mark.parametrize("value", LAX.values(), ids=LAX)
def test_what_only_the_thorough_look_accepts_is_accepted(value):
    assert not fits(value)
    [document] = parse("x: 1", "x.yml", [])
    document.value = value
    assert problems_of(document) == {}


WORDS = st.sampled_from(
    [
        *sigma_schema()["properties"],
        *("condition", "product", "type", "by", "message", "a", "", "é\n"),
        *("high", "test", "attack.t1003", "2026-11-23", "2026-13-23"),
        *(UUID, UUID.upper(), UUID[:-1]),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | WORDS
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(WORDS, TREES, max_size=6))
def test_what_fits_quickly_fits_thoroughly(extra):
    value = {**RULE, **extra}
    if fits(value):
        assert THOROUGH.is_valid(value)


SHIPPED = sorted(folder("rules").rglob("*.yml"))
RULES = st.sampled_from(SHIPPED).map(lambda path: read(path, [])[0].value)


@given(RULES, st.data())
def test_a_shipped_rule_with_one_value_changed_is_judged_alike(rule, data):
    """One change of a good rule, at any depth: there the two would differ, if anywhere."""
    here = rule
    while True:
        key = data.draw(
            st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here)))
        )
        if not isinstance(here[key], dict | list) or not here[key] or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = data.draw(SCALARS | st.lists(SCALARS, max_size=2) | TREES)
    if fits(rule):
        assert THOROUGH.is_valid(rule)


def test_good_rules_do_not_import_the_thorough_validator():
    """Which takes longer to import than all shipped rules to load."""
    code = """
        import sys
        from profguard.resources import folder
        from profguard.rules import load
        rules = load([folder("rules")])
        sys.exit("jsonschema" in sys.modules or not rules.rules)
    """
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=root)
    assert done.returncode == 0
