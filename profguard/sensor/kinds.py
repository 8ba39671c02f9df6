"""Which kinds of BPF program this kernel loads and attaches, found out by doing it."""

import os
from collections.abc import Iterable

from profguard.sensor import tiers
from profguard.sensor.libbpf import LibbpfError, Object

# kind: what profguard uses it for
KINDS = {
    "fentry": "the fentry tier: sees most and costs least",
    "kprobe": "the kprobe tier, on kernels without trampolines",
    "lsm": "the LSM tier: security hooks",
    "tracepoint": "the tracepoint tier: system calls",
    "tp_btf": "exec, fork, exit and interval timers, in every tier but kprobe",
    "cgroup": "settings of the kernel (sysctl), in every tier",
    "iter": "what was already going on at the start",
}


def refusals(kinds: Iterable[str]) -> dict[str, str]:
    """The kernel's refusal of each kind of which no program can be attached."""
    tried = {kind: _refusal(f"kind_{kind}") for kind in kinds}
    return {kind: refusal for kind, refusal in tried.items() if refusal}


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
