"""What runs inside the VM: the live tests, in each tier that its kernel allows, and with BCC.

    python tests/vm/guest.py FOLDER TEST...

FOLDER gets doctor.json, and for each tier TIER.xml (JUnit) and TIER.log. BCC_KERNEL_SOURCE names
the kernel's headers; without them there is no run with BCC.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from profguard.sensor import rights, tiers
from tests.vm import results

PROFGUARD = str(Path(sys.executable).with_name("profguard"))
PATIENCE = "8"  # emulation is so much slower
RUN_S = 1800
SCRATCH = "/run/profguard-tests"


def say(text: str) -> None:
    """To the console of the VM, which shows the lines with this mark."""
    sys.stdout.write(f"> {text}\n")
    sys.stdout.flush()


def main(folder: Path, tests: list[str]) -> None:
    subprocess.run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"], check=False)
    refusals = doctor(folder)["kinds"]
    for tier in tiers.ORDER:
        if refusals[tier]:
            say(f"{tier}: not on this kernel, {refusals[tier]}")
        else:
            run(folder, tier, tests, f"--tier {tier}")
    if "BCC_KERNEL_SOURCE" in os.environ:
        hide_types()
        run(folder, tiers.BCC, tests, f"--loader {tiers.BCC}")


def hide_types() -> None:
    """Make it a kernel without type information."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", rights.BTF.parent], check=True)


def doctor(folder: Path) -> dict:
    """What becomes of each probe."""
    command = [PROFGUARD, "doctor", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    (folder / "doctor.json").write_text(done.stdout)
    return json.loads(done.stdout)


def run(folder: Path, name: str, tests: list[str], options: str) -> None:
    began_s = time.monotonic()
    more = {
        "PROFGUARD_TEST_OPTIONS": options,
        "PROFGUARD_TEST_PATIENCE": PATIENCE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": "/run",
        "CI": "1",  # a refusal is a failure
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    command += [f"--basetemp={SCRATCH}-{name}", f"--junitxml={folder / name}.xml"]
    with (folder / f"{name}.log").open("w") as log, suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command,
            env=os.environ | more,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=RUN_S,
            check=False,
        )
    took = f"{time.monotonic() - began_s:.0f} s"
    if checks := results.read(folder / f"{name}.xml"):
        passed = sum(check.result != results.FAILED for check in checks)
        say(f"{name}: {passed} of {len(checks)} checks, {took}")
    else:
        say(f"{name}: no result after {took}, see {name}.log")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
