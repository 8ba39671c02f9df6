"""Everything a user can mend: one hierarchy, each problem with place, text, caret, hint and code.

A subclass exists only where a caller reacts differently; the exit code is that reaction.
"""

from dataclasses import dataclass
from difflib import get_close_matches

# One table of problem codes. PG1xx rules, PG2xx configuration, PG3xx sensor, PG4xx store,
# PG5xx captures, PG6xx alerts, PG7xx command line.
CODES = {
    "PG101": "not valid YAML",
    "PG102": "duplicate key",
    "PG103": "unknown field",
    "PG104": "unknown modifier",
    "PG105": "modifier does not fit the value or the other modifiers",
    "PG106": "condition does not parse",
    "PG107": "condition names an unknown selection",
    "PG108": "rule does not fit the Sigma schema",
    "PG109": "unknown event category",
    "PG110": "duplicate rule id",
    "PG111": "value has the wrong type for the field",
    "PG112": "selection is never used",
    "PG113": "rule relies on a field that the observed process can forge or race",
    "PG114": "rule has no test case that fires, or none that stays quiet",
    "PG115": "test case fails",
    "PG116": "rule file cannot be read",
    "PG117": "unknown placeholder",
    "PG118": "value is not one this field can have",
    "PG119": "rule feature is not supported",
    "PG120": "test case is not valid",
    "PG121": "rule directory can be written by others",
    "PG122": "regular expression can take too long on a hostile text",
    "PG130": "rule can never match",
    "PG131": "part of a condition never decides",
    "PG132": "what a rule says of itself is missing or malformed",
    "PG133": "name of a rule file does not fit",
    "PG134": "two rules ask the same",
    "PG135": "rules are not put in force",
    "PG140": "no such rule",
    "PG141": "correlation rules refer to one another in a circle",
    "PG142": "correlation means nothing",
    "PG143": "exception is expired",
    "PG144": "exception excuses nothing",
    "PG145": "exception does not say who owns it, why, or until when",
    "PG150": "not valid Rego",
    "PG151": "Rego policy is refused",
    "PG152": "Rego policy does not say what it must of itself",
    "PG153": "Rego policy fails when it is evaluated",
    "PG154": "Rego test fails",
    "PG201": "configuration cannot be read",
    "PG202": "configuration is not valid TOML",
    "PG203": "unknown configuration key",
    "PG204": "configuration value has the wrong type or range",
    "PG205": "configuration can be written by others",
    "PG206": "address of the metrics cannot be listened at",
    "PG301": "missing rights",
    "PG302": "kernel refuses BPF",
    "PG303": "kernel has no BTF",
    "PG304": "libbpf is missing or too old",
    "PG305": "BPF object is missing or stale",
    "PG306": "no probe could be attached",
    "PG307": "BCC or the headers of the running kernel are missing",
    "PG401": "database cannot be opened",
    "PG402": "database is corrupt",
    "PG403": "database belongs to a newer version",
    "PG404": "database is full or cannot be written",
    "PG405": "no such finding or session",
    "PG501": "capture cannot be read",
    "PG502": "capture has a line that is not an event",
    "PG503": "capture is truncated",
    "PG504": "capture has an unknown format or version",
    "PG505": "capture cannot be written",
    "PG601": "alert secret cannot be read",
    "PG602": "alert destination is not usable",
    "PG603": "no such alert",
    "PG701": "unknown name",
    "PG702": "the command line is not valid",
    "PG703": "file exists already",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file: 1-based line and column; `text` is that source line, where known."""

    path: str
    line: int = 0
    column: int = 0
    text: str | None = None
    length: int = 1

    def __str__(self):
        parts = [self.path]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: code from CODES, a sentence, its place, and what would help."""

    code: str
    message: str
    place: Place | None = None
    hint: str | None = None
    severity: str = "error"  # or "warning"

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def render(self) -> str:
        """The text a person reads: place, sentence, source line with caret, hint and code."""
        prefix = f"{self.place}: " if self.place else ""
        mark = "warning: " if self.severity == "warning" else ""
        lines = [printable(f"{prefix}{mark}{self.message}")]
        if self.place and self.place.text is not None and self.place.column:
            source = printable(self.place.text)
            lines.append(f"  {source}")
            lines.append("  " + " " * (self.place.column - 1) + "^" * max(1, self.place.length))
        lines.append(
            f"hint: {printable(self.hint)}  ({self.code})" if self.hint else f"({self.code})"
        )
        return "\n".join(lines)

    def as_dict(self) -> dict:
        """The object printed with --json."""
        place = self.place
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "path": place.path if place else None,
            "line": place.line or None if place else None,
            "column": place.column or None if place else None,
        }


class ProfguardError(Exception):
    """A set of problems that ends a command with `exit_code` and never with a traceback."""

    exit_code = 1

    def __init__(self, *problems: Problem):
        self.problems = problems
        super().__init__("\n".join(problem.message for problem in problems))

    @classmethod
    def of(cls, code: str, message: str, hint: str | None = None, place: Place | None = None):
        """One problem, raised where there is only one to report."""
        return cls(Problem(code, message, place, hint))

    def render(self) -> str:
        return "\n".join(problem.render() for problem in self.problems)


class UsageError(ProfguardError):
    """The command line names something that does not exist (exit 2, as for unknown options)."""

    exit_code = 2


class ConfigError(ProfguardError):
    """Configuration or rules are not usable (exit 3)."""

    exit_code = 3


class RuleError(ConfigError):
    """One or more rules or test cases are not usable (exit 3)."""


class SensorError(ProfguardError):
    """The sensor cannot run here: rights, kernel or libbpf (exit 4)."""

    exit_code = 4


class StoreError(ProfguardError):
    """The database cannot be used (exit 5)."""

    exit_code = 5


class CaptureError(ProfguardError):
    """A capture cannot be read to its end (exit 6)."""

    exit_code = 6


EXIT_CODES = {
    0: "all is well",
    1: "a check said no: failing rule tests, lint errors, a selftest that missed something",
    2: "the command line is wrong",
    3: "configuration or rules are not usable",
    4: "the sensor cannot run here",
    5: "the database cannot be used",
    6: "a capture cannot be read to its end",
    130: "interrupted by Ctrl-C",
}


def printable(text: str) -> str:
    """`text` with control characters escaped, so that hostile names cannot drive a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "replace").decode()
        for char in text
    )


def which_of(name, known, lead: str = "known are") -> str:
    """A hint naming the nearest valid name, or all of them where nothing is near."""
    return did_you_mean(str(name), known) or f"{lead}: {', '.join(known)}"


def did_you_mean(name: str, known) -> str | None:
    """A hint naming the nearest valid name, or None where nothing is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else None
