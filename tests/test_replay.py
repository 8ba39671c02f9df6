"""A capture gives, whenever it is replayed, the findings that its events gave."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profguard import capture, resources
from profguard.cli import execute
from profguard.cli.screen import Json
from profguard.context.enrich import Enricher
from profguard.context.labels import Labeler
from profguard.context.processes import ProcessTable
from profguard.context.tools import Tools
from profguard.engine import Engine
from profguard.errors import CaptureError
from profguard.findings.redact import Redactor
from profguard.pipeline import Pipeline, run_replay
from profguard.rules import pack
from tests.events import EPOCH_NS, ends, event, prof, ptrace, task

PROFGUARD = Path(sys.executable).with_name("profguard")
RULES = """\
title: Profiled
logsource: {product: linux, service: profguard, category: prof}
detection: {selection: {prof.action: enable}, condition: selection}
level: medium
profguard: {message: '{process.name} at {target.executable}'}
---
title: Traced in production
logsource: {product: linux, service: profguard, category: ptrace}
detection:
  selection: {ptrace.request: PTRACE_ATTACH, target.labels: production}
  condition: selection
level: high
"""
PERF, GDB = task(100, name="perf", executable="/usr/bin/perf"), task(110, name="gdb")
SHOP = task(200, executable="/srv/shop", command_line="shop --token=hunter2")
BANK = task(300, executable="/srv/bank", labels=("production",))


def story():
    """perf at two processes and a CPU, a child, a probe; gdb at one; ends of all kinds."""
    return [
        prof("enable ioctl", 0, [1], PERF, SHOP),
        prof("enable fork inherited", 10, [1], PERF, task(201, executable="/srv/shop")),
        prof("enable open", 20, [2], PERF, BANK, mode="counting"),
        prof("enable open cpu_wide", 30, [3], PERF),
        prof("enable open", 35, [4], PERF, SHOP, mode="counting"),
        prof("disable close", 36, [4], PERF, SHOP),
        ptrace("ATTACH", 40, GDB, BANK),
        event("lost_events", 200, event="prof", cpu=0, count=1, total=1),
        ends(250, task(201)),
        ptrace("DETACH", 300, GDB, BANK),
        ends(400, PERF),
    ]


class Seen:
    """An output that keeps what a run tells of findings, secrets masked."""

    def __init__(self):
        self.found = []

    def event(self, _event):
        """Only findings are kept."""

    def changes(self, changes):
        told = [change.finding for change in changes if change.kind != "repeated"]
        shapes = [Redactor().finding(finding).as_dict() for finding in told]
        self.found += json.loads(json.dumps(shapes))

    def flush(self):
        """There is nothing to flush."""


class Recording(capture.Recorder):
    """A recorder as the output of a pipeline."""

    event = capture.Recorder.write

    def changes(self, _changes):
        """Events only."""


def pipeline(rules, *outputs) -> Pipeline:
    labeler = Labeler()
    table = ProcessTable(labeler, boot_to_wall_ns=0)
    return Pipeline(Enricher(table, labeler, "host"), Engine(rules, Tools().name), outputs)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yml").write_text(RULES)
    return tmp_path


@pytest.fixture
def live(folder):
    """What the story's findings were, and the capture that was recorded meanwhile."""
    seen, recording = Seen(), Recording(folder / "c.jsonl", EPOCH_NS, "host")
    run_replay(story(), pipeline(pack.load([folder / "rules.yml"]), recording, seen))
    recording.close()
    return seen.found


@pytest.fixture
def replay(capsysbinary):
    """Replay as the command does it; gives what it found. `code` is how it shall end."""

    def run(*options, file="c.jsonl", code=0) -> list[dict]:
        assert execute(["replay", str(file), "--rules", "rules.yml", "--json", *options]) == code
        lines = map(json.loads, capsysbinary.readouterr().out.splitlines())
        return [line for line in lines if line["type"] == "finding"]

    return run


def without(findings, *names):
    """The same without what a replay may tell otherwise."""
    return [
        json.loads(json.dumps(each), object_hook=lambda o: {k: o[k] for k in o if k not in names})
        for each in findings
    ]


def test_a_replay_finds_what_was_found(live, replay):
    """Ids, times, counts, durations, taint: all of it, and the same when it is done again."""
    found = replay()
    assert without(found, "change") == without(live, "change")
    kinds = [(each["rule"]["title"], each["finding"]["change"]) for each in found]
    assert kinds.count(("Profiled", "opened")) == 3
    assert kinds.count(("Profiled", "ended")) == 3
    assert kinds.count(("Traced in production", "ended")) == 1
    assert {each["event"]["source"] for each in found} == {"replay"}
    assert any(each["finding"]["tainted"] for each in found)
    assert replay() == found


