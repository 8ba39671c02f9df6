"""Fixtures of the live tests.

Under CI a kernel that refuses BPF fails them; elsewhere they are skipped, with its reason.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from profguard import resources
from profguard.rules import pack
from tests.live.actor import Actor
from tests.live.container import Container
from tests.live.harness import (
    CONFIG,
    OPTIONS,
    PRODUCTION,
    PROFGUARD,
    LiveSensor,
    Receiver,
    wait_for,
)


def pytest_collection_modifyitems(items):
    """What the mark `proves` says goes into a JUnit report: event, and what happened to it."""
    for item in items:
        if mark := item.get_closest_marker("proves"):
            item.user_properties += zip(("event", "what"), mark.args, strict=True)


@pytest.fixture(scope="session")
def kernel():
    """This kernel takes the sensor's probes. Under CI the first sensor tells if it does not."""
    if os.environ.get("CI"):
        return
    command = [PROFGUARD, "doctor", "--json", *OPTIONS]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        pytest.skip(f"the sensor cannot run here: {answer.stderr.strip()}")


@pytest.fixture(scope="session")
def receiver():
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    assert not server.refused


@pytest.fixture(scope="session")
def sensor(kernel, receiver, tmp_path_factory):
    """One sensor with the shipped rules for all acts, which happen one after the other."""
    config = CONFIG.format(port=receiver.server_port)
    live = LiveSensor(tmp_path_factory.mktemp("sensor"), config=config)
    yield live
    assert live.stop() == 0, live.errors()


@pytest.fixture(scope="session")
def actor():
    """What does one act after the other."""
    actor = Actor()
    yield actor
    actor.close()


@pytest.fixture
def act(sensor, actor):
    """Run a program and wait until the sensor has seen its end; gives its pid."""

    def run(code: str) -> int:
        pid = actor.run(code)
        assert wait_for(lambda: sensor.events_of(pid, "sched_process_exit"))
        return pid

    return run


@pytest.fixture
def act_told(act, tmp_path):
    """Run a program; gives its pid, and what it has put into `told`."""

    def run(code: str) -> tuple[int, list]:
        answer = tmp_path / "told.json"
        pid = act(f"{code}\njson.dump(told, open({str(answer)!r}, 'w'))")
        return pid, json.loads(answer.read_text())

    return run


@pytest.fixture
def findings_of(sensor):
    """The findings about what a process did, as soon as it has ended and there is a first one."""

    def ask(pid: int, *, expected: bool = True) -> list[dict]:
        def rows():
            return [row for row in sensor.findings() if row["actor_pid"] == pid]

        assert wait_for(lambda: sensor.events_of(pid, "sched_process_exit"))
        wait_for(rows, 3 if expected else 0.5)
        return rows()

    return ask


@pytest.fixture
def start_sensor(kernel, tmp_path):
    """Start a sensor of the test's own."""
    started = []

    def start(*options, **settings):
        started.append(LiveSensor(tmp_path, *options, **settings))
        return started[-1]

    yield start
    for live in started:
        if live.process.poll() is None:
            live.stop()


@pytest.fixture
def target():
    """A Python process that works a little, in production by its environment."""
    code = (
        "import time\nprint('up', flush=True)\nwhile True:\n  sum(range(10000)); time.sleep(0.01)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | PRODUCTION
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def victim():
    """A process of nobody's interest."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def container(tmp_path):
    """A container that was not started."""
    folder = tmp_path / "container"
    folder.mkdir()
    made = Container(folder, uuid.uuid4().hex * 2)
    yield made
    made.delete()


@pytest.fixture
def server(tmp_path):
    """The path of a program that is in production by its name, and ends after a while."""
    path = tmp_path / "prod-server"
    shutil.copy(shutil.which("sleep"), path)
    return path


@pytest.fixture
def cgroup():
    """A control group without processes."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    root = next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)
    if root is None:
        pytest.skip("no cgroup2 file system is mounted")
    folder = root / f"profguard-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    folder.rmdir()


@pytest.fixture(scope="session")
def shipped():
    """The shipped rule of a file name."""
    rules = pack.load([resources.folder("rules")])

    def find(name):
        rule = rules.get(name)
        assert rule, f"there is no shipped rule {name}"
        return rule

    return find
