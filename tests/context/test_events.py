"""What the process table makes of exec, fork, exit and loss, in the order in which they happen."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pytest

from profguard.config import LabelDefinition
from profguard.context import Labeler
from profguard.context.processes import GRACE_NS
from profguard.context.procfs import TICK_NS
from profguard.rawtask import RawTask

SLEEP = shutil.which("sleep")
SECOND = 1_000_000_000
GONE_PID = 2**22 + 7  # above any pid that a kernel gives


def ghost(number: int = 0, parent: RawTask | None = None, **changes) -> RawTask:
    """A task of a process that /proc has never heard of."""
    values = {
        "start_ns": (100 + number) * SECOND,
        "parent_start_ns": parent.start_ns if parent else 0,
        "cgroup_id": 1,
        "pid": GONE_PID + number,
        "tid": GONE_PID + number,
        "ppid": parent.pid if parent else 0,
        "uid": 0,
        "gid": 0,
        "pid_ns": 1,
        "mnt_ns": 1,
        "comm": f"ghost-{number}",
    }
    return RawTask(**values | changes)


@pytest.fixture
def run(table, event):
    """Let a task execute a program."""

    def run(task, path="/usr/bin/perf", argv=("perf", "stat"), to=table):
        args = {"pathname": path, "argv": argv, "inode": 7, "cmdpath": path}
        to.on_exec(task, event("sched_process_exec", **args))

    return run


def programs(process):
    return process.executable, process.command_line


def test_a_process_that_vanished_is_known_by_its_exec_event(table, run):
    task = ghost()
    run(task)
    process = table.lookup(task)
    assert (*programs(process), process.inode) == ("/usr/bin/perf", "perf stat", 7)


def test_a_child_without_exec_runs_what_its_parent_runs(table, run):
    parent = ghost()
    child = ghost(1, parent)
    run(parent)
    table.on_fork(parent, child)
    process = table.lookup(child)
    assert programs(process) == ("/usr/bin/perf", "perf stat")
    assert (process.parent_pid, process.parent_executable) == (parent.pid, "/usr/bin/perf")
    run(child, "/usr/bin/true", ("true",))
    assert table.lookup(child).executable == "/usr/bin/true"
    assert process.executable == "/usr/bin/perf", "what was handed out does not change"


def test_a_real_fork_is_known_after_both_have_gone(table, raw, fork):
    pid = fork()
    parent, child = raw(os.getpid()), raw(pid)
    table.on_fork(parent, child)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    process = table.lookup(child, at_ns=2**63)
    assert process.executable == os.readlink("/proc/self/exe")
    assert process.cgroup == table.lookup(parent).cgroup


def test_an_exec_of_an_ancestor_shows_in_what_its_descendants_are_told(table, run):
    top = ghost()
    middle = ghost(1, top)
    low = ghost(2, middle)
    run(top, "/bin/a", ("a",))
    table.on_fork(top, middle)
    table.on_fork(middle, low)
    run(low, "/bin/low", ("low",))
    assert table.lookup(low).ancestors == ("/bin/a", "/bin/a")
    run(middle, "/bin/b", ("b",))
    assert table.lookup(low).ancestors == ("/bin/b", "/bin/a")
    assert table.lookup(low).parent_command_line == "b"
    run(top, "/bin/c", ("c",))
    assert table.lookup(low).ancestors == ("/bin/b", "/bin/c")


def test_ancestors_end_after_sixteen(table, run):
    task = ghost()
    run(task, "/bin/0", ())
    for number in range(1, 30):
        task = ghost(number, task)
        run(task, f"/bin/{number}", ())
    assert table.lookup(task).ancestors == tuple(f"/bin/{n}" for n in range(28, 12, -1))


def test_the_parent_is_the_one_of_the_moment(table, raw, python):
    """When the process between ends, the kernel gives its child another parent."""
    code = """
import os, time
pid = os.fork()
if pid == 0:
    inner = os.fork()
    if inner == 0:
        time.sleep(60)
    print(os.getpid(), inner, flush=True)
    time.sleep(60)
