"""`profguard replay --format tracee`: our rules over what Tracee printed."""

import json
import os
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profguard import capture
from profguard.cli import execute
from profguard.cli.screen import Json
from profguard.errors import CaptureError
from profguard.findings.redact import Redactor
from profguard.pipeline import run_replay
from tests.test_replay import SHIPPED, pipeline
from tests.tracee.shapes import AT_NS, shape

PROFGUARD = Path(sys.executable).with_name("profguard")
SECOND_NS = 1_000_000_000

ATTACH = shape("ptrace", {"userId": 0}, request="PTRACE_ATTACH", pid=200)
DETACH = shape(
    "ptrace", {"userId": 0, "timestamp": AT_NS + SECOND_NS}, request="PTRACE_DETACH", pid=200
)
THREAD_ENDS = shape("sched_process_exit", exit_code=0, process_group_exit=False)
POKE = shape("ptrace", request="PTRACE_POKETEXT", pid=200)
OPENED = shape("security_file_open", pathname="/proc/200/mem", flags="O_RDWR")
PERF = shape("perf_event_open", {"returnValue": 3}, attr="0x1", pid=200, cpu=-1, flags=8)

CONFIG = """\
[labels]
debugger = {"executable|endswith" = "/gdb"}
"""
RULE = """\
title: A debugger is at work
logsource: {product: linux, service: profguard, category: ptrace}
detection:
  selection: {ptrace.request: PTRACE_ATTACH, process.labels: debugger, relation: null}
  condition: selection
level: high
profguard: {message: '{process.executable} stops {target.pid}'}
"""


def lines(*printed) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in printed)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "labels.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def replay(capfdbinary):
    """Replay as the command does it; gives the lines of its JSON. `code` is how it shall end."""

    def run(content: bytes, *options, code=0) -> list[dict]:
        Path("t.jsonl").write_bytes(content)
        command = ["replay", "t.jsonl", "--format", "tracee", "--json", *options]
        assert execute(command) == code
        return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]

    return run


OUR_RULES = ["--rules", "rule.yml", "--config", "labels.toml"]


def test_our_rules_judge_what_tracee_saw(replay):
    """With labels of the actor; the session lasts until the detach, and no thread's end ends it."""
    opened, ended = replay(lines(ATTACH, OPENED, POKE, THREAD_ENDS, DETACH), *OUR_RULES)
    assert opened["finding"]["message"] == "/usr/bin/gdb stops 200"
    assert opened["process"]["labels"] == ["debugger"]
    assert ended["finding"]["change"] == "ended"
    assert ended["finding"]["duration_ns"] == SECOND_NS


def test_shipped_rules_fire_on_what_tracee_tells(replay):
    """That an unprivileged user opens one at another process shows in the call's arguments."""
    titles = [each["rule"]["title"] for each in replay(lines(PERF, ATTACH, OPENED))]
    assert titles == ["Perf event opened by an unprivileged user"]


@pytest.mark.parametrize(
    ("printed", "relation"),
    [
        (shape("perf_event_open", pid=0, cpu=-1, flags=0), "self"),
        (shape("perf_event_open", pid=-1, cpu=0, flags=0), "cpu-wide"),
        (shape("perf_event_open", pid=7, cpu=0, flags=4), "cgroup"),
        (shape("ptrace", request="PTRACE_TRACEME", pid=0), "child"),
        (shape("ptrace", request="PTRACE_ATTACH", pid=100), "parent"),
        (shape("ptrace", request="PTRACE_ATTACH", pid=200), None),
        (OPENED, None),
    ],
    ids=["self", "cpu-wide", "cgroup", "child", "parent", "unknown", "foreign"],
)
def test_the_relation_as_far_as_it_can_be_known(replay, printed, relation):
    event = replay(lines(printed), "--events", *OUR_RULES)[0]
    assert event.get("relation") == relation


