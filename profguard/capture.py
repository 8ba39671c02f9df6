"""Captures: events in a file, one JSON object a line, to run rules over later.

The first line says what it is, the last how many events there are, so that a capture that was cut
short is noticed. In between are events in their public shape, as `profguard run --events --json`
prints them; its output can be replayed as it is, and so can captures one after the other. What
Tracee prints is read too: an event a line, and nothing else.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from profguard.errors import CaptureError, Place, Problem, did_you_mean
from profguard.events import BY_NAME
from profguard.model import Event
from profguard.timefmt import rfc3339
from profguard.tracee import from_tracee

VERSION = 1
LINE_MAX = 1 << 20  # bytes; the longest event has a few thousand

# What pairing and storing cannot do without. A capture of an older version may lack the rest.
_NEEDED = {
    "prof": ("flags", "event_ids", "events", "action", "cause", "mechanism"),
    "ptrace": ("request", "ret"),
    "lost_events": ("event", "count"),
}
_WHAT_IT_IS = "`profguard record` makes captures, and `profguard run --json --events` prints one"
_IS_TRACEE = "`--format tracee` reads what Tracee prints"
_LOG_KEYS = {"level", "ts", "msg"}  # of a line of Tracee's own log
_encoder = msgspec.json.Encoder()


class Recorder:
    """Writes a capture. Every batch is flushed; `close` writes the end, unless a write failed."""

    def __init__(self, path: Path, started_ns: int, host: str):
        self._path, self.events, self._failed = path, 0, False
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with self._writing():
            self._file = os.fdopen(os.open(path, flags, 0o600), "wb")
        self._line(
            {"type": "capture", "version": VERSION, "host": host, "started": rfc3339(started_ns)}
        )
        self.flush()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._failed = True
            raise CaptureError.of("PG505", f"{self._path}: {error.strerror}") from None

    def _line(self, item: dict[str, Any]) -> None:
        with self._writing():
            self._file.write(_encoder.encode(item) + b"\n")

    def write(self, event: Event) -> None:
        self._line(event.as_dict())
        self.events += 1

    def flush(self) -> None:
        with self._writing():
            self._file.flush()

    def close(self) -> None:
        try:
            if not self._failed:
                self._line({"type": "end", "events": self.events})
                self.flush()
        finally:
            with suppress(OSError):  # it was told
                self._file.close()


def read(path: str, form: str = "profguard") -> Iterator[Event]:
    """The events of a file in one of FORMATS; "-" is standard input.

    Raises CaptureError at the first line that is not what it should be, and after the last event
    if a capture has no end. What was read before is good.
    """
    reader = FORMATS[form]
    name = "stdin" if path == "-" else path
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as stream:
            yield from reader(stream, name).events()
    except OSError as error:
        raise CaptureError.of("PG501", f"{name}: {error.strerror}", reader.what_it_is) from None


class _Lines:
    """Reads line by line; `_line` and `_number` are the line that is being read."""

    what_it_is: str
    cut: str  # why a line may have no end

    def __init__(self, stream: IO[bytes], name: str):
        self._stream, self._name = stream, name
        self._line, self._number = b"", 0

    def items(self) -> Iterator[dict[str, Any]]:
        """The object of each line. An input without any is an error, for silence is told too."""
        while line := self._stream.readline(LINE_MAX):
            self._line, self._number = line, self._number + 1
            yield self._item()
        if not self._number:
            raise CaptureError.of("PG504", f"{self._name} is empty", self.what_it_is)

    def _item(self) -> dict[str, Any]:
        line = self._line
        if len(line) == LINE_MAX and not line.endswith(b"\n"):
            raise self._bad(f"the line is longer than {LINE_MAX} bytes", self.what_it_is)
        try:
            item = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if not line.endswith(b"\n") and self._number > 1:
                what = "the capture ends in the middle of a line"
                raise CaptureError.of("PG503", what, self.cut, self._place()) from None
            raise self._bad(f"not JSON: {error}", self.what_it_is) from None
        if not isinstance(item, dict):
            raise self._bad("not an object", self.what_it_is)
        return item

    def _event(self, made: Callable[[dict[str, Any]], Event], item: dict[str, Any]) -> Event:
        try:
            event = made(item)
            _check_complete(event)
        except KeyError as error:
            name = str(error.args[0])
            said = f"no event is called '{name}'"
            raise self._bad(said, did_you_mean(name, BY_NAME)) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise self._bad(f"not an event: {error}") from None
        return event

    def _place(self) -> Place:
        return Place(self._name, self._number)

    def _bad(self, what: str, hint: str | None = None) -> CaptureError:
        text = self._line[:120].decode("utf-8", "backslashreplace").rstrip("\n")
        return CaptureError(Problem("PG502", what, Place(self._name, self._number, 1, text), hint))


class _Capture(_Lines):
    """What profguard records or prints."""

    what_it_is = _WHAT_IT_IS
    cut = "the recording was interrupted; all events before were used"

    def __init__(self, stream: IO[bytes], name: str):
        super().__init__(stream, name)
        self._count = 0  # events since the capture's first line
        self._open = False  # a first line was read whose last line is not
        self._kinds: set[str] = set()

    def events(self) -> Iterator[Event]:
        for item in self.items():
            kind = item.get("type")
            if kind == "event":
                yield self._event(Event.from_dict, item)
                self._count += 1
            elif kind == "capture":
                self._begin(item)
            elif kind == "end":
                self._end(item)
            elif kind not in ("finding", "status", "error"):
                hint = _IS_TRACEE if "eventName" in item else _WHAT_IT_IS
                raise self._bad(f"no line of a capture has the type {kind!r}", hint)
            self._kinds.add(kind)
        self._check_whole()

    def _begin(self, item: dict[str, Any]) -> None:
        if self._open:
            raise self._short(f"another capture begins after {self._count} events")
        if item.get("version") != VERSION:
            raise CaptureError.of(
                "PG504",
                f"the capture has version {item.get('version')!r}, this program reads {VERSION}",
                "replay it with the profguard that recorded it",
                self._place(),
            )
        self._open, self._count = True, 0

    def _end(self, item: dict[str, Any]) -> None:
        if item.get("events") != self._count:
            raise CaptureError.of(
                "PG503",
                f"the capture should have {item.get('events')!r} events and has {self._count}",
                "lines were lost or added; all events that are there were used",
                self._place(),
            )
        self._open = False

    def _check_whole(self) -> None:
        """Silence must not pass for a capture in which nothing happened."""
        if self._open:
            raise self._short(f"the capture ends early, after {self._count} events")
        if "finding" in self._kinds and not self._kinds & {"event", "capture"}:
            raise CaptureError.of(
                "PG504",
                f"{self._name} has findings but no events",
                "`profguard run --json --events` prints the events too",
            )

    def _short(self, what: str) -> CaptureError:
        return CaptureError.of(
            "PG503", f"{what}: its last line is missing", self.cut, self._place()
        )


class _Tracee(_Lines):
    """What Tracee prints: an event a line, no first and no last line."""

    what_it_is = "`tracee --output json` prints what this reads"
    cut = "Tracee was interrupted; all events before were used"

    def events(self) -> Iterator[Event]:
        for item in self.items():
            if item.keys() >= _LOG_KEYS:
                continue  # where its standard error came along, as in a container's log
            if item.get("type") in ("event", "capture"):
                raise self._bad("a line of a capture", "leave out `--format tracee`")
            yield self._event(from_tracee, item)


FORMATS = {"profguard": _Capture, "tracee": _Tracee}


def _check_complete(event: Event) -> None:
    """Raise ValueError for an event that the stations cannot work with."""
    name = event.spec.name
    for arg in _NEEDED.get(name, ()):
        if event[arg] is None:
            raise ValueError(f"{name}.{arg} is missing")
    if name == "prof" and len(event["events"]) != len(event["event_ids"]):
        raise ValueError("prof.events and prof.event_ids differ in length")
