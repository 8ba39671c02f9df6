"""Loads and attaches the probes, each in the best tier that the kernel really takes it in.

A probe that is refused is tried in its next tier, and the others are not touched: one that nothing
takes degrades what it serves, not the sensor.
"""

import errno
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from profguard.errors import Problem, SensorError
from profguard.sensor import cgroups, kinds, tiers
from profguard.sensor.libbpf import LibbpfError, Map, Object, kernel_has, skipped_runs
from profguard.sensor.tiers import Probe, Program

Prepare = Callable[[Object], None]
Refusals = dict[str, str]  # by name of the program


class Attached:
    """What is loaded: objects whose maps are shared, and what became of each probe."""

    def __init__(self, prepare: Prepare):
        self._prepare = prepare
        self._objects: list[Object] = []
        self._attached: dict[Program, Object] = {}
        self._iterators: list[tuple[Object, str]] = []
        self.probes: list[Probe] = []

    def map(self, name: str) -> Map:
        return self._objects[0].map(name)

    def snapshots(self) -> Iterator[bytes]:
        """All that each iterator writes, in one pass over the kernel's objects."""
        for bpf, program in self._iterators:
            yield bpf.read_iterator(program)

    def detach(self) -> None:
        """No further records; the maps stay until it is closed."""
        for bpf in self._objects:
            bpf.detach_all()

    def close(self) -> None:
        while self._objects:  # the maps are those of the first
            self._objects.pop().close()

    def attach(self, tier: str, programs: list[Program]) -> Refusals:
        """Attach programs of a tier. Raises LibbpfError where none can be loaded at all."""
        refusals = {program.name: missing for program in programs if (missing := _missing(program))}
        bpf = self._load(tier, {program.name for program in programs}, refusals)
        if bpf is None:
            return refusals
        self._objects.append(bpf)
        for program in programs:
            if program.name in refusals:
                continue
            if program.is_iterator:
                self._iterators.append((bpf, program.name))
                continue
            try:
                bpf.attach(program.name)
                self._attached[program] = bpf
            except LibbpfError as error:
                refusals[program.name] = error.strerror
        return refusals

    def forget(self, program: Program) -> None:
        """Detach one program of a probe that is not whole without others."""
        if bpf := self._attached.pop(program, None):
            bpf.detach(program.name)

    def skipped(self) -> dict[Probe, int]:
        """How many runs of its programs the kernel left out, by probe."""
        fds = {program: bpf.program_fd(program.name) for program, bpf in self._attached.items()}
        return skipped_by_probe(self.probes, fds)

    def _load(self, tier: str, names: set[str], refusals: Refusals) -> Object | None:
        """A tier's object with these programs, without those that the verifier refuses."""
        explain = False
        while chosen := names - refusals.keys():
            bpf = Object(tiers.object_path(tier), explain=explain)
            for name in bpf.programs().keys() - chosen:
                bpf.skip(name)
            self._prepare(bpf)
            if self._objects:
                bpf.share_maps(self._objects[0])
            try:
                bpf.load()
            except LibbpfError as error:
                bpf.close()
                culprit = error.failed_program
                if error.errno == errno.EPERM or (explain and culprit not in chosen):
                    raise
                if culprit in chosen:
                    refusals[culprit] = _reason(error)
                explain = True  # again, to learn which program it was
            else:
                return bpf
        return None


def _missing(program: Program) -> str | None:
    """What a program lacks here that is known before its load, which might fail for all."""
    if not kernel_has(program.section):
        return "this kernel has no such function"
    if program.kind == "cgroup":
        return cgroups.refusal()
    return None


def skipped_by_probe(probes: Iterable[Probe], fds: Mapping[Program, int]) -> dict[Probe, int]:
    """How many runs of programs, given with their descriptors, the kernel left out."""
    runs: Counter[str] = Counter()
    for program, fd in fds.items():
        runs[program.probe] += skipped_runs(fd)
    return {probe: runs[probe.name] for probe in probes}


