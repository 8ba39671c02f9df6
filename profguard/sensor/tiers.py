"""What attaches here, and why: the probes of each tier, and what the kernel said to them."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from profguard import resources
from profguard.errors import Problem, SensorError
from profguard.sensor.libbpf import LibbpfError, Object

# The programs that each event needs, by tier. Those of no event feed the process table.
PROBES = {
    "tracepoint": {
        "perf": ("perf_open_enter", "perf_open_exit"),
        "perf_ioctl": ("perf_ioctl_enter", "perf_ioctl_exit"),
        "prof": ("perf_prctl_enter", "perf_prctl_exit", "perf_close_enter"),
        "setitimer": ("itimer_set",),
        "timer_create": (
            "timer_create_enter",
            "timer_create_exit",
            "timer_settime_enter",
            "timer_settime_exit",
            "timer_delete_enter",
        ),
        "ptrace": ("ptrace_enter", "ptrace_exit"),
        "process_vm_readv": ("vm_readv_enter", "vm_readv_exit"),
        "process_vm_writev": ("vm_writev_enter", "vm_writev_exit"),
        "sched_process_exec": ("process_exec",),
        "sched_process_fork": ("process_fork",),
        "sched_process_exit": ("process_exit",),
    }
}
ITERATORS = {"snapshot_files": "perf events that are on", "snapshot_tasks": "timers and tracers"}


@dataclass(frozen=True, slots=True)
class Probe:
    """One program: the event it serves, where it is attached, and the refusal, if there was one."""

    program: str
    event: str
    hook: str
    tier: str
    refusal: str | None = None


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
    events = {program: event for event, names in PROBES[tier].items() for program in names}
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
            if error.errno == errno.EPERM or (explain and culprit is None):
                raise _refused(error) from None
            if culprit:
                refused[culprit] = _reason(error)
            if len(refused) == len(sections):
                raise _refused(error) from None
            explain = True  # again, to learn which program it was
    for name in events.keys() - refused.keys():
        try:
            bpf.attach(name)
        except LibbpfError as error:
            refused[name] = error.strerror
    probes = [
        Probe(name, event, sections[name], tier, refused.get(name))
        for name, event in events.items()
    ] + [Probe(name, "snapshot", sections[name], tier, refused.get(name)) for name in ITERATORS]
    if not events.keys() - refused.keys():
        bpf.close()
        raise SensorError(
            *(Problem("PG306", f"{p.hook}: {p.refusal}") for p in probes if p.refusal)
        )
    return bpf, probes


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
