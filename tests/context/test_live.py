"""The process table fed by this kernel: what short-lived processes are, when they are long gone."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from profguard.context import Enricher, Labeler
from profguard.errors import SensorError
from profguard.sensor.live import Sensor

pytestmark = pytest.mark.live
SHELL, TRUE = map(os.path.realpath, map(shutil.which, ("sh", "true")))


@pytest.fixture
def watch(make_table):
    """Enrich, afterwards, what happened while a function ran."""

    def watch(act):
        sensor = Sensor()
        try:
            sensor.open()
        except SensorError as error:
            refuse = pytest.fail if os.environ.get("CI") else pytest.skip
            refuse(f"the sensor cannot run here: {error}")
        try:
            table = make_table()
            enricher = Enricher(table, Labeler(), "shop-1")
            table.snapshot()
            act()
            time.sleep(0.05)
            sensor.detach()
            events = []
            while batch := [enricher.enrich(*decoded) for decoded in sensor.drain()]:
                events += batch
            return events
        finally:
            sensor.close()

    return watch


def test_processes_that_are_gone_are_known_whole(watch):
    """A shell that starts a program, and a subshell that only forks."""
    script = f"{TRUE} 'a b' x; ( : ); {TRUE} last; :"
    pids = []

    def act():
        child = subprocess.Popen([SHELL, "-c", script])
        child.wait()
        pids.append(child.pid)

    events = watch(act)
    (shell,) = pids
    ended = [event for event in events if event.spec.name == "sched_process_exit"]
    mine = [event.process for event in ended if event.process.parent_pid == shell]
    facts = [(each.executable, each.command_line, each.parent_executable) for each in mine]
    assert facts == [
        (TRUE, f"{TRUE} a b x", SHELL),
        (SHELL, f"{SHELL} -c {script}", SHELL),
        (TRUE, f"{TRUE} last", SHELL),
    ]
    own = os.readlink("/proc/self/exe")
    assert [each.ancestors[:2] for each in mine] == [(SHELL, own)] * 3
    cgroup = mine[0].cgroup
    assert cgroup is not None
    assert {(each.cgroup, each.user_id) for each in mine} == {(cgroup, os.getuid())}


def test_a_process_has_one_identity_in_all_its_events(watch):
    """Fork, exec and exit agree on the start to the nanosecond, and so does /proc on its tick."""
    seen = {}

    def act():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        with open(f"/proc/{child.pid}/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        child.communicate(b"\n")
        seen[child.pid] = ticks

    events = watch(act)
    ((pid, ticks),) = seen.items()
    starts = {
        process.start_boot_ns
        for event in events
        for process in (event.process, event.target)
        if process is not None and process.pid == pid
    }
    (start_ns,) = starts
    assert start_ns * os.sysconf("SC_CLK_TCK") // 1_000_000_000 == ticks
