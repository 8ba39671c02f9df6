"""What attaches here, and why: the probes of each tier, and what the kernel said to them."""

import errno
import os
from dataclasses import dataclass, replace
from pathlib import Path

from profguard import resources
from profguard.errors import Problem, SensorError
from profguard.events import REGISTRY
from profguard.sensor.libbpf import LibbpfError, Object


@dataclass(frozen=True, slots=True)
class Probe:
    """One program: where it is attached, what it serves, and the refusal, if there was one.

    Which events those are the registry says, by its hooks.
    """

    program: str
    hook: str
    tier: str
    events: tuple[str, ...]
    refusal: str | None = None

    @property
    def is_iterator(self) -> bool:
        """Run once for the snapshot, not attached."""
        return self.hook.startswith("iter/")


def served(hook: str) -> tuple[str, ...]:
    """The events that name a hook, written as the section of a program: `type/name`."""
    kind, _, name = hook.partition("/")
    return tuple(
        spec.name
        for spec in REGISTRY
        if any((wanted.type, wanted.name) == (kind, name) for wanted in spec.hooks)
    )


def object_path(tier: str) -> Path:
    path = resources.BUILT / f"{tier}.bpf.o"
    if not path.exists():
        raise SensorError.of("PG305", f"{path} is missing", "run 'make setup'")
    return path


def load(tier: str, prepare) -> tuple[Object, list[Probe]]:
    """The tier's object, loaded and attached, and what became of each of its programs.

    A program that the kernel refuses is left out and the rest is loaded without it. `prepare` is
    called with each opened object before the load. Raises SensorError if nothing can be attached.
    """
    refused: dict[str, str] = {}
    explain = False
    while True:
        bpf = Object(object_path(tier), explain=explain)
        sections = bpf.programs()
        for name in refused:
            bpf.skip(name)
        prepare(bpf)
        try:
            bpf.load()
            break
        except LibbpfError as error:
            bpf.close()
            culprit = error.failed_program
            no_news = culprit is None or culprit in refused
            if error.errno == errno.EPERM or (explain and no_news):
                raise _refused(error) from None
            if culprit:
                refused[culprit] = _reason(error)
            if len(refused) == len(sections):
                raise _refused(error) from None
            explain = True  # again, to learn which program it was
    probes = [
        Probe(name, hook, tier, served(hook), refused.get(name)) for name, hook in sections.items()
    ]
    probes = [probe if probe.refusal else _attached(bpf, probe) for probe in probes]
    attached = [probe for probe in probes if not probe.is_iterator]
    if all(probe.refusal for probe in attached):
        bpf.close()
        raise SensorError(*(Problem("PG306", f"{p.hook}: {p.refusal}") for p in attached))
    return bpf, probes


def _attached(bpf: Object, probe: Probe) -> Probe:
    """The probe once it is attached, or refused after all. An iterator has nothing to attach."""
    try:
        if not probe.is_iterator:
            bpf.attach(probe.program)
    except LibbpfError as error:
        return replace(probe, refusal=error.strerror)
    return probe


def _reason(error: LibbpfError) -> str:
    """The last words of the verifier, or the error's."""
    lines = [line.strip() for message in error.log for line in message.splitlines()]
    for line in reversed(lines):
        if line and not line.startswith(("libbpf:", "prog ", "processed", "--")):
            return f"{os.strerror(error.errno)}: {line[:200]}"
    return os.strerror(error.errno)


def _refused(error: LibbpfError) -> SensorError:
    hint = {
        errno.EPERM: "a right is missing, or the kernel is locked down: see 'profguard doctor'",
        errno.ENOMEM: "there is no memory for the maps: lower sensor.ring_mb",
    }.get(error.errno, "see 'profguard doctor'")
    return SensorError.of("PG302", f"the kernel refuses BPF: {error.strerror}", hint)
