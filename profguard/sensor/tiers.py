"""Which tiers a probe has, and which of them is tried first.

A BPF program is called PROBE__ROLE or PROBE__ROLE__ABI: together the programs of a probe see one
thing happen. It is whole where each role has a program, of whichever ABI. Each tier has an object
with its flavours of the probes; a probe that a tier lacks has one in the tracepoint tier.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from profguard import resources
from profguard.errors import SensorError
from profguard.events import BY_NAME, REGISTRY

AUTO = "auto"
# Where two are as good, the earlier one is taken.
ORDER = ("fentry", "kprobe", "lsm", "tracepoint")
CHOICES = (AUTO, *ORDER)
# libbpf fits compiled programs to the kernel; BCC compiles those of the kprobe tier for it.
LOADERS = (LIBBPF, BCC) = ("libbpf", "bcc")
OF_BCC = "kprobe"

# By the kind of its programs: those with types and trampolines are the cheapest, then breakpoints;
# what needs a system call's tracepoint costs most, and misses the 32-bit entry.
_RANKS = {
    "fentry": 0,
    "fexit": 0,
    "tp_btf": 0,
    "iter": 0,
    "lsm": 0,
    "cgroup": 0,
    "kprobe": 1,
    "kretprobe": 1,
    "tracepoint": 2,
}
_ABI = re.compile(r"^__(x64|ia32|ia32_compat|arm64|arm64_compat)_(?=sys_)")


@dataclass(frozen=True, slots=True)
class Program:
    """A program of an object: its name, and the section that says where it is attached."""

    name: str
    section: str

    @property
    def probe(self) -> str:
        return self.name.split("__")[0]

    @property
    def role(self) -> str:
        return self.name.split("__")[1]

    @property
    def kind(self) -> str:
        return self.section.partition("/")[0]

    @property
    def function(self) -> str:
        """The kernel's function that it is attached to."""
        return self.section.partition("/")[2]

    @property
    def hook(self) -> str:
        """Its section as the registry has it: of a system call's function, without the ABI."""
        kind, _, name = self.section.partition("/")
        return f"{kind}/{_ABI.sub('', name)}"

    @property
    def is_iterator(self) -> bool:
        """Run once for the snapshot, not attached."""
        return self.kind == "iter"


@dataclass(slots=True, eq=False)
class Probe:
    """What became of a probe: the tier it got, or None, and why others were refused."""

    name: str
    tier: str | None = None
    hooks: tuple[str, ...] = ()  # where it is attached, or could not be
    refusals: dict[str, str] = field(default_factory=dict)  # by tier

    def settle(self, tier: str, programs: Iterable[Program]) -> None:
        self.tier = tier
        self.hooks = tuple(dict.fromkeys(program.hook for program in programs))

    def refuse(self, tier: str, flavour: list[Program], refusals: Mapping[str, str]) -> None:
        refused = [program for program in flavour if program.name in refusals]
        self.hooks = tuple(dict.fromkeys(program.hook for program in refused))
        self.refusals[tier] = f"{refused[0].hook}: {refusals[refused[0].name]}"

    @property
    def events(self) -> tuple[str, ...]:
        """What it serves: the events whose entry in the registry names one of its hooks."""
        return tuple(served(self.hooks))

    @property
    def refusal(self) -> str | None:
        """Why it is attached nowhere: what the tier that was tried last was told."""
        return None if self.tier else list(self.refusals.values())[-1]

    @property
    def is_snapshot(self) -> bool:
        """Run once at the start, not attached."""
        return all(hook.startswith("iter/") for hook in self.hooks)


def object_path(tier: str) -> Path:
    path = resources.BUILT / f"{tier}.bpf.o"
    if not path.exists():
        raise SensorError.of("PG305", f"{path} is missing", "run 'make setup'")
    return path


Flavours = dict[str, dict[str, list[Program]]]  # by probe and tier


def flavours(programs: Mapping[str, Mapping[str, str]], events: Collection[str]) -> Flavours:
    """The programs of each probe in each tier, from each tier's names and sections.

    Of the programs that serve one of these events.
    """
    asked = {hook for name in events for hook in BY_NAME[name].attach_points}
    found: Flavours = defaultdict(dict)
    for tier, sections in programs.items():
        for name, section in sections.items():
            program = Program(name, section)
            if program.hook in asked:
                found[program.probe].setdefault(tier, []).append(program)
    return dict(found)


def served(hooks: Iterable[str]) -> dict[str, None]:
    """The events whose entry in the registry names one of these hooks, in its order."""
    hooks = frozenset(hooks)
    return {spec.name: None for spec in REGISTRY if not spec.attach_points.isdisjoint(hooks)}


def unseen(probes: Iterable[Probe]) -> dict[str, list[str]]:
    """What escapes these probes where they are attached, and which events miss it."""
    hooks: dict[str, set[str]] = defaultdict(set)
    for probe in probes:
        for event in probe.events if probe.tier else ():
            hooks[event].update(probe.hooks)
    found: dict[str, list[str]] = defaultdict(list)
    for spec in REGISTRY:
        for each in spec.unseen:
            if each.escapes(hooks[spec.name] & spec.attach_points):
                found[each.what].append(spec.name)
    return dict(found)


def preference(of_probe: Mapping[str, list[Program]], wanted: str = AUTO) -> list[str]:
    """The tiers of a probe, best first; with a tier that is wanted, that one and the floor."""
    if wanted != AUTO:
        return [tier for tier in dict.fromkeys((wanted, "tracepoint")) if tier in of_probe]
    return sorted(
        of_probe,
        key=lambda tier: (
            max(_RANKS[program.kind] for program in of_probe[tier]),
            ORDER.index(tier),
        ),
    )


def is_whole(flavour: Iterable[Program], refusals: Collection[str]) -> bool:
    """Whether every role of a flavour has a program that was not refused."""
    left = {program.role for program in flavour if program.name not in refusals}
    return left == {program.role for program in flavour}
