"""What BCC makes of a kernel's headers is how that kernel lays out its structures."""

import struct

import pytest

from profguard import resources
from profguard.sensor import bcc, tiers
from tests.vm import btf, machine

pytestmark = pytest.mark.vm

# What the headers do not have, so that BCC's programs do without it: see bpf/bcc_layout.h and
# bpf/bcc_dynamic.h.
UNKNOWN = {"mount", "mnt_namespace", "vfsmount", "bpf_raw_tp_link", "bpf_perf_link"}
UNKNOWN |= {"trace_probe", "trace_probe_event", "trace_uprobe", "trace_kprobe", "bpf_uprobe"}
UNKNOWN |= {"bpf_uprobe_multi_link", "bpf_kprobe_multi_link"}
# What they have in places that BCC's programs do not need.
UNKNOWN |= {"trace_event_call", "uprobe_consumer", "kprobe", "kretprobe", "fprobe"}


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12"])
def test_headers_and_type_information_agree(kernel, monkeypatch):
    """Of every member that the probes read, where the kernel has it."""
    try:
        image, headers = machine.image(kernel), machine.headers(kernel)
    except machine.NoMachineError as reason:
        pytest.skip(f"no Linux {kernel}: {reason}")
    monkeypatch.setenv("BCC_KERNEL_SOURCE", str(headers))
    read = btf.Btf(tiers.object_path(tiers.OF_BCC).read_bytes()).structs
    there = btf.of_image(image).structs
    places = {
        (name, member): there[name][member]
        for name in read.keys() & there.keys() - UNKNOWN
        for member in read[name].keys() & there[name].keys()
        if not name.startswith("pg_")
    }
    assert len(places) > 100
    assert offsets(list(places)) == places


def offsets(members: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """By BCC: each is what a function of its own returns, in its first instruction."""
    text = f'#include "{resources.folder("bpf")}/bcc.h"\n' + "".join(
        f"int f{number}(void *ctx) {{ return __builtin_offsetof(struct {name}, {member}); }}\n"
        for number, (name, member) in enumerate(members)
    )
    with bcc._said("cannot compile"):
        module = bcc.package().BPF(text=text.encode(), cflags=["-DPG_BCC"])
    code = [module.dump_func(f"f{number}".encode()) for number in range(len(members))]
    module.cleanup()
    return {
        member: struct.unpack_from("<i", each, 4)[0]
        for member, each in zip(members, code, strict=True)
    }
