"""The loader for kernels without type information: the kprobe tier, compiled here by BCC.

Only the maps are loaded as they were compiled before; libbpf does that on any kernel. What was
already going on at the start is not known: reading that needs type information.
"""

from collections.abc import Callable, Collection, Iterator

from profguard import resources
from profguard.errors import SensorError
from profguard.sensor import attach, bcc, kinds, tiers
from profguard.sensor.attach import Prepare, Refusals
from profguard.sensor.libbpf import Map, Object
from profguard.sensor.tiers import OF_BCC, Probe, Program


class Compiled:
    """What is loaded: the maps, programs that use them, and what became of each probe."""

    def __init__(self, prepare: Prepare):
        self._maps = Object(tiers.object_path("maps"))
        self._module: bcc.Module | None = None
        self._attached: dict[Program, int] = {}  # with its descriptor
        self.probes: list[Probe] = []
        prepare(self._maps)

    def map(self, name: str) -> Map:
        return self._maps.map(name)

    def snapshots(self) -> Iterator[bytes]:
        return iter(())

    def detach(self) -> None:
        """No further records; the maps stay until it is closed."""
        if self._module:
            self._module.detach_all()

    def close(self) -> None:
        if self._module:
            self._module.close()
            self._module = None
        self._maps.close()

    def load_maps(self) -> dict[str, int]:
        """Their descriptors, by name."""
        self._maps.load()
        fds = {name: self.map(name).fd for name, _ in self._maps.maps() if "." not in name}
        return fds | {"config": self.map(".rodata.config").fd}

    def attach(self, _tier: str, programs: list[Program]) -> Refusals:
        """Compile programs together, load and attach each of them. Raises SensorError."""
        refusals: Refusals = {}
        source = resources.folder("bpf") / f"{OF_BCC}.bpf.c"
        try:
            self._module = bcc.Module(source, programs, self.load_maps())
        except bcc.BccError as error:
            raise SensorError.of(
                "PG307",
                f"BCC {error}",
                "it needs the headers of this kernel, not of another one",
            ) from None
        for program in programs:
            try:
                fd = self._module.load(program)
                self._module.attach(program)
            except bcc.BccError as error:
                refusals[program.name] = str(error)
            else:
                self._attached[program] = fd
        return refusals

    def forget(self, program: Program) -> None:
        """Detach one program of a probe that is not whole without others."""
        if self._attached.pop(program, None):
            self._module.detach(program)

    def skipped(self) -> dict[Probe, int]:
        """How many runs of its programs the kernel left out, by probe."""
        return attach.skipped_by_probe(self.probes, self._attached)


def load(prepare: Prepare, events: Callable[[], Collection[str]]) -> Compiled:
    """The probes of some events, as attach.load() gives them.

    Raises SensorError if BCC, the kernel's headers or kprobes are missing, or nothing is attached.
    """
    bcc.package()
    bcc.check_headers()
    if refused := kinds.refusals([OF_BCC]):
        raise SensorError.of(
            "PG302",
            f"this kernel takes no {OF_BCC} programs: {refused[OF_BCC]}",
            "BCC has no others: leave out --loader",
        )
    known = tiers.flavours({OF_BCC: attach.compiled(OF_BCC)}, events())
    attached = Compiled(prepare)
    try:
        attach.place(attached, known, {name: [OF_BCC] for name in known})
    except SensorError:
        attached.close()
        raise
    return attached
