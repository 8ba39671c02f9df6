"""The root of all control groups, for programs that are attached to one."""

import ctypes
import os

# Their numbers are the same on all machines (asm-generic/unistd.h).
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CREATE = 6  # FSCONFIG_CMD_CREATE
_CLOEXEC = 1


def root_fd() -> int:
    """A descriptor of the root of cgroup2, whether it is mounted anywhere or not.

    Of the sensor's own cgroup namespace. Raises OSError.
    """
    context = _call(_FSOPEN, b"cgroup2", _CLOEXEC)
    try:
        _call(_FSCONFIG, context, _CREATE, None, None, 0)
        return _call(_FSMOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)


def refusal() -> str | None:
    """Why there is none to be had; it needs CAP_SYS_ADMIN."""
    try:
        os.close(root_fd())
    except OSError as error:
        return error.strerror
    return None


def _call(number: int, *arguments) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cgroup2: {os.strerror(code)}")
    return result
