"""What the kernel asks of a process that wants to load BPF, and what to give up once it has."""

import ctypes
import os
import struct
from pathlib import Path

from profguard.errors import SensorError

_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}

# What a running sensor still does with capabilities.
_KEPT = {
    1: "CAP_DAC_OVERRIDE: a database in a folder of another user",
    2: "CAP_DAC_READ_SEARCH: /proc of other users, rules and configuration",
    19: "CAP_SYS_PTRACE: /proc/PID/exe and environ of processes with more rights",
    39: "CAP_BPF: reading the counters, which kernels before 5.19 ask it for",
}
_CAPSET_VERSION_3 = 0x20080522
TRACEFS = Path("/sys/kernel/tracing")
BTF = Path("/sys/kernel/btf/vmlinux")


def _effective() -> int:
    lines = Path("/proc/thread-self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("CapEff:")), 16)


def capabilities() -> set[str]:
    """Those of the capabilities that loading needs which this thread has in effect."""
    mask = _effective()
    return {name for name, bit in _CAPABILITIES.items() if mask >> bit & 1}


def check(*, types: bool = True) -> None:
    """Raise SensorError if this process cannot load tracing BPF, or the kernel has no BTF.

    With `types` false it need not have it.
    """
    have = capabilities()
    if "CAP_SYS_ADMIN" not in have and not {"CAP_BPF", "CAP_PERFMON"} <= have:
        raise SensorError.of(
            "PG301",
            "loading BPF needs root, or CAP_BPF and CAP_PERFMON",
            "start it with sudo, or as a service with AmbientCapabilities=",
        )
    if types and not BTF.exists():
        raise SensorError.of(
            "PG303",
            f"this kernel has no type information ({BTF} is missing)",
            "with --loader bcc the probes are compiled for it; CONFIG_DEBUG_INFO_BTF=y has it",
        )


def tracefs_is_mounted() -> bool:
    """Told by the mount itself: what is in it only root may see."""
    return TRACEFS.is_mount()


def mount_tracefs() -> None:
    """Mount tracefs, which has the ids of the tracepoints, where the system has not done it."""
    if tracefs_is_mounted():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tracefs", os.fsencode(TRACEFS), b"tracefs", 0, None):
        number = ctypes.get_errno()
        raise SensorError.of(
            "PG301",
            f"{TRACEFS} is not mounted and cannot be: {os.strerror(number)}",
            f"mount -t tracefs tracefs {TRACEFS}",
        )


def drop() -> None:
    """Give up, in this thread and those it starts, every right that only loading needed."""
    mask = sum(1 << bit for bit in _KEPT) & _effective()
    header = struct.pack("=Ii", _CAPSET_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = struct.pack("=6I", low, low, 0, high, high, 0)  # effective, permitted, inheritable
    if ctypes.CDLL(None, use_errno=True).capset(header, data):
        number = ctypes.get_errno()
        raise SensorError.of("PG301", f"rights cannot be given up: {os.strerror(number)}")
