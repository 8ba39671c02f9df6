"""The live tests on other kernels, in VMs: in each tier that a kernel allows.

KERNELS in the environment says which, such as "5.10 6.12"; without it, it is one of them.
"""

import json
import os
import shutil
import sys
from collections import deque
from xml.etree import ElementTree as ET

import pytest

from profguard.sensor import tiers
from tests.vm import machine

pytestmark = pytest.mark.vm

KERNELS = os.environ.get("KERNELS") or "6.1"
TESTS = ("tests/live/test_transitions.py", "tests/live/test_ways.py")
TIMEOUT_S = 5400
# What a kernel must allow: every tier, except for trampolines to kernel/events before 5.16.
MUST = {"kprobe", "tracepoint"}


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
    command = ["env", "PYTHONPATH=.", python, "tests/vm/guest.py", machine.OUT, *TESTS]
    code = machine.boot(image, command, out, line, TIMEOUT_S)
    assert code == 0, "\n".join(console)
    assert (out / "doctor-auto.json").exists(), "\n".join(console)
    report = json.loads((out / "doctor-auto.json").read_text())
    assert [probe for probe in report["probes"] if not probe["tier"]] == []
    allowed = {tier for tier in tiers.ORDER if report["kinds"][tier] is None}
    assert allowed >= MUST
    failed = {tier: names for tier in allowed if (names := failures(out / f"{tier}.xml"))}
    assert failed == {}


def failures(junit) -> list[str]:
    """The tests that did not pass; there must be some that did."""
    cases = ET.parse(junit).getroot().findall(".//testcase")
    assert cases
    return [case.get("name") for case in cases if len(case)]
