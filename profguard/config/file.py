"""Reading a configuration file: all that is wrong with it at once, or a Config."""

import os
import re
import tomllib
from pathlib import Path

from profguard.config.check import Checker
from profguard.config.source import Source
from profguard.config.spec import SYSTEM_PATH, Config
from profguard.errors import ConfigError, Place, Problem

MAX_BYTES = 1 << 20

_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_WRITABLE_BY_OTHERS = 0o022


def load(path: Path | None = None) -> Config:
    """The configuration in `path`, else that of the system, else the defaults.

    Raises ConfigError with every problem: PG201 to PG205.
    """
    try:
        return parse(_read(path or SYSTEM_PATH), path or SYSTEM_PATH)
    except FileNotFoundError as error:
        if path is None:
            return Config()
        raise _unreadable(path, error) from None


def parse(text: str, path: Path) -> Config:
    """The configuration in the text of the file `path`. Raises ConfigError: PG202 to PG204."""
    try:
        data = tomllib.loads(text)
        source = Source.of(str(path), text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_problem(str(error), text, path)) from None
    except RecursionError:
        raise ConfigError.of("PG202", "values are nested too deeply", place=_at(path)) from None
    checker = Checker(source, path.absolute().parent)
    config = checker.config(data)
    if checker.problems:
        raise ConfigError(*sorted(checker.problems, key=_in_file_order))
    return config


def _in_file_order(problem: Problem) -> tuple[int, int]:
    return problem.place.line, problem.place.column


def _at(path: Path) -> Place:
    return Place(str(path))


def _unreadable(path: Path, error: OSError) -> ConfigError:
    hint = f"--config names the file; without it {SYSTEM_PATH} is read, if there is one"
    message = f"cannot read the configuration: {error.strerror}"
    return ConfigError.of("PG201", message, hint, _at(path))


def _read(path: Path) -> str:
    """The text of the file. Raises FileNotFoundError, and ConfigError for all else."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError.of("PG201", "the configuration is larger than 1 MiB", place=_at(path))
    # Who can write it decides what root runs, reads and appends to.
    if os.geteuid() == 0 and (status.st_mode & _WRITABLE_BY_OTHERS):
        raise ConfigError.of(
            "PG205", "the configuration can be written by others", f"chmod go-w {path}", _at(path)
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        place = Place(str(path), line, column)
        raise ConfigError.of("PG202", "the text is not UTF-8", place=place) from None


def _syntax_problem(message: str, text: str, path: Path) -> Problem:
    """The problem in a message of tomllib, whose last words are the place."""
    lines = text.splitlines() or [""]
    found = _WHERE.search(message)
    line, column = len(lines), len(lines[-1]) + 1
    if found:
        message = message[: found.start()]
        if found[1]:
            line, column = int(found[1]), int(found[2])
    text_there = lines[line - 1] if line <= len(lines) else ""
    place = Place(str(path), line, column, text_there)
    return Problem("PG202", message[0].lower() + message[1:], place)
