"""The rule files as they are on disk now: whether anything about them is another than before."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from profguard.errors import Problem
from profguard.rules.files import rule_files

Fingerprint = frozenset[tuple]


def fingerprint(paths: Sequence[Path]) -> Fingerprint:
    """What tells one state of the rules under `paths` from another; no file is opened.

    It is of the files that would be read, and of what is wrong with folders: test cases, editors'
    swap files and hidden folders make no difference. ctime tells of writes that restore mtime.
    """
    problems: list[Problem] = []
    found: set[tuple] = set()
    for path in rule_files(paths, problems):
        try:
            status = path.stat()
        except OSError as error:
            found.add((path, error.errno))
            continue
        times = status.st_mtime_ns, status.st_ctime_ns
        found.add((path, status.st_dev, status.st_ino, status.st_size, *times))
    # What is wrong with a file's place and mode; that of folders no file tells.
    found |= {(str(problem.place), problem.message) for problem in problems}
    return frozenset(found)


def folders(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The folders to watch: those with rules, and those of single files, which editors replace."""
    found: dict[Path, None] = {}
    for path in paths:
        with suppress(OSError):
            if path.is_dir():
                for top, names, _ in os.walk(path):
                    names[:] = [name for name in names if not name.startswith(".")]
                    found[Path(top)] = None
            elif path.parent.is_dir():
                found[path.parent] = None
    return tuple(found)


def concerns(paths: Sequence[Path], changed: str) -> bool:
    """Whether a change at this absolute path may be one of the rules under `paths`."""
    for path in paths:
        own = str(path.absolute())
        if changed == own or changed.startswith(own.rstrip(os.sep) + os.sep):
            return True
        # A link that points to the rules, or a name that is swapped for another.
        if not path.is_dir() and os.path.dirname(changed) == os.path.dirname(own):  # noqa: PTH120
            return True
    return False
