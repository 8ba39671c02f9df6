"""The rows of one transaction, and how they are committed."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from profguard.findings.rows import STATEMENTS

# What one bad row can raise, as opposed to trouble of the whole database.
_ROW_ERRORS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeEncodeError,
)
_serial = count()


@dataclass(slots=True)
class Batch:
    """Rows by statement (a key of STATEMENTS), then by their own key.

    A row with the key of one that is there replaces it: of many updates of one finding only the
    last is written.
    """

    rows: dict[str, dict[object, tuple]] = field(default_factory=dict)

    def put(self, statement: str, row: tuple, key: object = None) -> None:
        """Add or replace one row; without a key it is always added."""
        self.rows.setdefault(statement, {})[next(_serial) if key is None else key] = row

    def replace_rules(self, rows: Iterable[tuple]) -> None:
        """These rows are all of the table `rules`."""
        self.rows["rules_gone"] = {0: ()}
        self.rows["rules"] = dict(enumerate(rows))

    def drop(self, statement: str, key: object) -> None:
        """Take a row out again, if it is there."""
        self.rows.get(statement, {}).pop(key, None)

    def holds(self, statement: str, key: object) -> bool:
        return key in self.rows.get(statement, ())

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows.values())

    def commit(self, connection: sqlite3.Connection) -> list[tuple[str, str]]:
        """Write all rows in one transaction; on an error none.

        Rows that the database refuses for what they are (a constraint, a trigger of the user's) are
        left out and returned as (statement, error). Raises sqlite3.Error for everything else.
        """
        refused: list[tuple[str, str]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement, sql in STATEMENTS.items():
                rows = self.rows.get(statement)
                if rows:
                    refused += _insert(connection, statement, sql, rows.values())
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return refused


def _insert(connection, statement, sql, rows) -> list[tuple[str, str]]:
    refused = []
    connection.execute("SAVEPOINT rows")
    try:
        connection.executemany(sql, rows)
    except _ROW_ERRORS:
        connection.execute("ROLLBACK TO rows")
        for row in rows:
            try:
                connection.execute(sql, row)
            except _ROW_ERRORS as error:
                refused.append((statement, str(error)))
    connection.execute("RELEASE rows")
    return refused