def test_what_json_prints_is_a_capture_that_finds_the_same(live, replay, folder, capsysbinary):
    """The output of a run, findings and status lines in between, through a pipe."""
    printed = Json(Redactor(), events=True)
    run_replay(story(), pipeline(pack.load([folder / "rules.yml"]), printed))
    (folder / "printed.jsonl").write_bytes(capsysbinary.readouterr().out)
    assert replay(file="printed.jsonl") == replay()
    with (folder / "printed.jsonl").open("rb") as stdin:
        done = subprocess.run(
            [PROFGUARD, "replay", "-", "--rules", "rules.yml", "--json"],
            stdin=stdin,
            capture_output=True,
        )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == replay(file="printed.jsonl")


def test_labels_are_those_of_the_configuration(live, replay, folder):
    """Where it defines any; otherwise those that were recorded stay."""
    assert {each["rule"]["level"] for each in replay()} == {"medium", "high"}
    (folder / "shop.toml").write_text('[labels]\nproduction = {executable = "/srv/shop"}\n')
    assert {each["rule"]["level"] for each in replay("--config", "shop.toml")} == {"medium"}
    (folder / "bank.toml").write_text('[labels]\nproduction = {executable = "/srv/bank"}\n')
    assert replay("--config", "bank.toml") == replay()


def test_what_came_before_a_break_is_used(live, replay, folder):
    whole = (folder / "c.jsonl").read_bytes()
    (folder / "cut.jsonl").write_bytes(whole[: whole.index(b"PTRACE_ATTACH")])
    found = replay(file="cut.jsonl", code=6)
    assert found == replay()[: len(found)]
    assert [each["finding"]["change"] for each in found] == ["opened"] * len(found)
    assert found


def test_a_counter_that_is_on_when_a_capture_ends_is_told(replay, folder):
    """In a capture of raw events; a recording has those only that were told."""
    raw = prof("enable open", 0, [1], PERF, SHOP, mode="counting")
    (folder / "raw.jsonl").write_text(json.dumps(raw.as_dict()) + "\n")
    assert [each["finding"]["change"] for each in replay(file="raw.jsonl")] == ["opened"]


def test_findings_are_stored_where_asked_and_once(live, replay, folder):
    """The second replay finds the same ids, so nothing is there twice; secrets are masked."""
    found = {each["finding"]["id"] for each in replay("--db", "f.db")}
    replay("--db", "f.db")
    connection = sqlite3.connect("f.db")
    rows = connection.execute("SELECT id, ended, event FROM findings").fetchall()
    connection.close()
    assert {row[0] for row in rows} == found
    assert len(rows) == len(found)
    assert all(row[1] for row in rows)
    assert "hunter2" not in repr(rows)


def test_the_order_is_not_that_of_hashes(live, folder):
    """What is told does not depend on how Python happens to order its sets."""
    outputs = set()
    for seed in "1", "2":
        done = subprocess.run(
            [PROFGUARD, "replay", "c.jsonl", "--rules", "rules.yml", "--json", "--events"],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_the_screen_says_how_many(live, folder, capsys):
    assert execute(["replay", "c.jsonl", "--rules", "rules.yml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "4 findings."
    assert re.fullmatch(r"08:00:00  medium    perf at /srv/shop", lines[0])


@pytest.mark.parametrize("options", [["--json"], []], ids=["json", "text"])
def test_a_reader_that_leaves_ends_it_without_a_word(options, live, folder):
    """As `| head -1` does."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [PROFGUARD, "replay", "c.jsonl", "--rules", "rules.yml", "--events", *options]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


ACTS = {
    path.stem: [json.loads(line) for line in path.read_text().splitlines()][1:]
    for path in sorted((Path(__file__).parent / "acts").glob("*.jsonl"))
}
SHIPPED = pack.load([resources.folder("rules")])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_event_that_lacks_something_stops_the_pipeline(tmp_path_factory, data):
    """Recorded acts with parts left out, or unknown: each line is refused in a sentence or used."""
    lines = json.loads(json.dumps(ACTS[data.draw(st.sampled_from(list(ACTS)))]))
    for _ in range(data.draw(st.integers(1, 6))):
        line = data.draw(st.sampled_from([each for each in lines if each["type"] == "event"]))
        part = data.draw(
            st.sampled_from([line, *(v for v in line.values() if isinstance(v, dict))])
        )
        if part:
            name = data.draw(st.sampled_from(list(part)))
            if data.draw(st.booleans()):
                part[name] = None
            elif name != "type":
                del part[name]
    path = tmp_path_factory.getbasetemp() / f"lacking-{os.getpid()}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    output = Json(Redactor(), events=True)
    output._stream = path.with_suffix(".out").open("wb")
    with closing(output._stream), suppress(CaptureError):
        run_replay(capture.read(str(path)), pipeline(SHIPPED, output))