def load(tier: str, prepare: Prepare, events: Callable[[], Collection[str]]) -> Attached:
    """The probes of some events, in their best tiers or, where they have it, in the one named.

    `events` is called when these must be known, `prepare` with each opened object before its load.
    Raises SensorError if nothing can be attached, or the kernel takes no program of the tier that
    is named.
    """
    refused = _refused_tiers(tier)
    allowed = [each for each in tiers.ORDER if each not in refused]
    sections = {each: compiled(each) for each in allowed}
    known = tiers.flavours(sections, events())
    attached = Attached(prepare)
    place(attached, known, {name: tiers.preference(each, tier) for name, each in known.items()})
    return attached


def place(attached, known: tiers.Flavours, left: dict[str, list[str]]) -> None:
    """Attach each probe in the first of the tiers left to it that takes it.

    Raises SensorError, with everything closed, if nothing can be attached.
    """
    probes, failure = {name: Probe(name) for name in known}, None
    while waiting := [name for name in left if left[name]]:
        each = min((left[name][0] for name in waiting), key=tiers.ORDER.index)
        names = [name for name in waiting if left[name][0] == each]
        programs = [program for name in names for program in known[name][each]]
        try:
            refusals = attached.attach(each, programs)
        except LibbpfError as error:
            failure = error
            refusals = {program.name: error.strerror for program in programs}
        for name in names:
            flavour = known[name][each]
            left[name].pop(0)
            if tiers.is_whole(flavour, refusals):
                left[name].clear()
                probes[name].settle(each, [p for p in flavour if p.name not in refusals])
            else:
                probes[name].refuse(each, flavour, refusals)
                for program in flavour:
                    attached.forget(program)
    attached.probes = list(probes.values())
    if all(probe.refusal for probe in attached.probes if not probe.is_snapshot):
        attached.close()
        raise _nothing(attached.probes, failure)


def _refused_tiers(tier: str) -> Refusals:
    """The tiers not to be tried: not wanted, or the kernel takes none of their programs."""
    if tier == "tracepoint":
        return dict.fromkeys(tiers.ORDER[:-1], "not wanted")
    if tier == tiers.AUTO:
        return kinds.refusals(tiers.ORDER[:-1])
    refused = kinds.refusals([tier])
    if tier in refused:
        raise SensorError.of(
            "PG302",
            f"this kernel takes no {tier} programs: {refused[tier]}",
            "leave out --tier: each probe is then attached in the best way there is",
        )
    return dict.fromkeys(set(tiers.ORDER) - {tier, "tracepoint"}, "not wanted")


def compiled(tier: str) -> dict[str, str]:
    """The section of each program that the tier's object has."""
    bpf = Object(tiers.object_path(tier))
    try:
        return bpf.programs()
    finally:
        bpf.close()


def _reason(error: LibbpfError) -> str:
    """The last words of the verifier, or the error's."""
    lines = [line.strip() for message in error.log for line in message.splitlines()]
    for line in reversed(lines):
        if line and not line.startswith(("libbpf:", "prog ", "processed", "--")):
            return f"{os.strerror(error.errno)}: {line[:200]}"
    return os.strerror(error.errno)


def _nothing(probes: list[Probe], error: LibbpfError | None) -> SensorError:
    """Why no probe could be attached."""
    if error is None:
        return SensorError(
            *(
                Problem("PG306", f"{probe.name}: {probe.refusal}")
                for probe in probes
                if probe.refusal
            )
        )
    hint = {
        errno.EPERM: "a right is missing, or the kernel is locked down: see 'profguard doctor'",
        errno.ENOMEM: "there is no memory for the maps: lower sensor.ring_mb",
    }.get(error.errno, "see 'profguard doctor'")
    return SensorError.of("PG302", f"the kernel refuses BPF: {error.strerror}", hint)
