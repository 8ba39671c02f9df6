"""Ring-buffer bytes to events. Pure: any bytes give an event or a DecodeError, never a crash.

One decoder is built for each event of the registry when this module is imported: a precompiled
`struct.Struct` for the whole record, and for each public argument how its value is made.
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from profguard import wire
from profguard.events import REGISTRY, Arg, EventSpec
from profguard.model import SOURCES, Event
from profguard.rawtask import RawTask
from profguard.tiers import TIERS

_HEADER = struct.Struct("<" + wire.HEADER.format)
_HEAD_FIELDS = len(wire.HEADER.members)
_TASK_FIELDS = len(wire.TASK.members)
_FIRST_ARG = _HEAD_FIELDS + 2 * _TASK_FIELDS
_SOURCE_NAMES = list(SOURCES)


class DecodeError(ValueError):
    """The bytes are not a record of this version."""


class Decoded(NamedTuple):
    """An event whose tasks are still raw: the context station turns them into processes."""

    event: Event
    actor: RawTask | None
    target: RawTask | None


def text(raw: bytes) -> str:
    r"""Bytes up to the first NUL as text; what is not UTF-8 is shown as \xNN."""
    return raw.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def path_from_components(raw: bytes) -> str | None:
    r"""`b"perf\0bin\0usr\0"` is /usr/bin/perf: components, leaf first. None if there are none."""
    parts = [part for part in raw.split(b"\0") if part]
    if not parts:
        return None
    return "/" + b"/".join(reversed(parts)).decode("utf-8", "backslashreplace")


def arguments(raw: bytes) -> tuple[str, ...] | None:
    r"""`b"ls\0-l\0"` is ("ls", "-l"); the last may be cut off. None if nothing could be read."""
    if not raw:
        return None
    body = raw[:-1] if raw.endswith(b"\0") else raw
    return tuple(part.decode("utf-8", "backslashreplace") for part in body.split(b"\0"))


def _value_maker(arg: Arg, position: int, count_at: int | None) -> Callable[[tuple], Any]:
    """A function from the unpacked fields to the argument's value."""
    ctype = arg.ctype
    if ctype.startswith("char["):
        # An empty text that may be absent is absent.
        empty = None if "OPT" in arg.tags else ""
        return lambda fields: text(fields[position]) or empty
    if ctype.startswith("path["):
        return lambda fields: path_from_components(fields[position][: fields[count_at]])
    if ctype.startswith("argv["):
        return lambda fields: arguments(fields[position][: fields[count_at]])
    if arg.values is not None:
        names, null = arg.values, arg.null
        return lambda fields: (
            None if fields[position] == null else names.get(fields[position], str(fields[position]))
        )
    if arg.bits is not None:
        bits, null = tuple((1 << bit, name) for bit, name in arg.bits.items()), arg.null
        return lambda fields: (
            None
            if fields[position] == null
            else tuple(name for bit, name in bits if fields[position] & bit)
        )
    if arg.null is not None:
        null = arg.null
        return lambda fields: None if fields[position] == null else fields[position]
    return lambda fields: fields[position]


class _Decoder:
    """The decoder of one event."""

    def __init__(self, spec: EventSpec):
        layout = wire.arguments(spec)
        self.spec = spec
        self.unpack = struct.Struct("<" + wire.HEADER.format + wire.TASK.format * 2 + layout.format)
        at, positions = _FIRST_ARG, {}
        for member in layout.members:
            positions[member.name] = at
            array_of_numbers = member.length and not member.format.endswith("s")
            at += member.length if array_of_numbers else 1
        self.makers = [
            None if arg.ctype is None else self._maker(arg, positions) for arg in spec.public_args
        ]

    @staticmethod
    def _maker(arg: Arg, positions: dict[str, int]):
        position, count_at = positions[arg.name], positions.get(arg.count)
        if arg.ctype.startswith(("u32[", "u64[")):
            limit = int(arg.ctype.partition("[")[2][:-1])
            return lambda fields: fields[position : position + min(fields[count_at], limit)]
        return _value_maker(arg, position, count_at)


_DECODERS = {spec.id: _Decoder(spec) for spec in REGISTRY if spec.wire_args}


def decode(record: bytes | memoryview, boot_to_wall_ns: int = 0) -> Decoded:
    """The event in one record. `boot_to_wall_ns` is added to boot times to get wall-clock times."""
    if len(record) < _HEADER.size:
        raise DecodeError(f"a record of {len(record)} bytes is too short for its header")
    boot_ns, sequence, cpu, event_id, tier, source = _HEADER.unpack_from(record)
    decoder = _DECODERS.get(event_id)
    if decoder is None:
        raise DecodeError(f"no event has the id {event_id}")
    if len(record) < decoder.unpack.size:
        raise DecodeError(
            f"a record of {len(record)} bytes is too short for {decoder.spec.name} "
            f"({decoder.unpack.size} bytes)"
        )
    fields = decoder.unpack.unpack_from(record)
    if source >= len(_SOURCE_NAMES):
        raise DecodeError(f"no source has the number {source}")
    event = Event(
        spec=decoder.spec,
        time_ns=boot_ns + boot_to_wall_ns,
        args=[maker and maker(fields) for maker in decoder.makers],
        source=_SOURCE_NAMES[source],
        tier=TIERS.get(tier),
        boot_ns=boot_ns,
        cpu=cpu,
        sequence=sequence,
    )
    return Decoded(event, task(fields, _HEAD_FIELDS), task(fields, _HEAD_FIELDS + _TASK_FIELDS))


def record_size(record: bytes | memoryview) -> int:
    """The bytes that the record at the start takes, where records follow each other."""
    return _DECODERS[_HEADER.unpack_from(record)[3]].unpack.size


def task(fields: tuple, first: int) -> RawTask | None:
    """The struct pg_task whose members begin there; None where there is no task."""
    values = fields[first : first + _TASK_FIELDS]
    return RawTask(*values[:-1], text(values[-1])) if values[3] else None
