"""What is wrong with a policy: its code, its exact place, a hint; and it takes nobody else down."""

import time

import pytest

from profguard.errors import CODES
from tests.rules_engine.rego.texts import HELPERS, ours, tracee

# (file, code, line, column, part of the message, part of the hint)
BROKEN = {
    "no package": ("x := 1\n", "PG150", 1, 1, "no package", "package profguard."),
    "empty": ("", "PG150", 1, 1, "no package", None),
    "binary": (b"package profguard.a\n\xff\xfe", "PG150", 2, 1, "UTF-8", None),
    "nul": (b"package profguard.a\n# \x00\n", "PG150", 2, 3, "U+0000", None),
    "escape": (b"package profguard.a\nx := `\x1b[2J`\n", "PG150", 2, 7, "U+001B", None),
    "injected package": ('package a["b; c"].d\nx := 1\n', "PG150", 1, 9, "not a name", None),
    "syntax": (ours("match contains 1 if { := }\n"), "PG150", 7, 23, "expect", None),
    "old syntax in ours": (ours("match { true }\n"), "PG150", 7, 7, "`if`", "Rego v1"),
    "unclosed": (ours('match contains "\n'), "PG150", 7, 17, "string", None),
    "syntax of a signature": (
        tracee("tracee_match {\n    input.eventName = = 1\n}\n"), "PG150", 14, 23, "expect", None,
    ),
    "unknown function": (
        ours('match contains "x" if { startwith(input.relation, "c") }\n'),
        "PG151", 7, 25, "unknown function 'startwith'", "did you mean 'startswith'?",
    ),
    "unknown helper": (
        tracee('tracee_match {\n    helpers.get_tracee_arg("x")\n}\n'),
        "PG151", 14, 5, "'helpers.get_tracee_arg'", None,
    ),
    "network": (
        ours('match contains "x" if { http.send({"url": "http://x"}) }\n'),
        "PG151", 7, 25, "'http.send' is not for rules", "no network",
    ),
    "environment": (
        ours("match contains opa.runtime().env.HOME\n"),
        "PG151", 7, 16, "'opa.runtime'", "environment",
    ),
    "clock": (
        ours('match contains "x" if time.now_ns() > 1\n'), "PG151", 7, 23, "now_ns", "replay",
    ),
    "dice": (
        ours('match contains "x" if rand.intn("a", 2) == 1\n'), "PG151", 7, 23, "intn", "replay",
    ),
    "recursion": (
        ours('f(n) := f(n + 1)\nmatch contains "x" if f(1)\n'),
        "PG151", 7, 9, "'f' calls itself", "walk()",
    ),
    "recursion by two": (
        ours('f(n) := g(n)\ng(n) := f(n)\nmatch contains "x" if f(1)\n'),
        "PG151", 7, 9, "'f' calls itself", None,
    ),
    "nested": (ours(f"x := {'[' * 24}{']' * 24}\nmatch contains x\n"), "PG151", 7, 22, "16", None),
    "unsafe": (
        ours('match contains "x" if { y := z + 1; y > 1 }\n'),
        "PG153", 7, 30, "`z` is unsafe", None,
    ),
    "conflict": (
        ours('x := 1\nx := 2\nmatch contains "x" if x == 1\n'), "PG153", 8, 1, "conflict", None,
    ),
    "cycle": (
        ours('x := y\ny := x\nmatch contains "x" if x == 1\n'),
        "PG153", 7, 1, "recursion", None,
    ),
    "no metadata": (
        'package profguard.a\nmatch contains "x"\n', "PG152", 1, 1, "no METADATA", "# METADATA",
    ),
    "no title": (
        '# METADATA\n# custom: {events: [prof]}\npackage profguard.a\nmatch contains "x"\n',
        "PG152", 2, 3, "no title", None,
    ),
    "no events": (
        '# METADATA\n# title: T\npackage profguard.a\nmatch contains "x"\n',
        "PG152", 2, 3, "names no events", "events: [prof]",
    ),
    "unknown event": (ours("match contains 1\n", events="prf"), "PG109", 4, 14, "'prf'", "'prof'"),
    "unknown annotation": (
        ours("match contains 1\n").replace("# title", "# titel"), "PG152", 2, 3, "'titel'", "title",
    ),
    "level": (
        ours("match contains 1\n", events="prof]\n#   level: [hi").replace("[hi]", "hihg"),
        "PG152", 5, 12, "'hihg'", "high",
    ),
    "yaml": (
        ours("match contains 1\n").replace("Title", "[Title"), "PG101", 3, 9, "did not find", None,
    ),
    "suppress": (
        ours("match contains 1\n", events="prof]\n#   suppress: {by: [process.usr.name]"[:-1]
             + "], for: 5x}\n#   tags: [a.b"),
        "PG152", 5, None, "not a duration", "10m",
    ),
    "no metadoc": (
        tracee("tracee_match { true }\n").replace("__rego_metadoc__", "__rego_doc__"),
        "PG152", 1, 1, "__rego_metadoc__", "name",
    ),
    "nothing selected": (
        tracee("tracee_match { true }\n", events=()), "PG152", 1, 1, "selects no events", "source",
    ),
    "no match": (tracee("tracee_matches { true }\n"), "PG152", 1, 1, "'tracee_match'", None),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "message", "hint"), BROKEN.values(), ids=BROKEN
)
def test_what_is_wrong_is_told_where_it_is(pack_of, text, code, line, column, message, hint):
    """The first problem has the code, the place and the words; nothing of the machinery shows."""
    pack, problems = pack_of({"broken.rego": text, "helpers.rego": HELPERS})
    assert not pack.policies
    found = [p for p in problems if p.code == code]
    assert found, problems
    assert message in found[0].message
    assert hint is None or hint in found[0].hint
    assert found[0].place.path.endswith("broken.rego")
    assert line is None or found[0].place.line == line
    assert column is None or found[0].place.column == column
    rendered = found[0].render()
    assert all(problem.code in CODES for problem in problems)
    assert "backtrace" not in rendered
    assert "\x1b" not in rendered


