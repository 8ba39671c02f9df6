"""What is shown of events and findings, whoever chose the names in them."""

import json
from dataclasses import asdict

import pytest

from profguard.cli.screen import Json, Screen
from profguard.engine import Engine
from profguard.events import REGISTRY
from profguard.findings.redact import Redactor
from profguard.sensor.live import Count
from profguard.sessions import Sessions
from tests.events import event, prof, ptrace, rule_set, task

HOSTILE = "x\n12:00:00  critical  owned\r\x1b]0;owned\x07\x9b31m\u202e\u2028\x7f"
RULES = """
title: Traced
logsource: {product: linux, service: profguard, category: ptrace}
detection: {selection: {ptrace.request: PTRACE_ATTACH}, condition: selection}
level: high
profguard: {message: '{process.name} traces {target.name}'}
---
title: Started
logsource: {product: linux, service: profguard, category: sched_process_exec}
detection: {selection: {sched_process_exec.inode: 1}, condition: selection}
---
title: Profiled
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: enable}, condition: selection}
level: medium
"""
GDB = task(7, name="gdb", executable="/usr/bin/gdb", user_name="ann")
SHOP = task(8, name="shop", user_id=33)


@pytest.fixture(params=[Screen, Json], ids=["text", "json"])
def kind(request):
    return request.param


@pytest.fixture
def show(capsysbinary):
    """What one of the outputs prints of events and the findings that they cause."""

    def show(kind, *events, all_events=False) -> list[str]:
        output = kind(Redactor(), events=all_events)
        engine, sessions = Engine(rule_set(RULES)), Sessions()
        for each in (out for one in events for out in sessions.feed(one)):
            output.event(each)
            output.changes(engine.feed(each))
            for session in sessions.take_ended():
                output.changes(engine.end(session))
        output.flush()
        return capsysbinary.readouterr().out.decode().split("\n")[:-1]

    return show


def test_a_finding_on_the_screen(show):
    """What, who to whom, how; then that it ended."""
    lines = show(Screen, ptrace("ATTACH", 0, GDB, SHOP), ptrace("DETACH", 1500, GDB, SHOP))
    finding = lines[2].rpartition(" ")[2]
    assert [" ".join(line.split()) for line in lines] == [
        "08:00:00 high gdb traces shop",
        "gdb[7] /usr/bin/gdb (ann) -> shop[8] (33)",
        f"ptrace, rule 'Traced', finding {finding}",
        f"08:00:01 ended after 1.5 s: finding {finding}",
    ]


@pytest.mark.parametrize(
    ("acts", "who"),
    [
        (ptrace("ATTACH", 0, None, SHOP), "unknown -> shop[8] (33)"),
        (event("sched_process_exec", 0, GDB, inode=1), "gdb[7] /usr/bin/gdb (ann)"),
        (prof("enable ioctl cpu_wide", 0, [1], task(7)), "?[7] -> cpu-wide"),
        (prof("enable ioctl", 0, [1], task(7)), "?[7]"),
        (ptrace("ATTACH", 0, task(None, tid=1), task(8)), "?[?] -> ?[8]"),
    ],
    ids=["actor unknown", "no target", "a whole CPU", "nothing known of the target", "no pid"],
)
def test_what_is_not_known_is_not_shown_as_none(show, acts, who):
    lines = show(Screen, acts)
    assert lines[1].strip() == who
    assert not any("None" in line for line in lines)


def test_nobody_at_all_is_left_out(show):
    lines = show(Screen, prof("enable ioctl", 0, [1], None))
    assert len(lines) == 2
    assert lines[1].strip().startswith("perf, rule 'Profiled', finding ")


@pytest.mark.parametrize("spec", REGISTRY, ids=lambda spec: spec.name)
def test_an_event_of_which_nothing_is_known_is_shown(spec, kind, capsysbinary):
    output = kind(Redactor(), events=True)
    output.event(event(spec.name))
    output.flush()
    shown = capsysbinary.readouterr().out
    assert shown.count(b"\n") == (0 if kind is Screen and spec.name == "sensor_status" else 1)


def test_hostile_names_make_no_line_and_drive_no_terminal(show, kind):
    """As names, paths, users, arguments, text of rules, and reasons of the sensor."""
    names = {"name": HOSTILE, "executable": HOSTILE, "user_name": HOSTILE}
    actor, target = task(7, **names), task(8, **names)
    events = [
        ptrace("ATTACH", 0, actor, target),
        event("sched_process_exec", 1, actor, inode=1, cmdpath=HOSTILE, argv=(HOSTILE,)),
        event("lost_events", 2, event=HOSTILE, cpu=0, count=1, total=1),
        event("sensor_status", 3, state="degraded", reason=HOSTILE),
    ]
    lines = show(kind, *events, all_events=True)
    assert len(lines) == {Screen: 1 + 3 + 1 + 3 + 1 + 1, Json: 1 + 1 + 1 + 1 + 1 + 1 + 1}[kind]
    assert all(line.isprintable() for line in lines)
    if kind is Json:
        assert json.loads(lines[0])["process"]["name"] == HOSTILE


def test_json_tells_how_a_finding_changed_and_leaves_repeats_out(show):
    attach = ptrace("ATTACH", 0, GDB, SHOP)
    again = ptrace("ATTACH", 5, GDB, SHOP)
    lines = show(Json, attach, again, ptrace("DETACH", 9, GDB, SHOP))
    findings = [json.loads(line)["finding"] for line in lines]
    assert [finding["change"] for finding in findings] == ["opened", "ended"]
    assert (findings[1]["count"], findings[1]["duration_ns"]) == (2, 9_000_000)


def test_secrets_are_masked(show, kind):
    actor = task(7, command_line="mysql --password hunter2")
    secret = event("sched_process_exec", 0, actor, inode=1, argv=("mysql", "--password", "hunter2"))
    assert "hunter2" not in "\n".join(show(kind, secret, all_events=True))


def test_the_summary_counts(capsysbinary):
    counts = {
        "prof": Count(produced=7, received=3, dropped=2, folded=2),
        "perf": Count(produced=1, received=1),
    }
    Screen(Redactor(), events=False).summary(counts)
    Screen(Redactor(), events=False).summary(None)
    Json(Redactor(), events=False).summary(counts)
    text = capsysbinary.readouterr().out.decode().split("\n")
    assert text[1].startswith("4 events, 2 lost, 0 findings.")
    assert text[3] == "0 findings."
    assert json.loads(text[4])["events"]["prof"] == asdict(counts["prof"])


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("rules_reloaded", "rules reloaded: 27 in force"),
        ("rules_refused", "rules refused: 27 in force"),
        ("armed", None),
    ],
)
def test_what_became_of_changed_rules_is_told(show, state, said):
    lines = show(Screen, event("sensor_status", 3, state=state, reason="27 in force"))
    assert lines == ([f"08:00:00  {said}"] if said else [])
    (line,) = show(Json, event("sensor_status", 3, state=state, reason="27 in force"))
    assert json.loads(line) == {"type": "status", "state": state, "reason": "27 in force"}
