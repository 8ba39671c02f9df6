"""Writes docs/kernels.md from what the tests in VMs have left in .cache/vm: `make kernels`.

Prints the table too. A kernel that was not run this time keeps its columns.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Kernel:
    """What its VM has left: doctor's report, and the result of each row in each allowed tier."""

    name: str
    report: dict
    day: str
    results: dict[str, dict[tuple[str, str], str]]
    with_bcc: str  # how many of its tests passed, which are those of the tiers

    @classmethod
    def of(cls, folder: Path) -> "Kernel":
        written = folder / "doctor.json"
        report = json.loads(written.read_text())
        allowed = (tier for tier in tiers.ORDER if report["kinds"][tier] is None)
        return cls(
            folder.name,
            report,
            datetime.fromtimestamp(written.stat().st_mtime, UTC).date().isoformat(),
            {
                tier: {(c.event, c.what): c.result for c in results.read(folder / f"{tier}.xml")}
                for tier in allowed
            },
            _passed(results.read(folder / f"{tiers.BCC}.xml")),
        )

    def cell(self, row: tuple[str, str]) -> str:
        """A test that left no result has failed too."""
        told = {tier: of_tier.get(row, FAILED) for tier, of_tier in self.results.items()}
        if failed := [tier for tier, result in told.items() if result == FAILED]:
            return f"{FAILED}: {', '.join(failed)}"
        seen = [tier for tier, result in told.items() if result == PASSED]
        return "all" if len(seen) == len(told) else ", ".join(seen) or "none"


def _passed(checks: list[results.Check]) -> str:
    return f"{sum(c.result != FAILED for c in checks)} of {len(checks)}" if checks else ""


def main() -> None:
    folders = sorted(
        (path for path in RESULTS.iterdir() if (path / "doctor.json").exists()),
        key=lambda path: [int(part) for part in path.name.split(".")],
    )
    table = "\n".join(_table([Kernel.of(folder) for folder in folders]))
    PAGE.write_text(f"{HEAD}{table}\n{FOOT}")
    os.write(1, f"{table}\n\nwritten to {PAGE.relative_to(ROOT)}\n".encode())


def _table(kernels: list[Kernel]) -> Iterator[str]:
    yield _row("event", "", *(kernel.name for kernel in kernels))
    yield _row(*["---"] * (len(kernels) + 2))
    yield _row("", "release", *(f"`{kernel.report['kernel']}`" for kernel in kernels))
    yield _row("", "run on", *(kernel.day for kernel in kernels))
    yield _row("", "tiers", *(", ".join(kernel.results) for kernel in kernels))
    yield _row("", "tests passed with [BCC](bcc.md)", *(kernel.with_bcc for kernel in kernels))
    rows = {row for kernel in kernels for of_tier in kernel.results.values() for row in of_tier}
    for event, what in sorted(row for row in rows if row[0]):
        names = ", ".join(f"`{name}`" for name in event.split(", "))
        yield _row(names, what, *(kernel.cell((event, what)) for kernel in kernels))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
