"""Selections, wildcards, conditions and log sources as the Sigma specification has them."""

import pytest

from profguard.model import Event
from profguard.rules import Match

# (value in the rule, text of the field, whether it matches). The specification's section on
# escaping, case by case; the rule's text is in single quotes, so YAML leaves backslashes alone.
WILDCARDS = [
    ("prog?.exe", "progA.exe", True),
    ("prog?.exe", "prog.exe", False),
    ("prog?.exe", "progAB.exe", False),
    ("anti*.exe", "anti.exe", True),
    ("anti*.exe", "antivirus_V21.2.1.exe", True),
    ("anti*.exe", "antivirus.exe.bak", False),
    ("a*b*c", "a-b-c", True),
    ("a*b*c", "a-c-b", False),
    ("*a?c*", "xxabcxx", True),
    ("*a?c*", "xxacxx", False),
    ("??", "ab", True),
    ("??", "a", False),
    ("a**b", "a-b", True),
    ("a.b", "axb", False),
    ("[a]", "a", False),
    ("*\n*", "a\nb", True),
    (r"\*", "*", True),
    (r"\*", "x", False),
    (r"\?", "?", True),
    (r"\?", "x", False),
    (r"a\b", r"a\b", True),
    (r"a\\b", r"a\b", True),
    (r"a\\b", r"a\\b", False),
    (r"a\\*", r"a\xyz", True),
    (r"a\\*", "a*", False),
    (r"a\\\*", r"a\*", True),
    (r"a\\\*", r"a\x", False),
    (r"a\\\b", r"a\\b", True),
    (r"a\\\\b", r"a\\b", True),
    ("a\\", "a\\", True),
    ("ß?", "ßx", True),
    ("ß?", "ß", False),
]


@pytest.mark.parametrize(("pattern", "value", "expected"), WILDCARDS)
def test_wildcards_and_escapes(matches, pattern, value, expected):
    quoted = '"*\\n*"' if "\n" in pattern else f"'{pattern}'"
    detection = f"selection:\n  process.name: {quoted}"
    assert matches(detection, {"process": {"name": value}}) is expected


def test_wildcards_take_linear_time(matches):
    """A process that chooses its arguments against a rule must not slow the sensor."""
    pattern = "*a" * 20 + "*b"
    event = {"process": {"command_line": "a" * 20_000}}
    assert not matches(f"selection:\n  process.command_line: '{pattern}'", event)


SELECTIONS = """
a: {process.name: a}
b: {process.name|contains: b}
c: {process.name|contains: c}
_hidden: {process.name: never}
filter_x: {process.name|contains: x}
filter_y: {process.name|contains: y}
"""
# (condition, names that match, names that do not)
CONDITIONS = [
    ("a", ["a"], ["b"]),
    ("a or b", ["a", "b"], ["c"]),
    ("b and c", ["bc"], ["b", "c"]),
    ("not a", ["b"], ["a"]),
    ("not not a", ["a"], ["b"]),
    ("a or b and c", ["a", "bc"], ["b", "c"]),  # `and` binds more than `or`
    ("(a or b) and c", ["bc"], ["a", "b"]),
    ("not a and b", ["b"], ["a", "c"]),  # `not` binds more than `and`
    ("not (b and c)", ["b", "c"], ["bc"]),
    ("((b) and ((c)))", ["bc"], ["b"]),
    ("b AND NOT c", ["b"], ["bc"]),
    ("1 of filter_*", ["x", "y"], ["a"]),
    ("all of filter_*", ["xy"], ["x", "y"]),
    ("any of filter_*", ["x"], ["a"]),
    ("b and not 1 of filter_*", ["b"], ["bx", "by"]),
    ("b and not all of filter_*", ["b", "bx"], ["bxy"]),
    ("1 of them", ["a", "y"], ["never", "z"]),
    ("1 of _hid*", ["never"], ["a"]),
    ("1 of *_x", ["x"], ["y"]),
    ("1 of *e*", ["x", "y"], ["never"]),  # _hidden is not meant
    ("1 of a", ["a"], ["b"]),
    ("1 of filter_* or a", ["a", "x"], ["b"]),
    ("[a, b and c]", ["a", "bc"], ["b"]),  # a list of conditions: any
]


@pytest.mark.parametrize(("condition", "yes", "no"), CONDITIONS, ids=lambda one: str(one)[:30])
def test_conditions(matches, condition, yes, no):
    detection = f"{SELECTIONS}\ncondition: {condition}"
    for name in yes:
        assert matches(detection, {"process": {"name": name}}), name
    for name in no:
        assert not matches(detection, {"process": {"name": name}}), name


def test_all_of_them_leaves_out_names_with_an_underscore(matches):
    detection = "a: {process.name|contains: a}\nb: {process.name|contains: b}\n_c: {process.pid: 1}"
    event = {"process": {"name": "ab", "pid": 2}}
    assert matches(f"{detection}\ncondition: all of them", event)


