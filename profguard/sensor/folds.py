"""What the kernel side folded: too many events that are alike, counted by process and target."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from profguard import wire
from profguard.decode import Decoded, task
from profguard.events import BY_ID, BY_NAME
from profguard.model import Event
from profguard.rawtask import RawTask
from profguard.sensor.libbpf import Map

_ALIKE = struct.Struct("<IIII")  # struct pg_alike of bpf/maps.h
_FOLD = struct.Struct("<QQQQQ" + wire.TASK.format * 2)  # struct pg_fold
_NUMBERS = 5
_TASK_FIELDS = len(wire.TASK.members)


class _Fold(NamedTuple):
    event: str
    folded: int  # ever
    first_ns: int  # boot time, of those of the latest second
    last_ns: int
    process: RawTask | None
    target: RawTask | None


class Folds:
    """Reads the map; most of the time it has nothing new, and is not read."""

    def __init__(self, folds: Map):
        self._map = folds
        self._total = 0  # told, with or without a process
        self._told: dict[bytes, tuple[int, int]] = {}  # how many, and until when, by entry

    def told(self, total: int, boot_to_wall_ns: int) -> list[Decoded]:
        """A folded_events for each entry that has grown; `total` is how many there are in all.

        Those whose entry had to make room for others are told without a process.
        """
        if total == self._total:
            return []
        found = []
        for key, fold in self._read():
            told, until_ns = self._told.get(key, (0, 0))
            count = fold.folded - told if fold.folded >= told else fold.folded  # an entry made anew
            if count:
                self._told[key] = fold.folded, fold.last_ns
                self._total += count
                span_ns = fold.last_ns - max(fold.first_ns, until_ns)
                event = _event(fold.event, count, span_ns, fold.last_ns, boot_to_wall_ns)
                found.append(Decoded(event, fold.process, fold.target))
        return found

    def _read(self) -> Iterator[tuple[bytes, _Fold]]:
        present = set()
        for key, value in self._map.items(_ALIKE.size, _FOLD.size):
            present.add(key)
            _, _, event_id, _ = _ALIKE.unpack(key)
            fields = _FOLD.unpack(value)
            _, _, folded, first_ns, last_ns = fields[:_NUMBERS]
            if folded:
                process = task(fields, _NUMBERS)
                target = task(fields, _NUMBERS + _TASK_FIELDS)
                yield key, _Fold(BY_ID[event_id].name, folded, first_ns, last_ns, process, target)
        for key in self._told.keys() - present:
            del self._told[key]


def _event(name: str, count: int, span_ns: int, last_ns: int, boot_to_wall_ns: int) -> Event:
    return Event(
        spec=BY_NAME["folded_events"],
        time_ns=last_ns + boot_to_wall_ns,
        boot_ns=last_ns,
        args=[name, count, span_ns],
    )