def test_a_pipe_is_read_too():
    command = [PROFGUARD, "replay", "-", "--format", "tracee", *OUR_RULES, "--events"]
    done = subprocess.run(command, input=lines(ATTACH, OPENED), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"/usr/bin/gdb stops 200" in done.stdout
    assert (
        b"security_file_open  gdb[765] /usr/bin/gdb (1000)  pathname=/proc/200/mem" in done.stdout
    )


def test_tracees_own_log_is_passed_over(replay):
    """As it comes along in the log of a container."""
    log = {"level": "info", "ts": 1764943681.4, "msg": "Tracee is ready"}
    assert len(replay(lines(log, PERF))) == 1
    assert replay(lines(log)) == []


def test_what_is_printed_can_be_replayed_as_ours(replay, capfdbinary):
    """Foreign events name their sensor, and so are no misspelt ones of ours."""
    printed = replay(lines(ATTACH, OPENED, POKE, DETACH), "--events", *OUR_RULES)
    Path("ours.jsonl").write_bytes(lines(*printed))
    assert execute(["replay", "ours.jsonl", "--events", "--json", *OUR_RULES]) == 0
    again = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert again == printed


EXEC_RULE = """\
title: A program is started
logsource: {product: linux, service: profguard, category: sched_process_exec}
detection: {selection: {process.name: gdb}, condition: selection}
profguard: {message: '{process.command_line}'}
"""
SECRET = "hunter2"
SECRETS = {
    "argv": shape("sched_process_exec", cmdpath="x", argv=["x", "--password", SECRET]),
    "env": shape("sched_process_exec", cmdpath="x", env=[f"API_TOKEN={SECRET}"]),
    "env of a foreign event": shape("execve", envp=["A=1", f"DB_PASSWORD={SECRET} {SECRET}"]),
    "argv of a foreign event": shape("execve", argv=["x", "--token", SECRET]),
    "nested": shape("net_http", request={"headers": {"Authorization": f"Bearer {SECRET}"}}),
    "by the argument's name": shape("leak", token=SECRET),
    "not an argument": shape("execve", {"kubernetes": {"podName": SECRET}, "more": SECRET}),
}


@pytest.mark.parametrize("printed", SECRETS.values(), ids=SECRETS)
def test_no_secret_is_shown_or_stored(folder, replay, printed):
    """Neither from the arguments nor from the object that they came in."""
    (folder / "any.yml").write_text(EXEC_RULE)
    shown = json.dumps(replay(lines(printed), "--events", "--db", "f.db", "--rules", "any.yml"))
    assert "gdb" in shown
    assert SECRET not in shown
    assert SECRET.encode() not in b"".join(each.read_bytes() for each in folder.glob("f.db*"))


# name: (content, code, line, what is said, its hint)
BROKEN = {
    "empty": (b"", "PG504", None, "t.jsonl is empty", "tracee --output json"),
    "a table": (b"TIME UID COMM\n", "PG502", 1, "not JSON", "tracee --output json"),
    "an array": (b"[" + lines(PERF) + b"]\n", "PG502", 1, "not JSON", "tracee --output json"),
    "a capture": (
        b'{"type":"capture","version":1}\n',
        "PG502",
        1,
        "a line of a capture",
        "leave out",
    ),
    "another object": (lines(PERF, {"a": 1}), "PG502", 2, "it has no eventName", None),
    "a wrong value": (lines(PERF | {"userId": "x"}), "PG502", 1, "at `$.userId`", None),
    "what pairing needs": (
        lines(ATTACH | {"returnValue": None}),
        "PG502",
        1,
        "ptrace.ret is missing",
        None,
    ),
    "NaN": (b'{"eventName":"x","timestamp":NaN}\n', "PG502", 1, "not JSON", "tracee"),
    "nested without end": (
        b'{"eventName":"x","timestamp":1,"args":[{"name":"a","value":' + b"[" * 100_000 + b"\n",
        "PG502",
        1,
        "not JSON",
        "tracee",
    ),
    "cut in a line": (lines(PERF, PERF)[:-9], "PG503", 2, "in the middle of a line", "interrupted"),
}


@pytest.mark.parametrize(("content", "code", "at", "said", "hint"), BROKEN.values(), ids=BROKEN)
def test_a_line_that_is_none_of_tracees(folder, content, code, at, said, hint):
    """Code, line, a sentence; what came before is used."""
    (folder / "t.jsonl").write_bytes(content)
    before = []
    with pytest.raises(CaptureError) as caught:
        before.extend(capture.read("t.jsonl", "tracee"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place and problem.place.line) == (code, at)
    assert said in problem.message
    assert (hint or "") in (problem.hint or "")
    assert len(before) == max(0, (at or 1) - 1)


def test_the_option_is_offered_where_it_is_missing(folder):
    (folder / "t.jsonl").write_bytes(lines(PERF))
    with pytest.raises(CaptureError) as caught:
        list(capture.read("t.jsonl"))
    assert "--format tracee" in caught.value.problems[0].hint


DEEP = b'{"eventName":"x","timestamp":1,"args":[{"name":"a","value":' + b"[" * 300
PARTS = [
    *map(json.dumps, (ATTACH, DETACH, POKE, PERF, OPENED, THREAD_ENDS)),
    json.dumps(shape("lost_events", event="prof", cpu=0, count=1, total=1)),
    json.dumps(shape("prof", flags=1, event_ids=[1], events=[1], total=1, action="enable")),
    json.dumps(shape("of_no_station", session="x", mechanism=1, event_ids=[1], action="enable")),
    DEEP.decode() + "]" * 300 + "}]}",
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(PARTS).map(str.encode)
        | st.binary(max_size=40)
        | st.tuples(st.sampled_from(PARTS), st.integers(0, 900), st.binary(max_size=3)).map(
            lambda part: part[0].encode()[: part[1]] + part[2] + part[0].encode()[part[1] + 1 :]
        ),
        max_size=6,
    )
)
def test_any_line_gives_an_event_or_one_problem(tmp_path_factory, parts):
    """And no event stops the pipeline."""
    path = tmp_path_factory.getbasetemp() / f"tracee-{os.getpid()}.jsonl"
    path.write_bytes(b"\n".join(parts))
    output = Json(Redactor(), events=True)
    output._stream = path.with_suffix(".out").open("wb")
    with closing(output._stream), suppress(CaptureError):
        run_replay(capture.read(str(path), "tracee"), pipeline(SHIPPED, output))
