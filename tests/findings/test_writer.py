import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest

from profguard.findings import rows
from profguard.findings.store import Store
from profguard.findings.writer import Writer


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "profguard.db")


def _rows(store, sql, *values):
    with closing(store.connect()) as connection:
        return connection.execute(sql, values).fetchall()


def _outbox_rows(finding):
    return [(f"msg_{finding.id}", finding.id, "oncall", "{}", "2027-01-15T08:00:00Z")]


@contextmanager
def writing(store, *args, **options):
    writer = Writer(store, *args, **options)
    try:
        yield writer
    finally:
        writer.close(1)


def test_a_finding_is_stored_with_its_process_facts_and_alerts(store, make_finding, change):
    with writing(store, _outbox_rows) as writer:
        writer.submit([change("opened", make_finding(7))])
        assert writer.flush()
    assert _rows(
        store,
        "SELECT actor_pid, actor_user, target_user, target_labels, relation, count, first_seen,"
        " event ->> '$.ptrace.request' FROM findings",
    ) == [
        (
            *(1007, "ann", "33", '["production"]', "cross-uid", 1),
            *("2027-01-15T08:00:07.000000000Z", "PTRACE_ATTACH"),
        )
    ]
    assert _rows(store, "SELECT finding_id, state, attempts FROM outbox") == [
        (make_finding(7).id, "pending", 0)
    ]
    assert _rows(store, "SELECT rule_id, position FROM finding_rules") == [("ptrace-attach", 0)]


def test_a_snapshot_is_what_the_finding_was_when_it_was_submitted(store, make_finding, change):
    """The engine goes on changing its findings while the writer's thread works."""
    with writing(store) as writer:
        finding = make_finding(event=None)
        writer.submit([change("opened", finding)])
        finding.count, finding.message = 99, "changed later"
        finding.event["ret"] = -1
        writer.flush()
    assert _rows(store, "SELECT count, message, event ->> '$.ptrace.ret' FROM findings") == [
        (1, make_finding().message, 0)
    ]


def test_repeats_are_folded_and_the_end_is_kept(store, make_finding, change):
    """538 matches are one row, its evidence is bounded, and its end comes with a duration."""
    finding = make_finding()
    with writing(store) as writer:
        writer.submit([change("opened", finding)])
        for _ in range(537):
            finding.count += 1
            finding.last_seen_ns += 1_000
            writer.submit([change("repeated", finding, finding.event)])
        finding.ended_ns, finding.duration_ns = finding.last_seen_ns, 537_000
        writer.submit([change("ended", finding, finding.event)])
        assert writer.flush()
        assert not writer.status.dropped
    assert _rows(store, "SELECT count, last_seen, ended, duration_ns FROM findings") == [
        (538, "2027-01-15T08:00:00.000537000Z", "2027-01-15T08:00:00.000537000Z", 537_000)
    ]
    kinds = [kind for (kind,) in _rows(store, "SELECT kind FROM finding_events ORDER BY position")]
    assert kinds == ["opened"] + ["repeated"] * (rows.EVENTS_KEPT - 1) + ["ended"]


@pytest.mark.parametrize("flushed", [False, True], ids=["in one commit", "in two"])
def test_an_escalation_asks_again_who_must_know(store, make_finding, change, flushed):
    """A graver rule takes the finding over: its event is what the finding is about then."""

    def plan(finding):
        return _outbox_rows(finding) if finding.level == "critical" else []

    finding = make_finding()
    with writing(store, plan) as writer:
        writer.submit([change("opened", finding), change("repeated", finding, finding.event)])
        if flushed:
            writer.flush()
        finding.level, finding.rule_id, finding.count = "critical", "kernel-write", 40
        finding.rules = ["kernel-write", "ptrace-attach"]
        finding.event = make_finding(5).event
        writer.submit([change("escalated", finding, finding.event)])
        finding.count = 41
        for _ in range(3):
            writer.submit([change("repeated", finding, finding.event)])
    assert _rows(store, "SELECT level, rule_id, actor_pid, count FROM findings") == [
        ("critical", "kernel-write", 1005, 41)
    ]
    assert _rows(store, "SELECT count(*) FROM outbox") == [(1,)]
    assert _rows(store, "SELECT rule_id FROM finding_rules ORDER BY position") == [
        ("kernel-write",),
        ("ptrace-attach",),
    ]
    assert _rows(store, "SELECT kind, position FROM finding_events ORDER BY position, kind") == [
        ("opened", 1),
        ("repeated", 1),
        ("escalated", 40),
    ]


