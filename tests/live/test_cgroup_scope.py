"""Perf events for a whole control group, by perf itself and by hand."""

import os
import subprocess

import pytest

from tests.live.harness import needs, wait_for

pytestmark = pytest.mark.live


@pytest.mark.proves("prof", "a control group is profiled")
def test_perf_stat_of_a_control_group(sensor, cgroup, shipped):
    """One finding, which names the group; no process is the target."""
    command = ["stat", "-a", "-e", "cpu-clock,page-faults", "-G", f"{cgroup.name},{cgroup.name}"]
    process = subprocess.Popen([needs("perf"), *command, "sleep", "0.3"], stderr=subprocess.DEVNULL)
    assert process.wait(30) == 0
    assert wait_for(lambda: sensor.events_of(process.pid, "prof", action="disable"))
    enables = sensor.events_of(process.pid, "prof", action="enable")
    assert enables
    for event in enables:
        prof = event["prof"]
        assert (prof["cgroup_id"], prof["cgroup"]) == (cgroup.stat().st_ino, f"/{cgroup.name}")
        assert (event["relation"], event.get("target")) == ("cgroup", None)
    wait_for(lambda: any(row["actor_pid"] == process.pid for row in sensor.findings()))
    (row,) = [row for row in sensor.findings() if row["actor_pid"] == process.pid]
    assert row["rule_id"] == shipped("control_group_profiled").id
    assert f"/{cgroup.name}" in row["message"]


@pytest.mark.proves("perf", "an event for a control group is opened")
def test_by_hand(act, sensor, cgroup):
    """The kernel's event says which group, not the descriptor's number; a plain event has none."""
    pid = act(f"""
group = os.open({str(cgroup)!r}, os.O_RDONLY)
perf(pid=group, cpu=0, open_flags=4)
perf(cpu=0, pid=-1)
""")
    in_group, plain = (event["perf"] for event in sensor.events_of(pid, "perf"))
    assert (in_group["cgroup_id"], in_group["cgroup"]) == (
        os.stat(cgroup).st_ino,
        f"/{cgroup.name}",
    )
    assert (plain["cgroup_id"], plain["cgroup"]) == (None, None)
