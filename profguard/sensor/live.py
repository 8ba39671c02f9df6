"""The live sensor: a source of decoded events from this kernel."""

import os
import struct
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from profguard.decode import Decoded, DecodeError, decode, record_size
from profguard.errors import SensorError
from profguard.events import BY_ID, BY_NAME, REGISTRY
from profguard.lookout import Lookout
from profguard.model import Event
from profguard.sensor import attach, attach_bcc, native, rights, tiers
from profguard.sensor.accounting import Count, Ledger, Loss, Reading, Readings, is_balanced
from profguard.sensor.clock import Clock
from profguard.sensor.folds import Folds
from profguard.sensor.libbpf import LibbpfError, possible_cpus
from profguard.sensor.ring import Rings
from profguard.wanted import CHOOSABLE, EVERYTHING, MAX_VALUES, Wanted

_CONFIG = struct.Struct("<QQII" + f"I{MAX_VALUES}I" * len(CHOOSABLE) + "II")  # struct pg_config
_PERF_IOCTL = "perf_ioctl"  # see struct pg_config
_COUNTER = struct.Struct("<QQQQ")  # struct pg_counter
_TGID = struct.Struct("<I")
_CGROUP = struct.Struct("<Q")
_NAME_VALUE = struct.Struct("<I")
_LOOKS_OUT = frozenset({"profiler_env", "shared_object_loaded", "runtime_attach"})
_SENT = tuple(spec for spec in REGISTRY if spec.wire_args)
_URGENT_BYTES = 1 << 20
_SETTLE_S = 0.5  # how long a program that ran when it was detached may still be at it

# What the snapshot's programs look at, the event that tells of it, and its mechanism.
_SHOWN = (
    ("iter/task_file", "prof", "perf"),
    ("iter/task", "prof", "itimer"),
    ("iter/task", "ptrace", "ptrace"),
)

MAX_RATE = 1000
FOLDS_EVERY_NS = 1_000_000_000


