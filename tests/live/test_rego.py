"""Rules in Rego on the live kernel, and the process that evaluates them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.harness import wait_for

pytestmark = pytest.mark.live

POLICY = """\
# METADATA
# title: Timer of a program with an odd pid or an even one
# custom:
#   id: 0f4b9a52-5f0e-4a8b-8e1d-3c9b1f2a7d10
#   level: high
#   events: [setitimer]
package profguard.parity

parity := ["even", "odd"][input.process.pid % 2]

match contains sprintf("%d is %s", [input.process.pid, parity])
"""
TIMER = "import signal; signal.setitimer(signal.ITIMER_PROF, 100, 1)"


def act() -> int:
    process = subprocess.Popen([sys.executable, "-c", TIMER])
    process.wait()
    return process.pid


def workers(pid: int) -> list[Path]:
    """The children of a process, in /proc."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [(task / "children").read_text().split() for task in tasks]
    return [Path("/proc", child) for some in children for child in some]


def test_a_policy_judges_live_events_and_survives_its_worker(start_sensor, tmp_path):
    """The worker has no environment, no descriptors but its pipes, and no network; it may die."""
    path = tmp_path / "parity.rego"
    path.write_text(POLICY)
    path.chmod(0o644)
    sensor = start_sensor("--rules", str(path))
    first = act()
    [finding] = wait_for(sensor.findings)
    assert finding["message"] == f"{first} is {'odd' if first % 2 else 'even'}"
    [worker] = workers(sensor.process.pid)
    assert (worker / "environ").read_bytes().count(b"=") <= 1  # what the allocator is told
    assert os.readlink(worker / "ns/net") != os.readlink("/proc/self/ns/net")
    assert {os.readlink(one).partition(":")[0] for one in (worker / "fd").iterdir()} <= {
        "pipe",
        "/dev/null",
        "/memfd",
    }
    os.kill(int(worker.name), signal.SIGKILL)
    second = act()
    assert wait_for(lambda: len(sensor.findings()) == 2), sensor.errors()
    assert sensor.findings()[1]["actor_pid"] == second
    sensor.stop()
    assert not worker.exists()
