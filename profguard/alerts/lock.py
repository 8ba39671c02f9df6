"""At most one process delivers the alerts of a database."""

import fcntl
import os
from pathlib import Path
from threading import Lock


class DeliveryLock:
    """A lock on `<database>-delivery`. The kernel lets go of it when the process ends, however."""

    def __init__(self, database: Path):
        self._path = database.with_name(database.name + "-delivery")
        self._guard = Lock()
        self._fd: int | None = None

    def acquire(self) -> bool:
        """Take it, or find that this process has it; False where another has it.

        Raises OSError where the file cannot be made.
        """
        with self._guard:
            if self._fd is not None:
                return True
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return False
            self._fd = fd
            return True

    def release(self) -> None:
        with self._guard:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None
