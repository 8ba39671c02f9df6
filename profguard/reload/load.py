"""What became of reading the rules, and what is in force since."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from profguard.context.processes import Prepared
from profguard.errors import Problem, printable
from profguard.rules.pack import RuleSet

CAUSES = {
    "start": "the sensor starts",
    "files": "a file or folder of rules has changed",
    "signal": "SIGHUP",
}
STATES = ("in_force", "refused")


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """One reading of the rules; `rules` is None where they were refused, and the old ones stay.

    `time_ns` is wall-clock time, `cause` one of CAUSES. `kept` is how many rules stay in force
    after a refusal. `environ` is what the process table needs for the environment variables of
    these rules, where they are others.
    """

    time_ns: int
    cause: str
    paths: Sequence[Path]
    rules: RuleSet | None
    problems: tuple[Problem, ...] = ()
    kept: int = 0
    environ: Prepared | None = None

    @property
    def state(self) -> str:
        return STATES[self.rules is None]

    @property
    def in_force(self) -> int:
        """How many rules are in force after it."""
        return self.kept if self.rules is None else self.rules.in_force

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Why it was refused, or what was left out of it."""
        return tuple(problem for problem in self.problems if problem.is_error)

    @property
    def reason(self) -> str:
        """A sentence for people, printable."""
        if self.rules is not None:
            left_out = f", errors left out: {len(self.errors)}" if self.errors else ""
            return f"{self.in_force} in force{left_out}"
        first, *more = self.errors
        others = f", and {len(more)} more" if more else ""
        return printable(f"{self.kept} stay in force: {first.place}: {first.message}{others}")


class Standing:
    """The sum of all loads. One thread notes them, any may read."""

    def __init__(self):
        self.in_force = 0
        self.loads: Counter[str] = Counter()  # by state
        self.good_ns: int | None = None  # wall-clock time of the last one that was not refused
        self.refused = False  # whether the files as they are now were refused

    def note(self, load: Load) -> None:
        self.in_force = load.in_force
        self.loads[load.state] += 1
        self.refused = load.rules is None
        if not self.refused:
            self.good_ns = load.time_ns
