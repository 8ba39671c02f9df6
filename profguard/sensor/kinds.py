"""Which kinds of BPF program this kernel loads and attaches, found out by doing it."""

import os

from profguard.sensor import tiers
from profguard.sensor.libbpf import LibbpfError, Object

# kind: what profguard uses it for
KINDS = {
    "tracepoint": "system calls, in the tracepoint tier",
    "tp_btf": "exec, fork, exit and interval timers, in the tracepoint tier",
    "iter": "what was already going on at the start",
    "fentry": "function tier: sees more and costs less (not built yet)",
    "kprobe": "function tier of older kernels (not built yet)",
    "lsm": "security-hook tier (not built yet)",
}


def refusals() -> dict[str, str | None]:
    """For each kind the kernel's refusal, or None where a program of it was attached."""
    return {kind: _refusal(f"kind_{kind}") for kind in KINDS}


def _refusal(name: str) -> str | None:
    bpf = None
    try:
        bpf = Object(tiers.object_path("kinds"))
        for other in bpf.programs():
            if other != name:
                bpf.skip(other)
        bpf.load()
        bpf.attach(name)
    except LibbpfError as error:
        return f"{os.strerror(error.errno)} ({error.args[1].partition(':')[0]})"
    finally:
        if bpf:
            bpf.close()
    return None
