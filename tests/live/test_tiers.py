"""A program that the verifier refuses costs its own event, not the sensor."""

import json
import shutil
import subprocess

import pytest

import hatch_build
from profguard import resources
from profguard.errors import SensorError
from profguard.events import REGISTRY
from profguard.events.spec import ENTRY_32
from profguard.sensor import attach, kinds, rights, tiers
from profguard.sensor.live import Sensor
from profguard.wanted import EVERYTHING
from tests.live.harness import FUNCTIONS, PROFGUARD

pytestmark = pytest.mark.live


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """The tracepoint tier with one program that reads through NULL, and no other tier."""
    for part in ("bpf", "profguard/sensor"):
        shutil.copytree(hatch_build.ROOT / part, tmp_path / part)
    source = tmp_path / "bpf" / "syscalls.h"
    text = source.read_text()
    whole = "PG_CALL_RETURN(ptrace, ptrace)\n{\n"
    assert whole in text
    source.write_text(text.replace(whole, whole + "\tif (*(volatile int *)0)\n\t\treturn 0;\n"))
    monkeypatch.setattr(hatch_build, "ROOT", tmp_path)
    monkeypatch.setattr(resources, "BUILT", tmp_path)
    hatch_build.build_native(tmp_path)


def opened(**options) -> list[tiers.Probe]:
    """What became of the probes of a sensor, which is closed again."""
    rights.mount_tracefs()
    sensor = Sensor(**options)
    sensor.open()
    sensor.close()
    return sensor.probes


def test_one_refused_program_degrades_one_probe(kernel, broken):
    """The rest is attached, and the probe has the verifier's words."""
    refused = {probe.name: probe for probe in opened() if probe.refusal}
    assert refused.keys() == {"ptrace"}
    assert "invalid mem access" in refused["ptrace"].refusal
    assert refused["ptrace"].events == ("ptrace",)


@pytest.mark.parametrize("wanted", tiers.CHOICES)
def test_a_probe_is_where_it_says(kernel, wanted):
    """Whatever is wanted, what is attached is of a tier that the kernel takes, or nothing is."""
    if wanted in kinds.refusals(tiers.ORDER):
        with pytest.raises(SensorError, match=f"this kernel takes no {wanted} programs"):
            opened(tier=wanted)
        return
    for probe in opened(tier=wanted):
        assert probe.refusal is None
        assert probe.tier in ({wanted, "tracepoint"} if wanted != tiers.AUTO else tiers.ORDER)


def test_each_program_is_a_hook_of_the_registry():
    """What can be attached is what the reference says is attached, and nothing is missing."""
    compiled = {
        tiers.Program(name, section).hook
        for tier in tiers.ORDER
        for name, section in attach.compiled(tier).items()
    }
    documented = {point for spec in REGISTRY for point in spec.attach_points}
    assert compiled == {point for point in documented if not point.startswith("userspace/")}


NOWHERE = """
#include "kernel.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
SEC("tracepoint/syscalls/sys_enter_ptrace") int lost__enter(void *ctx)
{
	return *(volatile int *)0;
}
SEC("iter/task") int tasks__read(void *ctx) { return 0; }
"""


def test_nothing_to_attach_is_a_refusal(kernel, tmp_path, monkeypatch):
    """Where no program can be loaded the sensor says which, instead of watching nothing."""
    (tmp_path / "bpf").mkdir()
    for header in ("kernel.h", "events.h"):
        shutil.copy(hatch_build.ROOT / "bpf" / header, tmp_path / "bpf")
    shutil.copytree(hatch_build.ROOT / "profguard/sensor", tmp_path / "profguard/sensor")
    (tmp_path / "bpf" / "tracepoint.bpf.c").write_text(NOWHERE)
    monkeypatch.setattr(hatch_build, "ROOT", tmp_path)
    monkeypatch.setattr(resources, "BUILT", tmp_path)
    hatch_build.build_native(tmp_path)
    with pytest.raises(SensorError) as refusal:
        attach.load("tracepoint", lambda _: None, lambda: EVERYTHING.events)
    (problem,) = refusal.value.problems
    assert problem.code == "PG306"
    assert problem.message.startswith("lost: tracepoint/syscalls/sys_enter_ptrace: ")


@pytest.mark.parametrize("wanted", [tiers.AUTO, "tracepoint"])
def test_doctor_says_what_no_probe_sees(kernel, wanted):
    """The 32-bit entry escapes the events that have no function to be attached to, and no other."""
    command = [PROFGUARD, "doctor", "--json", "--tier", wanted]
    report = json.loads(subprocess.check_output(command, text=True))
    unseen = {each["what"]: set(each["events"]) for each in report["unseen"]}
    blind = {probe["probe"] for probe in report["probes"] if probe["tier"] not in FUNCTIONS}
    assert ("ptrace" in blind) == ("ptrace" in unseen.get(ENTRY_32.what, ()))
    assert "sched_process_exec" not in unseen.get(ENTRY_32.what, ())
    assert ("perf_close" in blind) == any("dup2" in what for what in unseen)
