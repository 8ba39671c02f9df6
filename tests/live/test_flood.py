"""As many events as one core can make: the sensor stays up, and what it lost is counted exactly."""

import subprocess

import pytest

from tests.live.harness import needs

pytestmark = pytest.mark.live

SECONDS = 10

FLOOD = """
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .disabled = 1};
    time_t end = time(NULL) + %d;
    unsigned long opened = 0;

    while (time(NULL) < end)
        for (int i = 0; i < 1000; i++) {
            int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
            if (fd < 0)
                return 1;
            opened++;
            close(fd);
        }
    printf("%%lu\\n", opened);
    return 0;
}
"""


@pytest.fixture
def flood(tmp_path):
    source = tmp_path / "flood.c"
    source.write_text(FLOOD % SECONDS)
    subprocess.run([needs("clang"), "-O2", "-o", tmp_path / "flood", source], check=True)
    return tmp_path / "flood"


def test_sent_is_received_plus_lost(flood, start_sensor):
    """For 10 s: the program's own count is what arrived and what lost_events says, together."""
    # A small ring, so that it overflows.
    sensor = start_sensor(config="[sensor]\nring_mb = 1\n", events=False)
    done = subprocess.run([flood], capture_output=True, text=True, check=True)
    sent = int(done.stdout)
    assert sensor.process.poll() is None, sensor.errors()
    assert sensor.stop() == 0, sensor.errors()
    perf = sensor.lines[-1]["events"]["perf"]
    assert perf["produced"] == sent
    assert perf["received"] + perf["dropped"] == sent
    assert perf["dropped"] > 0, "the flood was too small to lose anything"
    told = sensor.rows("SELECT sum(count) AS lost FROM losses WHERE event = 'perf'")
    assert told[0]["lost"] == perf["dropped"]
    (run,) = sensor.rows("SELECT * FROM sensor_runs")
    assert run["stopped"]
    assert run["dropped"] >= perf["dropped"]
