"""libsensor.so: the few lines of the sensor that are C, so that Python is not waited for."""

import ctypes
from functools import cache

from profguard import resources
from profguard.errors import SensorError


@cache
def library() -> ctypes.CDLL:
    """The library with its functions declared. Raises SensorError where it was not built."""
    path = resources.BUILT / "libsensor.so"
    try:
        dll = ctypes.CDLL(str(path))
    except OSError:
        raise SensorError.of("PG305", f"{path} is missing", "run 'make setup'") from None
    dll.pg_drain.restype = ctypes.c_size_t
    dll.pg_symbol_address.restype = ctypes.c_uint64
    return dll


@cache
def symbol_address(name: str) -> int:
    """The address of a function of the kernel. Raises SensorError where it is not told."""
    found = library().pg_symbol_address(name.encode())
    if not found:
        raise SensorError.of(
            "PG301",
            f"the kernel does not tell the address of {name}",
            "it needs CAP_SYSLOG, kernel.kptr_restrict below 2, and CONFIG_PERF_EVENTS",
        )
    return found
