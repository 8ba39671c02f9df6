"""The probes for arm64, which the tests do not run on: they compile, and hook its system calls."""

import platform
import subprocess

import pytest

import hatch_build
from profguard.sensor.libbpf import Object
from profguard.sensor.tiers import Program

SOURCES = sorted(hatch_build.ROOT.glob("bpf/*.bpf.c"))


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """Compile one file of the probes as the build would on arm64."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    def compiled(source):
        target = tmp_path / "arm64.bpf.o"
        command = [*hatch_build._bpf_compiler(), source, "-o", target]
        done = subprocess.run(command, cwd=hatch_build.ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return target

    return compiled


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_probes_compile_without_a_warning(source, compiled):
    assert compiled(source).stat().st_size


@pytest.mark.parametrize("tier", ["fentry", "kprobe"])
def test_the_hooks_are_those_of_arm64(tier, compiled):
    """One function for each ABI of a call, under other names than on x86-64; none is missing."""
    bpf = Object(compiled(hatch_build.ROOT / "bpf" / f"{tier}.bpf.c"))
    programs = [Program(name, section) for name, section in bpf.programs().items()]
    bpf.close()
    there = {program.section.partition("/")[2] for program in programs}
    assert {"__arm64_sys_ptrace", "__arm64_compat_sys_ptrace"} <= there
    assert not [name for name in there if name.startswith(("__x64", "__ia32"))]
    bpf = Object(hatch_build.BUILT / f"{tier}.bpf.o")
    here = {Program(name, section).hook for name, section in bpf.programs().items()}
    bpf.close()
    only_here = {f"tracepoint/syscalls/sys_exit_{call}" for call in ("open", "creat")}
    assert {program.hook for program in programs} == here - only_here
