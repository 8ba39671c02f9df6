"""What runs inside the VM: the live tests, in each tier that its kernel allows.

    python tests/vm/guest.py FOLDER TEST...

FOLDER gets doctor.json, and for each tier TIER.xml (JUnit) and TIER.log.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from profguard.sensor import tiers
from tests.vm import results

PROFGUARD = str(Path(sys.executable).with_name("profguard"))
PATIENCE = "8"  # emulation is so much slower
TIER_S = 1200
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
            run(folder, tier, tests)


def doctor(folder: Path) -> dict:
    """What becomes of each probe."""
    command = [PROFGUARD, "doctor", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    (folder / "doctor.json").write_text(done.stdout)
    return json.loads(done.stdout)


def run(folder: Path, tier: str, tests: list[str]) -> None:
    began_s = time.monotonic()
    more = {
        "PROFGUARD_TEST_OPTIONS": f"--tier {tier}",
        "PROFGUARD_TEST_PATIENCE": PATIENCE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": "/run",
        "CI": "1",  # a refusal is a failure
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    command += [f"--basetemp={SCRATCH}-{tier}", f"--junitxml={folder / tier}.xml"]
    with (folder / f"{tier}.log").open("w") as log, suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command,
            env=os.environ | more,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=TIER_S,
            check=False,
        )
    took = f"{time.monotonic() - began_s:.0f} s"
    if checks := results.read(folder / f"{tier}.xml"):
        passed = sum(check.result != results.FAILED for check in checks)
        say(f"{tier}: {passed} of {len(checks)} checks, {took}")
    else:
        say(f"{tier}: no result after {took}, see {tier}.log")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
