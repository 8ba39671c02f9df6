"""Rules that change under a running sensor: acts before, meanwhile and after."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.actor import PRELUDE
from tests.live.harness import PROFGUARD, wait_for

pytestmark = pytest.mark.live

RULE = """\
title: {title}
logsource: {{product: linux, service: profguard, category: {category}}}
detection:
  selection:
    {field}: '{value}'
  condition: selection
level: high
"""
SEEN_WITHIN_S = 2  # until a change of the files is noticed and has settled
TIMER = "import signal; signal.setitimer(signal.ITIMER_PROF, 100, 1)"


def timer_rule(title: str, **fields) -> str:
    values = {"category": "setitimer", "field": "process.executable|contains", "value": "*"}
    return RULE.format(title=title, **values | fields)


@pytest.fixture
def rules(tmp_path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "first.yml").write_text(timer_rule("First"))
    return folder


def act() -> int:
    """Arm a timer in a process of its own; returns its pid."""
    process = subprocess.Popen([sys.executable, "-c", TIMER])
    process.wait()
    return process.pid


def found(sensor, pid: int) -> set[str]:
    """The titles of all rules in the finding about that process."""
    sql = (
        "SELECT rules.title FROM findings JOIN finding_rules ON finding_id = findings.id"
        f" JOIN rules ON rules.id = finding_rules.rule_id WHERE actor_pid = {pid}"
    )
    return {row["title"] for row in sensor.rows(sql)}


def states(sensor, state: str) -> list[dict]:
    return [line for line in list(sensor.lines) if line.get("state") == state]


def reloaded(sensor, count: int) -> bool:
    return wait_for(lambda: len(states(sensor, "rules_reloaded")) >= count)


def test_rules_follow_their_files(rules, start_sensor, tmp_path):
    """New, broken, mended; and the log, the metrics and doctor say what is in force."""
    port = low_port()
    config = f'[metrics]\naddress = "127.0.0.1:{port}"\n'
    sensor = start_sensor("--rules", str(rules), config=config)
    pid = act()
    assert wait_for(lambda: found(sensor, pid) == {"First"})

    (rules / "second.yml").write_text(timer_rule("Second"))
    assert reloaded(sensor, 1), sensor.errors()
    pid = act()
    assert wait_for(lambda: found(sensor, pid) == {"First", "Second"}), found(sensor, pid)

    (rules / "second.yml").write_text(timer_rule("Broken", field="setitimer.whihc"))
    (refused,) = wait_for(lambda: states(sensor, "rules_refused"))
    assert f"2 stay in force: {rules}/second.yml:5:5: unknown field" in refused["reason"]
    pid = act()
    assert wait_for(lambda: found(sensor, pid) == {"First", "Second"})
    assert wait_for(lambda: f"{rules}/second.yml:5:5: unknown field" in sensor.errors())
    figures = scrape(port)
    assert (figures["profguard_rules_refused"], figures["profguard_rules_in_force"]) == (1, 2)
    code, told = doctor(sensor)
    assert code == 3
    assert "2 rules in force since" in told
    assert re.search(rf"refused since [\s\S]+  {rules}/second.yml:5:5: unknown field", told)

    (rules / "second.yml").write_text(timer_rule("Third"))
    assert reloaded(sensor, 2)
    pid = act()
    assert wait_for(lambda: found(sensor, pid) == {"First", "Third"})
    figures = scrape(port)
    assert (figures["profguard_rules_refused"], figures["profguard_rule_loads_total"]) == (0, 4)
    assert doctor(sensor)[0] == 0
    loads = sensor.rows("SELECT cause, state, rules FROM rule_loads ORDER BY id")
    assert [tuple(row.values()) for row in loads] == [
        ("start", "in_force", 1),
        ("files", "in_force", 2),
        ("files", "refused", 2),
        ("files", "in_force", 2),
    ]
    assert sensor.stop() == 0, sensor.errors()


def low_port() -> int:
    """One that asks for a right which the sensor gives up before it serves there."""
    for port in range(1023, 512, -1):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("all are in use")


def scrape(port: int) -> dict[str, float]:
    """The sum of each figure."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + sample.value
    return sums


