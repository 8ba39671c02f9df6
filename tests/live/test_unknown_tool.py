"""A tool that nobody knows: findings and sessions say what it executes, by its SHA-256."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest

from tests.live.harness import wait_for

pytestmark = pytest.mark.live

LABELS = '[labels]\nproduction = {"environ.ROLE" = "production"}\n'
# Attaches, does this, and stays for a while.
CODE = """
import os, sys, time
from profguard.selftest import calls
target = int(sys.argv[1])
calls.ptrace(calls.PTRACE_ATTACH, target)
calls.wait_until_stopped(target)
{}
time.sleep({})
"""
REPLACE = "os.rename(sys.argv[2], os.readlink('/proc/self/exe'))"
REMOVE = "os.remove(os.readlink('/proc/self/exe'))"


@pytest.fixture
def tool(tmp_path):
    path = tmp_path / "kprof"
    shutil.copy(os.path.realpath(sys.executable), path)
    return path


@pytest.mark.parametrize("then", ["pass", REPLACE, REMOVE], ids=["stays", "replaced", "removed"])
def test_it_has_the_digest_of_what_it_executes(start_sensor, target, tool, tmp_path, then):
    """Also where the file has another's place by now, or no name any more."""
    digest = hashlib.sha256(tool.read_bytes()).hexdigest()
    other = shutil.copy("/bin/true", tmp_path / "other")
    sensor = start_sensor(config=LABELS)
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [tool, "-c", CODE.format(then, 1), str(target.pid), other],
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert process.wait(30) == 0
    rows = "SELECT tool, tool_sha256 FROM {} WHERE actor_pid = " + str(process.pid)
    expected = [{"tool": "unknown", "tool_sha256": digest}]
    for table in ("findings", "sessions"):
        assert wait_for(lambda table=table: sensor.rows(rows.format(table)) == expected), table


def test_one_that_is_gone_at_once_has_its_own_or_none(start_sensor, target, tool):
    digest = hashlib.sha256(tool.read_bytes()).hexdigest()
    sensor = start_sensor(config=LABELS)
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [tool, "-c", CODE.format("os.kill(os.getpid(), 9)", 0), str(target.pid)],
        env=os.environ | {"PYTHONPATH": paths},
    )
    process.wait(30)
    mine = f"SELECT tool, tool_sha256 FROM findings WHERE actor_pid = {process.pid}"
    (row,) = wait_for(lambda: sensor.rows(mine))
    assert sensor.stop() == 0
    (row,) = sensor.rows(mine)
    assert row["tool"] == "unknown"
    assert row["tool_sha256"] in (digest, None)