@pytest.mark.parametrize(
    ("selection", "event", "expected"),
    [
        ("{process.name: a, process.pid: 1}", {"name": "a", "pid": 1}, True),
        ("{process.name: a, process.pid: 1}", {"name": "a", "pid": 2}, False),
        ("[{process.name: a}, {process.pid: 1}]", {"name": "b", "pid": 1}, True),
        ("[{process.name: a}, {process.pid: 1}]", {"name": "b", "pid": 2}, False),
        ("[{process.name: a, process.pid: 1}, keyword]", {"name": "akeywordb"}, True),
        ("{process.name|endswith: a, process.name|startswith: b}", {"name": "b-a"}, True),
        ("{process.environ.MY_VAR: x}", {"environ": {"MY_VAR": "X"}}, True),
        ("{process.environ.my_var: x}", {"environ": {"MY_VAR": "X"}}, False),
    ],
)
def test_maps_are_all_and_lists_any(matches, selection, event, expected):
    assert matches(f"selection: {selection}", {"process": event}) is expected


KEYWORDS = [
    ("[evil]", True),
    ("[EVIL]", True),
    ("['e?il --now']", True),
    ("['e*now']", True),
    ("[nothing, evil]", True),
    ("[nothing]", False),
    ("[4242]", True),
    ("['--now', 'x*y']", True),
    ("{'|all': [evil, prod]}", True),
    ("{'|all': [evil, nothing]}", False),
    ("{'|contains|cased': EVIL}", False),
    ("{'|startswith': run}", True),
    ("{'|startswith': evil}", False),
    ("{'|re': '^run .*w$'}", True),
    ("[web]", True),
    ("[secret]", True),
    ("['run*secret']", False),  # a wildcard does not reach from one value into the next
]


@pytest.mark.parametrize(("selection", "expected"), KEYWORDS)
def test_keywords_look_at_every_value(matches, selection, expected):
    event = {
        "process": {"command_line": "run evil --now", "pid": 4242, "labels": ["prod", "web"]},
        "target": {"environ": {"X": "secret"}},
    }
    assert matches(f"selection: {selection}", event) is expected


PROCESS_CREATION = """\
title: Suspicious program
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
status: test
description: As public rules are written.
references: [https://example.org/]
author: Somebody
date: 2024-01-02
modified: 2024-02-03
tags: [attack.discovery, attack.t1033]
logsource: {product: linux, category: process_creation}
detection:
  selection_img:
    - Image|endswith: /whoami
    - OriginalFileName: whoami
  selection_parent:
    ParentImage|endswith: [/bash, /dash]
    User: www-data
    ProcessId|gt: 1
  condition: all of selection_*
falsepositives: [Unknown]
level: medium
"""


def test_a_generic_process_creation_rule_fires_on_our_exec_event(rules_of):
    rules = rules_of(PROCESS_CREATION)
    event = Event.from_dict(
        {
            "event": {"name": "sched_process_exec"},
            "process": {
                "pid": 7,
                "executable": "/usr/bin/whoami",
                "parent": {"executable": "/bin/bash"},
                "user": {"name": "www-data"},
            },
        }
    )
    assert [match.rule for match in rules.match(event)] == list(rules.rules)
    event.process.parent_executable = "/usr/sbin/nginx"
    assert rules.match(event) == ()


@pytest.mark.parametrize(
    "source",
    ["{product: windows, category: process_creation}", "{product: linux, service: sshd}"],
)
def test_a_rule_for_another_log_source_is_listed_and_never_matches(rules_of, source):
    text = PROCESS_CREATION.replace("{product: linux, category: process_creation}", source)
    rules = rules_of(text.replace("OriginalFileName", "AnyField|contains"))
    assert rules.foreign == rules.rules
    assert rules.rules[0].event is None
    assert rules.by_event == {}


RULE = """\
title: A {title} with braces
logsource: {product: linux, service: profguard, category: prof}
detection:
  selection: {prof.action: enable, process.environ.A: x}
  condition: selection
"""


def test_a_message_is_made_from_the_event(rules_of):
    """Absent reads "unknown", control characters are escaped, long values are cut."""
    text = RULE + (
        "profguard:\n"
        "  message: '{process.executable} {{x}} {target.labels} {prof.cpu} {target.environ.B}'\n"
    )
    rules = rules_of(text)
    event = Event.from_dict(
        {
            "event": {"name": "prof"},
            "process": {"executable": "/bin/\x1b[31m{target.pid}" + "y" * 300},
            "target": {"labels": ["a", "b"]},
        }
    )
    rendered = Match(rules.rules[0], event).message
    assert rendered.startswith("/bin/\\x1b[31m{target.pid}yyy")
    assert rendered.endswith("... {x} a, b unknown unknown")
    assert len(rendered) < 300
    assert rules.environ_names == {"A", "B"}
    assert Match(rules_of(RULE).rules[0], event).message == "A {title} with braces"


def test_suppression_says_what_a_repeat_is(rules_of):
    text = RULE + "profguard: {suppress: {by: [process.pid, target.labels], for: 10m}}\n"
    [rule] = rules_of(text).rules
    event = Event.from_dict(
        {"event": {"name": "prof"}, "process": {"pid": 3}, "target": {"labels": ["a"]}}
    )
    assert rule.suppress_by == ("process.pid", "target.labels")
    assert rule.suppress_for_ns == 600 * 10**9
    assert rule.suppress_key(Match(rule, event)) == (3, ("a",))
    [plain] = rules_of(RULE).rules
    assert (plain.suppress_by, plain.suppress_for_ns) == (None, 3600 * 10**9)
