"""What is normal on a host: findings, put together as far as one exception is enough for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from profguard.errors import UsageError
from profguard.model import LEVELS
from profguard.rules.exception import Written, excused, write_exception
from profguard.rules.pack import RuleSet


@dataclass(slots=True)
class Habit:
    """What happened several times: one of its findings, in its public shape.

    `matches` is how often in all, `left_out` why it is not learned.
    """

    finding: dict[str, Any]
    matches: int = 0
    left_out: str | None = None

    @property
    def title(self) -> str:
        return self.finding["rule"]["title"]

    @property
    def level(self) -> str:
        return self.finding["rule"]["level"]

    def executable(self, role: str) -> str | None:
        """That of its `process` or `target`, where there is one and it is known."""
        return (self.finding.get(role) or {}).get("executable")


def habits(findings: Iterable[dict[str, Any]], rules: RuleSet, up_to: str) -> list[Habit]:
    """The habits that findings show, gravest first, then the most frequent.

    Those graver than `up_to` are left out, as is what no exception can be written for.
    """
    found: dict[tuple[str, ...], Habit] = {}
    for finding in findings:
        left_out = None
        try:
            key = excused(finding, rules)
        except UsageError as error:
            key, left_out = (finding["finding"]["id"],), error.problems[0].message
        habit = found.setdefault(key, Habit(finding, left_out=left_out))
        habit.matches += finding["finding"]["count"]
        if _gravity(habit.level) > _gravity(up_to):
            habit.left_out = habit.left_out or f"it is graver than {up_to}"
    return sorted(found.values(), key=lambda habit: (-_gravity(habit.level), -habit.matches))


def exceptions(
    habits: Iterable[Habit], rules: RuleSet, *, owner: str, day: str, expires: str
) -> list[Written]:
    """One for each habit that is learned, on that day."""
    written: dict[str, Written] = {}
    for habit in habits:
        if habit.left_out is None:
            exception = write_exception(
                habit.finding,
                rules,
                id=str(uuid4()),
                owner=owner,
                reason=f"normal on {day}, for it matched {habit.matches} times; not reviewed",
                expires=expires,
                taken=written,
            )
            written[exception.name] = exception
    return list(written.values())


def _gravity(level: str) -> int:
    return LEVELS.index(level)
