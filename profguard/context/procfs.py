r"""What /proc says about one process, read through a handle that cannot slip to another process.

An open /proc/PID directory belongs to that very process: once it is gone, reads fail, also when
the pid is in use again. Names and arguments are bytes that the process chose; what is not UTF-8
in them becomes \xNN, so that every text can be written as UTF-8 and JSON.
"""

import os
import time
from contextlib import suppress
from typing import BinaryIO, Self

import msgspec

# /proc gives start times in clock ticks: the kernel's ns, divided and rounded down.
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
COMMAND_LINE_LIMIT = 4096
ENVIRON_LIMIT = 1 << 21  # what execve accepts with an 8 MiB stack

_CHUNK = 8192
_PF_KTHREAD = 0x00200000
_DELETED = b" (deleted)"


class Image(msgspec.Struct, frozen=True, gc=False):
    """What an exec sets. A fork's child shares it with its parent. Unknown parts are None."""

    executable: str | None = None
    inode: int | None = None
    command_line: str | None = None
    environ: dict[str, str] | None = None
    variables: dict[str, str] | None = None  # those that profiler_env events tell of


class Stat(msgspec.Struct, frozen=True, gc=False):
    """The fields of /proc/PID/stat that identify a process and its parent."""

    name: str
    state: str
    ppid: int
    kernel_thread: bool
    start_tick: int


def as_text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def boot_ns() -> int:
    """Now, on the clock of start times and events."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class ProcDir:
    """One process under /proc, until closed. Raises OSError where there is no such process."""

    def __init__(self, proc: str, pid: int):
        self._fd = os.open(f"{proc}/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc):
        os.close(self._fd)

    def stat(self) -> Stat:
        """Raises OSError when the process is gone."""
        raw = self._read(b"stat", 4096)
        # The comm may hold spaces and brackets; nothing after it does.
        end = raw.rindex(b")")
        fields = raw[end + 2 :].split(maxsplit=20)
        return Stat(
            name=as_text(raw[raw.index(b"(") + 1 : end]),
            state=chr(fields[0][0]),
            ppid=int(fields[1]),
            kernel_thread=bool(int(fields[6]) & _PF_KTHREAD),
            start_tick=int(fields[19]),
        )

    def image(self, stat: Stat, environ_names: frozenset[bytes], tid: int | None = None) -> Image:
        """The program that runs. `tid` is a thread to ask where the main thread has ended."""
        if stat.kernel_thread:
            return Image()
        base = b"task/%d/" % tid if tid and stat.state == "Z" else b""
        link = self._link(base)
        for _ in range(3):
            image = Image(
                *self._executable(base, link),
                self._command_line(base),
                self._environ(base, environ_names),
            )
            # An exec between two of the reads would have mixed two programs.
            before, link = link, self._link(base)
            if link == before:
                return image
        return Image()

    def variable(self, name: str) -> dict[str, str] | None:
        """A variable of the environment that its program was started with, if that has it."""
        return self._environ(b"", frozenset({name.encode()}))

    def cgroup(self) -> str | None:
        """The text of /proc/PID/cgroup."""
        with suppress(OSError):
            return as_text(self._read(b"cgroup", 65536))
        return None

    def open_executable(self) -> BinaryIO:
        """The file that it executes, also where that was removed. Raises OSError."""
        return os.fdopen(os.open(b"exe", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd), "rb")

    def has_thread(self, tid: int) -> bool:
        with suppress(OSError):
            os.stat(f"task/{tid}", dir_fd=self._fd)
            return True
        return False

    def _link(self, base: bytes) -> bytes | None:
        with suppress(OSError):  # a zombie, a kernel thread, or no right to see it
            return os.readlink(base + b"exe", dir_fd=self._fd)
        return None

    def _executable(self, base: bytes, link: bytes | None) -> tuple[str | None, int | None]:
        if link is None:
            return None, None
        try:
            found = os.stat(base + b"exe", dir_fd=self._fd)
        except OSError:
            return as_text(link), None
        if link.endswith(_DELETED) and self._is_deleted(base, link, found):
            link = link.removesuffix(_DELETED)
        return as_text(link), found.st_ino

    def _is_deleted(self, base: bytes, link: bytes, found: os.stat_result) -> bool:
        """Whether the kernel appended " (deleted)", or the file is really called so."""
        if found.st_nlink == 0:
            return True
        with suppress(OSError):
            named = os.stat(base + b"root" + link, dir_fd=self._fd)
            return (named.st_dev, named.st_ino) != (found.st_dev, found.st_ino)
        return True

    def _command_line(self, base: bytes) -> str | None:
        with suppress(OSError):
            raw = self._read(base + b"cmdline", COMMAND_LINE_LIMIT)
            return as_text(raw.rstrip(b"\0").replace(b"\0", b" ")) or None
        return None

    def _environ(self, base: bytes, names: frozenset[bytes]) -> dict[str, str] | None:
        if not names:
            return None
        with suppress(OSError):
            raw = self._read(base + b"environ", ENVIRON_LIMIT)
            found: dict[str, str] = {}
            for item in raw.split(b"\0"):
                name, _, value = item.partition(b"=")
                if name in names:
                    # getenv takes the first of two variables with one name.
                    found.setdefault(as_text(name), as_text(value))
            return found
        return None

    def _read(self, name: bytes, limit: int) -> bytes:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
        try:
            raw = os.read(fd, min(limit, _CHUNK))
            # The rest is rare, and a buffer for it costs more than the first read.
            return raw if len(raw) < _CHUNK else raw + os.read(fd, limit - _CHUNK)
        finally:
            os.close(fd)
