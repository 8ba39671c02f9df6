"""A program that the verifier refuses costs its own event, not the sensor."""

import shutil

import pytest

import hatch_build
from profguard import resources
from profguard.errors import SensorError
from profguard.events import REGISTRY
from profguard.sensor import rights, tiers
from profguard.sensor.live import Sensor

pytestmark = pytest.mark.live


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """The tracepoint tier with one program that reads through NULL."""
    for part in ("bpf", "profguard/sensor"):
        shutil.copytree(hatch_build.ROOT / part, tmp_path / part)
    source = tmp_path / "bpf" / "tracepoint.bpf.c"
    text = source.read_text()
    whole = "int ptrace_exit(struct pg_sys_exit *ctx)\n{\n"
    assert whole in text
    source.write_text(text.replace(whole, whole + "\tif (*(volatile int *)0)\n\t\treturn 0;\n"))
    monkeypatch.setattr(hatch_build, "ROOT", tmp_path)
    monkeypatch.setattr(resources, "BUILT", tmp_path)
    hatch_build.build_native(tmp_path)


def test_one_refused_program_degrades_one_event(kernel, broken):
    """The rest is attached, and the probe table has the verifier's words."""
    rights.mount_tracefs()
    sensor = Sensor()
    sensor.open()
    try:
        refused = {probe.program: probe.refusal for probe in sensor.probes if probe.refusal}
    finally:
        sensor.close()
    assert refused.keys() == {"ptrace_exit"}
    assert "invalid mem access" in refused["ptrace_exit"]


def test_each_program_is_a_hook_of_the_registry(kernel):
    """What is attached is what the reference says is attached, and nothing is missing."""
    sensor = Sensor()
    sensor.open()
    sensor.close()
    attached = {probe.hook for probe in sensor.probes}
    documented = {f"{hook.type}/{hook.name}" for spec in REGISTRY for hook in spec.hooks}
    assert attached == {hook for hook in documented if not hook.startswith("userspace/")}


NOWHERE = """
#include "kernel.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
SEC("kprobe/no_such_function") int lost(void *ctx) { return 0; }
SEC("iter/task") int tasks(void *ctx) { return 0; }
"""


def test_nothing_to_attach_is_a_refusal(kernel, tmp_path, monkeypatch):
    """Where no program finds its hook the sensor says which, instead of watching nothing."""
    (tmp_path / "bpf").mkdir()
    shutil.copy(hatch_build.ROOT / "bpf" / "kernel.h", tmp_path / "bpf")
    shutil.copytree(hatch_build.ROOT / "profguard/sensor", tmp_path / "profguard/sensor")
    (tmp_path / "bpf" / "nowhere.bpf.c").write_text(NOWHERE)
    monkeypatch.setattr(hatch_build, "ROOT", tmp_path)
    monkeypatch.setattr(resources, "BUILT", tmp_path)
    hatch_build.build_native(tmp_path)
    with pytest.raises(SensorError) as refusal:
        tiers.load("nowhere", lambda _: None)
    (problem,) = refusal.value.problems
    assert problem.code == "PG306"
    assert problem.message.startswith("kprobe/no_such_function: ")
