"""What correlations gather, and what exceptions excuse, from one run of the sensor to the next."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from profguard.config import Config
from profguard.engine import Engine
from profguard.findings.store import Store
from profguard.keeping import Keeping
from tests.events import rule_set, task
from tests.test_engine import FILTERED, JOINED, SHOP, SPY, ptrace, reads


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr("profguard.keeping.KEEP_EVERY_S", 0.0)
    monkeypatch.setattr("time.time_ns", lambda: ptrace("ATTACH", 10, SPY, SHOP).time_ns)
    return tmp_path / "profguard.db"


@pytest.fixture
def run(path):
    """A function: one run of a sensor's engine and database, that sees these events."""

    def run(*events, rules=JOINED, close=True, trouble=None):
        told: list = [] if trouble is None else trouble
        loaded, store = rule_set(rules), Store(path)
        keeping = Keeping(Config(), loaded, store, alerts=False, on_trouble=told.append)
        engine = Engine(loaded)
        keeping.remember(engine)
        changes = []
        for event in events:
            found = engine.feed(event)
            keeping.changes(found)
            keeping.flush()
            changes += found
        if close:
            keeping.close()
        else:  # as kill -9 ends it, a moment later
            keeping._writer.flush()
        return [change.kind for change in changes]

    return run


def query(path: Path, sql: str):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("close", [True, False], ids=["stopped", "killed"])
def test_a_correlation_is_completed_by_the_next_run(run, path, close):
    assert run(ptrace("ATTACH", 0, SPY, SHOP), close=close) == []
    assert len(query(path, "SELECT * FROM correlation_state")) == 1
    assert run(reads(5, SPY, SHOP)) == ["opened"]
    kinds = query(path, "SELECT kind, name FROM finding_events ORDER BY kind, position")
    assert kinds == [
        ("joined", "ptrace"),
        ("joined", "process_vm_readv"),
        ("opened", "process_vm_readv"),
    ]


def test_what_is_over_is_forgotten(run, path):
    old = ptrace("ATTACH", -3_600_000, SPY, SHOP)
    run(old)
    assert len(query(path, "SELECT * FROM correlation_state")) == 1
    run()
    assert query(path, "SELECT * FROM correlation_state") == []


def test_a_database_that_somebody_changed_stops_nothing(run, path):
    run(ptrace("ATTACH", 0, SPY, SHOP))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE correlation_state SET entries = '[[1]]'")
    told: list = []
    assert run(reads(5, SPY, SHOP), trouble=told) == []
    assert "begin anew" in told[0]
    assert query(path, "SELECT * FROM correlation_state WHERE entries = '[[1]]'") == []


def test_what_an_exception_excuses_adds_up_over_runs(run, path):
    """And one that excuses nothing can be told by that."""
    rules = f"{JOINED}---{FILTERED}---{FILTERED.replace('Except one', 'Dead').replace('ann', 'x')}"
    for ms in (0, 1):
        run(ptrace("ATTACH", ms, SPY, SHOP), ptrace("ATTACH", ms, SPY, task(9)), rules=rules)
    found = query(path, "SELECT title, excused, last_excused IS NULL FROM filters ORDER BY title")
    assert found == [("Dead", 0, 1), ("Except one", 4, 0)]
    run(rules=JOINED)
    assert query(path, "SELECT * FROM filters") == []