def doctor(sensor) -> tuple[int, str]:
    done = subprocess.run(
        [PROFGUARD, "doctor", "--db", sensor.db], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout


PERF = "{product: linux, service: profguard, category: perf}"
CORRELATION = """\
title: Of itself
name: itself
correlation: {type: temporal, rules: [itself], group-by: [process.pid], timespan: 1m}
"""
POLICY = """\
# METADATA
# title: Deep
# custom: {events: [prof]}
package profguard.deep

match contains "x" if input.x == %s2%s
"""
HOSTILE = {
    "huge.yml": "x: '" + "y" * 10_000_000 + "'",
    "nested.yml": "x: " + "[" * 100 + "]" * 100,
    "laughs.yml": "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "catastrophic.yml": f"title: T\nlogsource: {PERF}\n"
    "detection: {a: {process.command_line|re: '(a+)+$'}, condition: a}\n",
    "recursive.yml": CORRELATION,
    "literal.rego": POLICY % ("[" * 24, "]" * 24),
}


def test_hostile_files_are_refused_and_the_sensor_unharmed(rules, start_sensor):
    """Each within two seconds of being looked at; the rules before go on finding meanwhile."""
    sensor = start_sensor("--rules", str(rules))
    for number, (name, content) in enumerate(HOSTILE.items(), 1):
        (rules / name).write_text(content)
        began = time.monotonic()
        assert wait_for(lambda n=number: len(states(sensor, "rules_refused")) == n), name
        assert time.monotonic() - began < 2 + SEEN_WITHIN_S
        assert name in states(sensor, "rules_refused")[-1]["reason"]
        pid = act()
        assert wait_for(lambda pid=pid: found(sensor, pid) == {"First"}), name
        (rules / name).unlink()
        assert reloaded(sensor, number)
    assert sensor.stop() == 0, sensor.errors()


def test_sighup_reads_the_rules_again(rules, start_sensor):
    """It ends nothing, and needs no change."""
    sensor = start_sensor("--rules", str(rules))
    sensor.process.send_signal(signal.SIGHUP)
    assert reloaded(sensor, 1)
    assert sensor.rows("SELECT cause FROM rule_loads ORDER BY id DESC LIMIT 1") or wait_for(
        lambda: len(sensor.rows("SELECT * FROM rule_loads")) == 2
    )
    pid = act()
    assert wait_for(lambda: found(sensor, pid) == {"First"})
    assert sensor.stop() == 0


def test_a_finding_that_goes_on_is_the_same_afterwards(rules, start_sensor, target):
    """Its rule is replaced by another; it ends with its id, once."""
    (rules / "first.yml").write_text(
        timer_rule("Profiled", category="prof", field="prof.action", value="enable")
    )
    sensor = start_sensor("--rules", str(rules))
    code = f"{PRELUDE}\nfd = perf(pid={target.pid}); print('on', flush=True); sys.stdin.read()"
    profiler = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    profiler.stdout.readline()
    rows = lambda: [r for r in sensor.findings() if r["actor_pid"] == profiler.pid]  # noqa: E731
    (before,) = wait_for(rows)
    assert before["ended"] is None
    (rules / "first.yml").write_text(timer_rule("Other"))
    assert reloaded(sensor, 1)
    profiler.kill()
    profiler.wait()
    assert wait_for(lambda: [row for row in rows() if row["ended"]])
    (after,) = rows()
    assert (after["id"], after["rule_title"]) == (before["id"], "Profiled")
    assert after["duration_ns"] > 0


def test_a_variable_that_a_new_rule_reads_is_known_of_who_runs_already(rules, start_sensor):
    """Its program was started before anyone asked for that variable."""
    sensor = start_sensor("--rules", str(rules))
    code = f"print('up', flush=True); input(); {TIMER}; print('on', flush=True)"
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"RELOADED": "yes"},
    )
    running.stdout.readline()
    (rules / "two.yml").write_text(
        timer_rule("By variable", field="process.environ.RELOADED", value="yes")
    )
    assert reloaded(sensor, 1)
    running.communicate(b"\n", timeout=10)
    assert wait_for(lambda: "By variable" in found(sensor, running.pid)), sensor.errors()


@pytest.mark.slow
def test_200_reloads_lose_no_event_and_leave_nothing_behind(rules, start_sensor):
    """While events flow: each act is found, memory and descriptors do not grow."""
    options, every_event = ("--rules", str(rules), "--rules", "shipped"), "[sensor]\nmax_rate = 0\n"
    sensor = start_sensor(*options, config=every_event, events=False)
    own = Path(f"/proc/{sensor.process.pid}")
    code = (
        "import signal, time\nn = 0\n"
        "while True:\n  signal.setitimer(signal.ITIMER_PROF, 1000, 1); n += 1\n"
        "  if n % 50 == 0: time.sleep(0.01)"
    )
    busy = subprocess.Popen([sys.executable, "-c", code])
    sizes, pids = [], []
    try:
        for number in range(200):
            sensor.process.send_signal(signal.SIGHUP)
            assert reloaded(sensor, number + 1), (number, sensor.errors())
            if number % 20 == 0:
                pids.append(act())
            if number % 50 == 49:
                sizes.append((memory_kb(own), len(os.listdir(own / "fd"))))
    finally:
        busy.kill()
        busy.wait()
    assert wait_for(lambda: all("First" in found(sensor, pid) for pid in pids))
    assert sizes[-1][0] - sizes[0][0] < 8_000, sizes
    assert sizes[-1][1] <= sizes[0][1] + 2, sizes
    assert sensor.stop() == 0, sensor.errors()
    (summary,) = states(sensor, "summary")
    timers = summary["events"]["setitimer"]
    assert timers["produced"] > 10_000
    assert (timers["dropped"], timers["received"]) == (0, timers["produced"])


def memory_kb(own: Path) -> int:
    (line,) = re.findall(r"VmRSS:\s+(\d+) kB", (own / "status").read_text())
    return int(line)
