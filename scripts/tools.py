"""Runs real tools beside a sensor and writes what that saw to docs/tools.md: `make tools`.

Prints the table while it grows. Ends with 1 where something is not as tests/tools/catalog.py says.
"""

import platform
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.live.harness import LiveSensor
from tests.tools.catalog import TOOLS
from tests.tools.outcome import Outcome
from tests.tools.targets import LABELS, Targets
from tests.tools.watch import Watch

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tools.md"
COLUMNS = (
    ("tool", lambda each: each.tool.name),
    ("target", lambda each: "all" if each.tool.whole_machine else each.tool.target),
    ("seen", lambda each: each.seen()),
    ("mechanism", lambda each: each.mechanism or ""),
    ("attribution", lambda each: each.attribution()),
    ("findings", lambda each: str(len(each.findings))),
    ("latency", lambda each: "" if each.latency_s is None else f"{each.latency_s * 1000:.0f} ms"),
)
ONLY_IN_PAGE = (
    ("from", lambda each: each.tool.package),
    ("events", lambda each: ", ".join(f"`{name}`" for name in sorted(each.events))),
    ("tool's name", lambda each: each.named or ""),
    ("sessions", lambda each: str(len(each.sessions) or "")),
    ("end", lambda each: "told" if each.is_ended else ""),
)

HEAD = """\
<!-- Written by `make tools`. Do not edit. -->

# Tools

`make tools` runs real tools at real programs beside a sensor with the shipped rules, and writes
down what that tells. The programs are servers in C, Go, Java, JavaScript and Python, labelled
production; `all` is the whole machine. `tests/tools/catalog.py` says how each tool is run and what
must be told of it, which `make test` checks.

- seen: whether the sensor tells of what the tool does. Refused: this kernel does not let it work.
- events: those it tells, without the starts and ends of processes.
- mechanism, tool's name: as the finding has them. A profiler inside a process has no name.
- attribution: whom the finding names, compared with the processes that the test started: who does
  it, and to whom.
- sessions: between these two, each from its first act to its last.
- end: told, if the finding has its end before the target ends.
- findings: how many there are. One act is one finding.
- latency: from the event in the kernel to the finding's line on stdout.

"""


def main() -> int:
    console = Console()
    table = Table(*(name for name, _ in COLUMNS))
    outcomes, problems = [], {}
    with tempfile.TemporaryDirectory() as folder, Live(table, console=console):
        sensor = LiveSensor(Path(folder), config=LABELS)
        targets = Path(folder, "targets")
        targets.mkdir()
        watch = Watch(sensor, Targets(targets))
        for tool in TOOLS:
            outcome = watch.run(tool)
            outcomes.append(outcome)
            problems |= {tool.name: list(outcome.problems())}
            style = "red" if problems[tool.name] else None
            table.add_row(*(cell(outcome) for _, cell in COLUMNS), style=style)
        sensor.stop()
    PAGE.write_text(_page(outcomes))
    told = [f"{name}: {problem}" for name, found in problems.items() for problem in found]
    console.print(*told, f"written to {PAGE.relative_to(ROOT)}", sep="\n", markup=False)
    return 1 if told else 0


def _page(outcomes: list[Outcome]) -> str:
    columns = (*COLUMNS[:1], ONLY_IN_PAGE[0], *COLUMNS[1:3], ONLY_IN_PAGE[1], *COLUMNS[3:5])
    columns += (*ONLY_IN_PAGE[2:], *COLUMNS[5:])
    day = datetime.now(UTC).date().isoformat()
    lines = [
        f"Run on {day}, on Linux {platform.release()}.",
        "",
        _row(name for name, _ in columns),
        _row("---" for _ in columns),
        *(_row(cell(outcome) for _, cell in columns) for outcome in outcomes),
        "",
        "What is not seen, or not as one would think:",
        "",
        *(f"- {each.tool.name}: {each.tool.note}." for each in outcomes if each.tool.note),
    ]
    return HEAD + "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
