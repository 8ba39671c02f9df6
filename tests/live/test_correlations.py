"""What several acts mean together: real system calls, also over a restart of the sensor."""

import signal
import subprocess
import sys

import pytest

from tests.live.harness import PRODUCTION, PROFGUARD, wait_for

pytestmark = pytest.mark.live

CONFIG = """
[labels]
production = {"environ.ROLE" = "production"}
"""
# Reads eight bytes of its own text segment's address in each process; the call is what counts.
READER = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
for pid in map(int, sys.argv[1:]):
    with open(f"/proc/{pid}/maps") as maps:
        address = int(maps.readline().split("-")[0], 16)
    kept = ctypes.create_string_buffer(8)
    here, there = Part(ctypes.addressof(kept), 8), Part(address, 8)
    if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) != 8:
        sys.exit(f"{pid}: errno {ctypes.get_errno()}")
"""
SWEEP = "SELECT * FROM findings WHERE rule_title = 'Many processes inspected by one program'"


@pytest.fixture
def shops():
    """Five processes in production."""
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    found = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=PRODUCTION | {"PATH": "/usr/bin"})
        for _ in range(5)
    ]
    for process in found:
        process.stdout.readline()
    yield found
    for process in found:
        process.kill()
        process.wait()


def read_memory(*targets) -> None:
    command = [sys.executable, "-c", READER, *(str(target.pid) for target in targets)]
    subprocess.run(command, check=True)


def test_who_goes_from_process_to_process_is_found(start_sensor, shops):
    """Each act is a finding; what they are together is one more, with all of them as evidence."""
    sensor = start_sensor(config=CONFIG)
    read_memory(*shops)
    [finding] = wait_for(lambda: sensor.rows(SWEEP))
    assert (finding["level"], finding["count"]) == ("critical", 1)
    assert "inspected 5 processes within a minute" in finding["message"]
    joined = sensor.rows(
        f"SELECT event ->> '$.target.pid' AS pid FROM finding_events"
        f" WHERE finding_id = '{finding['id']}' AND kind = 'joined' ORDER BY position"
    )
    assert [row["pid"] for row in joined] == [shop.pid for shop in shops]
    assert len(sensor.findings()) == 6


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_sweep_over_a_restart_of_the_sensor_is_found(start_sensor, shops, end):
    first = start_sensor(config=CONFIG)
    read_memory(*shops[:3])
    count = "SELECT * FROM correlation_state WHERE json_array_length(entries) = 3"
    assert wait_for(lambda: first.rows(count))
    first.process.send_signal(end)
    first.process.wait(20)
    assert first.rows(SWEEP) == []
    second = start_sensor(config=CONFIG)
    read_memory(*shops[3:])
    assert wait_for(lambda: second.rows(SWEEP)), second.errors()


LEFT_ON = """
title: Timer left on
correlation:
  type: event_count
  rules: [timer_on]
  group-by: [prof.session]
  timespan: 2s
  condition: {gte: 1}
profguard:
  absent: [timer_off]
  message: "{process.executable} samples itself for more than two seconds"
---
title: A timer is armed
name: timer_on
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: enable, prof.mechanism: itimer}, condition: selection}
---
title: A timer is disarmed
name: timer_off
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: disable, prof.mechanism: itimer}, condition: selection}
"""
TIMER = "import signal, time; signal.setitimer(signal.ITIMER_PROF, 100, 1); time.sleep({})"


def test_what_is_left_on_is_found_while_it_is_on(start_sensor, tmp_path):
    """By the clock: nothing else happens that could tell. What ended in time is no finding."""
    rule = tmp_path / "left_on.yml"
    rule.write_text(LEFT_ON)
    rule.chmod(0o644)
    sensor = start_sensor("--rules", str(rule))
    subprocess.run([sys.executable, "-c", TIMER.format(0.3)], check=True)
    long = subprocess.Popen([sys.executable, "-c", TIMER.format(60)])
    try:
        [finding] = wait_for(sensor.findings, 20)
        assert (finding["actor_pid"], finding["ended"]) == (long.pid, None)
        assert "samples itself" in finding["message"]
    finally:
        long.kill()
        long.wait()
    [finding] = wait_for(lambda: [row for row in sensor.findings() if row["ended"]])
    assert finding["duration_ns"] > 2e9


def test_an_exception_is_taken_up_by_the_running_sensor(start_sensor, shops, tmp_path):
    """Written by the command, from a finding of this sensor; what it excuses is counted."""
    own = tmp_path / "own"
    own.mkdir(mode=0o755)
    sensor = start_sensor("--rules", "shipped", "--rules", str(own), config=CONFIG)
    read_memory(shops[0])
    [finding] = wait_for(sensor.findings)
    options = ("--db", sensor.db, "--reason", "a test", "--owner", "me", "-o", own)
    subprocess.run([PROFGUARD, "findings", "except", finding["id"], *options], check=True)
    assert wait_for(lambda: any(line.get("state") == "rules_reloaded" for line in sensor.lines))
    read_memory(shops[1])
    excused = "SELECT * FROM filters WHERE excused > 0"
    assert wait_for(lambda: sensor.rows(excused)), sensor.errors()
    assert len(sensor.findings()) == 1
