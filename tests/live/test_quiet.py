"""The shipped rules find nothing where there is nothing to find."""

import subprocess
import textwrap
import time

import pytest

from tests.live.harness import needs

pytestmark = pytest.mark.live


@pytest.fixture
def quiet(start_sensor):
    """A sensor as it is installed: no configuration, shipped rules."""
    sensor = start_sensor()
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
