"""The capture that is replayed where no kernel can be watched: real, small, and two findings."""

import json
import os
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from profguard.resources import folder

DEMO = folder("captures") / "demo.jsonl"
SERVER = "/srv/shop/prod-server"
FINDINGS = [
    ("Unexpected profiling of a production process", "/usr/bin/perf", "perf"),
    ("Debugger or tracer attached to a production process", "/usr/bin/strace", "ptrace"),
]


@pytest.fixture(scope="module")
def lines():
    return [json.loads(line) for line in DEMO.read_text().splitlines()]


def profguard(*arguments, cwd, prefix=()):
    """Run the command away from the checkout; returns what it says, one object a line."""
    command = [*prefix, sys.executable, "-m", "profguard", *arguments, "--json"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def acts(said) -> list[tuple]:
    """Rule, actor and mechanism of every finding that was opened; each has the same target."""
    opened = [line for line in said if line.get("finding", {}).get("change") == "opened"]
    assert {line["target"]["executable"] for line in opened} == {SERVER}
    return [
        (line["rule"]["title"], line["process"]["executable"], line["finding"]["mechanism"])
        for line in opened
    ]


def test_it_is_two_findings_by_the_labels_recorded_in_it(tmp_path):
    """Without a configuration; and each act has its end."""
    (tmp_path / "empty.toml").touch(mode=0o644)
    said, _ = profguard("replay", str(DEMO), "--config", "empty.toml", cwd=tmp_path)
    assert acts(said) == FINDINGS
    ended = [line["finding"] for line in said if line.get("finding", {}).get("change") == "ended"]
    assert [round(finding["duration_ns"] / 1e9, 1) for finding in ended] == [2.0, 1.5]


def test_it_is_shown_where_the_sensor_may_not_run():
    """`make run` without rights: why, what would help, and the main job all the same."""
    # Root without capabilities: another user may not even reach a checkout in /root.
    weak = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    said, reason = profguard("run", "--or-replay", cwd="/", prefix=weak)
    assert "PG301" in reason
    assert acts(said) == FINDINGS


def test_every_event_in_it_fits_the_schema(lines):
    head, *events, end = lines
    assert (head["type"], end["type"], end["events"]) == ("capture", "end", len(events))
    schema = Draft202012Validator(json.loads((folder("schemas") / "event.json").read_text()))
    assert [error.message for event in events for error in schema.iter_errors(event)] == []


def test_it_says_nothing_about_the_machine_it_was_made_on(lines):
    _, *events, _ = lines
    assert {event["host"]["name"] for event in events} == {"shop-1"}
    processes = [event[role] for event in events for role in ("process", "target") if role in event]
    processes += [process["parent"] for process in processes if "parent" in process]
    assert {process["executable"] for process in processes} == {
        SERVER,
        "/usr/bin/perf",
        "/usr/bin/strace",
        "/usr/bin/bash",
    }
    assert not any("ancestors" in process for process in processes)


def test_it_is_small():
    assert DEMO.stat().st_size < 60_000
