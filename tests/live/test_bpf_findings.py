"""What the shipped rules find in loads and attaches of BPF programs, also by real tools."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hatch_build
from tests.live.actor import PRELUDE
from tests.live.harness import PRODUCTION, PROFGUARD, needs, wait_for
from tests.live.test_programs import BPF

pytestmark = pytest.mark.live

OBSERVERS = f"""{PRELUDE}{BPF}
for _ in range(12):
    assert open_raw(b"sched_process_exec", load(RAW_TRACEPOINT, b"observer")) >= 0
"""
PROGRAM = """
#include "kernel.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
SEC("cgroup_skb/egress") int passes_all(void *ctx) { return 1; }
"""


def run(command: list[str], **options) -> int:
    """The pid of a process that ran this, and has ended well."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    assert process.wait(60) == 0
    return process.pid


@pytest.mark.parametrize(
    ("environ", "rule"),
    [({}, "bpf_attached"), (PRODUCTION, "bpf_load_contained")],
    ids=["anybody", "production"],
)
def test_a_dozen_programs_are_one_finding(findings_of, sensor, shipped, environ, rule):
    """Whether they are loaded or attached: it is what one process does to the whole machine."""
    pid = run([sys.executable, "-c", OBSERVERS], env=os.environ | environ)
    (row,) = findings_of(pid)
    assert wait_for(lambda: findings_of(pid)[0]["count"] == (24 if environ else 12))
    assert (row["rule_id"], row["mechanism"]) == (shipped(rule).id, "bpf")
    assert (row["relation"], row["target_pid"]) == ("cpu-wide", None)
    assert row["actor_executable"] == os.path.realpath(sys.executable)
    assert len(sensor.events_of(pid, "bpf_prog_load")) == 12


def test_a_refused_user_is_a_finding(act, findings_of, sensor, shipped):
    """A kprobe program is refused to whoever has no rights, whatever the sysctl says."""
    pid = act(f"""{BPF}
os.setuid(65534)
assert load(2, b"exploit") == -1
assert ctypes.get_errno() == 1
""")
    (event,) = sensor.events_of(pid, "bpf_prog_load")
    assert (event["bpf_prog_load"]["ret"], event["process"]["user"]["id"]) == (-1, 65534)
    (row,) = findings_of(pid)
    assert row["rule_id"] == shipped("bpf_refused").id


@pytest.fixture
def pinned(tmp_path):
    """Where bpftool has pinned a program, and the pid that did it."""
    source, compiled = tmp_path / "passes.bpf.c", tmp_path / "passes.o"
    source.write_text(PROGRAM)
    compiler = [*hatch_build._bpf_compiler(), str(source), "-o", str(compiled)]
    subprocess.run(compiler, cwd=hatch_build.ROOT, check=True)
    path = Path(f"/sys/fs/bpf/profguard-test-{os.getpid()}")
    pid = run([needs("bpftool"), "prog", "load", str(compiled), str(path)])
    yield path, pid
    path.unlink()


def test_bpftool_loads_and_attaches(pinned, cgroup, findings_of, sensor):
    """Program and actor are those that bpftool shows; what is at a control group is no finding."""
    path, loader = pinned
    bpftool = needs("bpftool")
    attach = ["cgroup", "attach", str(cgroup), "egress", "pinned", str(path)]
    attacher = run([bpftool, *attach])
    shown = json.loads(
        subprocess.check_output([bpftool, "--json", "prog", "show", "pinned", str(path)])
    )
    assert findings_of(loader, expected=False) == []
    assert findings_of(attacher, expected=False) == []
    event = sensor.events_of(loader, "bpf_prog_load", prog_name="passes_all")[-1]
    load = event["bpf_prog_load"]
    assert (load["prog_id"], load["tag"], load["prog_type"]) == (
        shown["id"],
        shown["tag"],
        shown["type"],
    )
    assert load["insn_cnt"] * 8 == shown["bytes_xlated"]
    assert load["expected_attach_type"] == "cgroup_inet_egress"
    assert event["process"]["executable"] == os.path.realpath(bpftool)
    (event,) = sensor.events_of(attacher, "bpf_attach")
    attached = event["bpf_attach"]
    assert (attached["ret"], attached["how"]) == (0, "prog_attach")
    assert (attached["prog_id"], attached["attach_type"]) == (shown["id"], "cgroup_inet_egress")


def test_bpftrace_is_one_finding(findings_of, sensor):
    """Its perf events, their programs, and what it loads only to learn what the kernel can do."""
    script = "tracepoint:sched:sched_switch { exit(); } profile:hz:99 { exit(); }"
    process = subprocess.Popen([needs("bpftrace"), "-e", script], stdout=subprocess.DEVNULL)
    process.wait(60)
    assert len(findings_of(process.pid)) == 1
    loads = [event["bpf_prog_load"] for event in sensor.events_of(process.pid, "bpf_prog_load")]
    loaded = {(load["prog_type"], load["prog_name"]) for load in loads if load["ret"] >= 0}
    assert ("tracepoint", "sched_switch") in loaded
    assert "perf_event" in {prog_type for prog_type, _ in loaded}


def test_another_profguard_is_one_too(sensor, findings_of, shipped):
    """It tries what the kernel takes, among that a tracepoint with types."""
    process = subprocess.Popen([PROFGUARD, "doctor"], stdout=subprocess.DEVNULL)
    process.wait(60)
    (row,) = findings_of(process.pid)
    assert row["rule_id"] == shipped("bpf_attached").id
    attaches = [e["bpf_attach"] for e in sensor.events_of(process.pid, "bpf_attach")]
    typed = next(each for each in attaches if each["prog_name"] == "kind_tp_btf")
    assert (typed["prog_type"], typed["attach_type"]) == ("tracing", "trace_raw_tp")
    assert typed["symbol_name"] == "sched_process_exec"