def test_a_bad_file_never_takes_down_the_good_ones(pack_of):
    """Every broken file is told; what is good is in force."""
    files = {f"{n}.rego": text for n, (text, *_) in enumerate(BROKEN.values())}
    good = {"good.rego": ours("match contains 1\n", "good"), "helpers.rego": HELPERS}
    pack, problems = pack_of(files | good)
    assert [policy.about.id for policy in pack.policies.values()] == ["good"]
    assert {p.place.path.rpartition("/")[2] for p in problems} == set(files)


def test_an_error_in_a_helper_is_told_once(pack_of):
    """Two signatures with the same broken helper: one problem, in the helper's file."""
    files = {
        "a.rego": tracee("tracee_match { true }\n", "A"),
        "b.rego": tracee("tracee_match { true }\n", "B"),
        "helpers.rego": HELPERS.replace(":=", ":= :=", 1),
    }
    pack, problems = pack_of(files)
    assert not pack.policies
    assert [(p.code, p.place.path.rpartition("/")[2]) for p in problems] == [
        ("PG150", "helpers.rego")
    ]


def test_an_unused_helper_is_read_too(pack_of):
    _, problems = pack_of({"helpers.rego": HELPERS.replace("input", "= input", 1)})
    assert [p.code for p in problems] == ["PG150"]


def test_an_example_that_a_builtin_does_not_like_is_a_warning(pack_of):
    """A number given to startswith: real events may differ, so the policy is in force."""
    text = ours('match contains "x" if startswith(input.process.pid, "1")\n')
    pack, [problem] = pack_of(text)
    assert (problem.code, problem.severity, problem.place.line) == ("PG153", "warning", 7)
    assert len(pack.policies) == 1


HUGE = {
    "too large": (b"package profguard.a\n" + b"#" * 300_000, "PG116", "256,000 bytes"),
    "many rules": (ours("".join(f"a{n}:=1\n" for n in range(25_000))), "PG116", "20,000 lines"),
    "long line": (ours(f'x := "{"a" * 100_000}"\nmatch contains x\n'), "PG116", "1,024"),
    "deep expression": (ours(f"x := {'1+' * 30_000}1\nmatch contains x\n"), None, ""),
    "many brackets": (ours(f"x := {'(' * 900}"), "PG151", "16"),
    "24 deep literal": (ours(f"x := {'{1:' * 24}2{'}' * 24}"), "PG151", "16"),
    "16 deep literal": (ours(f"x := {'[' * 15}{']' * 15}\nmatch contains x\n"), None, ""),
}


@pytest.mark.parametrize(("text", "code", "message"), HUGE.values(), ids=HUGE)
def test_a_hostile_file_is_refused_at_once(pack_of, text, code, message):
    """Within two seconds it is told, whatever the engine would have made of it."""
    start = time.monotonic()
    _, problems = pack_of({"hostile.rego": text, "good.rego": ours("match contains 1\n", "good")})
    assert time.monotonic() - start < 2
    if code is not None:
        assert problems[0].code == code
        assert message in problems[0].message


LOOP = """\
match if {
    some i in numbers.range(1, 100000)
    some j in numbers.range(1, 100000)
    i * j == -1
}
"""
AT_LOAD = {
    "endless": (LOOP, "takes longer than 1 s"),
    "endless for an event": (LOOP.replace("{", "{\n    input.process", 1), "takes longer than 1 s"),
    "memory": ("match if count(numbers.range(1, 1000000000)) == 1\n", "ends the engine"),
    "recursion by rules": (
        "f(n) := x[n] + f(n + 1)\nx[n] := 1 if n := 1\nmatch if f(1) == 2\n", "calls itself",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "message"), AT_LOAD.values(), ids=AT_LOAD)
def test_a_policy_that_takes_too_much_is_refused_as_it_loads(pack_of, body, message):
    """Within two seconds, named; the others are in force."""
    events = "prof, ptrace, perf, setitimer"
    files = {"bad.rego": ours(body, "bad", events), "good.rego": ours("match contains 1\n", "good")}
    start = time.monotonic()
    pack, [problem] = pack_of(files)
    assert time.monotonic() - start < 2
    assert (problem.code, problem.place.path.endswith("bad.rego")) == ("PG151", True)
    assert message in problem.message
    assert [policy.about.id for policy in pack.policies.values()] == ["good"]
