"""Entries of the process table from /proc: only of the process that was meant."""

from contextlib import suppress
from pathlib import Path

from profguard.context.containers import Cgroup, parse
from profguard.context.entry import NO_PARENT, Entry, Key
from profguard.context.procfs import ProcDir, boot_ns


class Reader:
    """Reads processes below `proc`, with the environment variables in `environ_names`.

    Every method answers None where the process is gone, hidden, or another one with its pid.
    """

    def __init__(self, proc: str, environ_names: frozenset[str]):
        self._proc = proc
        self._environ_names = frozenset(name.encode() for name in environ_names)

    def all(self) -> list[Entry]:
        """Every process, with its parent."""
        pids = [int(path.name) for path in Path(self._proc).iterdir() if path.name.isdigit()]
        found = [one for pid in pids if (one := self._read(pid)) is not None]
        starts = dict(entry.key for entry, _ in found)
        for entry, ppid in found:
            entry.parent = (ppid, starts.get(ppid, 0)) if ppid else NO_PARENT
        return [entry for entry, _ in found]

    def read(self, key: Key, tid: int | None = None) -> Entry | None:
        """The process; which one its parent is remains open."""
        found = self._read(key[0], key[1], tid)
        return found and found[0]

    def cgroup(self, key: Key) -> Cgroup | None:
        with suppress(OSError), ProcDir(self._proc, key[0]) as process:
            if process.stat().start_tick == key[1]:
                return _place(process)
        return None

    def variable(self, key: Key, name: str) -> dict[str, str] | None:
        """A variable that the process was started with; empty where it has it not."""
        with suppress(OSError), ProcDir(self._proc, key[0]) as process:
            if process.stat().start_tick == key[1]:
                return process.variable(name)
        return None

    def parent(self, key: Key) -> Key | None:
        """The process's parent of this moment; NO_PARENT for the first processes."""
        with suppress(OSError), ProcDir(self._proc, key[0]) as process:
            stat = process.stat()
            if stat.start_tick != key[1]:
                return None
            if not stat.ppid:
                return NO_PARENT
            with ProcDir(self._proc, stat.ppid) as above:
                start_tick = above.stat().start_tick
            # It may have ended and its pid been used again since the first read.
            if process.stat().ppid == stat.ppid:
                return stat.ppid, start_tick
        return None

    def has_thread(self, key: Key, tid: int) -> bool:
        with suppress(OSError), ProcDir(self._proc, key[0]) as process:
            return process.stat().start_tick == key[1] and process.has_thread(tid)
        return False

    def _read(
        self, pid: int, start_tick: int | None = None, tid: int | None = None
    ) -> tuple[Entry, int] | None:
        with suppress(OSError), ProcDir(self._proc, pid) as process:
            stat = process.stat()
            if start_tick in (None, stat.start_tick):
                entry = Entry(
                    key=(pid, stat.start_tick),
                    start_ns=None,
                    name=stat.name,
                    parent=None,
                    image=process.image(stat, self._environ_names, tid),
                    cgroup=_place(process),
                )
                entry.read_ns = boot_ns()
                return entry, stat.ppid
        return None


def _place(process: ProcDir) -> Cgroup | None:
    text = process.cgroup()
    return None if text is None else parse(text)
