"""Writes docs/kernels.md from what the tests in VMs have left in .cache/vm: `make kernels`.

Prints the table too. A kernel that was not run this time keeps its columns.
"""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from profguard.sensor import tiers
from tests.vm import results
from tests.vm.results import FAILED, PASSED

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".cache" / "vm"
PAGE = ROOT / "docs" / "kernels.md"

HEAD = """\
<!-- Written by `make kernels`. Do not edit. -->

# Kernels

`make kernels` boots kernels of Debian in VMs and runs the same live tests in each tier that a
kernel allows: real system calls, and what the sensor tells of them. This is what came out. A cell
names the tiers that tell of what happened, or says `all`: those of the row `tiers`. In the others
it goes by untold, which the tests assert too, and `none` is all of them. `FAILED` names tiers in
which a test failed. What a tier has no probe of its own for, it leaves to the tracepoint tier's.

"""
FOOT = """
x86-64 is what was run. For arm64 the tests compile the same programs, and nothing runs them.
"""


def main() -> None:
    kernels = sorted(
        (path for path in RESULTS.iterdir() if (path / "doctor.json").exists()),
        key=lambda path: [int(part) for part in path.name.split(".")],
    )
    table = "\n".join(_table(kernels))
    PAGE.write_text(f"{HEAD}{table}\n{FOOT}")
    os.write(1, f"{table}\n\nwritten to {PAGE.relative_to(ROOT)}\n".encode())


def _table(kernels: list[Path]) -> Iterator[str]:
    reports = [json.loads((path / "doctor.json").read_text()) for path in kernels]
    told = [
        {tier: dict(_results(path / f"{tier}.xml")) for tier in tiers.ORDER} for path in kernels
    ]
    yield _row("event", "", *(f"{path.name}" for path in kernels))
    yield _row(*["---"] * (len(kernels) + 2))
    yield _row("", "release", *(f"`{report['kernel']}`" for report in reports))
    yield _row("", "run on", *(_day(path / "doctor.json") for path in kernels))
    allowed = [[tier for tier in tiers.ORDER if of_kernel[tier]] for of_kernel in told]
    yield _row("", "tiers", *map(", ".join, allowed))
    yield _row("", "tests passed with [BCC](bcc.md)", *map(_with_bcc, kernels))
    rows = dict.fromkeys(row for of_kernel in told for tests in of_kernel.values() for row in tests)
    for row in sorted(rows):
        cells = (_cell(of_kernel, row) for of_kernel in told)
        yield _row(", ".join(f"`{name}`" for name in row[0].split(", ")), row[1], *cells)


def _cell(of_kernel: dict[str, dict], row: tuple[str, str]) -> str:
    told = {tier: tests.get(row) for tier, tests in of_kernel.items() if tests}
    if failed := [tier for tier, result in told.items() if result == FAILED]:
        return f"{FAILED}: {', '.join(failed)}"
    seen = [tier for tier, result in told.items() if result == PASSED]
    return "all" if len(seen) == len(told) else ", ".join(seen) or "none"


def _day(written: Path) -> str:
    return datetime.fromtimestamp(written.stat().st_mtime, UTC).date().isoformat()


def _with_bcc(kernel: Path) -> str:
    """How many of its tests, which are those of the tiers."""
    results = [result for _, result in _results(kernel / f"{tiers.BCC}.xml")]
    passed = sum(result != FAILED for result in results)
    return f"{passed} of {len(results)}" if results else ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _results(report: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """Event, what happened to it, and the result, of each check."""
    for check in results.read(report):
        yield (check.event, check.what), check.result


if __name__ == "__main__":
    main()
