"""Filters: exceptions kept apart from the rules they tune."""

import textwrap

import pytest

from profguard.model import Event
from profguard.rules.check.exceptions import filter_warnings
from tests.rule_texts import detection

ATTACHED = "11111111-1111-4111-8111-111111111111"
NOW_NS = 1_790_000_000_000_000_000  # 2026-09-21

RULES = (
    detection("attached", "ptrace", "ptrace.ret: 0", more=f"id: {ATTACHED}\n")
    + detection("read", "process_vm_readv", "process_vm_readv.ret|gte: 0")
    + """\
title: Exec
name: exec
logsource: {product: linux, category: process_creation}
detection: {s: {Image|contains: /}, condition: s}
---
"""
)
FILTER = """\
title: {title}
logsource: {logsource}
filter:
  rules: {rules}
  selection: {selection}
  condition: {condition}
"""
OURS = "{product: linux, service: profguard}"


def exception(
    rules="[attached]",
    *,
    logsource="{product: linux, service: profguard, category: ptrace}",
    selection="{process.user.name: oncall}",
    condition="not selection",
    title="F",
    more="",
) -> str:
    text = FILTER.format(
        title=title, logsource=logsource, rules=rules, selection=selection, condition=condition
    )
    return RULES + text + textwrap.dedent(more)


def event(name: str, user: str = "oncall", time: str = "2026-06-01T12:00:00Z", **process) -> Event:
    return Event.from_dict(
        {
            "event": {"name": name, "time": time},
            "process": {"user": {"name": user}, "executable": "/usr/bin/gdb", **process},
            **({} if name == "sched_process_exec" else {name: {"ret": 0}}),
        }
    )


def matched(rules, *args, **more) -> list[str]:
    return [match.rule.name for match in rules.match(event(*args, **more))]


FORMS = {
    # form: the filter, which of (attached, read, exec) by the engineer on call it leaves out
    "one rule by name": (exception(), "attached"),
    "one rule by id": (exception(f"[{ATTACHED}]"), "attached"),
    "several rules": (exception("[attached, read]", logsource=OURS), "attached read"),
    "all rules of a log source": (exception("any"), "attached"),
    "all rules": (exception("any", logsource=OURS), "attached read"),
    "all rules, as a list": (exception("[any]", logsource=OURS), "attached read"),
    "rules of a generic log source": (
        exception(
            "any",
            logsource="{product: linux, category: process_creation}",
            selection="{User: oncall}",
        ),
        "exec",
    ),
    "two selections": (
        exception(
            selection="{process.executable|endswith: /gdb}\n  user: {process.user.name: oncall}",
            condition="not (selection and user)",
        ),
        "attached",
    ),
    "a list of maps": (
        exception(selection="[{process.user.name: x}, {process.executable: '*gdb'}]"), "attached",
    ),
    "keywords": (exception(selection="[oncall]"), "attached"),
    "of another": (exception(selection="{process.user.name: other}"), ""),
    "without not, it keeps what it selects": (
        exception(selection="{process.user.name: other}", condition="selection"), "attached",
    ),
    "a rule that does not exist": (exception("[attacked]"), ""),
}  # fmt: skip
EVENTS = {"attached": "ptrace", "read": "process_vm_readv", "exec": "sched_process_exec"}


@pytest.mark.parametrize(("text", "left_out"), FORMS.values(), ids=FORMS)
def test_a_filter_leaves_out_what_it_selects_of_its_rules(rules_of, text, left_out):
    rules = rules_of(text)
    quiet = {name for name, of in EVENTS.items() if name not in matched(rules, of)}
    assert quiet == set(left_out.split())


def test_a_filter_says_that_it_took_a_match_back(rules_of):
    rules, excused = rules_of(exception()), []
    assert rules.match(event("ptrace"), excused) == ()
    assert [one.title for one in excused] == ["F"]
    assert rules.match(event("ptrace", user="eve"), excused)
    assert len(excused) == 1


def test_several_filters_of_one_rule_each_leave_something_out(rules_of):
    second = FILTER.format(
        title="G", logsource=OURS, rules="any", selection="{process.user.name: eve}",
        condition="not selection",
    )  # fmt: skip
    rules = rules_of(exception() + "---\n" + second)
    assert [matched(rules, "ptrace", user=user) for user in ("oncall", "eve", "bob")] == [
        [],
        [],
        ["attached"],
    ]


EXPIRING = exception(
    more="""\
    profguard:
      owner: sre
      reason: on call
      expires: 2026-06-30
    """
)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-06-30T23:59:59.999999999Z", []),
        ("2026-07-01T00:00:00Z", ["attached"]),
    ],
    ids=["last moment", "the next day"],
)
def test_an_exception_holds_until_the_end_of_its_day(rules_of, time, expected):
    """The event's own time decides, so that a replay finds the same."""
    rules = rules_of(EXPIRING)
    assert matched(rules, "ptrace", time=time) == expected
    [one] = rules.filters
    assert (one.owner, one.reason, one.expires) == ("sre", "on call", "2026-06-30")


