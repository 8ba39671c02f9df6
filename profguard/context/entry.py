"""What the process table keeps of one process."""

import msgspec

from profguard.context.containers import Cgroup
from profguard.context.procfs import TICK_NS, Image
from profguard.model import Process
from profguard.rawtask import RawTask

Key = tuple[int, int]  # pid and start, in the clock ticks that /proc can tell apart

NO_PARENT: Key = (0, 0)
UNREAD = Image()  # nobody has looked yet; by identity, an image that is known to be empty differs


def key_of(pid: int, start_ns: int) -> Key:
    return pid, start_ns // TICK_NS


def parent_key(raw: RawTask) -> Key:
    return key_of(raw.ppid, raw.parent_start_ns) if raw.ppid else NO_PARENT


class Entry(msgspec.Struct, gc=False):
    """One process. Its `process` is handed out and shared, so it is replaced and never changed."""

    key: Key
    start_ns: int | None  # None while only /proc has told of it
    name: str
    parent: Key | None  # None: not known
    image: Image = UNREAD
    read_ns: int = 0  # when /proc was read, on the boot clock; 0 for what events told
    epoch: int = 0  # ProcessTable's, when the image was last known to be right
    cgroup: Cgroup | None = None
    cgroup_id: int | None = None  # of `cgroup`; None: not compared yet
    before: dict[str, str] | None = None  # `image.variables` of the program before the last exec
    leads: bool = False  # is an ancestor of a process that was handed out
    ended: bool = False
    seen: tuple | None = None  # what `process` was made from
    process: Process | None = None

    @classmethod
    def of(cls, raw: RawTask, image: Image, epoch: int) -> "Entry":
        return cls(
            key=key_of(raw.pid, raw.start_ns),
            start_ns=raw.start_ns,
            name=raw.comm,
            parent=parent_key(raw),
            image=image,
            epoch=epoch,
        )