def test_the_same_finding_again_is_no_second_row(store, make_finding, change):
    """A capture replayed twice leaves the same rows."""
    for _ in range(2):
        with writing(store, _outbox_rows) as writer:
            writer.submit([change("opened", make_finding())])
    for table in ("findings", "finding_events", "finding_rules", "outbox"):
        assert _rows(store, f"SELECT count(*) FROM {table}") == [(1,)]


def test_hostile_values_are_stored_as_they_are_and_do_no_harm(store, make_finding, change):
    """SQL in a name is text, big integers survive, half a character is replaced, secrets masked."""
    finding = make_finding()
    finding.message = "'); DROP TABLE findings; -- \x1b[2J\x00 \udcff"
    finding.event.process.executable = "/tmp/\"\n'; DELETE FROM outbox"
    finding.event.process.name = "\udcff\udc00"
    finding.event.process.command_line = "gdb --password hunter2 -p 42"
    finding.event.process.inode = 2**64 - 1
    with writing(store) as writer:
        writer.submit([change("opened", finding)])
        assert writer.flush()
        assert not writer.status.refused
    [row] = _rows(
        store, "SELECT message, actor_executable, actor_command_line, event FROM findings"
    )
    assert row[:3] == (
        "'); DROP TABLE findings; -- \x1b[2J\x00 ?",
        "/tmp/\"\n'; DELETE FROM outbox",
        "gdb --password [redacted] -p 42",
    )
    assert json.loads(row[3])["process"]["inode"] == str(2**64 - 1)
    assert "hunter2" not in "\n".join(sqlite3.connect(store.path).iterdump())
    assert finding.event.process.command_line == "gdb --password hunter2 -p 42"


def test_a_row_that_the_database_refuses_is_counted_and_the_others_are_kept(
    store, make_finding, change
):
    """A trigger of the administrator's may forbid one finding without harming the rest."""
    with closing(store.connect()) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON findings WHEN new.actor_pid = 1003"
            " BEGIN SELECT raise(ABORT, 'not this one'); END"
        )
    troubles = []
    with writing(store, on_trouble=troubles.append) as writer:
        writer.submit([change("opened", make_finding(number)) for number in range(6)])
        writer.flush()
        assert writer.status.refused == {"findings": 1}
    assert [pid for (pid,) in _rows(store, "SELECT actor_pid FROM findings ORDER BY 1")] == [
        *(1000, 1001, 1002),
        *(1004, 1005),
    ]
    assert "not this one" in troubles[0].error


def test_a_first_row_waits_no_longer_than_a_moment(store, make_finding, change):
    committed = threading.Event()
    with writing(store, _outbox_rows, on_commit=committed.set) as writer:
        writer.submit([change("opened", make_finding())])
        assert committed.wait(1)
        assert _rows(store, "SELECT count(*) FROM findings") == [(1,)]


def test_a_full_disk_loses_nothing_silently(small_disk, fill, make_finding, change):
    """What fits in memory is written once there is space again; what does not is counted."""
    store = Store(small_disk / "profguard.db")
    filler = small_disk / "filler"
    fill(filler)
    troubles = []
    with writing(store, _outbox_rows, pending_max=2_000, on_trouble=troubles.append) as writer:
        findings = [make_finding(number) for number in range(1_000)]
        dropped = writer.submit([change("opened", finding) for finding in findings])
        assert not writer.flush(0.5)
        status = writer.status
        assert status.pending >= 2_000
        assert status.dropped == {"opened": dropped}
        assert 0 < dropped < 1_000
        assert "PG404" in status.error

        filler.unlink()
        assert writer.flush()
        assert writer.status.error is None
        [(stored,)] = _rows(store, "SELECT count(*) FROM findings")
        assert stored == 1_000 - dropped

        findings[-1].count += 1  # it had no room, but it goes on
        writer.submit([change("repeated", findings[-1], findings[-1].event)])
        assert writer.flush()
    assert _rows(store, "SELECT count FROM findings WHERE id = ?", findings[-1].id) == [(2,)]
    assert _rows(store, "SELECT count(*) FROM outbox") == [(stored + 1,)]
    assert [trouble.error is None for trouble in troubles] == [False, True]


