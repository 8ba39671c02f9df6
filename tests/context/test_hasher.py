"""The SHA-256 of what a process executes: of real processes, and never a wrong one."""

import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from profguard.context import hasher
from profguard.context.hasher import Hasher
from profguard.model import Process
from tests.context.conftest import start_ns

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
EXECS = "import os; print('up', flush=True); input(); os.execv('/bin/sleep', ['sleep', '60'])"


@pytest.fixture
def tool(tmp_path) -> Path:
    """A copy of Python under a name that nobody knows."""
    path = tmp_path / "kprof"
    shutil.copy(os.path.realpath(sys.executable), path)
    return path


@pytest.fixture
def start(tool, spawn):
    """Start the tool; returns it, and what an event tells of it."""

    def start(code: str = SLEEP):
        process = spawn(str(tool), "-c", code)
        assert process.stdout.readline() == "up\n"
        told = Process(
            pid=process.pid, start_boot_ns=start_ns(process.pid), inode=tool.stat().st_ino
        )
        return process, told

    return start


@pytest.fixture
def make():
    """Make hashers; all are closed at the end."""
    made = []

    def make(**options) -> Hasher:
        made.append(Hasher(**options))
        return made[-1]

    yield make
    for one in made:
        one.close(5)


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ask(asked: Hasher, process: Process, at_ns: int | None = None) -> str | None:
    """The answer, once there is one: what is asked next is answered after it."""
    found = asked.ask(process, time.time_ns() if at_ns is None else at_ns, process)
    if found is not None:
        return found
    asked.close(10)
    return {id(whose): digest for whose, digest in asked.answers()}.get(id(process))


def test_it_is_the_file_that_is_executed(make, start, tool):
    _, told = start()
    assert ask(make(), told) == digest_of(tool)


def test_a_process_is_read_once(make, start, tool):
    _, told = start()
    asked = make()
    for name in "ab":
        assert asked.ask(told, time.time_ns(), name) is None
    asked.close(10)
    digest = digest_of(tool)
    assert asked.answers() == [("a", digest), ("b", digest)]
    assert asked.ask(told, time.time_ns(), "c") == digest
    assert asked.answers() == []


def test_a_tool_that_removed_itself_is_known(make, start, tool):
    _, told = start()
    digest = digest_of(tool)
    tool.unlink()
    assert ask(make(), told) == digest


def test_a_file_that_took_its_place_is_not_the_tool(make, start, tool):
    """As an upgrade does it: the process executes what had that name before."""
    _, told = start()
    digest = digest_of(tool)
    other = tool.with_name("other")
    shutil.copy("/bin/sleep", other)
    other.rename(tool)
    assert digest_of(tool) != digest
    assert ask(make(), told) == digest


def test_a_file_that_was_changed_since_is_not_known(make, start, tool):
    """Nothing says any more what was in it."""
    _, told = start()
    at_ns = time.time_ns()
    time.sleep(0.02)  # the kernel's time of a file is that of its latest tick
    tool.chmod(0o700)
    assert ask(make(), told, at_ns) is None


def test_another_program_of_the_process_is_not_the_tool(make, start):
    process, told = start(EXECS)
    process.stdin.write("\n")
    process.stdin.flush()
    exe = Path(f"/proc/{process.pid}/exe")
    while exe.stat().st_ino == told.inode:
        time.sleep(0.01)
    assert ask(make(), told) is None


def test_a_process_that_is_gone_is_not_known(make, start):
    process, told = start()
    process.kill()
    process.wait()
    assert ask(make(), told) is None


def test_another_process_with_the_pid_is_not_the_tool(make, start):
    _, told = start()
    told.start_boot_ns -= 10**9
    assert ask(make(), told) is None


def test_a_process_that_ends_meanwhile_is_not_known(make, start, monkeypatch):
    process, told = start()

    def read(file, name):
        process.kill()
        process.wait()
        return hashlib.new(name, file.read())

    monkeypatch.setattr(hasher.hashlib, "file_digest", read)
    assert ask(make(), told) is None


def test_a_file_that_is_changed_meanwhile_is_not_known(make, start, tool, monkeypatch):
    _, told = start()

    def read(file, name):
        found = hashlib.new(name, file.read())
        time.sleep(0.02)
        tool.chmod(0o700)
        return found

    monkeypatch.setattr(hasher.hashlib, "file_digest", read)
    assert ask(make(), told) is None


def test_a_large_file_is_not_read(make, start, tool):
    _, told = start()
    size = tool.stat().st_size
    assert ask(make(most_bytes=size - 1), told) is None
    assert ask(make(most_bytes=size), told) == digest_of(tool)


@pytest.mark.parametrize("unknown", ["pid", "start_boot_ns", "inode"])
def test_what_the_event_does_not_tell_is_not_guessed(make, start, unknown):
    _, told = start()
    setattr(told, unknown, None)
    assert ask(make(), told) is None


def test_a_file_that_many_processes_execute_is_read_once(make, start, tool, monkeypatch):
    read, original = [], hashlib.file_digest
    monkeypatch.setattr(
        hasher.hashlib, "file_digest", lambda *given: read.append(1) or original(*given)
    )
    asked = make()
    for name in range(3):
        asked.ask(start()[1], time.time_ns(), name)
    asked.close(10)
    assert asked.answers() == [(name, digest_of(tool)) for name in range(3)]
    assert len(read) == 1


def test_what_does_not_fit_in_the_queue_is_not_known(make, start, monkeypatch):
    """It is not waited for: who asks is in a hurry."""
    monkeypatch.setattr(hasher, "MOST_WAITING", 2)
    _, told = start()
    asked = make()
    asked.close(10)  # nobody takes anything any more
    for name, pid in enumerate((told.pid, 2, 3, 4)):
        told.pid = pid
        assert asked.ask(told, time.time_ns(), name) is None
    for name in range(10):
        told.pid = 2
        assert asked.ask(told, time.time_ns(), name) is None
    assert asked._asked.qsize() == 2
    assert [len(whose) for whose in asked._waiting.values()] == [1, 2]
