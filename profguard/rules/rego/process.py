"""The worker process, as its parent holds it: started, asked, watched, killed, reaped.

`push` hands over a frame and returns at once; `answers` gives what came of all that were pushed,
in order. It ends early, with a Stop, where the worker died or was too slow and was killed.
"""

import importlib.util
import mmap
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from profguard.rules.rego.worker import LENGTH

LIMIT_S = 1.0  # for one evaluation, and for parsing one policy
STARVED_S = 5.0  # the same, where the worker hardly gets to run
START_S = 60.0  # until the first answer, which needs no policy: a busy machine takes its time
_CHECK_S = 0.05
_CHUNK = 1 << 18
_MAX_ANSWER = 256 << 20
_STDERR = 2

_SCRIPT = Path(__file__).with_name("worker.py")


@dataclass(frozen=True, slots=True)
class Stop(Exception):  # noqa: N818 - it says what became of the worker, and is always handled
    """The worker is gone. `frame` counts the frames that were pushed since it was idle; `item` is
    what it was at in that frame, None if it was idle. `slow` says that it was killed for its time.
    """

    frame: int
    item: int | None
    slow: bool


class Process:
    """One worker, started at once; whether it lives shows only when it is asked."""

    def __init__(self, limit_s: float = LIMIT_S):
        self._limit_s = limit_s
        with _standard_ones_taken():
            self._start()
        self._mark = memoryview(self._shared).cast("Q")
        self._end = weakref.finalize(self, _end, self._child, self._mark, self._shared)
        self._in, self._out = self._child.stdin.fileno(), self._child.stdout.fileno()
        for pipe in (self._in, self._out):
            os.set_blocking(pipe, False)
        self._unsent: deque[memoryview] = deque()
        self._pushed = self._answered = 0
        self._received = bytearray()

    def _start(self) -> None:
        descriptor = os.memfd_create("profguard-rego", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, mmap.PAGESIZE)
            self._shared = mmap.mmap(descriptor, mmap.PAGESIZE)
            self._child = subprocess.Popen(  # noqa: S603 - our own script
                _command(descriptor),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=(descriptor,),
                start_new_session=True,  # Ctrl-C is the parent's business
                bufsize=0,
            )
        finally:
            os.close(descriptor)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def waiting(self) -> int:
        """How many frames are not answered yet."""
        return self._pushed - self._answered

    def push(self, kind: bytes, *parts: bytes) -> None:
        """Hand over a frame: as much of it as the pipe takes now, the rest later."""
        body = b"".join((kind, *parts))
        self._unsent += (memoryview(LENGTH.pack(len(body))), memoryview(body))
        self._pushed += 1
        with suppress(BrokenPipeError):  # told when the answer is awaited
            self._send()

    def answers(self) -> Iterator[bytes]:
        """The answers that are due. Raises Stop."""
        first = self._answered
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        progress, since = None, _Stopwatch(self.pid)
        while self.waiting:
            yield from self._complete()
            if not self.waiting:
                return
            poll.modify(self._out, select.POLLIN)
            if self._unsent:
                poll.register(self._in, select.POLLOUT)
            for descriptor, _ in poll.poll(_CHECK_S * 1000):
                if descriptor == self._in:
                    with suppress(BrokenPipeError):
                        self._send()
                elif not self._receive():
                    raise self._stopped(first, slow=False)
            if not self._unsent:
                with suppress(KeyError):
                    poll.unregister(self._in)
            now = (self._mark[0], len(self._received), len(self._unsent), self._answered)
            if now != progress:
                progress, since = now, _Stopwatch(self.pid)
            elif since.passed(self._limit_s if self._answered else START_S):
                raise self._stopped(first, slow=True)

    def _send(self) -> None:
        while self._unsent:
            part = self._unsent[0]
            try:
                sent = os.write(self._in, part[:_CHUNK])
            except BlockingIOError:
                return
            if sent == len(part):
                self._unsent.popleft()
            else:
                self._unsent[0] = part[sent:]

    def _receive(self) -> bool:
        """Take what there is; False at the end of the worker."""
        try:
            data = os.read(self._out, _CHUNK)
        except BlockingIOError:
            return True
        self._received += data
        return bool(data) and len(self._received) <= _MAX_ANSWER

    def _complete(self) -> Iterator[bytes]:
        received, start = self._received, 0
        while len(received) - start >= LENGTH.size:
            end = start + LENGTH.size + LENGTH.unpack_from(received, start)[0]
            if len(received) < end:
                break
            answer = bytes(received[start + LENGTH.size : end])
            start = end
            self._answered += 1
            yield answer
        del received[:start]

    def _stopped(self, first: int, *, slow: bool) -> Stop:
        """Kill it. What it was at is told by the memory that it shares."""
        mark = self._mark[0]
        self.close()
        frame, item = (mark >> 32) - 1, mark & 0xFFFFFFFF
        at_work = mark != 0 and frame == self._answered
        return Stop(self._answered - first, item if at_work or slow else None, slow)

    def close(self) -> None:
        """End it, wherever it is; no process and no descriptor is left. May be called twice."""
        self._end()


def _end(child: subprocess.Popen, mark: memoryview, shared: mmap.mmap) -> None:
    with suppress(PermissionError):
        child.kill()
    child.stdin.close()  # which ends it too, where it may not be killed
    child.stdout.close()
    child.wait()
    mark.release()
    shared.close()


class _Stopwatch:
    """Time since now: of the clock, and that the worker had on a CPU."""

    def __init__(self, pid: int):
        self._clock = (
            ~pid << 3 | 2
        )  # the id of that process's CPU clock, see clock_getcpuclockid(3)
        self._wall, self._cpu = time.monotonic(), self._ran()

    def passed(self, limit_s: float) -> bool:
        """A worker that waits for a CPU is not at fault."""
        wall = time.monotonic() - self._wall
        return wall >= limit_s and (
            self._ran() - self._cpu >= limit_s / 2 or wall >= max(STARVED_S, limit_s)
        )

    def _ran(self) -> float:
        try:
            return time.clock_gettime(self._clock)
        except OSError:  # it is gone
            return float("inf")


@contextmanager
def _standard_ones_taken() -> Iterator[None]:
    """Where stdin, stdout or stderr is closed, no pipe takes its number meanwhile."""
    taken = []
    try:
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
            taken.append(descriptor)
        os.close(descriptor)
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)


def _command(descriptor: int) -> list[str]:
    found = importlib.util.find_spec("regorus")
    if found is None:
        raise FileNotFoundError("the package gordon-to-regorus is not installed")
    folder = Path(found.origin).parent.parent
    # A worker dies with the thread that started it, which should be one that stays.
    stays = threading.current_thread() is threading.main_thread()
    script = [str(_SCRIPT), str(folder), str(descriptor), str(int(stays))]
    return [sys.executable, "-I", "-S", *script]
