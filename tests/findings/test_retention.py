import time
from contextlib import closing

import pytest

from profguard.findings import rows
from profguard.findings.retention import FINDINGS_A_STEP, Retention
from profguard.findings.store import Store
from profguard.findings.writer import Writer

DAY_NS = 86_400 * 10**9


@pytest.fixture
def full(tmp_path, make_finding, change):
    """A store with 700 findings, one a minute, each with an alert; half of those are delivered."""
    store = Store(tmp_path / "profguard.db")
    writer = Writer(store, lambda f: [(f"msg_{f.id}", f.id, "oncall", "{}", "2027")])
    for number in range(700):
        finding = make_finding(number)
        finding.last_seen_ns = finding.first_seen_ns = number * 60 * 10**9
        writer.submit([change("opened", finding)])
    writer.write("losses", [rows.loss_row(1, 0, "prof", 1), rows.loss_row(DAY_NS, 0, "prof", 1)])
    writer.write(
        "sensor_runs", [rows.run_row("a", 0, "1", stopped_ns=1), rows.run_row("b", 0, "1")]
    )
    assert writer.flush()
    writer.close()
    with closing(store.connect()) as connection:
        connection.execute("UPDATE outbox SET state = 'delivered' WHERE id <= 350")
    return store


def _count(connection, table):
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_what_is_too_old_goes_with_all_that_belongs_to_it(full, make_finding):
    """In small steps; alerts that are still to be sent stay, and so does an unfinished run."""
    retention = Retention(days=1)
    now_ns = DAY_NS + 600 * 60 * 10**9
    with closing(full.connect()) as connection:
        assert retention.prune(connection, now_ns)
        assert _count(connection, "findings") == 700 - FINDINGS_A_STEP
        assert retention.prune(connection, now_ns)
        assert not retention.prune(connection, now_ns)
        assert _count(connection, "findings") == 100
        assert connection.execute("SELECT min(id) FROM findings").fetchone()[0] == (
            make_finding(600).id
        )
        for table in ("finding_rules", "finding_events", "losses"):
            kept = {"losses": 1}.get(table, 100)
            assert _count(connection, table) == kept
        assert _count(connection, "outbox WHERE state = 'pending'") == 350
        assert _count(connection, "outbox") == 350
        assert connection.execute("SELECT id FROM sensor_runs").fetchall() == [("b",)]


def test_the_oldest_go_where_all_takes_too_much_room(full, make_finding):
    with closing(full.connect()) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = full.path.stat().st_size
        retention = Retention(max_bytes=size * 2 // 3)
        while retention.prune(connection, 0):
            pass
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert full.path.stat().st_size <= retention.max_bytes
        ids = [id for (id,) in connection.execute("SELECT id FROM findings ORDER BY id")]
    assert ids
    assert ids == [make_finding(number).id for number in range(700 - len(ids), 700)]


def test_without_limits_everything_stays(full):
    with closing(full.connect()) as connection:
        assert not Retention().prune(connection, 2**62)
        assert _count(connection, "findings") == 700


def test_the_writer_prunes_while_it_works(full, make_finding, change):
    writer = Writer(full, retention=Retention(days=1))
    fresh = make_finding(1000)
    fresh.last_seen_ns = time.time_ns()
    for _ in range(3):
        writer.submit([change("opened", fresh)])
        assert writer.flush()
    writer.close()
    with closing(full.connect()) as connection:
        assert connection.execute("SELECT id FROM findings").fetchall() == [(fresh.id,)]
