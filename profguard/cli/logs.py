"""Where log lines go and how they look: stderr, and nothing in them can drive a terminal."""

import sys
from typing import Any

import structlog

from profguard.errors import printable
from profguard.reload import Load

MOST_PROBLEMS = 50  # of one load


def configure(*, as_json: bool | None = None) -> None:
    """Send every log line to stderr, from level info; as JSON where the output is JSON too."""
    as_json = "--json" in sys.argv if as_json is None else as_json
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            escape,
            structlog.processors.JSONRenderer()
            if as_json
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def rules(load: Load) -> None:
    """Log what became of reading the rules again: a line, and one for each error with its place."""
    configure()
    logger = structlog.get_logger()
    how = {"rules": load.in_force, "cause": load.cause}
    if load.rules is None:
        logger.error("rules refused, the old ones stay in force", **how, errors=len(load.errors))
    else:
        logger.info("rules reloaded", **how)
    for problem in load.errors[:MOST_PROBLEMS]:
        line = f"{problem.place}: {problem.message}"
        hint = {"hint": problem.hint} if problem.hint else {}
        logger.error(line, code=problem.code, **hint)
    if len(load.errors) > MOST_PROBLEMS:
        logger.error("and more errors", left_out=len(load.errors) - MOST_PROBLEMS)


def escape(logger: Any, method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: no value keeps a control character; tracebacks keep their lines."""
    del logger, method
    return {key: _safe(value, lines=key == "exception") for key, value in fields.items()}


def _safe(value: Any, *, lines: bool) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else repr(value)
    if lines:
        return "\n".join(printable(line) for line in text.split("\n"))
    return printable(text)
