"""Acts by hand: a process that forks one child for each, so that none waits for Python to start."""

import json
import subprocess
import sys
import textwrap

# What an acting program has: perf_event_open by hand, on the software clock.
PRELUDE = """
import ctypes, fcntl, json, mmap, os, signal, socket, struct, sys, time, traceback
libc = ctypes.CDLL(None, use_errno=True)
DISABLED, INHERIT, ON_EXEC = 1 << 0, 1 << 1, 1 << 12
ENABLE, DISABLE, REFRESH, RESET, GROUP = 0x2400, 0x2401, 0x2402, 0x2403, 1
def attributes(flags=0, config=0, period=100_000_000):
    return struct.pack("=IIQQQQQ", 1, 112, config, period, 1, 0, flags).ljust(112, b"\\0")
def perf(flags=0, pid=0, cpu=-1, group=-1, config=0, period=100_000_000, open_flags=0):
    fd = libc.syscall(298, attributes(flags, config, period), pid, cpu, group, open_flags)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "perf_event_open")
    return fd
"""
_SERVER = """
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        try:
            exec(json.loads(line))
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    print(json.dumps({"pid": pid, "status": status}), flush=True)
"""


class Actor:
    """Runs programs that begin with PRELUDE, one after the other."""

    def __init__(self):
        command = [sys.executable, "-c", PRELUDE + _SERVER]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, code: str) -> int:
        """The pid of the process that ran this, and has ended well."""
        self._process.stdin.write(json.dumps(textwrap.dedent(code)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["status"] == 0, answer
        return answer["pid"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
