"""The live sensor: a source of decoded events from this kernel."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from profguard.decode import Decoded, DecodeError, decode, record_size
from profguard.errors import SensorError
from profguard.events import BY_ID, BY_NAME
from profguard.model import Event
from profguard.sensor import attach, native, rights, tiers
from profguard.sensor.clock import Clock
from profguard.sensor.ring import Ring

_CONFIG = struct.Struct("<QI4x")  # struct pg_config of bpf/maps.h
_COUNTER = struct.Struct("<QQ")  # struct pg_counter


@dataclass(slots=True)
class Count:
    """Events of one kind so far: happened in the kernel, found no room, arrived here."""

    produced: int = 0
    dropped: int = 0
    received: int = 0


class Sensor:
    """Attached from `open` to `close`. Everything it does itself is left out by the probes."""

    def __init__(self, *, tier: str = tiers.AUTO, ring_bytes: int = 8 << 20):
        self.tier, self._ring_bytes = tier, ring_bytes
        self.clock = Clock()
        self.counts: dict[str, Count] = {}
        self.probes: list[tiers.Probe] = []
        self.opened_ns: int | None = None  # wall clock; no event of this run is older
        self._dropped: dict[tuple[int, int], int] = {}

    def open(self) -> None:
        """Load and attach. Raises SensorError with what the kernel refused and what would help."""
        rights.check()
        rights.mount_tracefs()
        self.opened_ns = self.clock.now_ns()
        self._bpf = attach.load(self.tier, self._prepare)
        self.probes = self._bpf.probes
        self._ring = Ring(self._bpf.map("ring").fd, self._ring_bytes)
        self._counters = self._bpf.map("counters")

    def _prepare(self, bpf) -> None:
        values = (native.symbol_address("perf_ioctl"), os.getpid())
        bpf.map(".rodata.config").set_initial(_CONFIG.pack(*values))
        bpf.map("ring").max_entries = self._ring_bytes

    def snapshot(self) -> Iterator[Decoded]:
        """What was already going on: one event a perf event that is on, timer, or traced task."""
        for data in self._bpf.snapshots():
            at = 0
            while at < len(data):
                record = memoryview(data)[at:]
                yield decode(record, self.clock.boot_to_wall_ns)
                at += record_size(record)

    def wait(self, timeout_s: float) -> bool:
        """Sleep until there may be events, at most that long."""
        return self._ring.wait(timeout_s)

    def drain(self) -> Iterator[Decoded]:
        """The events of one batch; none when the ring is empty.

        Raises SensorError where the BPF object does not speak this version's language.
        """
        counts, offset = self.counts, self.clock.boot_to_wall_ns
        for record in self._ring.drain():
            try:
                decoded = decode(record, offset)
            except DecodeError as error:
                raise SensorError.of(
                    "PG305", f"the BPF object is stale: {error}", "run 'make setup'"
                ) from None
            name = decoded.event.spec.name
            count = counts.get(name)
            if count is None:
                count = counts[name] = Count()
            count.received += 1
            yield decoded

    def losses(self) -> list[Event]:
        """A lost_events event for each CPU and event whose count of drops has grown."""
        self.clock.follow()
        found = []
        spec = BY_NAME["lost_events"]
        for event_id, event in BY_ID.items():
            if not event.wire_args:
                continue
            produced = dropped = 0
            for cpu, value in enumerate(self._counters.per_cpu(event_id, _COUNTER.size)):
                made, lost = _COUNTER.unpack(value)
                produced += made
                dropped += lost
                before = self._dropped.get((cpu, event_id), 0)
                if lost > before:
                    self._dropped[cpu, event_id] = lost
                    args = [event.name, cpu, lost - before, lost]
                    found.append(Event(spec=spec, time_ns=self.clock.now_ns(), args=args))
            if produced:
                count = self.counts.setdefault(event.name, Count())
                count.produced, count.dropped = produced, dropped
        return found

    @property
    def totals(self) -> tuple[int, int]:
        """Events received and lost, of all kinds."""
        counts = self.counts.values()
        return sum(count.received for count in counts), sum(count.dropped for count in counts)

    def detach(self) -> None:
        """No further events; what is in the ring can still be drained."""
        self._bpf.detach()

    def close(self) -> None:
        self._ring.close()
        self._bpf.close()