os.waitpid(pid, 0)
time.sleep(60)
"""
    child, line = python(code)
    middle, inner = map(int, line.split())
    leaf = ghost(0, raw(inner))
    before, middle_task = table.lookup(leaf), raw(middle)
    try:
        assert before.parent_pid == inner
        assert len(before.ancestors) > 3
        os.kill(middle, 9)
        while os.path.exists(f"/proc/{middle}"):
            time.sleep(0.001)
        table.on_exit(middle_task, at_ns=5 * SECOND)
        adopted = raw(inner)
        assert adopted.ppid not in (middle, 0)
        after = table.lookup(leaf)
        reaper = table.lookup(raw(adopted.ppid))
        expected = (os.readlink("/proc/self/exe"), reaper.executable, *reaper.ancestors)
        assert after.ancestors == tuple(path for path in expected if path)
        assert child.poll() is None
    finally:
        os.kill(inner, 9)


def test_an_ended_process_stays_for_a_while_and_then_goes(table, run):
    """The while is event time: a slow reader forgets nothing."""
    task, other = ghost(), ghost(1)
    run(task)
    run(other)
    table.on_exit(task, at_ns=100 * SECOND)
    assert table.lookup(task).executable == "/usr/bin/perf"
    table.on_exit(other, at_ns=100 * SECOND + GRACE_NS)
    assert table.lookup(task).executable == "/usr/bin/perf"
    table.on_exit(ghost(2), at_ns=100 * SECOND + GRACE_NS + 1)
    assert len(table) == 1
    assert table.lookup(task).executable is None


def test_a_pid_that_is_used_again_starts_from_nothing(table, run):
    first = ghost()
    run(first)
    second = ghost(start_ns=first.start_ns + TICK_NS)
    assert programs(table.lookup(second)) == (None, None)
    run(second, "/bin/b", ("b",))
    assert table.lookup(first).executable == "/usr/bin/perf"
    table.on_exit(first, at_ns=SECOND)
    table.on_exit(ghost(9), at_ns=SECOND + GRACE_NS + 1)
    assert table.lookup(second).executable == "/bin/b"


def test_of_two_processes_with_one_pid_in_one_tick_the_later_is_kept(table, run):
    first = ghost()
    second = ghost(start_ns=first.start_ns + 1)
    run(first)
    run(second, "/bin/b", ("b",))
    assert programs(table.lookup(first)) == (None, None)
    table.on_exit(first, at_ns=SECOND)
    table.on_exit(ghost(9), at_ns=SECOND + GRACE_NS + 1)
    assert table.lookup(second).executable == "/bin/b"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root chooses pids")
def test_a_pid_that_the_kernel_really_gives_again(table, raw, fork):
    first_pid = fork()
    first = raw(first_pid)
    os.kill(first_pid, 9)
    os.waitpid(first_pid, 0)
    time.sleep(2 * TICK_NS / SECOND)
    for _ in range(50):
        with suppress(FileNotFoundError):
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(first_pid - 1))
        pid = fork()
        if pid == first_pid:
            break
    else:
        pytest.skip("other processes took the pid each time")
    assert programs(table.lookup(first)) == (None, None)
    assert table.lookup(raw(pid)).executable == os.readlink("/proc/self/exe")


def test_what_proc_says_after_an_exec_is_not_said_of_before(table, raw, spawn, now):
    """The event was made by another program, as its comm shows; the next events are fine."""
    child = spawn(SLEEP, "60")
    early, before = raw(child.pid, comm="python"), now()
    assert programs(table.lookup(early, at_ns=before)) == (None, None)
    assert table.lookup(raw(child.pid), at_ns=before).executable == os.path.realpath(SLEEP)
    assert table.lookup(early, at_ns=now()).executable == os.path.realpath(SLEEP)


def test_a_thread_that_an_exec_ended_is_not_taken_for_the_new_program(table, raw, spawn, now):
    child = spawn(SLEEP, "60")
    thread = raw(child.pid)
    thread.tid += 1
    assert programs(table.lookup(thread, at_ns=now() - SECOND)) == (None, None)


def test_a_process_cannot_hide_its_program_by_changing_its_name(table, raw, python, now):
    """What /proc said before the event holds, whatever the comm is by then."""
    code = "open('/proc/self/comm', 'w').write('first'); print('ready', flush=True); input()"
    child, _ = python(code)
    table.snapshot()
    renamed = raw(child.pid, comm="kworker/0:0")
    process = table.lookup(renamed, at_ns=now())
    assert (process.name, process.executable) == ("kworker/0:0", os.readlink("/proc/self/exe"))


def test_after_a_loss_nothing_is_believed_that_cannot_be_checked(table, run, raw, spawn):
    """The lost event may have been an exec."""
    child, vanished = spawn(SLEEP, "60"), ghost()
    task = raw(child.pid)
    run(task, "/bin/stale", ("stale",))
    run(vanished, "/bin/stale", ("stale",))
    assert table.lookup(task).executable == "/bin/stale"
    table.on_loss()
    assert table.lookup(task).executable == os.path.realpath(SLEEP)
    assert programs(table.lookup(vanished)) == (None, None)
    run(vanished)
    assert table.lookup(vanished).executable == "/usr/bin/perf"


def test_an_exec_event_gets_the_variables_of_that_exec_only(make_table, event, raw, spawn):
    """If the process runs something else by the time of the read, there are none."""
    table = make_table(environ_names=frozenset({"MARK"}))
    child = spawn(SLEEP, "60", env={"MARK": "x"})
    task = raw(child.pid)
    inode = os.stat(SLEEP).st_ino
    real = {"pathname": os.path.realpath(SLEEP), "inode": inode, "argv": (SLEEP, "60")}
    for wrong in ({"inode": inode + 1}, {"argv": (SLEEP, "61")}):
        table.on_exec(task, event("sched_process_exec", **real | wrong))
        assert table.lookup(task).environ == {}
    table.on_exec(task, event("sched_process_exec", **real))
    assert table.lookup(task).environ == {"MARK": "x"}


def test_an_exec_event_without_a_path_is_completed(table, event, raw, spawn):
    child = spawn(SLEEP, "60", "0" * 100)
    task = raw(child.pid)
    args = {"pathname": None, "inode": os.stat(SLEEP).st_ino, "argv": (SLEEP, "60", "000")}
    table.on_exec(task, event("sched_process_exec", **args))
    assert programs(table.lookup(task)) == (os.path.realpath(SLEEP), f"{SLEEP} 60 {'0' * 100}")


def test_arguments_that_the_exec_event_has_no_room_for_are_read(table, event, raw, spawn):
    """So that nothing is hidden behind a long first argument."""
    line = f"{SLEEP} 60 {'0' * 2000} 1"
    child = spawn(*line.split())
    sent = tuple(line[:1024].split())
    args = {"pathname": os.path.realpath(SLEEP), "inode": os.stat(SLEEP).st_ino, "argv": sent}
    task = raw(child.pid)
    table.on_exec(task, event("sched_process_exec", **args))
    assert table.lookup(task).command_line == line


def test_an_exec_keeps_the_cgroup_of_a_process_that_is_gone(table, run, raw, fork):
    pid = fork()
    task = raw(pid)
    table.on_fork(raw(os.getpid()), task)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    run(task)
    process = table.lookup(task)
    assert process.executable == "/usr/bin/perf"
    assert process.cgroup == table.lookup(raw(os.getpid())).cgroup is not None


def test_the_table_is_bounded_and_keeps_what_is_used(make_table, event):
    table = make_table(max_processes=1024)
    used = ghost()
    args = {"pathname": "/bin/x", "inode": 7, "argv": ("x",)}
    table.on_exec(used, event("sched_process_exec", **args))
    for number in range(1, 5000):
        table.on_exec(ghost(number), event("sched_process_exec", **args))
        if number % 1000 == 0:
            assert table.lookup(used).executable == "/bin/x"
    assert len(table) == 1024


def test_labels_follow_what_they_are_about(make_table, event):
    """An exec, a change of user, and for a label about names each thread's own."""
    labeler = Labeler(
        [
            LabelDefinition("perf", {"executable|endswith": "/perf"}),
            LabelDefinition("root", {"user.id": 0}),
            LabelDefinition("gc", {"name": "GC"}),
        ]
    )
    table = make_table(labeler)
    task = ghost(uid=1000)
    for path, labels in (("/bin/sh", ()), ("/usr/bin/perf", ("perf",))):
        args = {"pathname": path, "inode": 7, "argv": ("x",)}
        table.on_exec(task, event("sched_process_exec", **args))
        assert table.lookup(task).labels == labels
    assert table.lookup(ghost(uid=0)).labels == ("perf", "root")
    assert table.lookup(ghost(uid=0, tid=5, comm="GC")).labels == ("perf", "root", "gc")
    assert table.lookup(ghost(uid=0)).labels == ("perf", "root")
