"""System calls that the standard library does not have, by their manual pages.

Each raises OSError as the kernel refuses it.
"""

import ctypes
import mmap
import os
import platform
import struct
from fcntl import ioctl
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PERF_EVENT_OPEN, _BPF = {"x86_64": (298, 321)}.get(platform.machine(), (241, 280))
PMUS = Path("/sys/bus/event_source/devices")
_PIDFD_GETFD = 438  # elsewhere than in x86-64 all are those of asm-generic/unistd.h
_SOFTWARE = 1
_PERIOD_NS, _SAMPLE_IP = 100_000_000, 1

DISABLED, INHERIT, ENABLE_ON_EXEC = 1 << 0, 1 << 1, 1 << 12  # perf_event_attr's flags
ENABLE, DISABLE = 0x2400, 0x2401  # PERF_EVENT_IOC_*
SET_PDEATHSIG, TASK_PERF_EVENTS_DISABLE, TASK_PERF_EVENTS_ENABLE = 1, 31, 32  # PR_*
PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 16, 17, 0x4206, 0x4207
_WALL = 0x40000000  # of waitpid: threads of whatever kind


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def perf_open(pid: int = 0, flags: int = 0, *, type_: int = _SOFTWARE) -> int:
    """perf_event_open(2) of the CPU clock; 0 is the caller. Returns the descriptor."""
    attr = struct.pack("=IIQQQQQ", type_, 112, 0, _PERIOD_NS, _SAMPLE_IP, 0, flags)
    fd = _LIBC.syscall(_PERF_EVENT_OPEN, attr.ljust(112, b"\0"), pid, -1, -1, 0)
    return _checked(fd, "perf_event_open")


def probe_open(pmu: str, place: bytes, offset: int = 0) -> int:
    """perf_event_open(2) of a dynamic probe, for the caller alone. Returns the descriptor."""
    type_ = int((PMUS / pmu / "type").read_text())
    here = ctypes.create_string_buffer(place)
    fields = type_, 112, 0, 0, 0, 0, DISABLED, 0, 0, ctypes.addressof(here), offset
    attr = struct.pack("=IIQQQQQIIQQ", *fields)
    fd = _LIBC.syscall(_PERF_EVENT_OPEN, attr.ljust(112, b"\0"), 0, -1, -1, 0)
    return _checked(fd, "perf_event_open")


def perf_switch(fd: int, command: int) -> None:
    ioctl(fd, command, 0)


def prctl(option: int, value: int = 0) -> None:
    _checked(_LIBC.prctl(option, value, 0, 0, 0), "prctl")


def ptrace(request: int, pid: int) -> None:
    _checked(_LIBC.ptrace(request, pid, None, None), "ptrace")


def wait_until_stopped(pid: int) -> None:
    os.waitpid(pid, _WALL)


class _Range(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


_EIGHT_BYTES = ctypes.create_string_buffer(8)  # at the same address in each process forked


def copy_memory(call: str, pid: int) -> None:
    """process_vm_readv(2) or process_vm_writev(2) of eight bytes; one has forked the other."""
    local = remote = _Range(ctypes.addressof(_EIGHT_BYTES), 8)
    ranges = ctypes.byref(local), 1, ctypes.byref(remote), 1
    _checked(getattr(_LIBC, call)(pid, *ranges, ctypes.c_ulong(0)), call)


def timer_of_cpu_time() -> None:
    """A timer of the CPU time that the process uses: made, armed, and deleted."""
    process_cputime = 2
    timer = ctypes.c_void_p()
    _checked(_LIBC.timer_create(process_cputime, None, ctypes.byref(timer)), "timer_create")
    an_hour = struct.pack("@4l", 3600, 0, 3600, 0)
    _checked(_LIBC.timer_settime(timer, 0, an_hour, None), "timer_settime")
    _checked(_LIBC.timer_delete(timer), "timer_delete")


def copy_descriptor(pid: int, fd: int) -> int:
    """pidfd_getfd(2) of a descriptor of a process."""
    return _checked(_LIBC.syscall(_PIDFD_GETFD, os.pidfd_open(pid), fd, 0), "pidfd_getfd")


def load_program(name: bytes) -> int:
    """bpf(2): loads a program for a raw tracepoint, which does nothing. Returns its descriptor."""
    load, raw_tracepoint = 5, 17
    code = bytes.fromhex("b700000000000000 9500000000000000")  # r0 = 0; exit
    here = [ctypes.create_string_buffer(text) for text in (code, b"GPL")]
    pointers = map(ctypes.addressof, here)
    attr = struct.pack("=IIQQIIQII16s", raw_tracepoint, 2, *pointers, 0, 0, 0, 0, 0, name)
    return _checked(_LIBC.syscall(_BPF, load, attr, len(attr)), "bpf")


def attach_program(fd: int, tracepoint: bytes) -> int:
    """bpf(2): attaches it there until the descriptor is closed, which this returns."""
    raw_tracepoint_open, name = 17, ctypes.create_string_buffer(tracepoint)
    attr = struct.pack("=QI4x", ctypes.addressof(name), fd)
    return _checked(_LIBC.syscall(_BPF, raw_tracepoint_open, attr, len(attr)), "bpf")


# Moves the arguments of a C function to where i386's entry wants them; the sixth is 0.
_ENTRY_32 = bytes.fromhex("53 55 89f8 89f3 87d1 4489c6 4489cf 31ed cd80 5d 5b c3")


def by_entry_32(number: int, *args: int) -> None:
    """A system call by `int $0x80`, as 32-bit programs make it. `number` is i386's."""
    low = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    low.write(_ENTRY_32)
    entry = ctypes.CFUNCTYPE(*[ctypes.c_int] * 7)(ctypes.addressof(ctypes.c_char.from_buffer(low)))
    code = entry(number, *args, *[0] * (5 - len(args)), 0)
    if code < 0:
        raise OSError(-code, f"int $0x80: {os.strerror(-code)}")
