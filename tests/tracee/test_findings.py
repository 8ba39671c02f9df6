"""A finding about an event that only Tracee has: found, stored, shown and exported as any other."""

import json

import pytest

from profguard.cli import execute
from profguard.engine import Engine
from profguard.findings.store import Store
from profguard.findings.writer import Writer
from profguard.rules.pack import RuleSet, rule_set
from profguard.rules.rule import Detection
from profguard.tracee import from_tracee, to_tracee
from tests.tracee.shapes import AT_NS, PID, shape

PRINTED = shape(
    "security_file_open",
    pathname="/proc/200/mem",
    flags="O_RDWR",
    inode=2**64 - 1,
    metadata={"password": "hunter2"},
)
NAME = "security_file_open"
RULE = Detection(id="mem", title="Memory opened", path="mem.rego", line=1, events=(NAME,))


@pytest.fixture
def findings(tmp_path, monkeypatch):
    """The findings of a rule that matches the event twice, stored."""
    monkeypatch.chdir(tmp_path)
    rules = RuleSet((RULE,), by_event={NAME: lambda _event: (RULE,)})
    engine, writer = Engine(rules), Writer(Store("f.db"))
    changes = [
        change
        for at_ns in (AT_NS, AT_NS + 1)
        for change in engine.feed(from_tracee(PRINTED | {"timestamp": at_ns}))
    ]
    writer.submit(changes)
    writer.close()
    return [change.finding for change in changes]


def exported(capsys) -> dict:
    assert execute(["findings", "export", "--db", "f.db", "--format", "jsonl"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_is_one_act_of_the_process(findings):
    first, second = findings
    assert first is second
    assert (first.count, first.mechanism, first.session) == (2, None, None)


def test_it_is_exported_as_it_was_found(findings, capsys):
    """But for the secret, and for what SQLite has no number for."""
    document = exported(capsys)
    assert document["event"]["sensor"] == "tracee"
    assert document["process"]["pid"] == PID
    assert document["security_file_open"] == {
        "pathname": "/proc/200/mem",
        "flags": "O_RDWR",
        "inode": str(2**64 - 1),
        "metadata": '{"password":[redacted]}',
    }


def test_it_is_shown(findings, capsys):
    assert execute(["findings", "list", "--db", "f.db"]) == 0
    assert execute(["findings", "show", findings[0].id, "--db", "f.db"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("Memory opened") == 2
    assert "pathname=/proc/200/mem" in shown
    assert "hunter2" not in shown


def test_arguments_that_are_called_as_some_of_ours_mean_nothing_here():
    """Arguments that sessions and findings would read of an event of ours."""
    printed = shape("magic_write", session="s", duration_ns="x", mechanism="perf", action=1)
    engine = Engine(rule_set([]))
    assert engine.feed(from_tracee(printed)) == []


def test_signatures_get_the_very_object():
    event = from_tracee(PRINTED)
    assert to_tracee(event) is PRINTED
    event.origin = None  # from here on it is made again, flat
    assert to_tracee(event, ["args"])["args"][0] == {
        "name": "pathname",
        "type": "const char*",
        "value": "/proc/200/mem",
    }
