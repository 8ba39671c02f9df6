"""The ring buffers from the reader's side: mapped once, drained in batches by C.

There are two: one for most records, and one for those that a flood of others must not displace.
They come out as one stream, in the order of time.
"""

import ctypes
import mmap
import os
import select
import struct
import time
from collections.abc import Iterator, Sequence

from profguard.errors import SensorError
from profguard.sensor import native

_LENGTH = struct.Struct("<Q")
_BATCH = 1 << 20  # bytes handed out in one go


class _Ring(ctypes.Structure):
    """struct pg_ring of ring.c."""

    _fields_ = (
        ("consumer", ctypes.c_void_p),
        ("producer", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("mask", ctypes.c_uint64),
    )


class _Reader(ctypes.Structure):
    """struct pg_reader of ring.c."""

    _fields_ = (
        ("rings", _Ring * 2),
        ("received", ctypes.c_void_p),
        ("cpus", ctypes.c_uint64),
        ("events", ctypes.c_uint64),
        ("delivered_ns", ctypes.c_uint64),
    )


class Rings:
    """Records of two BPF ring buffers, each given by its map's fd and the size of its data.

    `events` is how many numbers of events there are, with 0.
    """

    def __init__(self, rings: Sequence[tuple[int, int]], *, cpus: int, events: int):
        self._drain = native.library().pg_drain
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._poll = select.epoll()
        self._mappings: list[tuple[int, int]] = []
        self._events = events
        self._received = (ctypes.c_uint64 * (cpus * events))()
        self._room = ctypes.create_string_buffer(_BATCH)
        self._view = memoryview(self._room).cast("B")
        self._reader = _Reader(received=ctypes.addressof(self._received), cpus=cpus, events=events)
        for i, (fd, size) in enumerate(rings):
            self._reader.rings[i] = self._open(fd, size)

    def _open(self, fd: int, size: int) -> _Ring:
        page = os.sysconf("SC_PAGESIZE")
        consumer = self._map(fd, page, mmap.PROT_READ | mmap.PROT_WRITE, 0)
        producer = self._map(fd, page + 2 * size, mmap.PROT_READ, page)
        self._poll.register(fd, select.EPOLLIN)
        return _Ring(consumer, producer, producer + page, size - 1)

    def _map(self, fd: int, length: int, protection: int, offset: int) -> int:
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
        self._mappings.append((address, length))
        return address

    def wait(self, timeout_s: float) -> bool:
        """Sleep until there are records, or the time is over, or a signal came."""
        return bool(self._poll.poll(timeout_s))

    def drain(self) -> Iterator[memoryview]:
        """The records of one batch, in the order of time. A record is valid until the next call."""
        now_ns = ctypes.c_uint64(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        room = ctypes.c_size_t(len(self._room))
        used = self._drain(ctypes.byref(self._reader), now_ns, self._room, room)
        at = 0
        while at < used:
            (length,) = _LENGTH.unpack_from(self._view, at)
            at += _LENGTH.size
            yield self._view[at : at + length]
            at += length + -length % 8

    @property
    def delivered_ns(self) -> int:
        """The boot time up to which everything that got into the rings was handed out."""
        return self._reader.delivered_ns

    def received(self, cpu: int, event_id: int) -> int:
        """How many records of an event of a CPU were handed out."""
        return self._received[cpu * self._events + event_id]

    def close(self) -> None:
        self._poll.close()
        for address, length in self._mappings:
            self._libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(length))
        self._mappings = []
