"""What is done, by whom to whom, and what must be told of it.

An act runs in a process of its own, the actor. It gets the pid of a target that sleeps, and returns
the pid of whom it did it to; None where that is nobody.
"""

import mmap
import os
import platform
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profguard.selftest import calls
from profguard.tiers import TIERS

FUNCTION_TIERS = frozenset({"fentry", "kprobe"})
# Where probes are placed: in a file that is no program, so that none is stopped, and in the kernel.
_FILE, _OFFSET, _FUNCTION = __file__, 16, "commit_creds"
_TRUE = (sys.executable, "-S", "-c", "")  # a program that is certain to be there


@dataclass(frozen=True, slots=True)
class Told:
    """An event that the act must cause: its name, and arguments that it has."""

    event: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """`tiers` are those in which it can be seen at all; `pmu` is one that the kernel must have.
    `by_target`: it is told of the target, as of one that does something to itself.
    """

    name: str
    do: Callable[[int], int | None]
    told: tuple[Told, ...]
    tiers: frozenset[str] = frozenset(TIERS.values())
    machines: tuple[str, ...] = ()  # all, where none is named
    pmu: str | None = None
    by_target: bool = False

    @property
    def is_possible(self) -> bool:
        if self.pmu and not (calls.PMUS / self.pmu).exists():
            return False
        return not self.machines or platform.machine() in self.machines


def _told(event: str, **args: Any) -> Told:
    return Told(event, args)


def _prof(action: str, cause: str, mechanism: str = "perf") -> Told:
    return _told("prof", action=action, cause=cause, mechanism=mechanism)


def _open_and_close(target: int) -> int:
    os.close(calls.perf_open(target))
    return target


def _switch(target: int) -> int:
    fd = calls.perf_open(target, calls.DISABLED)
    calls.perf_switch(fd, calls.ENABLE)
    calls.perf_switch(os.dup(fd), calls.DISABLE)
    return target


def _switch_all(_target: int) -> int:
    calls.perf_open()
    calls.prctl(calls.TASK_PERF_EVENTS_DISABLE)
    calls.prctl(calls.TASK_PERF_EVENTS_ENABLE)
    return os.getpid()


def _from_exec_to_exit(_target: int) -> int:
    """As profilers of a command do: it waits until the event is open."""
    told, tell = os.pipe()
    command = os.fork()
    if not command:
        os.read(told, 1)
        os.execv(_TRUE[0], _TRUE)  # noqa: S606 - no shell
    calls.perf_open(command, calls.DISABLED | calls.ENABLE_ON_EXEC)
    os.write(tell, b"x")
    os.waitpid(command, 0)
    return command


def _inherit(_target: int) -> int:
    calls.perf_open(flags=calls.INHERIT)
    return _child()


def _child() -> int:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def _unknown_type(target: int) -> int:
    try:
        os.close(calls.perf_open(target, type_=0x7FFFFFF0))
    except OSError:
        return target
    raise OSError("the kernel opens an event of an unknown type")


def _attach(target: int) -> int:
    calls.ptrace(calls.PTRACE_ATTACH, target)
    return _let_go(target)


def _seize(target: int) -> int:
    calls.ptrace(calls.PTRACE_SEIZE, target)
    calls.ptrace(calls.PTRACE_INTERRUPT, target)
    return _let_go(target)


def _let_go(target: int) -> int:
    calls.wait_until_stopped(target)
    calls.ptrace(calls.PTRACE_DETACH, target)
    return target


def _attach_by_entry_32(target: int) -> int:
    ptrace = 26
    calls.by_entry_32(ptrace, calls.PTRACE_ATTACH, target)
    return _let_go(target)


def _read(target: int) -> int:
    calls.copy_memory("process_vm_readv", target)
    return target


def _write(target: int) -> int:
    calls.copy_memory("process_vm_writev", target)
    return target


def _open_memory(target: int) -> int:
    os.close(os.open(f"/proc/{target}/mem", os.O_RDWR))
    return target


def _open_tracing_file(_target: int) -> None:
    os.close(os.open("/sys/kernel/tracing/set_event_pid", os.O_WRONLY))


def _write_setting(_target: int) -> None:
    """As it is already."""
    path = Path("/proc/sys/kernel/perf_event_mlock_kb")
    path.write_text(path.read_text())


def _take_descriptor(target: int) -> int:
    os.close(calls.copy_descriptor(target, 1))
    return target


def _load_and_attach(_target: int) -> None:
    program = calls.load_program(b"selftest")
    os.close(calls.attach_program(program, b"task_rename"))


def _probe_file(_target: int) -> int:
    os.close(calls.probe_open("uprobe", _FILE.encode(), _OFFSET))
    return os.getpid()


def _probe_kernel(_target: int) -> int:
    os.close(calls.probe_open("kprobe", _FUNCTION.encode()))
    return os.getpid()


def _preload(_target: int) -> int:
    child = os.fork()
    if not child:
        os.execve(_TRUE[0], _TRUE, {"LD_PRELOAD": ""})  # noqa: S606 - no shell
    os.waitpid(child, 0)
    return child


def _load_library(_target: int) -> int:
    """A file with an agent's name, which is mapped to be run and is not."""
    library = os.memfd_create("libprofiler.so")
    os.truncate(library, mmap.PAGESIZE)
    protection = mmap.PROT_READ | mmap.PROT_EXEC
    mmap.mmap(library, mmap.PAGESIZE, mmap.MAP_PRIVATE, protection).close()
    return os.getpid()


