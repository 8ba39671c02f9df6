"""Boots a Debian kernel in a VM that sees the files of this machine, read-only."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUT = "/run/out"  # a folder of this machine that the guest may write to
BOOT_OPTIONS = (
    "--disable-kvm",  # emulation works everywhere, and measures nothing anyway
    "--force-9p",
    "--cpus",
    "2",
    "--memory",
    "2G",
    "-a",
    "lsm=lockdown,capability,bpf mitigations=off",
)


class NoMachineError(Exception):
    """Why there can be no VM here."""


def image(kernel: str) -> Path:
    """The kernel's image, fetched if need be. Raises NoMachineError."""
    if not shutil.which("qemu-system-x86_64"):
        raise NoMachineError("qemu-system-x86_64 is not installed")
    done = subprocess.run(
        [ROOT / "scripts/kernel-image", kernel], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise NoMachineError(f"there is no image of Linux {kernel} to be had")
    (found,) = Path(done.stdout.strip()).glob("boot/vmlinuz-*")
    return found


def headers(kernel: str) -> Path:
    """The headers of the kernel's image, fetched if need be. Raises NoMachineError."""
    script = ROOT / "scripts/kernel-image"
    done = subprocess.run(
        [script, "--headers", kernel], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise NoMachineError(f"there are no headers of Linux {kernel} to be had")
    return Path(done.stdout.strip())


def boot(
    kernel: Path,
    command: Sequence[str],
    out: Path,
    on_line: Callable[[str], None],
    timeout_s: float,
) -> int:
    """Run a command in a VM with this kernel; `out` is OUT there. Returns vng's exit code.

    `on_line` gets each line of the console.
    """
    scripts = Path(sys.executable).parent
    line = [str(scripts / "vng"), "--run", str(kernel), *BOOT_OPTIONS, f"--rwdir={OUT}={out}"]
    line += [f"--rodir={ROOT}={ROOT}"] if ROOT.is_relative_to("/tmp") else []  # hidden there
    line += ["--", f"cd {shlex.quote(str(ROOT))} && {shlex.join(command)}"]
    search = f"{scripts}:{os.environ['PATH']}:/usr/sbin:/sbin"  # vng looks for its parts, and kmod
    with subprocess.Popen(
        ["timeout", "--kill-after=10", str(timeout_s), *line],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | {"PATH": search},
    ) as process:
        for text in process.stdout:
            on_line(text.rstrip())
    return process.returncode
