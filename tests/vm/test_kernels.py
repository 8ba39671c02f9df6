"""The live tests on other kernels, in VMs: in each tier that a kernel allows.

KERNELS in the environment says which, such as "5.10 6.12"; without it, it is one of them.
"""

import json
import os
import shutil
import sys
from collections import deque

import pytest

from profguard.sensor import tiers
from tests.vm import machine, results

pytestmark = pytest.mark.vm

KERNELS = os.environ.get("KERNELS") or "6.1"
TESTS = [
    *(
        f"tests/live/test_{name}.py"
        for name in ("transitions", "ways", "programs", "probes", "entry_32")
    ),
    "tests/live/test_selftest.py::test_all_that_this_tier_can_tell_is_seen",
]
TIMEOUT_S = 5400
# What a kernel must allow: every tier, except for trampolines to kernel/events before 5.16.
MUST = {"kprobe", "tracepoint"}
WITH_BCC = {"5.10", "6.1", "6.12"}  # whose headers the BCC of Debian 12 can compile


@pytest.fixture
def say(capsys):
    """Tell at once how far it is: a VM takes minutes."""

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    return tell


@pytest.mark.parametrize("kernel", KERNELS.split())
def test_on(kernel, say):
    """Results are files: of a VM that hangs there is what it has written until then."""
    try:
        image = machine.image(kernel)
        headers = machine.headers(kernel) if kernel in WITH_BCC else None
    except machine.NoMachineError as reason:
        pytest.skip(f"no VM with Linux {kernel}: {reason}")
    out = machine.ROOT / ".cache" / "vm" / kernel
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    console = deque(maxlen=40)

    def line(text: str) -> None:
        console.append(text)
        if text.startswith("> "):
            say(f"{kernel} {text[2:]}")

    say(f"\n{kernel}: booting {image.name.removeprefix('vmlinuz-')}")
    python = str(machine.ROOT / ".venv/bin/python")
    source = [f"BCC_KERNEL_SOURCE={headers}"] if headers else []
    command = ["env", "PYTHONPATH=.", *source, python, "tests/vm/guest.py", machine.OUT, *TESTS]
    code = machine.boot(image, command, out, line, TIMEOUT_S)
    assert code == 0, "\n".join(console)
    assert (out / "doctor.json").exists(), "\n".join(console)
    report = json.loads((out / "doctor.json").read_text())
    assert [probe for probe in report["probes"] if not probe["tier"]] == []
    allowed = {tier for tier in tiers.ORDER if report["kinds"][tier] is None}
    assert allowed >= MUST
    runs = allowed | {tiers.BCC} if headers else allowed
    checks = {name: results.read(out / f"{name}.xml") for name in runs}
    assert all(checks.values()), "\n".join(console)
    failed = {name: names for name in runs if (names := _failed(checks[name]))}
    assert failed == {}


def _failed(checks: list[results.Check]) -> list[str]:
    return [check.test for check in checks if check.result == results.FAILED]
