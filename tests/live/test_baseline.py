"""`profguard baseline`: what it has learned is quiet from then on, and the rest is not."""

import shutil
import subprocess
import time

import pytest

from tests.live.harness import CONFIG, OPTIONS, PROFGUARD, wait_for

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(OPTIONS), reason="it learns with the sensor's defaults"),
]


@pytest.fixture
def running(server):
    """The pid of a process that is production."""
    process = subprocess.Popen([server, "120"])
    yield process.pid
    process.kill()
    process.wait()


def trace(tool: str, pid: int) -> None:
    command = {
        "perf": ["perf", "stat", "-p", str(pid), "--", "sleep", "0.2"],
        "strace": ["timeout", "0.5", "strace", "-p", str(pid)],
    }[tool]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_what_was_learned_is_quiet(running, start_sensor, tmp_path):
    """Twice perf while it learns: one exception. Then perf is no finding, and strace is one."""
    config = CONFIG.format(port=9)  # nobody is there: learning sends nothing
    (tmp_path / "profguard.toml").write_text(config)
    rules = tmp_path / "learned" / "rules"
    learning = subprocess.Popen(
        [
            *(PROFGUARD, "baseline", "--for", "6", "--up-to", "high", "-o", rules),
            *("--config", tmp_path / "profguard.toml"),
        ],
        env={"WEBHOOK_SECRET": "unused", "PATH": "/usr/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    said = ""
    while "Watching" not in said:
        line = learning.stdout.readline()
        assert line, said
        said += line
    for _ in range(2):
        trace("perf", running)
    said += learning.communicate(timeout=60)[0]
    assert learning.returncode == 0, said
    assert [path.name for path in rules.iterdir()] == ["except_perf_unexpected_profiling.yml"]
    assert "2 cases passed" in said

    labels = config.partition("[[alerts]]")[0]
    sensor = start_sensor("--rules", "shipped", "--rules", str(rules), config=labels)
    trace("perf", running)
    trace("strace", running)
    assert wait_for(sensor.findings)
    time.sleep(0.5)
    sensor.stop()
    assert [row["actor_executable"] for row in sensor.findings()] == [shutil.which("strace")]
    (excused,) = sensor.rows("SELECT * FROM filters")
    assert excused["excused"] > 0


def test_what_is_too_grave_is_only_named(running, start_sensor, tmp_path):
    """The default learns nothing above medium."""
    rules = tmp_path / "learned"
    sensor = start_sensor(config=CONFIG.format(port=9).partition("[[alerts]]")[0])
    trace("strace", running)
    assert wait_for(sensor.findings)
    sensor.stop()
    done = subprocess.run(
        [PROFGUARD, "baseline", "--db", sensor.db, "-o", rules], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "it is graver than medium" in done.stdout
    assert not rules.exists()
