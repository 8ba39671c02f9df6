"""A program that supervises another's system calls by seccomp notifications, as runtimes do.

At a line of input it forks, takes the descriptor of the notifications out of the child by
pidfd_getfd, and answers one: the child's getpriority becomes 42.
"""

import ctypes
import fcntl
import os
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
SECCOMP, PIDFD_GETFD, GETPRIORITY = 317, 438, 140  # x86-64
SET_NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 1 << 3
USER_NOTIF, ALLOW = 0x7FC00000, 0x7FFF0000
NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


def listen() -> int:
    """From now on this process asks for leave at each getpriority. Returns the descriptor."""
    code = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (LOAD_NUMBER, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, GETPRIORITY),
            (RETURN, 0, 0, USER_NOTIF),
            (RETURN, 0, 0, ALLOW),
        )
    )
    kept = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", 4, ctypes.addressof(kept))
    LIBC.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return LIBC.syscall(SECCOMP, SET_MODE_FILTER, NEW_LISTENER, program)


def supervised(tell: int) -> None:
    os.write(tell, b"%d" % listen())
    os._exit(LIBC.syscall(GETPRIORITY, 0, 0))


def main() -> int:
    sys.stdin.readline()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        supervised(tell)
    listener = LIBC.syscall(PIDFD_GETFD, os.pidfd_open(child), int(os.read(told, 16)), 0)
    if listener < 0:
        return ctypes.get_errno()
    notification = bytearray(80)
    fcntl.ioctl(listener, NOTIF_RECV, notification)
    (number,) = struct.unpack_from("=Q", notification)
    fcntl.ioctl(listener, NOTIF_SEND, struct.pack("=QqiI", number, 42, 0, 0))
    _, status = os.waitpid(child, 0)
    sys.stdout.write(f"answered {os.waitstatus_to_exitcode(status)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
