"""Alerts appended to a file, one JSON object a line.

The file is opened anew for each, so that it may be rotated away at any time.
"""

import os

from profguard.alerts.sinks import Answer, Locate, Message
from profguard.config.spec import Alert

OPTIONS = ("path",)
REQUIRED = ("path",)


def open_sink(alert: Alert, locate: Locate) -> "File":
    del locate
    return File(alert.path)


class File:
    """Appends to `path`, made with mode 0600 if missing. Symbolic links are not followed."""

    def __init__(self, path: str):
        self._path = path

    def send(self, message: Message) -> Answer:
        line = message.payload.encode() + b"\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(self._path, flags, 0o600)
            try:
                _append(fd, line)
            finally:
                os.close(fd)
        except OSError as error:
            return Answer(delivered=False, detail=f"{self._path}: {error.strerror}")
        return Answer(delivered=True, detail=f"{len(line)} bytes appended")

    def close(self) -> None:
        """Nothing is kept open."""


def _append(fd: int, line: bytes) -> None:
    """Write and sync the whole line, or leave the file as it was and raise OSError."""
    size = os.fstat(fd).st_size
    try:
        written = 0
        while written < len(line):
            written += os.write(fd, line[written:])
        os.fdatasync(fd)
    except OSError:
        os.ftruncate(fd, size)
        raise
