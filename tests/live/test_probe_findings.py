"""What the shipped rules find in dynamic probes, also by real tools."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.actor import PRELUDE
from tests.live.harness import needs, wait_for
from tests.live.test_bpf_findings import run
from tests.live.test_probes import PROBES

pytestmark = pytest.mark.live


def mapped(name: str) -> str:
    """The file of a library that this Python has mapped, by its kernel's path."""
    import ssl  # noqa: F401, PLC0415 - so that libssl is mapped

    maps = Path("/proc/self/maps").read_text().splitlines()
    return next(line.split()[-1] for line in maps if f"/{name}" in line)


@pytest.fixture
def unused(tmp_path):
    """A file that nothing executes: no instruction is broken."""
    file = tmp_path / "unused"
    file.write_bytes(bytes(4096))
    return str(file)


def test_a_dozen_probes_are_one_finding(findings_of, sensor, shipped, unused):
    """They are what one process does to the whole machine."""
    code = f"""{PRELUDE}{PROBES}
for number in range(12):
    assert attach("uprobe", {unused!r}, 16 * number) >= 0
"""
    pid = run([sys.executable, "-c", code])
    (row,) = findings_of(pid)
    assert wait_for(lambda: findings_of(pid)[0]["count"] == 12)
    assert (row["rule_id"], row["mechanism"]) == (shipped("uprobe_placed").id, "uprobe")
    assert (row["relation"], row["target_pid"]) == ("cpu-wide", None)
    assert unused in row["message"]
    assert len(sensor.events_of(pid, "uprobe_attach")) == 12


def test_a_probe_of_itself_is_none(act, findings_of, sensor, unused):
    pid = act(f"""{PROBES}
assert attach("uprobe", {unused!r}, 16, 0, os.getpid(), -1) >= 0
""")
    assert len(sensor.events_of(pid, "uprobe_attach")) == 1
    assert findings_of(pid, expected=False) == []


def test_bpftrace_at_a_tls_library_is_one_finding(findings_of, sensor, shipped):
    """Its perf events, their programs and what is probed are one act, as grave as its gravest."""
    libssl, libc = mapped("libssl"), mapped("libc.so")
    script = f"uprobe:{libssl}:SSL_write, uretprobe:{libssl}:SSL_read, uprobe:{libc}:fork {{ }}"
    script += " interval:ms:200 { exit(); }"
    process = subprocess.Popen([needs("bpftrace"), "-e", script], stdout=subprocess.DEVNULL)
    process.wait(60)
    assert wait_for(lambda: len(sensor.events_of(process.pid, "uprobe_attach")) == 3)
    (row,) = findings_of(process.pid)
    assert wait_for(lambda: findings_of(process.pid)[0]["ended"])
    (row,) = findings_of(process.pid)
    assert (row["rule_id"], row["level"]) == (shipped("uprobe_tls").id, "high")
    assert libssl in row["message"]
    probes = [event["uprobe_attach"] for event in sensor.events_of(process.pid, "uprobe_attach")]
    assert sorted((probe["path"], probe["type"], *probe["symbols"]) for probe in probes) == [
        (libc, "uprobe", "fork"),
        (libssl, "uprobe", "SSL_write"),
        (libssl, "uretprobe", "SSL_read"),
    ]
    assert {probe["inode"] for probe in probes} == {os.stat(p).st_ino for p in (libssl, libc)}


@pytest.fixture
def probed():
    """What perf calls a probe at malloc that it has defined."""
    perf, name = needs("perf"), f"probe_profguard_{os.getpid()}:malloc"
    run([perf, "probe", "--quiet", "-x", mapped("libc.so"), f"{name}=malloc"])
    yield name
    run([perf, "probe", "--quiet", "-d", name])


def test_perf_record_at_a_probe_is_one_finding(findings_of, sensor, shipped, probed, tmp_path):
    """To perf_event_open it is a tracepoint like others; the kernel's object tells what it is."""
    data = str(tmp_path / "perf.data")
    process = subprocess.Popen(
        [needs("perf"), "record", "--quiet", "-e", probed, "-a", "-o", data, "true"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.wait(60) == 0
    (row,) = findings_of(process.pid)
    probes = [event["uprobe_attach"] for event in sensor.events_of(process.pid, "uprobe_attach")]
    assert {(probe["via"], probe["path"]) for probe in probes} == {
        ("tracefs_event", mapped("libc.so"))
    }
    assert row["rule_id"] == shipped("uprobe_placed").id


def test_a_file_of_another_mount_namespace(sensor, tmp_path):
    """Its path and functions are told as they are there, where nothing here has that path."""
    libssl, there = mapped("libssl"), tmp_path / "there.so"
    table = subprocess.check_output(["readelf", "--wide", "--dyn-syms", libssl], text=True)
    row = next(line for line in table.splitlines() if " SSL_write@" in line)
    code = f"""{PRELUDE}{PROBES}
assert attach("uprobe", {str(there)!r}, {int(row.split()[1], 16)}) >= 0
input()
"""
    script = f'mount -t tmpfs none {tmp_path} && cp {libssl} {there} && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", code]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    assert wait_for(lambda: sensor.events_of(process.pid, "uprobe_attach"))
    process.communicate("\n")
    assert process.returncode == 0
    (event,) = sensor.events_of(process.pid, "uprobe_attach")
    probe = event["uprobe_attach"]
    assert (probe["path"], probe["symbols"]) == (str(there), ["SSL_write"])
    assert not there.exists()