class Sensor:
    """Attached from `open` to `close`. Everything it does itself is left out by the probes.

    `max_rate` is how many like events a second one process may cause; more are folded. 0: any.
    `wanted` is asked when it must be known what to attach, and may wait for the answer. `lookout`
    has the names that the probes of some events look for.
    """

    def __init__(
        self,
        *,
        tier: str = tiers.AUTO,
        loader: str = tiers.LIBBPF,
        ring_bytes: int = 8 << 20,
        max_rate: int = MAX_RATE,
        wanted: Callable[[], Wanted] = lambda: EVERYTHING,
        lookout: Lookout | None = None,
    ):
        self.tier, self.loader = tier, loader
        self._ring_bytes, self._max_rate = ring_bytes, max_rate
        self._ask_wanted = wanted
        self._lookout = lookout or Lookout()
        self.wanted = EVERYTHING
        self.clock = Clock()
        self.counts: dict[str, Count] = {}
        self.probes: list[tiers.Probe] = []
        self.opened_ns: int | None = None  # wall clock; no event of this run is older

    def open(self) -> None:
        """Load and attach. Raises SensorError with what the kernel refused and what would help."""
        rights.check(types=self.loader == tiers.LIBBPF)
        rights.mount_tracefs()
        self.opened_ns = self.clock.now_ns()
        if self.loader == tiers.BCC:
            self._bpf = attach_bcc.load(self._prepare, self._events)
        else:
            self._bpf = attach.load(self.tier, self._prepare, self._events)
        self.probes = self._bpf.probes
        self._tell_names()
        self._rings = Rings(
            [
                (self._bpf.map("ring").fd, self._ring_bytes),
                (self._bpf.map("urgent_ring").fd, _URGENT_BYTES),
            ],
            cpus=possible_cpus(),
            events=max(BY_ID) + 1,
        )
        self._counters = self._bpf.map("counters")
        self._settled_s, self._folds_at_ns = 0.0, 0
        self._folds = Folds(self._bpf.map("folds"))
        self._ledger = Ledger(_boot_ns())
        self.counts = self._ledger.counts

    def _events(self) -> Collection[str]:
        native.symbol_address(_PERF_IOCTL)  # kept: it takes a while, as the answer may
        self.wanted = self._ask_wanted()
        return self.wanted.events

    def _prepare(self, bpf) -> None:
        wanted = sum(1 << spec.id for spec in _SENT if spec.name in self.wanted.events)
        values = [number for key in CHOOSABLE for number in self._chosen(*key)]
        address = native.symbol_address(_PERF_IOCTL)
        values += [bool(self.wanted.labels), 0]
        bpf.map(".rodata.config").set_initial(
            _CONFIG.pack(address, wanted, os.getpid(), self._max_rate, *values)
        )
        bpf.map("ring").max_entries = self._ring_bytes

    def _tell_names(self) -> None:
        """Until then no such event is told; that is before anybody is told that it is armed."""
        if self.wanted.events.isdisjoint(_LOOKS_OUT):
            return
        names = self._bpf.map("names")
        try:
            for key, value in self._lookout.entries():
                names.put(key, _NAME_VALUE.pack(value))
        except LibbpfError as error:
            self._bpf.close()
            raise SensorError.of(
                "PG302",
                f"the kernel does not take the names to look for: {error.strerror}",
                "shorten sensor.agents",
            ) from None

    def _chosen(self, event: str, argument: str) -> list[int]:
        """What struct pg_values has: how many, and which; none where all are wanted."""
        spec = BY_NAME[event]
        names = self.wanted.values.get((event, argument), frozenset())
        numbers = {name: number for number, name in spec.arg(argument).values.items()}
        found = sorted(numbers[name] for name in names)
        return [len(found), *found, *[0] * (MAX_VALUES - len(found))]

    def snapshot(self) -> Iterator[Decoded]:
        """What was already going on: one event a perf event that is on, timer, or traced task."""
        for data in self._bpf.snapshots():
            at = 0
            while at < len(data):
                record = memoryview(data)[at:]
                yield decode(record, self.clock.boot_to_wall_ns)
                at += record_size(record)

    @property
    def shown(self) -> set[str]:
        """The mechanisms of which the snapshot tells whatever is on."""
        hooks = {hook for probe in self.probes if not probe.refusal for hook in probe.hooks}
        return {
            mechanism
            for hook, event, mechanism in _SHOWN
            if hook in hooks and event in self.wanted.events
        }

    def wait(self, timeout_s: float) -> bool:
        """Sleep until there may be events, at most that long."""
        return self._rings.wait(timeout_s)

    def drain(self) -> Iterator[Decoded]:
        """The events of one batch; none when the rings are empty.

        Raises SensorError where the BPF object does not speak this version's language.
        """
        offset = self.clock.boot_to_wall_ns
        for record in self._rings.drain():
            try:
                yield decode(record, offset)
            except DecodeError as error:
                raise SensorError.of(
                    "PG305", f"the BPF object is stale: {error}", "run 'make setup'"
                ) from None

    def mark_labelled(self, pid: int) -> None:
        """What switches profiling on in this process is urgent from now on."""
        with suppress(LibbpfError):  # it goes the way of all others
            self._bpf.map("labelled").put(_TGID.pack(pid), b"\1")

    def mark_quiet(self, cgroup_id: int) -> None:
        """What is done to processes in this cgroup is of no use, if only some labels are wanted."""
        with suppress(LibbpfError):  # it is told
            self._bpf.map("quiet_cgroups").put(_CGROUP.pack(cgroup_id), b"\1")

    def losses(self) -> list[Decoded]:
        """The lost_events and folded_events since this was last asked."""
        self.clock.follow()
        at_ns, delivered_ns = _boot_ns(), self._rings.delivered_ns
        now = self._reading()
        losses = self._ledger.enter(now, self._skipped(), at_ns, delivered_ns)
        folds = []
        if at_ns >= self._folds_at_ns:
            self._folds_at_ns = at_ns + FOLDS_EVERY_NS
            folds = self._folded(now)
        return self._lost(losses) + folds

    def last_losses(self) -> list[Decoded]:
        """The same after the last event was taken: then all must be explained."""
        at_ns, now = _boot_ns(), self._reading()
        return self._lost(self._ledger.close(now, self._skipped(), at_ns)) + self._folded(now)

    def is_settled(self) -> bool:
        """After `detach` and a drain that gave nothing: whether nothing more can come."""
        if is_balanced(self._reading()) or time.monotonic() > self._settled_s:
            return True
        time.sleep(_SETTLE_S / 50)
        return False

    def _reading(self) -> Readings:
        found = {}
        for spec in _SENT:
            for cpu, value in enumerate(self._counters.per_cpu(spec.id, _COUNTER.size)):
                produced, *unsent = _COUNTER.unpack(value)
                received = self._rings.received(cpu, spec.id)
                found[spec.name, cpu] = Reading(produced, received, *unsent)
        return found

    def _skipped(self) -> dict[str, int]:
        """Runs that the kernel left out, for each event that they may have been."""
        found: dict[str, int] = {}
        for probe, runs in self._bpf.skipped().items():
            for event in probe.events if runs else ():
                if event in self.wanted.events:
                    found[event] = found.get(event, 0) + runs
        return found

    def _folded(self, now: Readings) -> list[Decoded]:
        total = sum(reading.folded for reading in now.values())
        return self._folds.told(total, self.clock.boot_to_wall_ns)

    def _lost(self, losses: list[Loss]) -> list[Decoded]:
        spec, now_ns, boot_ns = BY_NAME["lost_events"], self.clock.now_ns(), _boot_ns()
        found = []
        for loss in losses:
            args = [loss.event, loss.cpu, loss.count, loss.total, loss.reason]
            args.append(boot_ns - loss.since_ns)
            found.append(Decoded(Event(spec=spec, time_ns=now_ns, args=args), None, None))
        return found

    @property
    def totals(self) -> dict[str, int]:
        """Events of all kinds received, lost on the way, and folded."""
        counts = list(self.counts.values())
        return {
            "received": sum(count.received for count in counts),
            "dropped": sum(count.lost for count in counts),
            "folded": sum(count.folded for count in counts),
        }

    def detach(self) -> None:
        """No further events; what is in the rings can still be drained."""
        self._bpf.detach()
        self._settled_s = time.monotonic() + _SETTLE_S

    def close(self) -> None:
        self._rings.close()
        self._bpf.close()


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
