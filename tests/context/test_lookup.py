"""What the process table says of real processes, from /proc alone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from profguard.config import LabelDefinition
from profguard.context import Labeler
from profguard.context.procfs import COMMAND_LINE_LIMIT, TICK_NS

SLEEP = shutil.which("sleep")
OWN = os.path.realpath(sys.executable)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def facts(process):
    return process.executable, process.inode, process.command_line


def test_a_process_is_described_from_proc(table, raw, spawn):
    child = spawn(SLEEP, "60")
    task = raw(child.pid)
    process = table.lookup(task)
    path = os.path.realpath(SLEEP)
    assert facts(process) == (path, os.stat(path).st_ino, f"{SLEEP} 60")
    assert process.identity == (child.pid, task.start_ns)
    assert (process.parent_pid, process.parent_executable) == (os.getpid(), OWN)
    assert process.ancestors[0] == OWN
    assert len(process.ancestors) > 1
    assert process.parent_command_line.endswith(" ".join(sys.argv[1:]))
    assert (process.user_id, process.user_name is not None) == (os.getuid(), True)
    assert process.cgroup in Path(f"/proc/{child.pid}/cgroup").read_text()


def test_a_reused_pid_gets_nothing_of_its_successor(table, raw, spawn):
    """The pid runs, but the event was of a process that started earlier: only that is known."""
    task = raw(spawn(SLEEP, "60").pid)
    task.start_ns -= 2 * TICK_NS
    process = table.lookup(task)
    assert facts(process) == (None, None, None)
    assert process.cgroup is None
    assert process.identity == (task.pid, task.start_ns)
    assert (process.name, process.user_id) == ("sleep", os.getuid())


def test_two_processes_of_one_pid_within_one_tick_are_not_mixed(table, raw, spawn):
    task = raw(spawn(SLEEP, "60").pid)
    assert table.lookup(task).executable == os.path.realpath(SLEEP)
    task.start_ns += 1
    assert facts(table.lookup(task)) == (None, None, None)


def test_a_process_that_vanished_is_what_the_kernel_sent(table, raw, spawn):
    child = spawn(SLEEP, "60")
    task = raw(child.pid)
    child.kill()
    child.wait()
    process = table.lookup(task)
    assert facts(process) == (None, None, None)
    assert (process.name, process.user_id, process.parent_pid) == ("sleep", 0, os.getpid())
    assert process.parent_executable == OWN


def test_a_zombie_has_a_name_and_no_program(table, raw, spawn):
    child = spawn(SLEEP, "0")
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.001)
    process = table.lookup(raw(child.pid))
    assert (process.name, *facts(process)) == ("sleep", None, None, None)


def test_a_process_whose_main_thread_has_ended_is_known_by_another(table, raw, python):
    """Ending the main thread empties /proc/PID/exe, which must not hide the program."""
    code = """