def test_an_exception_may_hold_until_the_last_day_there_is(rules_of):
    rules = rules_of(EXPIRING.replace("2026-06-30", "9999-12-31"))
    assert matched(rules, "ptrace", time="2262-01-01T00:00:00Z") == []


def test_a_filter_reads_the_environment_that_it_names(rules_of):
    rules = rules_of(exception(selection="{process.environ.ONCALL: yes}"))
    assert rules.environ_names == {"ONCALL"}
    assert matched(rules, "ptrace", environ={"ONCALL": "yes"}) == []
    assert matched(rules, "ptrace") == ["attached"]


BROKEN = {
    # what is wrong: the filter, code, severity, line, part of the message, part of the hint
    "misspelt rule": (exception("[atached]"), "PG140", "warning", 20, "'atached'", "'attached'"),
    "other log source": (exception("[read]"), "PG144", "warning", 20, "'Read'", "logsource"),
    "unknown field": (
        exception(selection="{process.usr.name: x}"), "PG103", "error", 21, "process.usr.name",
        "process.user.name",
    ),
    "argument where there is no event": (
        exception("any", logsource=OURS, selection="{ptrace.ret: 0}"),
        "PG103", "error", 21, "of every event", None,
    ),
    "no condition": (
        exception().replace("  condition: not selection\n", ""),
        "PG108", "error", 20, "no 'condition'", "selection",
    ),
    "condition names nothing": (
        exception(condition="not selektion"), "PG107", "error", 22, "selektion", "selection",
    ),
    "unknown key": (
        exception(more="profguard: {ownr: sre}\n"), "PG108", "error", 23, "'ownr'", "owner",
    ),
    "not a day": (
        exception(more="profguard: {expires: soon}\n"), "PG108", "error", 23, "'soon'", "2027",
    ),
    "no such day": (
        exception(more="profguard: {expires: 2026-02-30}\n"), "PG108", "error", 23, "a day", "2027",
    ),
    "an owner who is a number": (
        exception(more="profguard: {owner: 7}\n"), "PG108", "error", 23, "owner is text", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "severity", "line", "message", "hint"), BROKEN.values(), ids=BROKEN
)
def test_what_is_wrong_with_a_filter_is_said_where_it_is(
    problems_of, text, code, severity, line, message, hint
):
    [problem] = problems_of(text)
    assert (problem.code, problem.severity, problem.place.line) == (code, severity, line)
    assert message in problem.message
    assert (hint or "") in (problem.hint or "")


def test_a_filter_of_a_correlation_is_told_to_name_its_rules(problems_of):
    joined = """\
---
title: Often
name: often
correlation: {type: event_count, rules: [attached], group-by: [process.pid], timespan: 1m,
  condition: {gte: 2}}
"""
    [problem] = problems_of(exception("[often]") + joined)
    assert (problem.code, problem.severity) == ("PG144", "warning")
    assert "correlates" in problem.hint


LINTED = {
    # what is doubtful: the filter, code, part of the message
    "expired": (
        exception(more="profguard: {owner: a, reason: b, expires: 2026-06-30}\n"),
        "PG143", "expired since 2026-06-30",
    ),
    "nobody's": (exception(more="profguard: {owner: a}\n"), "PG145", "reason, expires"),
    "of no rule": (
        exception("[attacked]", more="profguard: {owner: a, reason: b, expires: 2099-01-01}\n"),
        "PG144", "no rule is one of its",
    ),
    "what its rule leaves out": (
        exception(
            selection="{ptrace.ret: -1}",
            more="profguard: {owner: a, reason: b, expires: 2099-01-01}\n",
        ),
        "PG144", "exclude each other",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message"), LINTED.values(), ids=LINTED)
def test_lint_tells_of_exceptions_that_are_expired_dead_or_nobodys(rules_of, text, code, message):
    [problem] = filter_warnings(rules_of(text), NOW_NS)
    assert (problem.code, problem.severity) == (code, "warning")
    assert message in problem.message


def test_lint_tells_of_exceptions_that_the_sensor_never_needed(rules_of):
    rules = rules_of(exception(more="profguard: {owner: a, reason: b, expires: 2099-01-01}\n"))
    assert filter_warnings(rules, NOW_NS, {"other": "2026-01-01T00:00:00Z"}) == []
    [problem] = filter_warnings(rules, NOW_NS, {rules.filters[0].id: "2026-01-01T00:00:00Z"})
    assert (problem.code, "since 2026-01-01" in problem.message) == ("PG144", True)
