"""Captures: what was written is read, and what is broken is told with its line."""

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profguard.capture import LINE_MAX, Recorder, read
from profguard.errors import CaptureError
from profguard.events import REGISTRY
from tests.events import EPOCH_NS, ends, event, prof, ptrace, task

PERF, SHOP = task(100, name="perf"), task(200, name="shop", labels=("production",))
EVENTS = [
    prof("enable ioctl", 0, [1], PERF, SHOP),
    ptrace("ATTACH", 1, PERF, SHOP),
    ends(2, PERF),
]


def recorded(path: Path, events=EVENTS) -> Path:
    recorder = Recorder(path, EPOCH_NS, "shop-1")
    for each in events:
        recorder.write(each)
    recorder.close()
    return path


def line(**changes) -> bytes:
    """The line of an event, with its parts changed."""
    return json.dumps(EVENTS[1].as_dict() | changes).encode() + b"\n"


def outcome(path) -> tuple[list, CaptureError | None]:
    """The events of a capture, and what ended it."""
    events = []
    try:
        events.extend(read(str(path)))
    except CaptureError as error:
        return events, error
    return events, None


def problem_of(path, before: list | None = None):
    """What is wrong with a capture; `before` takes the events that come before it."""
    events, error = outcome(path)
    assert error is not None
    assert error.exit_code == 6
    if before is not None:
        before += events
    (problem,) = error.problems
    return problem


def test_what_was_written_is_read(tmp_path):
    path = recorded(tmp_path / "c.jsonl")
    assert [each.as_dict() for each in read(str(path))] == [each.as_dict() for each in EVENTS]
    assert path.stat().st_mode & 0o777 == 0o600


def test_captures_can_follow_one_another(tmp_path):
    one = recorded(tmp_path / "c.jsonl").read_bytes()
    (tmp_path / "two.jsonl").write_bytes(one + one)
    assert len(list(read(str(tmp_path / "two.jsonl")))) == 2 * len(EVENTS)


def test_what_a_run_prints_is_a_capture(tmp_path):
    """Without first and last line, and with status and findings in between."""
    status, finding = b'{"type":"status","state":"armed"}\n', b'{"type":"finding"}\n'
    path = tmp_path / "printed.jsonl"
    path.write_bytes(status + line() + finding + line() + status)
    assert len(list(read(str(path)))) == 2
    path.write_bytes(status * 2)  # a machine on which nothing happened
    assert list(read(str(path))) == []


HEAD = b'{"type":"capture","version":1}\n'
CUT = "the recording was interrupted; all events before were used"

# name: (bytes of the file, events before, code, line, what is said)
BROKEN = {
    "empty": (b"", 0, "PG504", None, "c.jsonl is empty"),
    "no end": (HEAD + line() * 2, 2, "PG503", 3, "ends early, after 2 events"),
    "no end and no events": (HEAD, 0, "PG503", 1, "ends early, after 0 events"),
    "cut in a line": (HEAD + line() + line()[:50], 1, "PG503", 3, "in the middle of a line"),
    "cut before a newline": (HEAD + line()[:-1], 1, "PG503", 2, "ends early, after 1 events"),
    "cut, then another": (HEAD + line() + HEAD, 1, "PG503", 3, "another capture begins after 1"),
    "lines missing": (
        HEAD + line() + b'{"type":"end","events":3}\n',
        1,
        "PG503",
        3,
        "should have 3 events and has 1",
    ),
    "an end of anything": (HEAD + b'{"type":"end","events":"no"}\n', 0, "PG503", 2, "'no' events"),
    "another version": (
        b'{"type":"capture","version":2}\n',
        0,
        "PG504",
        1,
        "has version 2, this program reads 1",
    ),
    "findings only": (b'{"type":"finding"}\n', 0, "PG504", None, "findings but no events"),
    "not JSON": (line() + b"hello\n", 1, "PG502", 2, "not JSON: "),
    "an empty line": (line() + b"\n", 1, "PG502", 2, "not JSON: "),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", 0, "PG502", 1, "not JSON: "),
    "NUL bytes": (line() + bytes(100) + b"\n", 1, "PG502", 2, "not JSON: "),
    "bytes that are no UTF-8": (b'{"type":"\xff"}\n', 0, "PG502", 1, "not JSON: "),
    "half a surrogate": (b'{"type":"\\ud800"}\n', 0, "PG502", 1, "not JSON: "),
    "a number without end": (b'{"type":1e999}\n', 0, "PG502", 1, "not JSON: "),
    "nested without end": (b"[" * 100_000 + b"\n", 0, "PG502", 1, "not JSON: "),
    "a line without end": (b"x" * 2 * LINE_MAX, 0, "PG502", 1, "longer than 1048576 bytes"),
    "not an object": (b"[]\n", 0, "PG502", 1, "not an object"),
    "no type": (b"{}\n", 0, "PG502", 1, "no line of a capture has the type None"),
    "a type that is none": (b'{"type":["event"]}\n', 0, "PG502", 1, "has the type ['event']"),
}


