"""How many rows a second reach the database: the writer's way beside the simpler ones.

First the same ready-made rows by each way, then whole findings through the writer: redaction, JSON
and three rows each (itself, its rule, its first event). On a real file, all in the same run.
"""

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from profguard.findings import rows
from profguard.findings.batch import Batch
from profguard.findings.store import Store
from profguard.findings.tables import FINDINGS
from profguard.findings.writer import ROWS_PER_COMMIT, Writer
from profguard.model import Event, Finding

COUNT = 20_000
SLOW_COUNT = 1_000


class Opened:
    """A change, as the engine makes it."""

    kind = "opened"

    def __init__(self, finding: Finding):
        self.finding = finding
        self.event = finding.event


def finding(number: int) -> Finding:
    event = Event.from_dict(
        {
            "event": {"name": "ptrace", "time": "2027-01-15T08:00:00Z"},
            "host": {"name": "shop-1"},
            "process": {
                "pid": number,
                "executable": "/usr/bin/gdb",
                "command_line": "gdb -p 42",
                "parent": {"executable": "/usr/bin/bash"},
                "user": {"id": 1000, "name": "ann"},
            },
            "target": {"pid": 42, "executable": "/srv/shop", "labels": ["production"]},
            "relation": "cross-uid",
            "ptrace": {"request": "PTRACE_ATTACH", "pid": 42, "ret": 0},
        }
    )
    return Finding(
        id=f"0197a5c0-0000-7000-8000-{number:012x}",
        rule_id="ptrace-attach",
        rule_title="Debugger attached to a production process",
        level="high",
        message="/usr/bin/gdb took control of /srv/shop",
        event=event,
        first_seen_ns=event.time_ns,
        last_seen_ns=event.time_ns,
        rules=["ptrace-attach"],
    )


def grouped(store: Store, ready: list[tuple]) -> None:
    """As the writer does it: executemany, a thousand rows a transaction."""
    with closing(store.connect()) as connection:
        for start in range(0, len(ready), ROWS_PER_COMMIT):
            batch = Batch()
            for row in ready[start : start + ROWS_PER_COMMIT]:
                batch.put("findings", row, row[0])
            batch.commit(connection)


def insert_all(store: Store, ready: list[tuple]) -> None:
    """As sqlite-utils does it."""
    with closing(store.connect()) as connection:
        records = (dict(zip(FINDINGS.names, row, strict=True)) for row in ready)
        Database(connection)["findings"].insert_all(records)


def commit_each(store: Store, ready: list[tuple]) -> None:
    with closing(store.connect()) as connection:
        for row in ready:
            connection.execute(FINDINGS.insert(), row)


def through_the_writer(store: Store, findings: list[Finding]) -> None:
    writer = Writer(store)
    for one in findings:
        writer.submit([Opened(one)], timeout_s=10)
    assert writer.flush(60)
    writer.close()


def rate(way, work: list) -> float:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder) / "profguard.db")
        started = time.perf_counter()
        way(store, work)
        return len(work) / (time.perf_counter() - started)


def main() -> None:
    findings = [finding(number) for number in range(COUNT)]
    ready = [rows.finding_row(one) for one in findings]
    base = rate(grouped, ready)
    for name, found in (
        ("the writer's way", base),
        ("sqlite-utils insert_all", rate(insert_all, ready)),
        ("a commit for each row", rate(commit_each, ready[:SLOW_COUNT])),
    ):
        sys.stdout.write(
            f"{name:<26}{found:>9,.0f} rows/s      the writer is {base / found:.1f} x\n"
        )
    whole = rate(through_the_writer, findings)
    sys.stdout.write(f"{'findings, all in all':<26}{whole:>9,.0f} findings/s, 3 rows each\n")


if __name__ == "__main__":
    main()