def _attach_to_jvm(_target: int) -> int:
    """A socket as a JVM has it, on which a child listens."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/.java_pid1"
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen()
            os.write(tell, b"x")
            listener.accept()
            os._exit(0)
        os.read(told, 1)
        socket.socket(socket.AF_UNIX).connect(address)
        os.waitpid(child, 0)
    return child


def _open_inspector(_target: int) -> int:
    """To a program that is called as Node.js, which the signal ends."""
    with tempfile.TemporaryDirectory() as folder:
        node = shutil.copy("/bin/sleep", f"{folder}/node")
        running, runs = os.pipe()
        child = os.fork()
        if not child:
            os.execv(node, ("node", "60"))  # noqa: S606 - no shell
        os.close(runs)
        os.read(running, 1)  # its end: an exec has closed the other one too
        os.kill(child, signal.SIGUSR1)
        os.waitpid(child, 0)
    return child


def _interval_timer(_target: int) -> int:
    signal.setitimer(signal.ITIMER_PROF, 3600, 3600)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return os.getpid()


def _cpu_timer(_target: int) -> int:
    calls.timer_of_cpu_time()
    return os.getpid()


ACTS = (
    Act(
        "perf event opened running, and closed",
        _open_and_close,
        (_told("perf"), _prof("enable", "open"), _prof("disable", "close")),
    ),
    Act(
        "perf event switched by ioctl, and by a copied descriptor",
        _switch,
        (
            _told("perf_ioctl", cmd="ENABLE"),
            _prof("enable", "ioctl"),
            _told("perf_ioctl", cmd="DISABLE"),
            _prof("disable", "ioctl"),
        ),
    ),
    Act(
        "all perf events of a process switched by prctl",
        _switch_all,
        (_prof("disable", "prctl"), _prof("enable", "prctl")),
    ),
    Act(
        "perf event of a command, from its exec to its exit",
        _from_exec_to_exit,
        (_prof("enable", "exec"), _prof("disable", "exit")),
    ),
    Act("perf event inherited by a child", _inherit, (_prof("enable", "fork"),)),
    Act("perf event refused", _unknown_type, (_told("perf", type=None),)),
    Act(
        "interval timer of CPU time",
        _interval_timer,
        (
            _told("setitimer"),
            _prof("enable", "timer", "itimer"),
            _prof("disable", "timer", "itimer"),
        ),
    ),
    Act(
        "POSIX timer of CPU time",
        _cpu_timer,
        (
            _told("timer_create"),
            _prof("enable", "timer", "posix_timer"),
            _prof("disable", "timer", "posix_timer"),
        ),
    ),
    Act(
        "ptrace: attached and let go",
        _attach,
        (
            _told("ptrace", request="PTRACE_ATTACH", ret=0),
            _told("ptrace", request="PTRACE_DETACH", ret=0),
        ),
    ),
    Act(
        "ptrace: seized and let go",
        _seize,
        (
            _told("ptrace", request="PTRACE_SEIZE", ret=0),
            _told("ptrace", request="PTRACE_DETACH", ret=0),
        ),
    ),
    Act(
        "ptrace by the 32-bit entry (int $0x80)",
        _attach_by_entry_32,
        (_told("ptrace", request="PTRACE_ATTACH", ret=0),),
        tiers=FUNCTION_TIERS,
        machines=("x86_64",),
    ),
    Act("memory of a process read", _read, (_told("process_vm_readv", ret=8),)),
    Act("memory of a process written", _write, (_told("process_vm_writev", ret=8),)),
    Act(
        "memory of a process opened as a file",
        _open_memory,
        (_told("proc_mem_open", ret=0, mode="read-write"),),
    ),
    Act(
        "file of the kernel's tracing opened to be written",
        _open_tracing_file,
        (_told("tracefs_write", mode="write", file="/set_event_pid"),),
    ),
    Act(
        "setting of the kernel written",
        _write_setting,
        (_told("sysctl_write", name="kernel/perf_event_mlock_kb", change="unchanged"),),
    ),
    Act("descriptor of a process taken", _take_descriptor, (_told("pidfd_getfd"),)),
    Act(
        "BPF program loaded, and attached to a raw tracepoint",
        _load_and_attach,
        (
            _told("bpf_prog_load", prog_name="selftest"),
            _told("bpf_attach", how="raw_tracepoint", symbol_name="task_rename"),
        ),
    ),
    Act(
        "uprobe placed in a file",
        _probe_file,
        (_told("uprobe_attach", via="perf_event", offsets=(_OFFSET,)),),
        pmu="uprobe",
    ),
    Act(
        "kprobe placed in the kernel",
        _probe_kernel,
        (_told("kprobe_attach", via="perf_event", symbols=(_FUNCTION,)),),
        pmu="kprobe",
    ),
    Act(
        "program started with a preloaded library",
        _preload,
        (_told("profiler_env", variable="LD_PRELOAD", value=""),),
        by_target=True,
    ),
    Act(
        "profiler's library loaded",
        _load_library,
        (_told("shared_object_loaded", agent="gperftools"),),
    ),
    Act("JVM attached to", _attach_to_jvm, (_told("runtime_attach", how="connect"),)),
    Act(
        "inspector of Node.js opened",
        _open_inspector,
        (_told("runtime_attach", signal="SIGUSR1"),),
    ),
    Act("a child that ends", lambda _target: _child(), (_told("sched_process_fork"),)),
)
