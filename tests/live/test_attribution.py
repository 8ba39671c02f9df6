"""Whose act it was, where that is hard to say: what is told is right, or not told at all.

The sensor sleeps while it happens, so that it sees everything too late.
"""

import json
import os
import signal
import sys
from contextlib import suppress

import pytest

from tests.live.harness import LiveSensor, wait_for
from tests.live.test_programs import BPF

pytestmark = pytest.mark.live

PYTHON = os.path.realpath(sys.executable)
SLEEP = os.path.realpath("/bin/sleep")
FEW = "[sensor]\nmax_processes = 1024\n"
# How the program below acts on TARGET, and the event that tells of it.
ACTS = {
    "ptrace": "assert libc.ptrace(0x4206, TARGET, None, None) == 0",
    "process_vm_readv": """
part, flags = struct.pack("@PN", ctypes.addressof(kept), 8), ctypes.c_ulong(0)
libc.syscall(310, TARGET, part, 1, part, 1, flags)
assert ctypes.get_errno() in (0, 14)  # not there since an exec
""",
    "proc_mem_open": "os.open(f'/proc/{TARGET}/mem', os.O_RDONLY)",
    "pidfd_getfd": "assert libc.syscall(438, os.pidfd_open(TARGET), 0, 0) >= 0",
    "bpf_attach": """
event = perf(DISABLED, pid=TARGET)
bpf(LINK_CREATE, "IIII", load(PERF_EVENT, b"sampler"), event, 41, 0)
""",
}
PROGRAM = """
TARGET, kept = VICTIM, ctypes.create_string_buffer(8)
go, start = os.pipe()
def fork_as(pid):
    wanted = (ctypes.c_int * 1)(pid)
    arguments = struct.pack("=11Q", 0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
    child = libc.syscall(435, arguments, len(arguments))
    assert child >= 0, ctypes.get_errno()
    return child
def end(pid):
    os.kill(pid, 9)
    os.waitpid(pid, 0)
def many_others():
    for _ in range(1200):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
def sleeper():
    os.execv("/bin/sleep", ["sleep", "60"])
def is_sleeper(pid):
    return open(f"/proc/{pid}/cmdline").read().startswith("sleep")
def act():
    exec(ACT, globals())
free = os.fork()
if not free:
    os._exit(0)
os.waitpid(free, 0)
"""


@pytest.fixture(scope="module")
def watcher(kernel, tmp_path_factory):
    """A sensor that may sleep, and forgets early."""
    sensor = LiveSensor(tmp_path_factory.mktemp("watcher"), config=FEW)
    yield sensor
    assert sensor.stop() == 0, sensor.errors()


@pytest.fixture
def play(watcher, actor, victim, tmp_path):
    """Run a story, in which the sensor falls asleep; it is awake again when this returns.

    Gives what the story has put into `told`.
    """
    answer = tmp_path / "told.json"

    def run(act: str, forgotten: bool, story: str) -> list:
        asleep = f"os.kill({watcher.process.pid}, signal.SIGSTOP)"
        quiet = f"many_others(); time.sleep(2); {asleep}" if forgotten else asleep
        program = PROGRAM.replace("VICTIM", str(victim.pid))
        story = story.replace("FALL_ASLEEP", quiet)
        code = f"{BPF}\nACT = {act!r}\n{program}{story}"
        try:
            pid = actor.run(f"{code}\njson.dump(told, open({str(answer)!r}, 'w'))")
        finally:
            watcher.process.send_signal(signal.SIGCONT)
        assert wait_for(lambda: watcher.events_of(pid, "sched_process_exit"), 20)
        return [pid, *json.loads(answer.read_text())]

    return run


def starts_of(sensor, pid: int) -> list[int]:
    """When the processes with this pid started, by the forks."""
    return [
        event["target"]["start_boot_ns"]
        for event in sensor.events("sched_process_fork")
        if event["target"]["pid"] == pid
    ]


@pytest.fixture
def successor():
    """Ends a process that outlives its story."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


FIRST_ACTS = """
first = fork_as(free)
if not first:
    os.read(go, 1)
    act()
    os._exit(0)
FALL_ASLEEP
os.write(start, b"x")
os.waitpid(first, 0)
second = fork_as(free)
if not second:
    sleeper()
while not is_sleeper(free):
    pass
told.append(free)
"""
FIRST_IS_TARGET = """
first = TARGET = fork_as(free)
if not first:
    time.sleep(60)
FALL_ASLEEP
act()
end(first)
second = fork_as(free)
if not second:
    sleeper()
while not is_sleeper(free):
    pass
told.append(free)
"""
forgotten = pytest.mark.parametrize("forgotten", [False, True], ids=["known", "forgotten"])


@forgotten
@pytest.mark.parametrize("name", ACTS)
def test_an_actor_whose_pid_has_another_process(watcher, play, successor, name, forgotten):
    """It started when the first one did, and its program is that one's."""
    _, pid = play(ACTS[name], forgotten, FIRST_ACTS)
    successor.append(pid)
    _, first, second = starts_of(watcher, pid)
    assert first != second
    (event,) = watcher.events_of(pid, name)
    process = event["process"]
    assert process["start_boot_ns"] == first
    assert process.get("executable") == (None if forgotten else PYTHON)
    assert SLEEP not in json.dumps(process)


@forgotten
@pytest.mark.parametrize("name", ACTS)
def test_a_target_whose_pid_has_another_process(watcher, play, successor, name, forgotten):
    actor, pid = play(ACTS[name], forgotten, FIRST_IS_TARGET)
    successor.append(pid)
    _, first, second = starts_of(watcher, pid)
    assert first != second
    (event,) = watcher.events_of(actor, name)
    target = event["target"]
    assert (target["pid"], target["start_boot_ns"]) == (pid, first)
    assert target.get("executable") == (None if forgotten else PYTHON)
    assert SLEEP not in json.dumps(target)
    assert event["relation"] == "child"


KILLED = """
TARGET = os.fork()
if not TARGET:
    sleeper()
while not is_sleeper(TARGET):
    pass
told.append(TARGET)
FALL_ASLEEP
act()
end(TARGET)
"""


@forgotten
@pytest.mark.parametrize("name", ACTS)
def test_a_target_that_is_killed_right_at_the_act(watcher, play, name, forgotten):
    actor, pid = play(ACTS[name], forgotten, KILLED)
    (event,) = watcher.events_of(actor, name)
    target = event["target"]
    (started,) = starts_of(watcher, pid)
    assert (target["pid"], target["start_boot_ns"]) == (pid, started)
    assert (target["name"], target["parent"]["pid"]) == ("sleep", actor)
    assert target.get("executable") == (None if forgotten else SLEEP)
    assert event["relation"] == "child"
    assert event["process"]["executable"] == PYTHON
