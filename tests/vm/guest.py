"""What runs inside the VM: the live tests, in each tier that its kernel allows.

    python tests/vm/guest.py FOLDER TEST...

FOLDER gets doctor.json, and for each tier TIER.xml (JUnit) and TIER.log.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from profguard.sensor import tiers

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
    for tier in (tiers.AUTO, *tiers.ORDER):
        report = doctor(folder, tier)
        refused = report["kinds"].get(tier)
        if tier == tiers.AUTO:
            continue
        if refused:
            say(f"{tier}: not on this kernel, {refused}")
        else:
            run(folder, tier, tests)


def doctor(folder: Path, tier: str) -> dict:
    """What becomes of each probe."""
    command = [PROFGUARD, "doctor", "--json", "--tier", tier]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (folder / f"doctor-{tier}.json").write_text(done.stdout)
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
    with (folder / f"{tier}.log").open("w") as log:
        done = subprocess.run(
            command,
            env=os.environ | more,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=TIER_S,
            check=False,
        )
    said = "all passed" if done.returncode == 0 else "not all passed"
    say(f"{tier}: {said}, {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
