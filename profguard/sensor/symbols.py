"""Addresses of kernel functions."""

from functools import cache
from pathlib import Path

from profguard.errors import SensorError

_KALLSYMS = Path("/proc/kallsyms")
_CHUNK = 1 << 18


@cache
def address(name: str) -> int:
    """The address of a function of the kernel proper. Raises SensorError where it is not told.

    The file is made as it is read, in the order of addresses: reading ends at the symbol.
    """
    wanted = f" {name}\n".encode()
    before = b""
    with _KALLSYMS.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            text = before + chunk
            if (end := text.find(wanted)) >= 0:
                line = text[text.rfind(b"\n", 0, end) + 1 : end]
                return _visible(int(line.split()[0], 16), name)
            before = text[text.rfind(b"\n") + 1 :]
    raise SensorError.of("PG302", f"the kernel has no function {name}", "CONFIG_PERF_EVENTS is off")


def _visible(found: int, name: str) -> int:
    if not found:
        raise SensorError.of(
            "PG301",
            f"the kernel hides the address of {name}",
            "it needs CAP_SYSLOG, and kernel.kptr_restrict below 2",
        )
    return found
