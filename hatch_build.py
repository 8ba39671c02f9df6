"""Compiles what is not Python, for `make` and for the wheel: BPF objects, and the sensor's C."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
BUILT = ROOT / "profguard" / "_built"

# `uname -m` as bpf/bpf_tracing.h spells it.
_BPF_ARCHES = {
    "x86_64": "x86",
    "aarch64": "arm64",
    "riscv64": "riscv",
    "s390x": "s390",
    "ppc64le": "powerpc",
    "loongarch64": "loongarch",
}


class BuildError(Exception):
    """One sentence that says what is missing or what failed."""


def build_native(dest: Path = BUILT) -> list[Path]:
    """Compile into `dest` what is older than its sources; returns all that is there then.

    `bpf/NAME.bpf.c` becomes `NAME.bpf.o`, the C files of the sensor `libsensor.so`.
    """
    dest.mkdir(parents=True, exist_ok=True)
    headers = [*ROOT.glob("bpf/*.h"), Path(__file__)]
    built = []
    for source in sorted(ROOT.glob("bpf/*.bpf.c")):
        target = dest / f"{source.name.removesuffix('.c')}.o"
        if _is_stale(target, [source, *headers]):
            _replace(target, [*_bpf_compiler(), str(source.relative_to(ROOT))], strip=True)
        built.append(target)
    sources, target = sorted(ROOT.glob("profguard/sensor/*.c")), dest / "libsensor.so"
    if _is_stale(target, [*sources, ROOT / "bpf" / "events.h", Path(__file__)]):
        flags = ["-O2", "-Wall", "-Wextra", "-shared", "-fPIC"]
        _replace(target, [_clang(), *flags, *(str(each.relative_to(ROOT)) for each in sources)])
    return [*built, target]


def _is_stale(target: Path, sources: list[Path]) -> bool:
    if not target.exists():
        return True
    return max(source.stat().st_mtime_ns for source in sources) > target.stat().st_mtime_ns


def _clang() -> str:
    clang = shutil.which("clang")
    if clang is None:
        raise BuildError("clang is missing: install it (Debian: apt-get install clang libbpf-dev)")
    return clang


def _bpf_compiler() -> list[str]:
    machine = platform.machine()
    if machine not in _BPF_ARCHES:
        raise BuildError(f"no BPF target is known for machine {machine!r}")
    arch = f"-D__TARGET_ARCH_{_BPF_ARCHES[machine]}"
    # BTF names the sources: relative, so that the same sources give the same bytes anywhere.
    prefix = f"-ffile-prefix-map={ROOT}=."
    warnings = ["-Wall", "-Werror"]
    return [_clang(), "-target", "bpf", "-O2", "-g", *warnings, arch, prefix, "-Ibpf", "-c"]


def _replace(target: Path, command: list[str], *, strip: bool = False) -> None:
    """Compile beside `target`, then rename: a sensor that runs keeps the file it has mapped."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        done = subprocess.run([*command, "-o", fresh], cwd=ROOT, check=False)
        if done.returncode:
            raise BuildError(f"clang could not compile {command[-1]}: see its messages above")
        # The debug sections are of no use to libbpf; BTF is kept.
        stripper = shutil.which("llvm-strip") if strip else None
        if stripper:
            subprocess.run([stripper, "--strip-debug", fresh], check=True)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


class NativeBuildHook(BuildHookInterface):
    """Puts the compiled files, and the rules, schemas and captures, into the wheel."""

    def initialize(self, version: str, build_data: dict) -> None:
        try:
            built = build_native()
        except BuildError as error:
            self.app.abort(str(error))
        if version == "editable":  # runs from the checkout, where everything is in its place
            return
        platform_tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag}"
        inside = {str(path): f"profguard/_built/{path.name}" for path in built}
        for name in ("rules", "schemas", "captures", "bpf"):
            inside[str(ROOT / name)] = f"profguard/_data/{name}"
        build_data["force_include"].update(inside)


if __name__ == "__main__":
    try:
        build_native()
    except BuildError as failure:
        sys.exit(str(failure))
