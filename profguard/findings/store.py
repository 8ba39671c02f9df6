"""The database file: making it, opening it, and what its errors mean to a person.

Commits are durable: `synchronous=FULL` syncs the write-ahead log at each of the writer's grouped
commits (at most 20 a second), so that neither kill -9 nor a power cut loses a committed finding.
Connections that only mark deliveries use NORMAL: a power cut may then forget a mark, and the alert
is sent a second time with the same id.
"""

import errno
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, contextmanager
from pathlib import Path

from profguard.errors import StoreError
from profguard.findings.batch import Batch
from profguard.findings.migrations import APPLICATION_ID, VERSION, migrate, version

BUSY_TIMEOUT_S = 5.0
WAL_LIMIT_BYTES = 64 * 1024 * 1024  # what the log is cut back to after a burst

_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNWRITABLE_ERRNOS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC)
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """What SQLite's error code means for the user of `path`."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _CORRUPT:
        return StoreError.of(
            "PG402",
            f"{path}: {error}",
            f"move it away and a new one is made; `sqlite3 {path} .recover` saves what it can",
        )
    if code in _LOCKED:
        return StoreError.of(
            "PG401",
            f"{path}: another program keeps it locked for longer than {BUSY_TIMEOUT_S:g} s",
            f"`fuser {path}` names that program",
        )
    if code in _UNWRITABLE:
        return StoreError.of(
            "PG404", f"{path}: {error}", "check free space, mount options and the owner of the file"
        )
    return StoreError.of("PG401", f"{path}: {error}", "is this a database of profguard?")


@contextmanager
def explained(path: Path):
    """Turn sqlite3 errors inside the block into StoreErrors."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error, path) from error


class Store:
    """A database of findings, made if missing (mode 0600). Raises StoreError.

    With `readonly`, the file must exist and nothing is written to it. A Store hands out
    connections; each thread needs its own.
    """

    def __init__(self, path: Path | str, *, readonly: bool = False):
        self.path = Path(path)
        self.readonly = readonly
        if readonly:
            self._require_file()
        else:
            self._make_file()
        with explained(self.path), closing(self.connect()) as connection:
            self._check(connection)
            if not readonly:
                # lets retention give space back; counts only before the first table is made
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
                migrate(connection)
                connection.execute("BEGIN IMMEDIATE")  # fails where it cannot be written
                connection.execute("ROLLBACK")

    def connect(self, *, durable: bool = True) -> sqlite3.Connection:
        """A new connection in autocommit mode, to be used by one thread."""
        if self.readonly:
            return self._connect_readonly()
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        return connection

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the file; None where it is gone."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def replace_rules(self, rules: Iterable[tuple], filters: Iterable[tuple] = ()) -> None:
        """Record the rules and filters in force, as rows of those tables."""
        batch = Batch()
        batch.replace_rules(rules, filters)
        with explained(self.path), closing(self.connect()) as connection:
            batch.commit(connection)

    def _connect_readonly(self) -> sqlite3.Connection:
        # Reading a WAL database needs its -shm file. Where that cannot be made (read-only medium)
        # and no log is left over, the file alone is the whole truth.
        location = self.path.absolute().as_uri()
        for mode in ("mode=ro", "immutable=1"):
            connection = sqlite3.connect(
                f"{location}?{mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
            )
            try:
                connection.execute("SELECT count(*) FROM sqlite_master")
            except sqlite3.OperationalError as error:
                connection.close()
                refused = error.sqlite_errorcode & 0xFF in (
                    sqlite3.SQLITE_CANTOPEN,
                    sqlite3.SQLITE_READONLY,
                )
                if not refused or mode != "mode=ro" or self._has_log():
                    raise
            except sqlite3.Error:
                connection.close()
                raise
            else:
                return connection
        raise AssertionError("unreachable")

    def _has_log(self) -> bool:
        log = self.path.with_name(self.path.name + "-wal")
        return log.exists() and log.stat().st_size > 0

    def _require_file(self) -> None:
        if not self.path.is_file():
            raise StoreError.of(
                "PG401",
                f"there is no database {self.path}",
                "`profguard run` makes it; --db names another one",
            )

    def _make_file(self) -> None:
        try:
            if not self.path.parent.exists():
                self.path.parent.mkdir(mode=0o700)
            # Made here, because SQLite would use the umask; its -wal and -shm inherit the mode.
            # Never opened where it exists: closing it would drop the locks SQLite has on it.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)):
                raise StoreError.of(
                    "PG404",
                    f"{self.path} or its folder cannot be written",
                    "check the owner of both and the mount options",
                ) from None
        except OSError as error:
            unwritable = error.errno in _UNWRITABLE_ERRNOS
            raise StoreError.of(
                "PG404" if unwritable else "PG401",
                f"{self.path}: {error.strerror}",
                "--db names another place, [store] path in the configuration too",
            ) from error

    def _check(self, connection: sqlite3.Connection) -> None:
        found = version(connection)
        if found > VERSION:
            raise StoreError.of(
                "PG403",
                f"{self.path} has version {found}, this program knows {VERSION}",
                "use the profguard that wrote it, or a newer one",
            )
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and application != APPLICATION_ID:
            raise StoreError.of(
                "PG401", f"{self.path} is a database of another program", "--db names another file"
            )
        if self.readonly and found < VERSION:
            raise StoreError.of(
                "PG401",
                f"{self.path} is empty or from an older version",
                "`profguard run` prepares it",
            )
