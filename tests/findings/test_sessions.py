"""Sessions in the database: written as they go, and known again by the next run of the sensor."""

import json
import sqlite3
from contextlib import closing

import pytest

from profguard.config import Config
from profguard.findings.retention import Retention
from profguard.findings.store import Store
from profguard.findings.writer import Writer
from profguard.keeping import Keeping
from profguard.rules import pack
from profguard.sessions import Sessions
from tests.events import EPOCH_NS, MS, ends, event, prof, ptrace, task

PERF = task(20, executable="/usr/bin/perf", command_line="perf record --password hunter2")
SHOP = task(10, executable="/srv/shop", user_name="shop")
GDB = task(30, executable="/usr/bin/gdb")
ALL = frozenset({"perf", "itimer", "ptrace"})
DAY_NS = 86_400 * 10**9


@pytest.fixture
def path(tmp_path):
    return tmp_path / "profguard.db"


@pytest.fixture
def run(path):
    """A function: one run of a sensor that finds `found` in its snapshot, then sees `events`."""
    number = 0

    def run(*events, found=(), killed=False, shown=ALL, replay=False, trouble=None):
        nonlocal number
        number += 1
        told = [] if trouble is None else trouble
        keeping = Keeping(
            Config(), pack.rule_set([]), Store(path), alerts=False, on_trouble=told.append
        )
        if not replay:
            keeping.begin_run(EPOCH_NS + number)
        station = Sessions()
        keeping.follow(station)
        for each in found:
            each.source = "snapshot"
            station.feed(each)
        station.memory.settle(shown)
        keeping.flush()
        for each in events:
            station.feed(each)
            keeping.event(each)
            keeping.flush()
        if killed:
            keeping._writer.flush()
        else:
            keeping.close()

    return run


def stored(path) -> list[dict]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM sessions ORDER BY id")]


