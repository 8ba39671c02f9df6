"""How a check of rules ends: its problems and counts for people or programs, and the exit code."""

import sys
from typing import Any, NoReturn

from profguard.cli.output import emit, number, say
from profguard.errors import Problem


def by_place(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.place.path, p.place.line, p.place.column))


def finish(
    problems: list[Problem], as_json: bool, counts: dict[str, int], more: dict[str, Any]
) -> NoReturn:
    """Print problems and counts, with `more` in JSON only; exit with 1 where there is an error."""
    errors = sum(problem.is_error for problem in problems)
    counts = {**counts, "errors": errors, "warnings": len(problems) - errors}
    if as_json:
        emit({**counts, **more, "problems": [one.as_dict() for one in by_place(problems)]})
    else:
        for problem in by_place(problems):
            say(problem.render() + "\n")
        foreign = counts.pop("foreign", 0)
        say(", ".join(number(count, name) for name, count in counts.items()))
        if foreign:
            say(f"{foreign} of the rules for log sources that profguard does not have")
    leave(problems)


def leave(problems: list[Problem]) -> NoReturn:
    """Exit with 1 where there is an error, with 0 where there is none."""
    sys.exit(any(problem.is_error for problem in problems))
