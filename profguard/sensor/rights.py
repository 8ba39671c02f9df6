"""What the kernel asks of a process that wants to load BPF, and what to do where it is missing."""

import ctypes
import os
from pathlib import Path

from profguard.errors import SensorError

_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
TRACEFS = Path("/sys/kernel/tracing")
BTF = Path("/sys/kernel/btf/vmlinux")


def capabilities(status: str | None = None) -> set[str]:
    """Those of the capabilities that matter here which this process has in effect."""
    text = status if status is not None else Path("/proc/self/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("CapEff:"))
    mask = int(line.split()[1], 16)
    return {name for name, bit in _CAPABILITIES.items() if mask >> bit & 1}


def check() -> None:
    """Raise SensorError if this process cannot load tracing BPF, or the kernel has no BTF."""
    have = capabilities()
    if "CAP_SYS_ADMIN" not in have and not {"CAP_BPF", "CAP_PERFMON"} <= have:
        raise SensorError.of(
            "PG301",
            "loading BPF needs root, or CAP_BPF and CAP_PERFMON",
            "start it with sudo, or as a service with AmbientCapabilities=",
        )
    if not BTF.exists():
        raise SensorError.of(
            "PG303",
            f"this kernel has no type information ({BTF} is missing)",
            "it needs CONFIG_DEBUG_INFO_BTF=y; the kernels of Debian 11 and later have it",
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