def running(path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [pid for (pid,) in connection.execute("SELECT actor_pid FROM running_sessions")]


def on(ms, *ids, who=PERF):
    return prof("enable ioctl", ms, ids, who, SHOP, relation="cross-uid", pmu="cpu")


def off(ms, *ids, who=PERF):
    return prof("disable close", ms, ids, who, SHOP)


def found(ms, *ids, who=PERF):
    return prof("enable snapshot", ms, ids, who, SHOP)


def test_a_session_is_one_row_from_its_beginning_to_its_end(run, path):
    """It says who, whom, how, how long and how many events; secrets are masked."""
    run(on(1, 7), on(2, 8), off(5, 7), off(9, 8))
    (row,) = stored(path)
    said = {name: row[name] for name in ("state", "mechanism", "scope", "relation", "events")}
    assert said == {
        "state": "ended",
        "mechanism": "perf",
        "scope": "process",
        "relation": "cross-uid",
        "events": 4,
    }
    assert (row["actor_pid"], row["target_executable"], row["target_user"]) == (
        20,
        "/srv/shop",
        "shop",
    )
    assert row["started_ns"] == EPOCH_NS + MS
    assert (row["ended_ns"], row["duration_ns"]) == (EPOCH_NS + 9 * MS, 8 * MS)
    assert row["last_seen"] == row["ended"] == "2027-01-15T08:00:00.009000000Z"
    assert json.loads(row["target"])["executable"] == "/srv/shop"
    assert "hunter2" not in json.dumps(row)
    assert "[redacted]" in row["actor_command_line"]


def test_it_is_written_while_it_runs(run, path):
    """A sensor that is killed has told what was on, and of which events."""
    run(on(1, 7), on(2, 8), killed=True)
    (row,) = stored(path)
    assert (row["state"], row["ended"], row["duration_ns"]) == ("running", None, None)
    assert json.loads(row["event_ids"]) == [7, 8]
    assert running(path) == [20]


def test_what_is_done_to_a_cpu_or_a_cgroup_has_no_target(run, path):
    wide = prof("enable ioctl cpu_wide", 1, [7], PERF)
    group = prof("enable ioctl cgroup", 1, [8], GDB)
    run(wide, group, killed=True)
    assert {(row["scope"], row["target_pid"]) for row in stored(path)} == {
        ("cpu-wide", None),
        ("cgroup", None),
    }


def test_a_loss_taints_what_runs(run, path):
    run(on(1, 7), event("lost_events", 2, event="prof", cpu=0, count=1), killed=True)
    assert [row["tainted"] for row in stored(path)] == [1]


def test_a_clean_end_of_the_sensor_leaves_nothing_running(run, path):
    run(on(1, 7))
    assert [(row["state"], row["ended"]) for row in stored(path)] == [("unknown", None)]
    assert running(path) == []


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
def test_what_still_runs_after_a_restart_is_the_same_row(run, path, killed):
    """It goes on where the earlier run left it, and has its whole duration at its end."""
    run(on(1, 7), killed=killed)
    (before,) = stored(path)
    run(found=[found(50, 7)], killed=True)
    assert running(path) == [20]
    run(off(101, 7), found=[found(90, 7)])
    (after,) = stored(path)
    assert (after["id"], after["started_ns"]) == (before["id"], before["started_ns"])
    assert (after["state"], after["duration_ns"]) == ("ended", 100 * MS)
    assert (after["events"], after["source"], after["tainted"]) == (4, "live", 1)


def test_what_ended_while_no_sensor_ran_has_an_unknown_end(run, path):
    run(on(1, 7), killed=True)
    run(killed=True)
    assert [(row["state"], row["ended"]) for row in stored(path)] == [("ended", None)]


@pytest.mark.parametrize(
    "again",
    [
        found(50, 9),
        found(50, 7, who=task(20, start=2)),
        prof("enable snapshot cpu_wide", 50, [7], PERF),
    ],
    ids=["other events", "a reused pid", "another target"],
)
def test_what_is_not_the_same_is_another_session(run, path, again):
    run(on(1, 7), killed=True)
    run(found=[again], killed=True)
    states = [(row["state"], row["source"]) for row in stored(path)]
    assert states == [("ended", "live"), ("running", "snapshot")]


def test_a_tracer_is_known_again_by_who_and_whom(run, path):
    run(ptrace("ATTACH", 1, GDB, SHOP), killed=True)
    run(ends(9, GDB), found=[ptrace("ATTACH", 5, GDB, SHOP)], killed=True)
    (row,) = stored(path)
    assert (row["mechanism"], row["state"], row["duration_ns"]) == ("ptrace", "ended", 8 * MS)


def test_of_what_no_snapshot_shows_the_state_is_unknown(run, path):
    """POSIX timers are in no snapshot: whether one is armed still cannot be known."""
    run(prof("enable timer", 1, [3], SHOP, SHOP, mechanism="posix_timer"), on(1, 7), killed=True)
    run(shown=ALL, killed=True)
    assert {(row["mechanism"], row["state"]) for row in stored(path)} == {
        ("posix_timer", "unknown"),
        ("perf", "ended"),
    }


def test_a_replay_adds_sessions_and_changes_none_that_was_seen(run, path):
    """Its events may be those of a session that runs."""
    run(on(1, 7), killed=True)
    run(on(1, 7), on(1, 8, who=GDB), off(5, 7), off(6, 8, who=GDB), replay=True)
    states = {row["actor_pid"]: (row["state"], row["run_id"] is None) for row in stored(path)}
    assert states == {20: ("running", False), 30: ("ended", True)}


def test_rows_that_no_sensor_wrote_are_told(run, path):
    run(on(1, 7), killed=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE sessions SET event_ids = '7'")
    trouble: list[str] = []
    run(on(9, 9), killed=True, trouble=trouble)
    assert len(trouble) == 1
    assert trouble[0].startswith("sessions begin anew: ")


def test_it_waits_while_the_database_cannot_be_written(path, monkeypatch):
    """And is one row then, however often it changed meanwhile."""
    keeping = Keeping(
        Config(), pack.rule_set([]), Store(path), alerts=False, on_trouble=lambda _: None
    )
    station = Sessions()
    keeping.follow(station)

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "has_room", False)
        for step in (on(1, 7), on(2, 8), off(5, 7), off(9, 8)):
            station.feed(step)
            keeping.flush()
        keeping._writer.flush()
        assert stored(path) == []
    keeping.flush()
    keeping.close()
    assert [(row["state"], row["events"]) for row in stored(path)] == [("ended", 4)]


def test_retention_keeps_what_runs(run, path):
    """An old session goes by age; one that runs stays, however long it does."""
    run(on(1, 7), on(1, 8, who=GDB), off(5, 7), killed=True)
    store = Store(path)
    with closing(store.connect()) as connection:
        assert not Retention(days=1).prune(connection, EPOCH_NS + DAY_NS)
        assert Retention(days=1).prune(connection, EPOCH_NS + DAY_NS + 6 * MS)
    assert [row["actor_pid"] for row in stored(path)] == [30]


def test_for_want_of_room_sessions_without_findings_go_first(run, path, make_finding, change):
    run(on(1, 7), on(1, 8, who=GDB), off(5, 7), off(5, 8, who=GDB))
    store = Store(path)
    (kept,) = [row["id"] for row in stored(path) if row["actor_pid"] == 30]
    writer = Writer(store)
    writer.submit([change("opened", make_finding(1, session=kept))])
    writer.close()
    with closing(store.connect()) as connection:
        assert Retention(max_bytes=1).prune(connection, EPOCH_NS)
        assert [row["id"] for row in stored(path)] == [kept]
        assert connection.execute("SELECT count(*) FROM findings").fetchone() == (1,)
        while Retention(max_bytes=1).prune(connection, EPOCH_NS):
            pass
    assert stored(path) == []
