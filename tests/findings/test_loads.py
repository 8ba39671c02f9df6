"""What the database keeps of the rules that were read, and what it says of them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from profguard.errors import Place, Problem
from profguard.findings import loads, rows
from profguard.findings.migrations import VERSION
from profguard.findings.outbox import counts
from profguard.findings.store import Store
from profguard.findings.writer import Writer
from tests.conftest import START_NS

SECOND = 1_000_000_000
PROBLEM = Problem("PG103", "unknown field 'x'", Place("/r/\udcff.yml", 5, 3), "did you mean 'y'?")


def _load(state: str, second: int, rules: int = 26, run="run 1", errors=0) -> tuple:
    problems = [PROBLEM.as_dict()] * errors
    time_ns = START_NS + second * SECOND
    return rows.load_row(
        run, time_ns, "files", state, rules=rules, problems=problems, paths=["/r", "/\udcff"]
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "profguard.db")


@pytest.fixture
def record(store):
    """Write runs and loads as the sensor does."""

    def record(*entries, run="run 1", started=0, stopped=None):
        writer = Writer(store)
        stopped_ns = stopped and START_NS + stopped * SECOND
        row = rows.run_row(run, START_NS + started * SECOND, "0.1.0", stopped_ns=stopped_ns)
        writer.write("sensor_runs", [row])
        for entry in entries:
            writer.record_load(entry, None)
            writer.flush()
        writer.close()
        return loads.latest(store)

    return record


def test_a_database_of_the_first_version_is_migrated_with_all_it_has(tmp_path):
    """version_1.sql is the dump of one that profguard wrote before rules were reloaded."""
    path = tmp_path / "profguard.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript((Path(__file__).parent / "version_1.sql").read_text())
        before = {name: old.execute(f"SELECT * FROM {name}").fetchall() for name in _tables(old)}
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
    assert sum(map(len, before.values())) >= 7
    with closing(Store(path).connect()) as new:
        assert new.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert new.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for name, kept in before.items():
            added = new.execute(f"SELECT * FROM {name}").fetchall()
            assert [row[: len(old)] for row, old in zip(added, kept, strict=True)] == kept
        migrated = _schema(new)
    with closing(Store(tmp_path / "fresh.db").connect()) as fresh:
        assert migrated == _schema(fresh)


def _tables(connection) -> list[str]:
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in connection.execute(sql)]


def _schema(connection) -> set[tuple]:
    """What there is, tables by their columns; comments are those of the version that made them."""
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        (kind, name, sql if kind != "table" else tuple(_columns(connection, name)))
        for kind, name, sql in found
    }


def _columns(connection, table: str) -> list[tuple]:
    return connection.execute(f"SELECT * FROM pragma_table_info('{table}')").fetchall()


def test_a_load_that_is_in_force_replaces_the_rules_in_the_table(store):
    """In one transaction, also where several loads wait for the database."""
    writer = Writer(store)
    for number in range(3):
        rules = [(f"{number}{name}", name, "low", f"{name}.yml", "00") for name in "ab"]
        writer.record_load(_load("in_force", number), (rules, []))
    writer.record_load(_load("refused", 3), None)
    assert writer.flush()
    writer.close()
    with closing(store.connect()) as connection:
        assert connection.execute("SELECT id FROM rules").fetchall() == [("2a",), ("2b",)]
        states = connection.execute("SELECT state FROM rule_loads ORDER BY id").fetchall()
    assert states == [("in_force",)] * 3 + [("refused",)]


def test_the_number_of_rows_is_bounded(store, monkeypatch):
    monkeypatch.setattr(rows, "LOADS_KEPT", 10)
    writer = Writer(store)
    for number in range(35):
        writer.record_load(_load("in_force", number), None)
        writer.flush()
    writer.close()
    with closing(store.connect()) as connection:
        assert [id for (id,) in connection.execute("SELECT id FROM rule_loads")] == [*range(26, 36)]


def test_a_load_with_a_thousand_errors_keeps_the_first(record):
    found = record(_load("in_force", 1), _load("refused", 2, errors=1000))["refused"]
    assert (found["errors"], len(found["problems"])) == (1000, rows.PROBLEMS_KEPT)
    assert found["problems"][0]["message"] == PROBLEM.message
    assert found["problems"][0]["line"] == 5


def test_there_may_be_no_run(store):
    assert loads.latest(store) is None


def test_the_files_are_refused_since_the_first_refusal_after_what_is_in_force(record):
    """The problems are those of the latest."""
    found = record(
        _load("refused", 0, errors=1),
        _load("in_force", 1),
        _load("refused", 2, errors=1),
        _load("refused", 3, errors=2),
    )
    assert found["in_force"]["since"].startswith("2027-01-15T08:00:01")
    assert found["in_force"]["rules"] == 26
    assert found["refused"]["since"].startswith("2027-01-15T08:00:02")
    assert found["refused"]["errors"] == 2


def test_mended_files_are_refused_no_more(record):
    found = record(_load("in_force", 1), _load("refused", 2, errors=1), _load("in_force", 3, 27))
    assert found["refused"] is None
    assert found["in_force"]["rules"] == 27


def test_only_the_latest_run_counts(record):
    record(_load("in_force", 1), _load("refused", 2, errors=1), stopped=9)
    found = record(_load("in_force", 11, run="run 2"), run="run 2", started=10)
    assert found["refused"] is None
    assert found["run"]["stopped"] is None
    assert found["in_force"]["since"].startswith("2027-01-15T08:00:11")


def test_alerts_are_counted_by_destination_and_state(store, make_finding, change):
    def plan(finding):
        return [
            (f"{to} {finding.id}", finding.id, to, "{}", "2027-01-15T08:00:00Z")
            for to in ("oncall", "archive")
        ]

    writer = Writer(store, plan)
    for number in range(3):
        writer.submit([change("opened", make_finding(number))])
    writer.close()
    assert counts(store) == {("oncall", "pending"): 3, ("archive", "pending"): 3}
