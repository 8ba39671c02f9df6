"""Captures: events in a file, one JSON object a line, to run rules over later.

The first line says what it is, the last how many events there are, so that a capture that was cut
short is noticed. In between are events in their public shape, as `profguard run --events --json`
prints them; its output can be replayed as it is.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from profguard.errors import CaptureError, Place, Problem, did_you_mean
from profguard.events import BY_NAME
from profguard.model import Event
from profguard.timefmt import rfc3339

VERSION = 1
_LINE_MAX = 1 << 20
_encoder = msgspec.json.Encoder()


class Recorder:
    """Writes a capture. Every batch is flushed; `close` writes the end."""

    def __init__(self, path: Path, started_ns: int, host: str):
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CaptureError.of("PG501", f"{path}: {error.strerror}") from None
        self._path, self._file, self.events = path, os.fdopen(fd, "wb"), 0
        self._line(
            {"type": "capture", "version": VERSION, "host": host, "started": rfc3339(started_ns)}
        )

    def _line(self, item: dict[str, Any]) -> None:
        try:
            self._file.write(_encoder.encode(item) + b"\n")
        except OSError as error:
            raise CaptureError.of("PG501", f"{self._path}: {error.strerror}") from None

    def write(self, event: Event) -> None:
        self._line(event.as_dict())
        self.events += 1

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise CaptureError.of("PG501", f"{self._path}: {error.strerror}") from None

    def close(self) -> None:
        self._line({"type": "end", "events": self.events})
        self.flush()
        self._file.close()


def read(path: str) -> Iterator[Event]:
    """The events of a capture; "-" is standard input.

    Raises CaptureError at the first line that is not what it should be, and after the last event
    if the capture has no end. What was read before is good.
    """
    try:
        fd = sys.stdin.fileno() if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CaptureError.of("PG501", f"{path}: {error.strerror}") from None
    with os.fdopen(fd, "rb", closefd=path != "-") as stream:
        yield from _events(stream, path)


def _events(stream: IO[bytes], path: str) -> Iterator[Event]:
    expected_end, count, number = False, 0, 0
    while line := stream.readline(_LINE_MAX):
        number += 1
        item = _item(line, path, number)
        kind = item.get("type")
        if kind == "capture":
            expected_end = _check_version(item, path, number)
        elif kind == "event":
            yield _event(item, line, path, number)
            count += 1
        elif kind == "end":
            _check_end(item, count, path, number)
            expected_end = False
        elif kind not in ("finding", "status", "error"):
            raise _bad(line, path, number, f"no line of a capture has the type {kind!r}")
    if expected_end:
        raise CaptureError.of(
            "PG503",
            f"the capture ends early, after {count} events: its last line is missing",
            "the recording was interrupted; all events before were used",
            Place(path, number),
        )


def _item(line: bytes, path: str, number: int) -> dict[str, Any]:
    if len(line) == _LINE_MAX and not line.endswith(b"\n"):
        raise _bad(line, path, number, "the line is too long")
    try:
        item = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        if not line.endswith(b"\n"):
            raise CaptureError.of(
                "PG503",
                "the capture ends in the middle of a line",
                "the recording was interrupted; all events before were used",
                Place(path, number),
            ) from None
        raise _bad(line, path, number, f"not JSON: {error}") from None
    if not isinstance(item, dict):
        raise _bad(line, path, number, "not an object")
    return item


def _event(item: dict[str, Any], line: bytes, path: str, number: int) -> Event:
    try:
        return Event.from_dict(item)
    except KeyError as error:
        name = str(error.args[0])
        hint = did_you_mean(name, BY_NAME)
        raise _bad(line, path, number, f"no event is called {name!r}", hint) from None
    except (TypeError, ValueError) as error:
        raise _bad(line, path, number, str(error)) from None


def _check_version(item: dict[str, Any], path: str, number: int) -> bool:
    if item.get("version") != VERSION:
        raise CaptureError.of(
            "PG504",
            f"the capture has version {item.get('version')!r}, this program reads {VERSION}",
            "replay it with the profguard that recorded it",
            Place(path, number),
        )
    return True


def _check_end(item: dict[str, Any], count: int, path: str, number: int) -> None:
    if item.get("events") != count:
        raise CaptureError.of(
            "PG503",
            f"the capture should have {item.get('events')} events and has {count}",
            "lines were lost; all events that are there were used",
            Place(path, number),
        )


def _bad(line: bytes, path: str, number: int, what: str, hint: str | None = None) -> CaptureError:
    text = line[:120].decode("utf-8", "backslashreplace").rstrip("\n")
    return CaptureError(Problem("PG502", what, Place(path, number, 1, text), hint))
