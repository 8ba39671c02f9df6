"""What exploits do to perf, and what agents do, told apart from perf in the hands of users."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from profguard import resources
from tests.live.harness import needs, wait_for

pytestmark = pytest.mark.live

NOBODY = 65534
# As nobody: software events on itself, user space only, which perf_event_paranoid of 2 permits.
AS_NOBODY = f"os.setuid({NOBODY}); EXCLUDE_KERNEL = 1 << 5; REMOVE_ON_EXEC = 1 << 36"


@pytest.fixture(scope="module", autouse=True)
def users_may():
    paranoid = int(Path("/proc/sys/kernel/perf_event_paranoid").read_text())
    if paranoid > 2:
        pytest.skip(f"perf_event_paranoid is {paranoid}: users may not open perf events")


def rules_of(sensor, pid: int) -> set[str]:
    """The rules that found something of a process, as soon as there is one."""

    def found():
        return {row["rule_id"] for row in sensor.findings() if row["actor_pid"] == pid}

    wait_for(found, 2)
    return found()


@pytest.mark.parametrize(
    "body",
    [
        "os.close(perf(EXCLUDE_KERNEL | DISABLED, group=leader))",
        "perf(EXCLUDE_KERNEL | DISABLED, group=leader)",
    ],
    ids=["loop", "large group"],
)
def test_a_flood_of_group_members_is_found(act, sensor, shipped, body):
    pid = act(f"""
    {AS_NOBODY}
    leader = perf(EXCLUDE_KERNEL | DISABLED)
    for _ in range(300):
        {body}
    """)
    assert shipped("perf_group_flood").id in rules_of(sensor, pid)
    members = [e for e in sensor.events_of(pid, "perf") if e["perf"]["group"]]
    assert len(members) == 300


def test_a_group_with_remove_on_exec_is_found(act, sensor, shipped):
    pid = act(f"""
    {AS_NOBODY}
    leader = perf(EXCLUDE_KERNEL | DISABLED)
    perf(EXCLUDE_KERNEL | DISABLED | REMOVE_ON_EXEC, group=leader)
    """)
    assert shipped("perf_group_remove_on_exec").id in rules_of(sensor, pid)


@pytest.mark.parametrize(
    "command",
    [
        ["perf", "stat", "-e", "{task-clock:u,page-faults:u,context-switches:u}", "true"],
        ["perf", "stat", "-r", "20", "-e", "{task-clock:u,page-faults:u}", "true"],
        ["perf", "stat", "-ddd", "true"],
        ["perf", "record", "-o", "/dev/null", "-e", "{cpu-clock:u,page-faults:u}", "true"],
    ],
    ids=["group", "repeated", "detailed", "record"],
)
def test_perf_in_the_hands_of_a_user_is_no_such_pattern(sensor, shipped, command):
    process = subprocess.Popen(
        [needs(command[0]), *command[1:]],
        user=NOBODY,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process.wait(60)
    assert wait_for(lambda: sensor.events_of(process.pid, "sched_process_exit"))
    assert sensor.events_of(process.pid, "perf")
    patterns = {shipped(f"perf_group_{name}").id for name in ("flood", "remove_on_exec")}
    assert not rules_of(sensor, process.pid) & patterns


@pytest.fixture
def soon(tmp_path):
    """The shipped rules on continuous profilers, which wait for two seconds only."""
    folder = tmp_path / "rules"
    folder.mkdir(mode=0o755)
    perf = resources.folder("rules") / "perf"
    for name in (
        "system_wide_sampling",
        "continuous_profiler_begins",
        "continuous_profiler_pauses",
    ):
        shutil.copy(perf / f"{name}.yml", folder)
    text = (perf / "continuous_profiler.yml").read_text()
    (folder / "continuous_profiler.yml").write_text(text.replace("timespan: 15m", "timespan: 2s"))
    return folder


@pytest.mark.parametrize("lasts_s", [0.5, 60])
def test_sampling_that_goes_on_is_found_while_it_does(start_sensor, soon, lasts_s):
    sensor = start_sensor("--rules", str(soon))
    command = ["record", "-a", "-e", "cpu-clock", "-o", "/dev/null", "--", "sleep", str(lasts_s)]
    process = subprocess.Popen(
        [needs("perf"), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def titles() -> set[str]:
        return {row["rule_title"] for row in sensor.findings()}

    once = {"System-wide profiling by an unapproved program"}
    twice = once | {"Continuous profiler that nobody approved"}
    expected = twice if lasts_s > 2 else once
    wait_for(lambda: titles() == twice, 10 if lasts_s > 2 else 9)
    process.terminate()
    process.wait()
    assert titles() == expected


AT_AN_AGENT = """
import os, sys
from profguard.selftest import calls
target = os.fork()
if not target:
    os.execv(sys.argv[1], [sys.argv[1], "60"])
while os.readlink(f"/proc/{target}/exe") != sys.argv[1]:
    pass
"""
TRACE = "calls.ptrace(calls.PTRACE_ATTACH, target); calls.wait_until_stopped(target)\n"
OPEN = "open(f'/proc/{target}/mem', 'rb').close()\n"


@pytest.mark.parametrize(
    ("act", "rule"), [(TRACE, "ptrace_credentials"), (OPEN, "memory_open_credentials")]
)
def test_what_is_done_to_a_keeper_of_credentials_is_found(sensor, shipped, tmp_path, act, rule):
    agent = shutil.copy(shutil.which("sleep"), tmp_path / "ssh-agent")
    code = AT_AN_AGENT + act + "os.kill(target, 9)"
    process = subprocess.Popen([sys.executable, "-c", code, str(agent)])
    assert process.wait(20) == 0
    (row,) = wait_for(lambda: [r for r in sensor.findings() if r["actor_pid"] == process.pid])
    assert row["rule_id"] == shipped(rule).id
    assert row["target_executable"] == str(agent)