import ctypes, os, threading, time
def run():
    while open(f"/proc/{os.getpid()}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.001)
    print(threading.get_native_id(), flush=True)
    time.sleep(60)
threading.Thread(target=run).start()
ctypes.CDLL(None).pthread_exit(None)
"""
    child, tid = python(code)
    with pytest.raises(FileNotFoundError):
        os.readlink(f"/proc/{child.pid}/exe")
    process = table.lookup(raw(child.pid, int(tid)))
    assert process.executable == OWN
    assert process.command_line.startswith(f"{sys.executable} -c")


@pytest.mark.skipif(not os.path.isdir("/proc/2"), reason="sees no kernel thread")
def test_a_kernel_thread_has_no_program(table, raw):
    process = table.lookup(raw(2))
    assert (process.name, *facts(process)) == ("kthreadd", None, None, None)
    assert (process.parent_pid, process.ancestors) == (None, ())


HOSTILE = b"a\n\x1b[31m\xff\xc3 \"'${IFS};--"
HOSTILE_TEXT = "a\n\x1b[31m\\xff\\xc3 \"'${IFS};--"


def test_hostile_names_become_text_that_json_can_carry(table, raw, spawn, tmp_path):
    program = os.fsencode(tmp_path) + b"/" + HOSTILE
    shutil.copy(os.path.realpath(SLEEP), program)
    child = spawn(b"a\rb\x00".rstrip(b"\0") + HOSTILE, b"60", executable=program)
    process = table.lookup(raw(child.pid))
    assert process.executable == f"{tmp_path}/{HOSTILE_TEXT}"
    assert process.command_line == f"a\rb{HOSTILE_TEXT} 60"
    assert process.name == HOSTILE_TEXT[: len(process.name)]
    json.dumps(process.as_dict(), ensure_ascii=False).encode()


@pytest.mark.parametrize("comm", [b"x) S 1 1 (", b"((", b") R 0", b"a b\nc)"])
def test_no_comm_can_forge_what_follows_it_in_proc(table, raw, python, comm):
    code = f"open('/proc/self/comm', 'wb').write({comm!r}); print('ready', flush=True); input()"
    child, _ = python(code)
    process = table.lookup(raw(child.pid))
    assert process.name == comm.decode()
    assert (process.executable, process.parent_executable) == (OWN, OWN)


def test_a_very_long_command_line_is_cut_off(table, raw, spawn):
    process = table.lookup(raw(spawn(SLEEP, "60", *["0" * 1000] * 50).pid))
    assert len(process.command_line) == COMMAND_LINE_LIMIT


@pytest.mark.parametrize(
    ("name", "unlinked"),
    [("gone", True), ("kept (deleted)", False), ("gone (deleted)", True), ("linked", True)],
)
def test_a_deleted_program_keeps_its_name(table, raw, spawn, tmp_path, name, unlinked):
    """Also where a file is really called so, or has a second name that stays."""
    program = tmp_path / name
    shutil.copy(SLEEP, program)
    if name == "linked":
        os.link(program, tmp_path / "second")
    child = spawn(program, "60")
    if unlinked:
        program.unlink()
    process = table.lookup(raw(child.pid))
    assert process.executable == str(program)
    assert process.inode == os.stat(f"/proc/{child.pid}/exe").st_ino


def test_a_program_in_anonymous_memory_shows_as_that(table, raw, spawn):
    fd = os.memfd_create("agent", 0)
    os.write(fd, Path(SLEEP).read_bytes())
    child = spawn("sleep", "60", executable=f"/proc/self/fd/{fd}", pass_fds=[fd])
    os.close(fd)
    assert table.lookup(raw(child.pid)).executable == "/memfd:agent"


def test_each_thread_has_its_own_id_and_name_and_shares_the_rest(table, raw):
    ready, done = threading.Event(), threading.Event()

    def run():
        Path("/proc/thread-self/comm").write_text("worker")
        ready.set()
        done.wait()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    main = table.lookup(raw(os.getpid()))
    before = main.as_dict()
    worker = table.lookup(raw(os.getpid(), thread.native_id))
    done.set()
    thread.join()
    assert (worker.pid, worker.tid, worker.name) == (os.getpid(), thread.native_id, "worker")
    assert main.as_dict() == before
    assert facts(worker) == facts(main)


def test_only_the_wanted_variables_are_kept_and_the_first_of_two(make_table, raw):
    table = make_table(environ_names=frozenset({"KEEP", "TWICE", "ABSENT"}))
    env = b"KEEP=a=b\xff\0OTHER=x\0TWICE=1\0TWICE=2\0" + b"PAD=" + b"x" * 100_000
    code = (
        "import ctypes, sys; c = ctypes.CDLL(None); e = open(0, 'rb').read().split(b'\\0');"
        "c.execve(b'%s', (ctypes.c_char_p * 3)(b'sleep', b'60'),"
        "(ctypes.c_char_p * (len(e) + 1))(*e))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code % SLEEP], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        child.stdin.write(env)
        child.stdin.close()
        while Path(f"/proc/{child.pid}/cmdline").read_bytes() != b"sleep\0" + b"60\0":
            time.sleep(0.001)
        assert table.lookup(raw(child.pid)).environ == {"KEEP": "a=b\\xff", "TWICE": "1"}
    finally:
        child.kill()
        child.wait()


def test_a_snapshot_knows_every_process_and_who_started_it(table, raw, spawn):
    child = spawn(SLEEP, "60")
    task = raw(child.pid)
    assert table.snapshot() == len(table) > 2
    child.kill()
    child.wait()
    process = table.lookup(task, at_ns=2**63)
    assert process.executable == os.path.realpath(SLEEP)
    assert process.ancestors[0] == OWN


@needs_root
def test_a_process_in_another_mount_namespace_has_the_path_it_sees(table, raw, spawn, tmp_path):
    script = (
        f"mount -t tmpfs none {tmp_path} && cp {SLEEP} {tmp_path}/inner && exec {tmp_path}/inner 60"
    )
    child = spawn("unshare", "--mount", "sh", "-c", script)
    inner = f"{tmp_path}/inner"
    while os.readlink(f"/proc/{child.pid}/exe") != inner:
        time.sleep(0.001)
    assert not os.path.exists(inner)
    process = table.lookup(raw(child.pid))
    assert process.executable == inner
    assert process.namespaces_mnt != os.stat("/proc/self/ns/mnt").st_ino


@needs_root
def test_a_process_in_another_pid_namespace_has_the_pid_of_the_first(table, raw, spawn):
    outer = spawn("unshare", "--pid", "--fork", "--kill-child", SLEEP, "60")
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    while not (pids := children.read_text().split()) or (
        os.readlink(f"/proc/{pids[0]}/exe") != os.path.realpath(SLEEP)
    ):
        time.sleep(0.001)
    process = table.lookup(raw(int(pids[0])))
    assert process.executable == os.path.realpath(SLEEP)
    assert (process.pid, process.parent_pid) == (int(pids[0]), outer.pid)
    assert "NSpid:\t" + pids[0] + "\t1" in Path(f"/proc/{pids[0]}/status").read_text()


@needs_root
def test_the_cgroup_is_the_one_the_kernel_names(table, raw, spawn):
    """A process that moves is noticed by its cgroup's id, and the name is then asked anew."""
    root = next(
        (
            path
            for path in map(Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"))
            if (path / "cgroup.controllers").exists()
        ),
        None,
    )
    if root is None:
        pytest.skip("no cgroup v2 is mounted")
    group = root / f"profguard-{os.getpid()}.service"
    group.mkdir()
    child = spawn(SLEEP, "60")
    try:
        before = table.lookup(raw(child.pid, cgroup_id=os.stat(root).st_ino))
        assert before.unit != group.name
        (group / "cgroup.procs").write_text(str(child.pid))
        moved = raw(child.pid, cgroup_id=os.stat(group).st_ino)
        after = table.lookup(moved)
        assert (after.cgroup, after.unit) == (f"/{group.name}", group.name)
        wrong = raw(child.pid, cgroup_id=12345)
        assert table.lookup(wrong).cgroup is None
    finally:
        child.kill()
        child.wait()
        group.rmdir()


def test_a_user_without_a_name_has_a_number(table, raw, spawn):
    process = table.lookup(raw(spawn(SLEEP, "60").pid, uid=3_999_999_999))
    assert (process.user_id, process.user_name) == (3_999_999_999, None)


def test_labels_are_given_from_what_is_known(make_table, raw, spawn):
    labeler = Labeler([LabelDefinition("sleeper", {"executable|endswith": "/sleep"})])
    table = make_table(labeler)
    assert table.lookup(raw(spawn(SLEEP, "60").pid)).labels == ("sleeper",)
    assert table.lookup(raw(os.getpid())).labels == ()


def test_a_stopped_process_is_read_as_any_other(table, raw, spawn):
    child = spawn(SLEEP, "60")
    child.send_signal(signal.SIGSTOP)
    assert table.lookup(raw(child.pid)).executable == os.path.realpath(SLEEP)
