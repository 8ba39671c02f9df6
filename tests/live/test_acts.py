"""Real profilers at a process in production: one act is one finding, told once, all of it right."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.harness import OPTIONS, PRODUCTION, needs, wait_for

pytestmark = pytest.mark.live

STORED_WITHIN_S, DELIVERED_WITHIN_S = 1.0, 2.0
SLEEP = ("--", "sleep", "0.4")


@dataclass(frozen=True)
class Act:
    """A command that profiles PID, and what the sensor shall say of it.

    `lasts` are the shortest and longest duration in s, None where the act has no end of its own.
    """

    name: str
    command: tuple[str, ...]
    rule: str
    mechanism: str
    lasts: tuple[float, float] | None
    tool: int = 0  # which word of the command is the tool

    def arguments(self, pid: int) -> list[str]:
        words = [word.replace("PID", str(pid)) for word in self.command]
        words[self.tool] = needs(words[self.tool])
        return words


ACTS = [
    Act(
        "perf stat",
        ("perf", "stat", "-p", "PID", *SLEEP),
        "unexpected_profiling",
        "perf",
        (0.35, 3),
    ),
    Act(
        "perf record",
        ("perf", "record", "-o", "/dev/null", "-p", "PID", *SLEEP),
        "unexpected_profiling",
        "perf",
        (0.35, 3),
    ),
    Act(
        "strace",
        ("timeout", "-s", "INT", "0.6", "strace", "-o", "/dev/null", "-p", "PID"),
        "ptrace_production",
        "ptrace",
        (0.2, 3),
        tool=4,
    ),
    Act(
        "gdb",
        ("gdb", "-q", "-batch", "-nx", "-p", "PID", "-ex", "bt"),
        "ptrace_production",
        "ptrace",
        (0.0, 30),
    ),
    Act(
        "py-spy",
        ("py-spy", "dump", "--pid", "PID"),
        "memory_read_production",
        "process_vm_readv",
        (0.0, 10),
    ),
    Act(
        "py-spy nonblocking",
        ("py-spy", "dump", "--nonblocking", "--pid", "PID"),
        "memory_read_production",
        "process_vm_readv",
        None,
    ),
    Act(
        "dd",
        ("dd", "if=/proc/PID/mem", "of=/dev/null", "bs=4096", "count=1"),
        "memory_opened",
        "proc_mem_open",
        None,
    ),
]


class Watch:
    """Of database and receiver, what a block of code causes."""

    def __init__(self, sensor, receiver):
        self._sensor, self._receiver = sensor, receiver
        self._before = {row["id"] for row in sensor.findings()}
        self._since_s = time.time()
        self._stored_s: dict[str, float] = {}

    def rows(self) -> list[dict]:
        rows = [row for row in self._sensor.findings() if row["id"] not in self._before]
        for row in rows:
            self._stored_s.setdefault(row["id"], time.time())
        return rows

    def run(self, command: list[str], **options) -> None:
        """Run the act, looking at the database meanwhile."""
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
        )
        wait_for(lambda: (self.rows(), process.poll())[1] is not None, 60)

    def only_finding(self, *, ended: bool) -> dict:
        """The one finding that came, once it is over; further ones get the time to show up."""
        wait_for(self.rows, 3)
        wait_for(lambda: not ended or all(row["ended"] for row in self.rows()), 5)
        time.sleep(0.3)
        rows = self.rows()
        assert len(rows) == 1, [(row["rule_title"], row["message"]) for row in rows]
        (row,) = rows
        first_seen_s = row["first_seen_ns"] / 1e9
        assert self._since_s <= first_seen_s <= time.time()
        assert self._stored_s[row["id"]] - first_seen_s < STORED_WITHIN_S
        return row

    def only_alert(self, row: dict) -> dict:
        """The one webhook about it, signed (the receiver verified that) and in time."""
        wait_for(lambda: self._receiver.about(row["id"]), 5)
        ((arrived_s, alert),) = self._receiver.about(row["id"])
        assert arrived_s - row["first_seen_ns"] / 1e9 < DELIVERED_WITHIN_S
        return alert


@pytest.fixture
def watch(sensor, receiver):
    time.sleep(0.2)  # what the test before left behind has come
    return Watch(sensor, receiver)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_a_tool_at_a_production_process(act, watch, target, shipped):
    """One finding of the right rule: actor, target, mechanism, start, duration; and one alert."""
    command = act.arguments(target.pid)
    watch.run(command)
    row = watch.only_finding(ended=act.lasts is not None)
    assert row["rule_id"] == shipped(act.rule).id, row["rule_title"]
    assert row["actor_executable"] == os.path.realpath(command[act.tool])
    assert row["target_pid"] == target.pid
    assert json.loads(row["target_labels"]) == ["production"]
    assert row["mechanism"] == act.mechanism
    assert row["started"] == row["first_seen"]
    if act.lasts:
        assert act.lasts[0] <= row["duration_ns"] / 1e9 <= act.lasts[1]
    alert = watch.only_alert(row)
    assert (alert["rule"]["id"], alert["target"]["pid"]) == (row["rule_id"], target.pid)


def test_perf_stat_of_a_command(watch, server, shipped):
    """Nothing but enable_on_exec switches the counters on: the exec is the act."""
    watch.run([needs("perf"), "stat", str(server), "0.4"])
    row = watch.only_finding(ended=True)
    assert row["rule_id"] == shipped("unexpected_profiling").id
    assert row["actor_executable"] == os.path.realpath(needs("perf"))
    assert row["target_executable"] == str(server)
    assert json.loads(row["event"])["prof"]["cause"] == "exec"
    assert 0.35 <= row["duration_ns"] / 1e9 <= 3
    watch.only_alert(row)


def test_perf_record_of_the_whole_machine(watch, shipped):
    """There is no target process; the finding says so instead of naming one."""
    watch.run([needs("perf"), "record", "-o", "/dev/null", "-a", *SLEEP])
    row = watch.only_finding(ended=True)
    assert row["rule_id"] == shipped("system_wide_sampling").id
    assert row["actor_executable"] == os.path.realpath(needs("perf"))
    assert (row["target_pid"], row["relation"]) == (None, "cpu-wide")
    assert 0.35 <= row["duration_ns"] / 1e9 <= 3
    watch.only_alert(row)


def test_a_program_that_arms_itimer_prof(watch, shipped):
    """A profiler inside the process: actor and target are the same, the end is the exit."""
    code = (
        "import signal, time; signal.signal(signal.SIGPROF, lambda *_: None);"
        "signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01); time.sleep(0.4)"
    )
    watch.run([sys.executable, "-c", code], env=os.environ | PRODUCTION)
    row = watch.only_finding(ended=True)
    assert row["rule_id"] == shipped("itimer_production").id
    assert row["actor_pid"] == row["target_pid"]
    assert (row["mechanism"], row["relation"]) == ("itimer", "self")
    assert 0.35 <= row["duration_ns"] / 1e9 <= 3
    watch.only_alert(row)


def test_descriptors_of_a_production_process_are_taken(watch, target, shipped):
    """Three of them by one process are one finding: of root, in production."""
    code = (
        f"import ctypes, os; pidfd = os.pidfd_open({target.pid});"
        "take = ctypes.CDLL(None).syscall;"
        "os._exit(any(take(438, pidfd, fd, 0) < 0 for fd in range(3)))"
    )
    watch.run([sys.executable, "-c", code])
    row = watch.only_finding(ended=False)
    assert row["rule_id"] == shipped("descriptor_taken").id
    assert (row["target_pid"], row["mechanism"]) == (target.pid, "pidfd_getfd")
    assert row["count"] == 3
    watch.only_alert(row)


def test_tracing_by_files(watch, shipped):
    """trace-cmd opens hundreds of them: that is one act of one process, at the whole machine."""
    instance = Path("/sys/kernel/tracing/instances/pg-test")
    record = ("record", "-B", instance.name, "-e", "task", "-o", "/dev/null", "true")
    try:
        watch.run([needs("trace-cmd"), *record])
        row = watch.only_finding(ended=False)
    finally:
        if instance.exists():
            instance.rmdir()
    assert row["rule_id"] == shipped("tracefs_changed").id
    assert row["actor_executable"] == os.path.realpath(needs("trace-cmd"))
    assert (row["target_pid"], row["relation"]) == (None, "cpu-wide")
    assert row["mechanism"] == "tracefs"
    watch.only_alert(row)


@pytest.mark.skipif("bcc" in OPTIONS, reason="the BCC loader does not see settings")
def test_a_setting_is_weakened(watch, shipped):
    """By sysctl(8), which says nothing else; set back it is no finding, nor written again."""
    setting = Path("/proc/sys/kernel/dmesg_restrict")
    before = setting.read_text()
    setting.write_text("1")
    try:
        watch.run([needs("sysctl"), "-w", "kernel.dmesg_restrict=0"])
        row = watch.only_finding(ended=False)
        watch.run([needs("sysctl"), "-w", "kernel.dmesg_restrict=0"])
        assert watch.only_finding(ended=False)["count"] == 1
    finally:
        setting.write_text(before)
    assert row["rule_id"] == shipped("setting_weakened").id
    assert row["actor_executable"] == os.path.realpath(needs("sysctl"))
    assert row["message"].endswith("changes kernel/dmesg_restrict from 1 to 0")
    assert (row["target_pid"], row["mechanism"]) == (None, "sysctl")
    watch.only_alert(row)


def test_a_pid_means_what_it_means_to_the_caller(sensor):
    """In a pid namespace of its own a tracer names its target by another number: it is found."""
    script = "sleep 3 & echo $!; exec timeout -s INT 0.4 strace -o /dev/null -p $!"
    namespace = [needs("unshare"), "--pid", "--fork", "--mount-proc", "sh", "-c", script]
    done = subprocess.run(namespace, capture_output=True, text=True)
    inside = int(done.stdout)
    (event,) = wait_for(
        lambda: [
            e
            for e in sensor.events("ptrace", request="PTRACE_SEIZE", pid=inside)
            if e["target"].get("executable", "").endswith("/sleep")
        ]
    )
    assert event["target"]["pid"] != inside
    assert event["target"]["namespaces"]["pid"] == event["process"]["namespaces"]["pid"]
