"""The control group that a perf event is for, from its id, which is the inode of its directory."""

import os
from collections import deque
from functools import cached_property
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_CONTROLLERS = Path("/proc/cgroups")
_LIMIT = 4096


class PerfCgroups:
    """Looks where the perf_event controller is: in a hierarchy of its own, or in v2's."""

    def __init__(self, mounts: Path = _MOUNTS, controllers: Path = _CONTROLLERS):
        self._mounts, self._controllers = mounts, controllers
        self._known: dict[int, str] = {}

    def path(self, cgroup_id: int) -> str | None:
        """Its path below the hierarchy's root; None where it is gone, or not to be seen from here.

        An id is not given again as long as the machine runs.
        """
        known = self._known.get(cgroup_id)
        if known is None and self._root is not None:
            known = _find(self._root, cgroup_id)
            if known is not None:
                if len(self._known) >= _LIMIT:
                    self._known.clear()
                self._known[cgroup_id] = known
        return known

    @cached_property
    def _root(self) -> str | None:
        unified = None
        for line in self._mounts.read_text().splitlines():
            _, where, kind, options, *_ = line.split(" ")
            if kind == "cgroup" and "perf_event" in options.split(","):
                return where
            if kind == "cgroup2":
                unified = unified or where
        return None if self._is_elsewhere else unified

    @property
    def _is_elsewhere(self) -> bool:
        """Whether the controller has a hierarchy of its own, which then is mounted nowhere."""
        try:
            lines = self._controllers.read_text().splitlines()
        except FileNotFoundError:  # a kernel without v1
            return False
        rows = (line.split() for line in lines)
        return any(row[0] == "perf_event" and row[1] != "0" for row in rows)


def _find(root: str, inode: int) -> str | None:
    if Path(root).stat().st_ino == inode:
        return "/"
    waiting = deque([root])
    while waiting:
        try:
            with os.scandir(waiting.popleft()) as entries:
                folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:  # removed meanwhile
            continue
        for folder in folders:
            if folder.inode() == inode:
                return folder.path.removeprefix(root)
            waiting.append(folder.path)
    return None
