"""Regular expressions that hostile texts cannot make slow."""

from profguard.backtracking.rewrite import quicker
from profguard.backtracking.ways import LENGTH, too_slow

LONGEST = 20_000  # characters of a pattern: Python itself takes seconds to compile a longer one
SLOW_HINT = "neighbouring or nested repeats must not fit the same text: make them differ, or anchor"

__all__ = ["LENGTH", "LONGEST", "SLOW_HINT", "quicker", "too_slow"]
