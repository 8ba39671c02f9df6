"""What no rule has a use for is left out in the kernel: the findings are the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.actor import PRELUDE
from tests.live.harness import LiveSensor, needs, wait_for

pytestmark = pytest.mark.live

RULE = """\
title: {title}
logsource: {{product: linux, service: profguard, category: {category}}}
detection:
  selection: {selection}
  condition: selection
level: high
"""
RULES = {
    "attach": ("ptrace", "{ptrace.request: [PTRACE_ATTACH, PTRACE_SEIZE], ptrace.ret: 0}"),
    "filter": ("perf_ioctl", "{perf_ioctl.cmd: SET_FILTER}"),
    "labelled": ("ptrace", "{target.labels: production, ptrace.ret: 0}"),
    "memory": ("process_vm_readv", "{process_vm_readv.ret|gte: 0}"),
}
EVERYWHERE = ("attach", "filter", "memory")
# A tracepoint's event gets a filter; the other ioctls are of no use to any rule here.
IOCTLS = PRELUDE + (
    """
from pathlib import Path
event = Path("/sys/kernel/tracing/events/sched/sched_switch/id").read_text()
attr = struct.pack("=IIQQQQQ", 2, 112, int(event), 0, 0, 0, DISABLED).ljust(112, b"\\0")
fd = libc.syscall(298, attr, 0, -1, -1, 0)
assert fd >= 0
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
assert libc.ioctl(fd, 0x40082406, b"prev_pid == 1") == 0
for command in ENABLE, DISABLE, RESET:
    assert libc.ioctl(fd, command, None) == 0
"""
)


@pytest.fixture
def rules(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()

    def write(*names):
        for name in names:
            category, selection = RULES[name]
            text = RULE.format(title=name, category=category, selection=selection)
            (folder / f"{name}.yml").write_text(text)
        return str(folder)

    return write


def acts(target: int) -> None:
    """Each kind of profiling, by real tools."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    pid = str(target)
    subprocess.run([needs("py-spy"), "dump", "--pid", pid], check=True, **quiet)
    subprocess.run([needs("perf"), "stat", "-p", pid, "sleep", "0.1"], check=True, **quiet)
    subprocess.run([needs("gdb"), "-batch", "-nx", "-p", pid], check=False, **quiet)
    subprocess.run([sys.executable, "-c", IOCTLS], check=True)


def findings(sensor: LiveSensor) -> list[tuple]:
    names = ("rule_title", "count", "actor_pid", "target_pid", "mechanism", "tainted")
    return sorted(
        (*(each[name] for name in names), each["ended"] is None, each["session"] is None)
        for each in sensor.findings()
    )


def test_pushed_down_and_not_the_findings_are_the_same(kernel, rules, target, tmp_path):
    """Two sensors see the same acts, one of them everything, the other what its rules need."""
    folder = rules(*EVERYWHERE)
    sensors = []
    for name, everything in (("all", True), ("some", False)):
        (tmp_path / name).mkdir()
        options = ("--rules", folder)
        sensors.append(LiveSensor(tmp_path / name, *options, events=everything))
    try:
        acts(target.pid)
        assert wait_for(lambda: len(findings(sensors[1])) >= 3)
    finally:
        codes = [sensor.stop() for sensor in sensors]
    assert codes == [0, 0], [sensor.errors() for sensor in sensors]
    of_all, of_some = map(findings, sensors)
    assert of_all == of_some
    assert {finding[0] for finding in of_all} == set(EVERYWHERE)
    told = [sensor.lines[-1]["events"] for sensor in sensors]
    assert "perf" in told[0]
    assert "perf" not in told[1]
    assert told[1]["perf_ioctl"]["produced"] < told[0]["perf_ioctl"]["produced"]
    assert told[1]["ptrace"]["produced"] == told[0]["ptrace"]["produced"]


@pytest.fixture
def cgroups():
    """Two cgroups (v2), by name: a function that starts a program in one of them."""
    root = Path("/sys/fs/cgroup")
    mounted = None
    if not (root / "cgroup.controllers").exists():
        root /= "unified"
        if not root.exists():
            root.mkdir()
            subprocess.run(["mount", "-t", "cgroup2", "none", root], check=True)
            mounted = root
    folders = {name: root / f"profguard-{name}" for name in ("shop", "other")}
    for folder in folders.values():
        folder.mkdir()
    started = []

    def start(name: str) -> int:
        process = subprocess.Popen(["sleep", "600"])
        started.append(process)
        (folders[name] / "cgroup.procs").write_text(str(process.pid))
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.wait()
    for folder in folders.values():
        assert wait_for(lambda folder=folder: not (folder / "cgroup.procs").read_text())
        folder.rmdir()
    if mounted:
        subprocess.run(["umount", mounted], check=True)
        mounted.rmdir()


def test_by_cgroup_where_every_rule_wants_a_label_that_one_has(
    kernel, actor, cgroups, rules, tmp_path
):
    """What is done elsewhere is told once, until it is known, and then left out by the kernel."""
    config = '[labels]\nproduction = {cgroup = "/profguard-shop"}\n'
    sensors = []
    for name, everything in (("all", True), ("some", False)):
        (tmp_path / name).mkdir()
        options = {"config": config, "events": everything}
        sensors.append(LiveSensor(tmp_path / name, "--rules", rules("labelled"), **options))
    shop, other = cgroups("shop"), cgroups("other")
    try:
        for target in (other, shop) * 3:
            actor.run(
                f"""
                assert libc.ptrace(16, {target}, None, None) == 0
                os.waitpid({target}, 0x40000000)
                assert libc.ptrace(17, {target}, None, None) == 0
                time.sleep(0.2)
                """
            )
        assert wait_for(lambda: len(findings(sensors[1])) == 3)
    finally:
        codes = [sensor.stop() for sensor in sensors]
    assert codes == [0, 0], [sensor.errors() for sensor in sensors]
    of_all, of_some = map(findings, sensors)
    assert of_all == of_some
    assert {finding[3] for finding in of_all} == {shop}
    told = [sensor.lines[-1]["events"]["ptrace"]["produced"] for sensor in sensors]
    # Of the other no attach, but the one that said where it is; and every detach.
    assert told[0] == 12
    assert told[1] in (9, 10)


def test_rules_that_need_more_than_is_attached_say_so(rules, start_sensor):
    """What is attached cannot be changed any more: the sensor has given up the right to it."""
    sensor = start_sensor("--rules", rules("attach"), events=False)
    rules("memory")
    degraded = wait_for(lambda: [e for e in sensor.lines if e.get("state") == "degraded"])
    (status,) = degraded
    assert status["reason"] == "restart: no probe tells these rules of process_vm_readv"
    assert sensor.process.poll() is None
