"""Which functions of a file an offset in it belongs to, by the file's own symbols (ELF)."""

import os
import stat
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

MAX_SYMBOLS_BYTES = 8 << 20  # of one table; a third of a million symbols are read in 200 ms
MAX_NAMES_BYTES = 64 << 20
MAX_NAME_BYTES = 1024  # of one function
MAX_HEADERS = 4096

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_FILE = struct.Struct("<16xHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_LOAD = 1  # PT_LOAD
_TABLES = 11, 2  # SHT_DYNSYM, SHT_SYMTAB
_FUNCTIONS = 2, 10  # STT_FUNC, STT_GNU_IFUNC


class Function(NamedTuple):
    """Where in the file a function begins and ends."""

    start: int
    end: int
    name: str


class Symbols:
    """Asked for files by their path, as a process sees it; certain of which file that is."""

    def __init__(self, proc: str = "/proc"):
        self._proc = proc

    def names(
        self, pid: int, path: str, inode: int, dev: int, offsets: Iterable[int]
    ) -> tuple[str, ...] | None:
        """The functions there, in order, each once; None where none is known for certain.

        `dev` is as the kernel numbers it. A path that now leads to another file is no answer.
        """
        for place in (f"{self._proc}/{pid}/root{path}", path):
            with suppress(OSError):
                if functions := _functions_at(place, inode, dev):
                    found = (name for offset in offsets for name in _at(functions, offset))
                    return tuple(dict.fromkeys(found)) or None
        return None


def _functions_at(path: str, inode: int, dev: int) -> tuple[Function, ...]:
    """Those of that very file, without waiting for what is no file. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        found = os.fstat(fd)
        number = os.major(found.st_dev) << 20 | os.minor(found.st_dev)
        if not stat.S_ISREG(found.st_mode) or (found.st_ino, number) != (inode, dev):
            return ()
        return _kept(_Open(fd, (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)))
    finally:
        os.close(fd)


class _Open:
    """An open file, which is the same as another one by what it is, not by its descriptor."""

    def __init__(self, fd: int, identity: tuple[int, ...]):
        self.fd = fd
        self._identity = identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Open) and self._identity == other._identity


@lru_cache(maxsize=8)
def _kept(file: _Open) -> tuple[Function, ...]:
    with suppress(struct.error, OverflowError, ValueError):
        return tuple(sorted(_functions(file.fd)))
    return ()


def _at(functions: tuple[Function, ...], offset: int) -> Iterator[str]:
    """The function at an offset; of the names that it has, one without underscores if there is."""
    last = bisect_right(functions, offset, key=lambda each: each.start) - 1
    if last < 0:
        return
    start = functions[last].start
    same = takewhile(lambda at: functions[at].start == start, range(last, -1, -1))
    names = [functions[at].name for at in same if offset < functions[at].end]
    if names:
        yield min(names, key=lambda name: (name.startswith("_"), len(name), name))


def _functions(fd: int) -> Iterator[Function]:
    """Raises struct.error, OverflowError, ValueError and OSError on what is no such file."""
    head = os.pread(fd, _FILE.size, 0)
    if not head.startswith(_MAGIC):
        return
    _, _, _, _, segments_at, sections_at, _, _, _, segments, _, sections, _ = _FILE.unpack(head)
    loads = [
        (vaddr, vaddr + size, offset - vaddr)
        for type_, _, offset, vaddr, _, size, _, _ in _entries(fd, _SEGMENT, segments_at, segments)
        if type_ == _LOAD
    ]
    table = list(_entries(fd, _SECTION, sections_at, sections))
    for _, type_, _, _, offset, size, names, _, _, _ in table:
        if type_ in _TABLES and size <= MAX_SYMBOLS_BYTES and names < len(table):
            _, _, _, _, names_at, names_size, *_ = table[names]
            text = os.pread(fd, min(names_size, MAX_NAMES_BYTES), names_at)
            yield from _of_table(os.pread(fd, size, offset), text, loads)


def _of_table(raw: bytes, text: bytes, loads: list[tuple[int, int, int]]) -> Iterator[Function]:
    whole = len(raw) - len(raw) % _SYMBOL.size
    for name, info, _, section, value, size in _SYMBOL.iter_unpack(raw[:whole]):
        if info & 15 not in _FUNCTIONS or not section or not size or name >= len(text):
            continue
        name_end = text.find(b"\0", name, name + MAX_NAME_BYTES)
        for begin, end, shift in loads:
            if begin <= value < end and name_end > 0:
                start = value + shift
                label = text[name:name_end].decode("utf-8", "backslashreplace")
                yield Function(start, start + size, label)
                break


def _entries(fd: int, form: struct.Struct, at: int, count: int) -> Iterator[tuple]:
    if count > MAX_HEADERS:
        raise ValueError(f"{count} headers")
    return form.iter_unpack(os.pread(fd, form.size * count, at))
