"""The SHA-256 of what unknown tools execute: read by a thread of its own, or not known.

A wrong digest is worse than none. The file is opened through the process itself, whose start and
inode must be those that an event told of, and it must be unchanged since, until it is read.
"""

import hashlib
import os
from collections import OrderedDict, deque
from collections.abc import Hashable
from contextlib import suppress
from queue import Full, Queue
from threading import Thread, get_native_id

from profguard.context.entry import Key, key_of
from profguard.context.procfs import ProcDir
from profguard.model import Process

MOST_BYTES = 256 << 20
MOST_WAITING = 64
MOST_KNOWN = 4096  # files, and as many processes
_NICE = 10  # the sensor's other work goes first

_Program = tuple[Key, int]  # a process, and the inode of what it executes


class Hasher:
    """`ask` from one thread, and collect there by `answers` what has become known since.

    Of a program it is read once. At most MOST_WAITING programs wait for that, and as many who ask
    for one; to more it is not known.
    """

    def __init__(self, proc: str = "/proc", most_bytes: int = MOST_BYTES):
        self._proc, self._most_bytes = proc, most_bytes
        self._known: OrderedDict[_Program, str | None] = OrderedDict()
        self._waiting: dict[_Program, list[object]] = {}
        self._asked: Queue[tuple[_Program, int] | None] = Queue(MOST_WAITING)
        self._read: deque[tuple[_Program, str | None]] = deque()
        self._digests: OrderedDict[Hashable, str] = OrderedDict()
        # A file system that does not answer must not keep the sensor from its end.
        self._thread = Thread(target=self._run, name="profguard-hasher", daemon=True)
        self._thread.start()

    def ask(self, process: Process, at_ns: int, whose: object) -> str | None:
        """The digest of what a process executed at this time (wall clock), if it is known already.

        Else `whose` comes back with it, unless it cannot be known.
        """
        if None in (process.pid, process.start_boot_ns, process.inode):
            return None
        program = key_of(*process.identity), process.inode
        if program in self._waiting:
            if len(self._waiting[program]) < MOST_WAITING:
                self._waiting[program].append(whose)
        elif program not in self._known:
            with suppress(Full):
                self._asked.put_nowait((program, at_ns))
                self._waiting[program] = [whose]
        return self._known.get(program)

    def answers(self) -> list[tuple[object, str]]:
        """Who asked, with the digest."""
        found = []
        while self._read:
            program, digest = self._read.popleft()
            _keep(self._known, program, digest)
            found += [(whose, digest) for whose in self._waiting.pop(program) if digest]
        return found

    def close(self, timeout_s: float) -> None:
        """Read what was asked for, so far as there is time."""
        with suppress(Full):
            self._asked.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)

    # The thread.

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICE)
        while asked := self._asked.get():
            program, at_ns = asked
            digest = None
            with suppress(OSError):  # it is gone, or may not be read
                digest = self._digest(*program, at_ns)
            self._read.append((program, digest))

    def _digest(self, key: Key, inode: int, at_ns: int) -> str | None:
        pid, start_tick = key
        with ProcDir(self._proc, pid) as process:
            if process.stat().start_tick != start_tick:
                return None
            with process.open_executable() as file:
                before = os.fstat(file.fileno())
                if not self._is_meant(before, inode, at_ns):
                    return None
                content = _content(before)
                digest = (
                    self._digests.get(content) or hashlib.file_digest(file, "sha256").hexdigest()
                )
                if _content(os.fstat(file.fileno())) != content:
                    return None
            # It may have ended, or the pid may have another process.
            if process.stat().start_tick != start_tick:
                return None
        _keep(self._digests, content, digest)
        return digest

    def _is_meant(self, found: os.stat_result, inode: int, at_ns: int) -> bool:
        # Its removal is a change too, of the name alone.
        changed_ns = found.st_ctime_ns if found.st_nlink else found.st_mtime_ns
        return found.st_ino == inode and changed_ns <= at_ns and found.st_size <= self._most_bytes


def _content(found: os.stat_result) -> Hashable:
    """What a changed file, or another, does not have."""
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_mtime_ns, found.st_size


def _keep(memory: OrderedDict, key: Hashable, value: object) -> None:
    """Keep the latest MOST_KNOWN."""
    memory[key] = value
    if len(memory) > MOST_KNOWN:
        memory.popitem(last=False)
