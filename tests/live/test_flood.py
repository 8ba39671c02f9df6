"""More events than one can take: the sensor stays up, counts its losses, and finds what is done."""

import subprocess
import sys

import pytest

from tests.live.harness import needs, wait_for

pytestmark = pytest.mark.live

FLOOD = """
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* flood PROCESSES SECONDS: opens counters as fast as it can, and says how many. */
int main(int argc, char **argv)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .disabled = 1};
    time_t end = time(NULL) + atoi(argv[2]);
    unsigned long opened = 0, part;
    int out[2];

    if (argc != 3 || pipe(out))
        return 1;
    for (int i = 0; i < atoi(argv[1]); i++)
        if (!fork()) {
            while (time(NULL) < end)
                for (int i = 0; i < 100; i++) {
                    int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
                    if (fd < 0)
                        return 1;
                    opened++;
                    close(fd);
                }
            return write(out[1], &opened, sizeof(opened)) != sizeof(opened);
        }
    close(out[1]);
    while (read(out[0], &part, sizeof(part)) == sizeof(part))
        opened += part;
    while (wait(NULL) > 0)
        ;
    printf("%lu\\n", opened);
    return 0;
}
"""
SMALL = "[sensor]\nring_mb = 1\nmax_rate = {rate}\n"
PRODUCTION = '[labels]\nproduction = {"environ.ROLE" = "production"}\n'
TITLE = "Debugger or tracer attached to a production process"
ATTACH = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
assert libc.ptrace(16, pid, 0, 0) == 0
os.waitpid(pid, 0x40000000)
libc.ptrace(17, pid, 0, 0)
"""


@pytest.fixture(scope="session")
def flood(tmp_path_factory):
    """Start the program above: `flood(processes, seconds)`."""
    folder = tmp_path_factory.mktemp("flood")
    (folder / "flood.c").write_text(FLOOD)
    compiler = [needs("clang"), "-O2", "-o", folder / "flood", folder / "flood.c"]
    subprocess.run(compiler, check=True)

    def start(processes: int, seconds: int) -> subprocess.Popen:
        command = [folder / "flood", str(processes), str(seconds)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    return start


def ended(process: subprocess.Popen) -> int:
    """What the flood says that it did."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return int(out)


def summary(sensor) -> dict[str, dict[str, int]]:
    """The counts of each event at the end, after the proof that each adds up."""
    assert sensor.process.poll() is None, sensor.errors()
    assert sensor.stop() == 0, sensor.errors()
    events = sensor.lines[-1]["events"]
    for name, count in events.items():
        explained = sum(count[part] for part in ("received", "dropped", "missed", "folded"))
        assert (count["produced"], count["unaccounted"]) == (explained, 0), name
    return events


def test_sent_is_received_plus_lost(flood, start_sensor):
    """The program's own count is what arrived and what lost_events says, together."""
    sensor = start_sensor(config=SMALL.format(rate=0), events=False)
    sent = ended(flood(1, 5))
    perf = summary(sensor)["perf"]
    assert (perf["produced"], perf["folded"]) == (sent, 0)
    assert perf["dropped"] > 0, "the flood was too small to lose anything"
    told = sensor.rows("SELECT reason, sum(count) AS lost FROM losses WHERE event = 'perf'")
    assert told == [{"reason": "buffer_full", "lost": perf["dropped"]}]
    (run,) = sensor.rows("SELECT * FROM sensor_runs")
    assert run["stopped"]
    assert run["dropped"] >= perf["dropped"]


def test_a_flood_of_one_process_hides_nothing(flood, start_sensor, target):
    """It is folded in the kernel: what another process does meanwhile is found, all of it."""
    config = SMALL.format(rate=1000) + PRODUCTION
    sensor = start_sensor(config=config, events=True)
    flooding = flood(1, 3)
    assert wait_for(lambda: sensor.events("folded_events", event="perf"))
    subprocess.run([sys.executable, "-c", ATTACH, str(target.pid)], check=True)
    sent = ended(flooding)
    counts = summary(sensor)
    assert counts["perf"]["produced"] == sent
    assert counts["perf"]["folded"] > sent / 2
    assert all(count["dropped"] == 0 for count in counts.values())
    folds = sensor.events("folded_events", event="perf")
    assert sum(fold["folded_events"]["count"] for fold in folds) == counts["perf"]["folded"]
    assert {fold["process"]["executable"] for fold in folds} == {str(flooding.args[0])}
    assert [f["rule_title"] for f in sensor.findings() if f["target_pid"] == target.pid] == [TITLE]
    (run,) = sensor.rows("SELECT folded FROM sensor_runs")
    assert run["folded"] == sum(count["folded"] for count in counts.values())


def test_a_flood_of_everything_displaces_nothing_urgent(flood, start_sensor, target):
    """With the ring full, an attach to a production process still has a ring of its own."""
    sensor = start_sensor(config=SMALL.format(rate=0) + PRODUCTION, events=False)
    flooding = flood(4, 4)
    assert wait_for(lambda: sensor.rows("SELECT * FROM losses WHERE event = 'perf'"))
    for _ in range(20):
        subprocess.run([sys.executable, "-c", ATTACH, str(target.pid)], check=True)
    ended(flooding)
    counts = summary(sensor)
    assert counts["perf"]["dropped"] > 0
    attached = [f for f in sensor.findings() if f["target_pid"] == target.pid]
    assert [f["rule_title"] for f in attached] == [TITLE] * 20
    assert any(f["tainted"] for f in attached)