def test_closing_with_a_full_disk_says_what_is_lost(small_disk, fill, make_finding, change):
    store = Store(small_disk / "profguard.db")
    fill(small_disk / "filler")
    writer = Writer(store, _outbox_rows)
    writer.submit([change("opened", make_finding(number)) for number in range(300)])
    started = time.monotonic()
    status = writer.close(0.3)
    assert time.monotonic() - started < 2
    assert status.dropped["findings"] == status.dropped["outbox"] == 300
    assert status.pending == 0


def test_a_replay_waits_for_room(store, make_finding, change):
    with writing(store, pending_max=50) as writer:
        changes = [change("opened", make_finding(number)) for number in range(500)]
        assert writer.submit(changes, timeout_s=10) == 0
        writer.flush()
    assert _rows(store, "SELECT count(*) FROM findings") == [(500,)]


def test_a_database_that_is_removed_is_made_again(store, make_finding, change):
    with writing(store) as writer:
        writer.submit([change("opened", make_finding(1))])
        writer.flush()
        for path in store.path.parent.iterdir():
            path.unlink()
        writer.submit([change("opened", make_finding(2))])
        assert writer.flush()
    assert _rows(store, "SELECT actor_pid FROM findings") == [(1002,)]


def test_runs_losses_and_events_are_recorded(store, make_finding):
    event = make_finding().event
    with writing(store) as writer:
        writer.write("sensor_runs", [rows.run_row("r1", event.time_ns, "0.1", "6.1")])
        writer.write("losses", [rows.loss_row(event.time_ns, 1, "prof", 12)])
        writer.write("events", [rows.event_row(event)])
        writer.flush()
        run = rows.run_row("r1", 0, "0.1", stopped_ns=event.time_ns, reason="SIGINT", received=5)
        writer.write("sensor_runs", [run])
    assert _rows(store, "SELECT started < stopped, kernel, reason, received FROM sensor_runs") == [
        (0, "6.1", "SIGINT", 5)
    ]
    assert _rows(store, "SELECT event, lost FROM loss_totals") == [("prof", 12)]
    assert _rows(store, "SELECT name, actor_pid, target_pid FROM events") == [("ptrace", 1000, 42)]


def test_kill_9_loses_no_committed_finding(store, make_finding, change):
    """Whatever the writer reported as committed is there afterwards, with its alert."""
    reader, writer_end = os.pipe()
    child = os.fork()
    if child == 0:
        _write_until_killed(store, make_finding, change, writer_end)
    os.close(writer_end)
    with open(reader, "rb", buffering=0) as reports:
        reported = 0
        deadline = time.monotonic() + 10
        while reported < 200 and time.monotonic() < deadline:
            reported = int.from_bytes(reports.read(4), "big")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while last := reports.read(4):
            reported = int.from_bytes(last, "big")
    assert reported >= 200
    stored = _rows(store, "SELECT id, count FROM findings ORDER BY id")
    assert [id for id, _ in stored[:reported]] == [make_finding(n).id for n in range(reported)]
    assert _rows(store, "SELECT finding_id FROM outbox ORDER BY 1") == [(id,) for id, _ in stored]
    assert _rows(store, "PRAGMA integrity_check") == [("ok",)]


def _write_until_killed(store, make_finding, change, pipe):
    """The child: report after each flush how many findings are committed."""
    try:
        writer = Writer(store, _outbox_rows)
        number = 0
        while True:
            for _ in range(7):
                writer.submit([change("opened", make_finding(number))])
                number += 1
            assert writer.flush()
            os.write(pipe, number.to_bytes(4, "big"))
    finally:
        os._exit(1)
