"""Which files under the given paths are rules, and whether what root reads there can be trusted."""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from profguard.errors import Place, Problem

YAML = (".yml", ".yaml")
REGO = ".rego"
REGO_TEST = "_test.rego"  # how the names of files with tests in Rego end
MAX_DEPTH = 32  # of directories in directories


def rule_files(
    paths: Sequence[Path], problems: list[Problem], suffixes: tuple[str, ...] = (*YAML, REGO)
) -> list[Path]:
    """The rule files under `paths`, each once, sorted within a directory; hidden ones are not."""
    found: dict[Path, None] = {}
    for path in paths:
        try:
            is_there = path.exists()
        except OSError as error:
            problems.append(_unreadable(path, error))
            continue
        if not is_there:
            problems.append(Problem("PG116", "no such file or directory", Place(str(path))))
        elif not _writable_by_others(path, problems):
            if path.is_dir():
                found |= dict.fromkeys(_walk(path, problems, suffixes))
            else:
                found[path] = None
    return list(found)


def has_plain_name(path: Path, problems: list[Problem]) -> bool:
    """Whether a file's name can be shown: it becomes the id of a rule, and part of findings."""
    if path.name.isprintable():
        return True
    said = "the file's name has characters that cannot be shown"
    problems.append(Problem("PG116", said, Place(str(path)), "rename it"))
    return False


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem("PG116", f"cannot read: {error.strerror}", Place(str(path)))


def _walk(
    directory: Path, problems: list[Problem], suffixes: tuple[str, ...], depth: int = 1
) -> Iterable[Path]:
    if depth > MAX_DEPTH:
        said = f"directories are nested deeper than {MAX_DEPTH} levels"
        problems.append(Problem("PG116", said, Place(str(directory))))
        return
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        problems.append(_unreadable(directory, error))
        return
    for path in entries:
        is_rule = path.suffix in suffixes
        if path.name.startswith(".") or not (is_rule or path.is_dir()):
            continue
        if _writable_by_others(path, problems):
            continue
        if path.is_dir():
            if not path.is_symlink():  # a link could lead back up
                yield from _walk(path, problems, suffixes, depth + 1)
        else:
            yield path


def _writable_by_others(path: Path, problems: list[Problem]) -> bool:
    """Whether others could change what root is about to trust; then it is reported."""
    if os.geteuid() != 0:
        return False
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # reading it will say why
    if not mode & (stat.S_IWGRP | stat.S_IWOTH):
        return False
    who = "everyone" if mode & stat.S_IWOTH else "its group"
    hint = f"chmod go-w {path}"
    problems.append(Problem("PG121", f"{who} can write it", Place(str(path)), hint))
    return True
