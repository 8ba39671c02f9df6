"""What unknown tools execute, by its SHA-256: kept with findings and sessions once it is known."""

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from profguard.cli.findings import group as findings_group
from profguard.cli.sessions import group as sessions_group
from profguard.config import Config
from profguard.context.hasher import Hasher
from profguard.context.tools import Tools
from profguard.engine import Engine
from profguard.findings.store import Store
from profguard.keeping import Keeping
from profguard.sessions import Sessions
from tests.context.conftest import start_ns
from tests.events import EPOCH_NS, ptrace, rule_set, task

RULES = """
title: Traced
logsource: {product: linux, service: profguard, category: ptrace}
detection: {selection: {ptrace.request: PTRACE_ATTACH}, condition: selection}
"""
SHOP = task(200, executable="/srv/shop")


@pytest.fixture(scope="module")
def digest():
    return hashlib.sha256(Path("/proc/self/exe").read_bytes()).hexdigest()


@pytest.fixture
def act():
    """A function: this process, under the name of a tool, attaches to the shop."""
    pid = os.getpid()
    me = {"start": start_ns(pid), "inode": Path("/proc/self/exe").stat().st_ino}

    def act(executable="/opt/kprof", ms=0):
        return ptrace("ATTACH", ms, task(pid, executable=executable, **me), SHOP)

    return act


@pytest.fixture
def keep(tmp_path):
    """A function: one run of a sensor, or a replay, that sees these events. Gives the database."""
    path = tmp_path / "profguard.db"

    def keep(*events, live=True):
        rules, tools = rule_set(RULES), Tools()
        keeping = Keeping(
            Config(),
            rules,
            Store(path),
            alerts=False,
            on_trouble=pytest.fail,
            hasher=Hasher() if live else None,
        )
        if live:
            keeping.begin_run(EPOCH_NS)
        station, engine = Sessions(tools.name), Engine(rules, tools.name)
        keeping.follow(station)
        for each in events:
            for one in station.feed(each):
                keeping.changes(engine.feed(one))
            keeping.flush()
        keeping.close()
        return path

    return keep


def kept(path) -> list[tuple]:
    sql = (
        "SELECT 'finding', tool, tool_sha256 FROM findings"
        " UNION ALL SELECT 'session', tool, tool_sha256 FROM sessions"
    )
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_an_unknown_tool_has_its_digest(keep, act, digest):
    expected = [("finding", "unknown", digest), ("session", "unknown", digest)]
    assert kept(keep(act())) == expected


def test_a_tool_that_has_a_name_is_not_read(keep, act):
    assert kept(keep(act("/usr/bin/gdb"))) == [("finding", "gdb", None), ("session", "gdb", None)]


def test_the_processes_of_a_capture_are_not_those_of_this_machine(keep, act):
    path = keep(act(), live=False)
    assert kept(path) == [("finding", "unknown", None), ("session", "unknown", None)]


def test_a_replay_of_what_a_sensor_saw_takes_no_digest_away(keep, act, digest):
    keep(act())
    assert {sha256 for *_, sha256 in kept(keep(act(), live=False))} == {digest}


@pytest.mark.parametrize(
    ("group", "key"), [(findings_group, "finding"), (sessions_group, "session")]
)
def test_it_is_shown(keep, act, digest, group, key):
    path = str(keep(act()))
    listed = CliRunner().invoke(group, ["list", "--json", "--db", path])
    said = json.loads(listed.stdout)[key]
    assert (said["tool"], said["tool_sha256"]) == ("unknown", digest)
    shown = CliRunner().invoke(group, ["show", said["id"], "--db", path])
    assert f"  sha256     {digest}" in shown.stdout
