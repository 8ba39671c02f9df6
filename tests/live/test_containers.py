"""Tools that enter a container, and tools in it: whose pid, which container, what to each other."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.harness import needs, wait_for

pytestmark = pytest.mark.live

PYTHON = "/usr/bin/python3"
WORK = "import time\nwhile True: sum(range(10000)); time.sleep(0.01)"
# What is run in the container, of the host's /usr, which it shows.
STRACE = ("/usr/bin/timeout", "-s", "INT", "0.6", "/usr/bin/strace", "-o", "/dev/null", "-p")


@pytest.fixture
def inside(sensor, container):
    """The host's pid of the first process of a container that has the host's /usr."""
    for name in ("lib", "lib64"):
        (container.root / name).symlink_to(f"usr/{name}")
    shutil.copy(needs("py-spy"), container.root / "bin")
    container.add_mounts("/usr")
    return container.start()


@pytest.fixture
def worker(sensor, container, inside):
    """A Python process in the container: the host's pid, and the container's."""
    outer = subprocess.Popen(container.command("exec", container.id, PYTHON, "-c", WORK))

    def started() -> list[int]:
        return [
            event["process"]["pid"]
            for event in sensor.events("sched_process_exec")
            if event["process"].get("container", {}).get("id") == container.id
            and WORK in (event["sched_process_exec"]["argv"] or ())
        ]

    (pid,) = wait_for(started)
    status = Path(f"/proc/{pid}/status").read_text()
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    yield pid, int(numbers.split()[-1])
    outer.kill()
    outer.wait()


def enter(pid: int, *command: str) -> None:
    """Run a command by nsenter, in the namespaces of a process but not in its control group."""
    namespaces = ["nsenter", "--mount", "--pid", "--target", str(pid), "--", *command]
    subprocess.run(namespaces, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def only(found: list[dict]) -> dict:
    (one,) = found
    return one


def at(sensor, name: str, target: int, **arguments) -> list[dict]:
    def found() -> list[dict]:
        events = sensor.events(name, **arguments)
        return [event for event in events if event.get("target", {}).get("pid") == target]

    return wait_for(found)


def test_strace_that_enters_a_container(sensor, container, inside, shipped):
    """The pid that it names is 1; who is meant is the container's first process."""
    enter(inside, *STRACE, "1")
    event = only(at(sensor, "ptrace", inside, request="PTRACE_SEIZE"))
    process, target = event["process"], event["target"]
    assert (event["ptrace"]["ret"], event["ptrace"]["pid"]) == (0, 1)
    assert process["executable"] == "/usr/bin/strace"
    assert process["ancestors"][:3] == [
        "/usr/bin/timeout",
        os.path.realpath(needs("nsenter")),
        os.path.realpath(sys.executable),
    ]
    assert process.get("container") is None
    assert (target["executable"], target["container"]["id"]) == ("/bin/busybox", container.id)
    assert process["namespaces"] == target["namespaces"]
    assert event["relation"] == "cross-container"
    row = only(wait_for(lambda: [r for r in sensor.findings() if r["target_pid"] == inside]))
    assert row["rule_id"] == shipped("ptrace_other_container").id
    assert (row["actor_executable"], row["tool"]) == ("/usr/bin/strace", "strace")
    assert (row["actor_container_id"], row["target_container_id"]) == (None, container.id)


def test_strace_in_a_container(sensor, container, inside):
    """It is where its target is: no boundary is crossed, and there is no finding."""
    subprocess.run(container.command("exec", container.id, *STRACE, "1"), capture_output=True)
    event = only(at(sensor, "ptrace", inside, request="PTRACE_SEIZE"))
    process, target = event["process"], event["target"]
    assert process["executable"] == "/usr/bin/strace"
    assert process["container"] == target["container"] == {"id": container.id}
    assert process["namespaces"] == target["namespaces"]
    assert event["relation"] == "same-uid"
    assert [row for row in sensor.findings() if row["target_pid"] == inside] == []


@pytest.mark.parametrize("entered", [True, False], ids=["entered", "in it"])
def test_py_spy_in_the_pids_of_a_container(sensor, container, inside, worker, shipped, entered):
    """It reads a process by the container's number; the event has both, and the right one."""
    pid, number = worker
    command = ("/bin/py-spy", "dump", "--nonblocking", "--pid", str(number))
    if entered:
        enter(inside, *command)
    else:
        assert "Thread" in container.execute(*command)
    events = at(sensor, "process_vm_readv", pid)
    assert events
    for event in events:
        process, target = event["process"], event["target"]
        assert event["process_vm_readv"]["pid"] == number != pid
        assert process["executable"] == "/bin/py-spy"
        assert process.get("container") == (None if entered else {"id": container.id})
        assert target["executable"] == os.path.realpath(PYTHON)
        assert target["container"] == {"id": container.id}
        assert event["relation"] == ("cross-container" if entered else "same-uid")

    def rules() -> list[str]:
        return [row["rule_id"] for row in sensor.findings() if row["target_pid"] == pid]

    if entered:
        assert wait_for(rules) == [shipped("memory_read_foreign").id]
    else:
        assert wait_for(rules, 0.5) == []


def test_an_unknown_tool_of_a_container_has_its_digest(sensor, container, inside):
    """Its path means another file on the host, or none."""
    tool = Path(shutil.copy(needs("strace"), container.root / "bin/kstrace"))
    enter(inside, *("/bin/kstrace" if "/strace" in word else word for word in STRACE), "1")
    assert at(sensor, "ptrace", inside, request="PTRACE_SEIZE")

    def rows() -> list[dict]:
        found = [row for row in sensor.findings() if row["target_pid"] == inside]
        return [row for row in found if row["tool_sha256"]]

    row = only(wait_for(rows))
    assert (row["actor_executable"], row["tool"]) == ("/bin/kstrace", "unknown")
    assert row["tool_sha256"] == hashlib.sha256(tool.read_bytes()).hexdigest()
