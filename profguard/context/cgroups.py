"""The cgroup of a process from its id, so that /proc is read once a cgroup and not once a process.

The kernel sends the id of a task's cgroup v2, which is the inode of that cgroup's directory.
"""

from contextlib import suppress
from pathlib import Path

from profguard.context.containers import Cgroup

_LIMIT = 4096
# Alone, or beside the v1 controllers.
_MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))


class CgroupNames:
    """Cgroup by id, filled from what was read of processes."""

    def __init__(self, mounts: tuple[Path, ...] = _MOUNTS):
        self._root = next(
            (mount for mount in mounts if (mount / "cgroup.controllers").exists()), None
        )
        self._known: dict[int, Cgroup] = {}

    def known(self, cgroup_id: int) -> Cgroup | None:
        return self._known.get(cgroup_id)

    def confirm(self, cgroup_id: int, read: Cgroup | None) -> Cgroup | None:
        """`read` (from /proc/PID/cgroup), unless it is not the cgroup with that id.

        They differ when the process was moved between the event and the read. A v1 path has no
        id to compare, and a cgroup that was removed cannot be asked: both are taken as read.
        """
        if read is None or not read.unified or self._root is None:
            return read
        with suppress(OSError, ValueError):
            if (self._root / read.path.lstrip("/")).stat().st_ino != cgroup_id:
                return None
            if len(self._known) >= _LIMIT:
                self._known.clear()
            self._known[cgroup_id] = read
        return read
