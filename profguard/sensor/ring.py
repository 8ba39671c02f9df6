"""The ring buffer from the reader's side: mapped once, drained in batches by C."""

import ctypes
import mmap
import os
import select
import struct
from collections.abc import Iterator

from profguard.errors import SensorError
from profguard.sensor import native

_LENGTH = struct.Struct("<Q")
_BATCH = 1 << 20  # bytes copied out in one go


class Ring:
    """Records of a BPF ring buffer with `size` bytes of data behind the map `fd`."""

    def __init__(self, fd: int, size: int):
        self._drain = native.library().pg_ring_drain
        self._libc = ctypes.CDLL(None, use_errno=True)
        page = os.sysconf("SC_PAGESIZE")
        self._consumer = self._map(fd, page, mmap.PROT_READ | mmap.PROT_WRITE, 0)
        self._producer = self._map(fd, page + 2 * size, mmap.PROT_READ, page)
        self._data = ctypes.c_void_p(self._producer.value + page)
        self._mappings = [(self._consumer, page), (self._producer, page + 2 * size)]
        self._mask = ctypes.c_uint64(size - 1)
        self._room = ctypes.create_string_buffer(_BATCH)
        self._view = memoryview(self._room).cast("B")
        self._poll = select.epoll()
        self._poll.register(fd, select.EPOLLIN)

    def _map(self, fd: int, length: int, protection: int, offset: int) -> ctypes.c_void_p:
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = [
            ctypes.c_void_p,
            ctypes.c_size_t,
            *[ctypes.c_int] * 3,
            ctypes.c_long,
        ]
        address = self._libc.mmap(None, length, protection, mmap.MAP_SHARED, fd, offset)
        if address in (None, ctypes.c_void_p(-1).value):
            number = ctypes.get_errno()
            raise SensorError.of("PG302", f"ring buffer cannot be mapped: {os.strerror(number)}")
        return ctypes.c_void_p(address)

    def wait(self, timeout_s: float) -> bool:
        """Sleep until there are records, or the time is over, or a signal came."""
        return bool(self._poll.poll(timeout_s))

    def drain(self) -> Iterator[memoryview]:
        """The records of one batch. A record is valid until the next call."""
        used = self._drain(
            self._consumer, self._producer, self._data, self._mask, self._room, len(self._room)
        )
        at = 0
        while at < used:
            (length,) = _LENGTH.unpack_from(self._view, at)
            at += _LENGTH.size
            yield self._view[at : at + length]
            at += length + -length % 8

    def close(self) -> None:
        self._poll.close()
        for address, length in self._mappings:
            self._libc.munmap(address, ctypes.c_size_t(length))
        self._mappings = []
