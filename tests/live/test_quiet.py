"""The shipped rules find nothing where there is nothing to find."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.live import supervisor
from tests.live.harness import PRODUCTION, needs, wait_for

pytestmark = pytest.mark.live


# What is approved, as an administrator writes it down.
LABELS = """
[labels]
production = {"environ.ROLE" = "production"}
approved-debugger = {"executable|endswith" = "/jcmd", "command_line|endswith" = " VM.uptime"}
container-runtime = {"command_line|endswith" = " seccomp-supervisor"}
"""


@pytest.fixture
def quiet(start_sensor, request):
    """A sensor as it is installed, with the shipped rules; `configured` marks a configuration."""
    mark = request.node.get_closest_marker("configured")
    sensor = start_sensor(config=mark.args[0] if mark else None)
    yield sensor
    time.sleep(0.5)
    assert sensor.process.poll() is None, sensor.errors()
    assert [(row["rule_title"], row["message"]) for row in sensor.findings()] == []
    assert sensor.stop() == 0


def test_an_idle_machine(quiet):
    """Whatever runs by itself on this machine is no finding."""
    time.sleep(3)


def test_a_package_install(quiet):
    """apt, dpkg and maintainer scripts are no finding, and the sensor sees them work."""
    command = ["apt-get", "install", "-y", "-q", "--reinstall", "hostname"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
        subprocess.run(command, check=True, capture_output=True)
    executed = {e["process"].get("executable") for e in quiet.events("sched_process_exec")}
    assert "/usr/bin/dpkg" in executed


def test_a_build(quiet, tmp_path):
    """make and a compiler are no finding, and every process of theirs is known."""
    for n in range(8):
        (tmp_path / f"part{n}.c").write_text(f"int part{n}(void) {{ return {n}; }}\n")
    objects = " ".join(f"part{n}.o" for n in range(8))
    (tmp_path / "Makefile").write_text(
        textwrap.dedent(f"""\
            CC = {needs("clang")}
            libparts.so: {objects}
            \t$(CC) -shared -o $@ $^
            %.o: %.c
            \t$(CC) -O2 -fPIC -c -o $@ $<
            """)
    )
    subprocess.run(["make", "-j2"], cwd=tmp_path, check=True, capture_output=True)
    execs = quiet.events("sched_process_exec")
    assert len([e for e in execs if "-O2" in (e["sched_process_exec"]["argv"] or ())]) >= 8
    assert all(e["process"]["executable"] for e in execs)


SERVER = """
public class Server {
    public static void main(String[] arguments) throws Exception { Thread.sleep(60000); }
}
"""


@pytest.fixture
def jvm(quiet, tmp_path):
    """A JVM in production, which starts under the eyes of the sensor."""
    (tmp_path / "Server.java").write_text(SERVER)
    subprocess.run([needs("javac"), "Server.java"], cwd=tmp_path, check=True)
    process = subprocess.Popen(
        [needs("java"), "-XX:+UseSerialGC", "Server"], cwd=tmp_path, env=os.environ | PRODUCTION
    )
    assert wait_for(lambda: Path(f"/tmp/hsperfdata_root/{process.pid}").exists(), 30)
    yield process
    process.kill()
    process.wait()


@pytest.mark.configured(LABELS)
def test_health_checks_of_a_jvm(quiet, jvm):
    """jcmd attaches to it each time; that it may, for this command, a label says."""
    for _ in range(3):
        command = [needs("jcmd"), str(jvm.pid), "VM.uptime"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert " s" in done.stdout
    executed = {e["process"].get("executable") for e in quiet.events("sched_process_exec")}
    assert os.path.realpath(needs("jcmd")) in executed


def test_a_container_and_its_runtime(quiet, container):
    """Made, entered and killed, under a seccomp profile; and the sensor knows who is in it."""
    first = container.start()
    assert "Seccomp:\t2" in container.execute("cat", "/proc/self/status")
    assert "busybox" in container.execute("sh", "-c", "ls /bin; sleep 0.1")
    container.stop()
    assert wait_for(lambda: quiet.events_of(first, "sched_process_exit"))
    inside = [
        event["process"]
        for event in quiet.events("sched_process_exec")
        if event["process"].get("container", {}).get("id") == container.id
    ]
    assert first in {process["pid"] for process in inside}
    assert "/bin/busybox" in {process["executable"] for process in inside}


@pytest.mark.configured(LABELS)
def test_a_supervisor_of_seccomp(quiet):
    """It takes the descriptor of the notifications out of what it supervises, and answers them."""
    command = [sys.executable, supervisor.__file__, "seccomp-supervisor"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | PRODUCTION,
    )
    assert wait_for(lambda: quiet.events_of(process.pid, "sched_process_exec"))
    answer, _ = process.communicate(b"go\n", 30)
    assert (process.returncode, answer) == (0, b"answered 42\n")
    (taken,) = wait_for(lambda: quiet.events("pidfd_getfd"))
    assert taken["pidfd_getfd"]["ret"] >= 0
    assert taken["process"]["labels"] == ["production", "container-runtime"]
    assert taken["target"]["parent"]["pid"] == taken["process"]["pid"]