@pytest.mark.parametrize(("content", "good", "code", "at", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_capture(tmp_path, content, good, code, at, said):
    """Code, line and a sentence; the events before are used."""
    path, before = tmp_path / "c.jsonl", []
    path.write_bytes(content)
    problem = problem_of(path, before)
    assert (problem.code, problem.place and problem.place.line) == (code, at)
    assert said in problem.message
    assert problem.hint
    assert len(before) == good


HEAD_OF = EVENTS[1].as_dict()["event"]
PTRACE = EVENTS[1].as_dict()["ptrace"]
PROF = EVENTS[0].as_dict()["prof"]

# name: (what is changed in an event, what is said)
NO_EVENTS = {
    "no name": ({"event": {}}, "it has no event.name"),
    "head is no object": ({"event": 5}, "'event' is not an object"),
    "name is no text": ({"event": {"name": ["prof"]}}, "Expected `str`, got `array`"),
    "time is no time": ({"event": HEAD_OF | {"time": "now"}}, "'now' is not an RFC 3339 time"),
    "time is a number": ({"event": HEAD_OF | {"time": 5}}, "Expected `str | null`, got `int`"),
    "boot time is a text": ({"event": HEAD_OF | {"boot_ns": "5"}}, "Expected `int | null`"),
    "boot time is negative": ({"event": HEAD_OF | {"boot_ns": -1}}, "Expected `int` >= 0"),
    "relation is a list": ({"relation": []}, "relation is not a text"),
    "host is a number": ({"host": {"name": 5}}, "host.name is not a text"),
    "process is a list": ({"process": []}, "'process' is not an object"),
    "pid is a text": ({"process": {"pid": "1"}}, "Expected `int | null`, got `str`"),
    "pid is negative": ({"target": {"pid": -(10**30)}}, "pid is negative"),
    "labels are numbers": ({"process": {"labels": [1]}}, "Expected `str`, got `int`"),
    "arguments are a list": ({"ptrace": []}, "'ptrace' is not an object"),
    "argument of another type": ({"ptrace": PTRACE | {"ret": "0"}}, "ptrace.ret is not of type"),
    "true is no number": ({"ptrace": PTRACE | {"ret": True}}, "ptrace.ret is not of type int"),
    "no kernel's number": ({"ptrace": PTRACE | {"ret": 1 << 64}}, "ptrace.ret is not of type int"),
    "argument of nobody": ({"ptrace": PTRACE | {"pidd": 1}}, "ptrace has no argument 'pidd'"),
    "what pairing needs": ({"ptrace": PTRACE | {"request": None}}, "ptrace.request is missing"),
    "ids that are lists": (
        {"event": {"name": "prof"}, "prof": PROF | {"event_ids": [[]]}},
        "prof.event_ids is not a list of int",
    ),
    "ids without codes": (
        {"event": {"name": "prof"}, "prof": PROF | {"event_ids": [1, 2]}},
        "prof.events and prof.event_ids differ in length",
    ),
    "names that are numbers": (
        {"event": {"name": "perf"}, "perf": {"sample_type": [1]}},
        "perf.sample_type is not a list of str",
    ),
}


@pytest.mark.parametrize(("changes", "said"), NO_EVENTS.values(), ids=NO_EVENTS)
def test_a_line_that_is_no_event(tmp_path, changes, said):
    path, before = tmp_path / "c.jsonl", []
    path.write_bytes(line() + line(**changes) + line())
    problem = problem_of(path, before)
    assert (problem.code, problem.place.line, len(before)) == ("PG502", 2, 1)
    assert problem.message.startswith("not an event: ")
    assert said in problem.message


def test_an_unknown_event_names_the_nearest(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(line(event={"name": "ptrcae"}))
    problem = problem_of(path)
    assert problem.message == "no event is called 'ptrcae'"
    assert problem.hint == "did you mean 'ptrace'?"


def test_a_hostile_line_is_shown_escaped_and_short(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"\x1b]0;owned\x07\xff" + b"x" * 5000 + b"\n")
    shown = problem_of(path).render()
    assert all(each.isprintable() for each in shown.split("\n"))
    assert max(map(len, shown.split("\n"))) < 200


@pytest.mark.parametrize("name", ["", ".", "missing.jsonl", "missing/c.jsonl"])
def test_what_cannot_be_opened(tmp_path, name):
    problem = problem_of(tmp_path / name)
    assert (problem.code, problem.message.rpartition(": ")[2]) in (
        ("PG501", "Is a directory"),
        ("PG501", "No such file or directory"),
    )


def test_what_cannot_be_written(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "c.jsonl"):
        with pytest.raises(CaptureError, match="directory") as caught:
            Recorder(path, EPOCH_NS, "host")
        assert caught.value.problems[0].code == "PG505"


def test_a_full_disk_is_told_and_what_was_written_is_read(small_disk, fill):
    """The capture has no end, so that a replay says that it is not whole."""
    path = small_disk / "c.jsonl"
    recorder = Recorder(path, EPOCH_NS, "host")
    for each in EVENTS:
        recorder.write(each)
    recorder.flush()
    fill(small_disk / "rest")
    with pytest.raises(CaptureError, match="No space left on device") as caught:
        _write_for_ever(recorder)
    assert caught.value.problems[0].code == "PG505"
    (small_disk / "rest").unlink()
    recorder.close()
    before = []
    assert problem_of(path, before).code == "PG503"
    assert len(before) >= len(EVENTS)


def _write_for_ever(recorder: Recorder) -> None:
    while True:
        recorder.write(EVENTS[1])


def test_what_is_killed_leaves_a_capture_that_says_so(tmp_path):
    """From its first line on, even before anything happened."""
    Recorder(tmp_path / "c.jsonl", EPOCH_NS, "host")
    assert "ends early, after 0 events" in problem_of(tmp_path / "c.jsonl").message


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([HEAD, line(), b'{"type":"end","events":1}\n']) | st.binary()))
def test_any_bytes_give_events_or_one_problem(tmp_path_factory, parts):
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}.jsonl"
    path.write_bytes(b"".join(parts))
    events, error = outcome(path)
    if error is None:
        assert len(events) == sum(part == line() for part in parts)
    else:
        assert re.fullmatch(r"PG50[234]", error.problems[0].code)


@pytest.mark.parametrize("spec", REGISTRY, ids=lambda spec: spec.name)
def test_any_event_that_was_printed_can_be_read(spec, tmp_path):
    """With all that may be unknown unknown; what the stations need is asked for."""
    path = tmp_path / "c.jsonl"
    path.write_bytes(msgspec.json.encode(event(spec.name).as_dict()) + b"\n")
    if spec.name in ("prof", "ptrace", "lost_events"):
        assert "is missing" in problem_of(path).message
    else:
        assert [each.spec for each in read(str(path))] == [spec]
