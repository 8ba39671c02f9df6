"""The loader for kernels without type information: the kprobe tier, compiled here by BCC.

A function of the kernel that takes no kprobe has the tracepoints of its system call instead.

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
        self._modules: list[bcc.Module] = []
        self._attached: dict[Program, tuple[bcc.Module, int]] = {}  # with its descriptor
        self.probes: list[Probe] = []
        prepare(self._maps)

    def map(self, name: str) -> Map:
        return self._maps.map(name)

    def snapshots(self) -> Iterator[bytes]:
        return iter(())

    def detach(self) -> None:
        """No further records; the maps stay until it is closed."""
        for module in self._modules:
            module.detach_all()

    def close(self) -> None:
        while self._modules:
            self._modules.pop().close()
        self._maps.close()

    def load_maps(self) -> None:
        self._maps.load()

    @property
    def _fds(self) -> dict[str, int]:
        """The descriptors of the maps, by name."""
        fds = {name: self.map(name).fd for name, _ in self._maps.maps() if "." not in name}
        return fds | {"config": self.map(".rodata.config").fd}

    def attach(self, tier: str, programs: list[Program]) -> Refusals:
        """Compile programs together, load and attach each of them. Raises SensorError."""
        refusals: Refusals = {}
        module = self.compile(tier, programs)
        for program in programs:
            try:
                fd = module.load(program)
                module.attach(program)
            except bcc.BccError as error:
                refusals[program.name] = str(error)
            else:
                self._attached[program] = module, fd
        return refusals

    def compile(self, tier: str, programs: list[Program]) -> bcc.Module:
        """A tier's file with these programs, for the loaded maps. Raises SensorError."""
        source = resources.folder("bpf") / f"{tier}.bpf.c"
        try:
            self._modules.append(bcc.Module(source, programs, self._fds))
        except bcc.BccError as error:
            raise SensorError.of(
                "PG307",
                f"BCC {error}",
                "it needs the headers of this kernel, not of another one",
            ) from None
        return self._modules[-1]

    def forget(self, program: Program) -> None:
        """Detach one program of a probe that is not whole without others."""
        if program in self._attached:
            module, _ = self._attached.pop(program)
            module.detach(program)

    def skipped(self) -> dict[Probe, int]:
        """How many runs of its programs the kernel left out, by probe."""
        fds = {program: fd for program, (_, fd) in self._attached.items()}
        return attach.skipped_by_probe(self.probes, fds)


def flavours(events: Collection[str]) -> tiers.Flavours:
    """The programs that BCC can compile, of the probes of some events."""
    of_calls = attach.compiled("tracepoint")
    return tiers.flavours(
        {
            OF_BCC: attach.compiled(OF_BCC),
            "tracepoint": {
                name: section
                for name, section in of_calls.items()
                if section.startswith("tracepoint/")
            },
        },
        events,
    )


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
            "BCC cannot do without them: leave out --loader",
        )
    known = flavours(events())
    attached = Compiled(prepare)
    try:
        attached.load_maps()
        attach.place(
            attached, known, {name: tiers.preference(each) for name, each in known.items()}
        )
    except SensorError:
        attached.close()
        raise
    return attached
