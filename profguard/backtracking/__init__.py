"""Regular expressions that hostile texts cannot make slow."""

from profguard.backtracking.rewrite import quicker
from profguard.backtracking.ways import LENGTH, too_slow

SLOW_HINT = "neighbouring or nested repeats must not fit the same text: make them differ, or anchor"

__all__ = ["LENGTH", "SLOW_HINT", "quicker", "too_slow"]
