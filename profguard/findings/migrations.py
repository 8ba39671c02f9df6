"""The steps from one version of the database to the next, kept in `PRAGMA user_version`."""

import sqlite3

from profguard.findings.tables import TABLES
from profguard.findings.views import VIEWS

# "prof": marks the file as ours, so that another program's database is never written to.
APPLICATION_ID = 0x70726F66


def _make(db, number: int) -> None:
    """The tables and views that came with that version."""
    for table in TABLES:
        if table.since == number:
            db.execute(table.ddl)
            for columns in table.indexes:
                db.table(table.name).create_index(columns)
    for view in VIEWS:
        if view.since == number:
            db.create_view(view.name, _unindented(view.sql))


def _first(db) -> None:
    _make(db, 1)


def _unindented(sql: str) -> str:
    return "\n".join(line.strip() for line in sql.strip().splitlines())


def _second(db) -> None:
    _make(db, 2)


def _third(db) -> None:
    """A run has a count of what was folded, a loss has a reason."""
    _add(db, "sensor_runs", "folded", "INTEGER")
    _add(db, "losses", "reason")


def _fourth(db) -> None:
    """Sessions, and the findings of one are found; a finding names its tool."""
    _make(db, 4)
    _add(db, "findings", "tool")
    db.table("findings").create_index(("session",), if_not_exists=True)


def _fifth(db) -> None:
    """An unknown tool has the digest of its executable; a session has several mechanisms."""
    _add(db, "findings", "tool_sha256")
    _add(db, "sessions", "tool_sha256")
    _add(db, "sessions", "mechanisms")
    db.execute("UPDATE sessions SET mechanisms = json_array(mechanism) WHERE mechanisms IS NULL")


def _add(db, name: str, column: str, kind: str = "TEXT") -> None:
    """A column that came later; a new table has it already."""
    table = db.table(name)
    if column not in table.columns_dict:
        table.add_column(column, kind)


# One function a version; each gets a sqlite_utils.Database inside the transaction.
STEPS = (_first, _second, _third, _fourth, _fifth)
VERSION = len(STEPS)


def version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an older or empty database to VERSION, in one transaction."""
    if version(connection) == VERSION:
        return
    # 0.1 s to import, needed once in the life of a database
    from sqlite_utils import Database  # noqa: PLC0415

    connection.execute("BEGIN IMMEDIATE")
    try:
        db = Database(connection)
        for number in range(version(connection), VERSION):  # another process may have been first
            STEPS[number](db)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
