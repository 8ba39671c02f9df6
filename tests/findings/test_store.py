import os
import sqlite3
import subprocess

import pytest

from profguard.errors import StoreError
from profguard.findings.migrations import VERSION
from profguard.findings.rows import run_row
from profguard.findings.store import Store
from profguard.findings.tables import TABLES
from profguard.findings.views import VIEWS
from profguard.findings.writer import Writer


def _code(path, **options) -> str:
    with pytest.raises(StoreError) as caught:
        Store(path, **options)
    assert caught.value.exit_code == 5
    assert caught.value.problems[0].hint
    return caught.value.problems[0].code


def test_makes_a_private_database_that_explains_itself(tmp_path):
    """A new database and its folder are nobody else's, and the schema says what columns mean."""
    path = tmp_path / "state" / "profguard.db"
    connection = Store(path).connect()
    connection.execute("CREATE TEMP TABLE log_files_exist_now (x)")
    connection.execute("INSERT INTO losses (time, time_ns, count) VALUES ('t', 1, 3)")

    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {f.stat().st_mode & 0o777 for f in path.parent.iterdir()} == {0o600}
    schema = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    for table in TABLES:
        assert all(column.meaning in schema[table.name] for column in table.columns)
    connection.close()


def test_views_and_schema_work_in_the_sqlite_shell_of_a_user(tmp_path):
    path = tmp_path / "profguard.db"
    Store(path)
    connection = sqlite3.connect(path)
    for view in VIEWS:
        assert connection.execute(f"SELECT * FROM {view.name}").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_opening_twice_keeps_what_is_there(tmp_path):
    path = tmp_path / "profguard.db"
    with Store(path).connect() as connection:
        connection.execute("INSERT INTO losses (time, time_ns, count) VALUES ('t', 1, 3)")
    connection.close()
    os.chmod(path, 0o640)  # an administrator lets a group read it
    connection = Store(path).connect()
    assert connection.execute("SELECT count FROM losses").fetchall() == [(3,)]
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert path.stat().st_mode & 0o777 == 0o640
    connection.close()


def test_refuses_a_database_of_a_newer_version(tmp_path):
    path = tmp_path / "profguard.db"
    Store(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    assert _code(path) == "PG403"
    assert _code(path, readonly=True) == "PG403"


def test_refuses_the_database_of_another_program(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    assert _code(path) == "PG401"
    assert path.read_bytes() == before


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    "damage",
    [lambda data: b"no database" + data, lambda data: data[:100] + b"\xff" * 2000],
    ids=["text", "first page overwritten"],
)
def test_says_that_a_database_is_corrupt(tmp_path, damage, readonly):
    path = tmp_path / "profguard.db"
    Store(path)
    path.write_bytes(damage(path.read_bytes()))
    assert _code(path, readonly=readonly) == "PG402"


def test_says_that_a_database_is_locked(tmp_path, monkeypatch):
    monkeypatch.setattr("profguard.findings.store.BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "profguard.db"
    Store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert _code(path) == "PG401"
    other.close()


@pytest.mark.parametrize(
    ("name", "readonly"),
    [("no/such/place/x.db", False), (".", False), ("x.db", True), (".", True)],
    ids=["folder missing", "a folder", "file missing", "a folder, to read"],
)
def test_says_what_cannot_be_opened(tmp_path, name, readonly):
    assert _code(tmp_path / name, readonly=readonly) == "PG401"


def test_a_read_only_medium_can_be_read_but_not_written(small_disk):
    path = small_disk / "profguard.db"
    with Store(path).connect() as connection:
        connection.execute("INSERT INTO losses (time, time_ns, count) VALUES ('t', 1, 3)")
    connection.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert _code(path) == "PG404"
    assert _code(small_disk / "new.db") == "PG404"
    connection = Store(path, readonly=True).connect()
    assert connection.execute("SELECT count FROM losses").fetchall() == [(3,)]
    connection.close()


def test_reading_changes_nothing(tmp_path):
    path = tmp_path / "profguard.db"
    Store(path)
    connection = Store(path, readonly=True).connect()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM findings")
    connection.close()


def test_keeps_the_rules_in_force(tmp_path):
    """A reload replaces the rules that were recorded before."""
    store = Store(tmp_path / "profguard.db")
    store.replace_rules([("a", "A", "low", "a.yml", "00"), ("b", "B", "high", None, None)])
    store.replace_rules([("b", "B2", "high", "b.yml", "01")])
    connection = store.connect()
    assert connection.execute("SELECT * FROM rules").fetchall() == [
        ("b", "B2", "high", "b.yml", "01")
    ]
    connection.close()


def test_open_acts_are_those_of_the_latest_run(tmp_path, change, make_finding):
    """What a killed sensor left open is over or was seen again; a read has no end to wait for."""
    store = Store(tmp_path / "profguard.db")
    writer = Writer(store)
    for run in range(2):
        started_ns = make_finding().first_seen_ns + run * 3_600 * 10**9
        writer.write("sensor_runs", [run_row(f"run {run}", started_ns, "0.1.0")])
        for number, session in enumerate(("a session", None)):
            finding = make_finding(2 * run + number, session=session)
            finding.first_seen_ns = started_ns + 1
            writer.submit([change("opened", finding, finding.event)])
    writer.close()
    connection = store.connect()
    (shown,) = connection.execute("SELECT id FROM open_acts").fetchall()
    connection.close()
    assert shown == (make_finding(2).id,)
