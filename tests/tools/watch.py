"""Runs tools one after the other beside one sensor, and asks what that tells of them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.live.harness import LiveSensor, wait_for
from tests.tools.outcome import Outcome
from tests.tools.targets import NEWER_BIN, ROOT, Targets
from tests.tools.told import Told
from tests.tools.tool import Tool

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:{NEWER_BIN}"
LONGEST_S = 60
TRIES = 4


class Watch:
    """Runs tools at targets of their own."""

    def __init__(self, sensor: LiveSensor, targets: Targets):
        self._sensor, self._targets = sensor, targets

    def run(self, tool: Tool) -> Outcome:
        """Run one, and wait for what the sensor tells of it while the target still lives."""
        with tempfile.TemporaryDirectory() as out, self._target_of(tool) as (running, port):
            time.sleep(0.2)  # what began with the target has come
            told = Told(self._sensor)
            process, said = self._act(tool, {"PID": str(running), "PORT": port, "OUT": out})
            wait_for(lambda: process.pid in told.ended())
            target = running or self._started(tool, process, told)
            pids = told.family(process.pid)
            wait_for(lambda: told.findings(pids, target) or not tool.mechanism, 3)
            wait_for(lambda: not tool.ends or told.is_over(pids, target), 3)
            time.sleep(0.3)  # more than there should be has the time to come
            if tool.undo:
                subprocess.run(tool.undo, check=True, capture_output=True)
            for pid in pids:
                Path(f"/tmp/perf-{pid}.map").unlink(missing_ok=True)
                if pid != target:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)  # frida leaves a daemon
            return Outcome(
                tool,
                process.pid,
                target,
                pids,
                said if process.returncode > 0 else None,
                told.events(pids, target),
                told.findings(pids, target),
                told.sessions(pids, None if tool.whole_machine else target),
                told.latency_s(pids, target),
            )

    def _started(self, tool: Tool, process: subprocess.Popen, told: Told) -> int:
        """The target that the tool has started, or become."""
        return told.pid_of(self._targets.program(tool.target)[-1]) or process.pid

    @contextmanager
    def _target_of(self, tool: Tool) -> Iterator[tuple[int | None, str]]:
        if tool.starts:
            yield None, ""
            return
        with self._targets.running(tool.target) as found:
            yield found

    def _act(self, tool: Tool, words: dict[str, str]) -> tuple[subprocess.Popen, str]:
        """The process of the tool, which has ended, and what it said."""
        if "HEADERS" in tool.environ.values():
            words |= {"HEADERS": _headers()}
        command = list(self._command(tool, words))  # which builds the target's program
        path = shutil.which(command[0], path=PATH)
        assert path, f"{command[0]} is not installed: {tool.package}"
        process = subprocess.Popen(
            [path, *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {name: _filled(value, words) for name, value in tool.environ.items()},
            cwd=words["OUT"],
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if tool.stop_s is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(tool.stop_s)
            if not tool.input:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
        for text in (tool.input, *[None] * (TRIES - 1)):
            try:
                said, _ = process.communicate(text, timeout=LONGEST_S / TRIES)
            except subprocess.TimeoutExpired:
                if tool.stop_s is not None:  # the first came before it listened
                    os.killpg(process.pid, signal.SIGINT)
            else:
                return process, said
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        raise AssertionError(f"{tool.name} does not end:\n{said}")

    def _command(self, tool: Tool, words: dict[str, str]) -> Iterator[str]:
        program = self._targets.program(tool.target)
        for word in tool.command:
            if word == "PROGRAM":
                yield from program
            else:
                yield _filled(word, words | {"PROGRAM": program[-1]})


@cache
def _headers() -> str:
    """Those of the running kernel, or of another where it has none: bcc gets along with them."""
    own = Path("/lib/modules", os.uname().release, "build")
    if own.is_dir():
        return str(own)
    fetch = [ROOT / "scripts" / "kernel-image", "--headers", "6.12"]
    return subprocess.check_output(fetch, text=True).strip()


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(name, value)
    return text
