"""From bytes to events: everything that the kernel can send, and everything that it cannot."""

import struct
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profguard import decode, wire
from profguard.decode import DecodeError
from profguard.events import BY_NAME, REGISTRY, Arg, Tag
from profguard.model import SOURCES, Event, Process
from profguard.rawtask import TASK_MEMBERS
from profguard.tiers import TIERS

WIRED = [spec for spec in REGISTRY if spec.wire_args]
INTEGERS = {
    "u8": st.integers(0, 2**8 - 1),
    "u16": st.integers(0, 2**16 - 1),
    "u32": st.integers(0, 2**32 - 1),
    "s32": st.integers(-(2**31), 2**31 - 1),
    "u64": st.integers(0, 2**64 - 1),
    "s64": st.integers(-(2**63), 2**63 - 1),
}
NOBODY = dict.fromkeys((name for name, _ in TASK_MEMBERS), 0) | {"comm": b""}
SHELL = NOBODY | {"start_ns": 5, "pid": 7, "tid": 8, "uid": 1000, "comm": b"bash"}


def pack(layout: wire.Layout, values: dict) -> bytes:
    """A struct, from values by member; arrays may be short."""
    flat = []
    for member in layout.members:
        value = values[member.name]
        if isinstance(value, tuple):
            flat += value + (0,) * (member.length - len(value))
        else:
            flat.append(value)
    return struct.pack("<" + layout.format, *flat)


def record(name: str, args: dict, *, process=SHELL, target=NOBODY, **head) -> bytes:
    """A record as the kernel would send it; arguments that are not given are 0 or empty."""
    spec = BY_NAME[name]
    empty = {
        member.name: b"" if member.format.endswith("s") else () if member.length else 0
        for member in wire.arguments(spec).members
    }
    assert args.keys() <= empty.keys()
    top = {"boot_ns": 1, "sequence": 2, "cpu": 3, "event": spec.id, "tier": 1, "source": 0} | head
    return (
        pack(wire.HEADER, top)
        + pack(wire.TASK, process)
        + pack(wire.TASK, target)
        + pack(wire.arguments(spec), empty | args)
    )


# What an argument can be: (what goes on the wire, what the decoded event has).


def _texts(size: int, **more):
    """Texts without NUL of at most that many bytes."""
    letters = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
    return st.text(letters, **more).filter(lambda text: len(text.encode()) <= size)


@st.composite
def sent(draw, arg: Arg):
    base, _, length = arg.ctype.partition("[")
    size = int(length[:-1] or 0) if length else 0
    if base == "char":
        text = draw(_texts(size))
        return text.encode(), text or (None if Tag.OPT in arg.tags else "")
    if base in ("path", "argv"):
        word = _texts(30, min_size=base == "path", max_size=10)
        words = draw(st.lists(word.filter(lambda w: base == "argv" or "/" not in w), max_size=12))
        wire_words = words if base == "argv" else words[::-1]
        raw = b"".join(word.encode() + b"\0" for word in wire_words)
        whole = tuple(words) if base == "argv" else "/" + "/".join(words)
        return raw, whole if words else None
    if length:
        return (numbers := tuple(draw(st.lists(INTEGERS[base], max_size=size)))), numbers
    number = draw(INTEGERS[base] if not arg.values else st.sampled_from([*arg.values, 77]))
    if number == arg.null:
        return number, None
    if arg.values:
        return number, arg.values.get(number, str(number))
    if arg.bits:
        return number, tuple(name for bit, name in arg.bits.items() if number >> bit & 1)
    return number, number


@st.composite
def argument_values(draw, spec):
    """Arguments as sent and as decoded. Arrays that share a count are equally long."""
    raw, decoded = {}, {}
    counted = {arg.count for arg in spec.args if arg.count}
    for arg in spec.wire_args:
        if arg.name not in counted:
            raw[arg.name], decoded[arg.name] = draw(sent(arg))
    for count in counted:
        shared = [arg.name for arg in spec.args if arg.count == count]
        raw[count] = min(len(raw[name]) for name in shared)
        if len(shared) > 1:
            for values in (raw, decoded):
                values.update((name, values[name][: raw[count]]) for name in shared)
    return raw, decoded


@pytest.mark.parametrize("spec", WIRED, ids=lambda spec: spec.name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_sent_is_what_arrives(spec, data):
    raw, decoded = data.draw(argument_values(spec))
    event, actor, target = decode.decode(record(spec.name, raw), 1000)
    public = {arg.name for arg in spec.public_args}
    expected = {name: value for name, value in decoded.items() if name in public}
    assert {name: event[name] for name in expected} == expected
    assert all(event[arg.name] is None for arg in spec.public_args if arg.ctype is None)
    head = (event.time_ns, event.boot_ns, event.sequence, event.cpu, event.source, event.tier)
    assert head == (1001, 1, 2, 3, "live", TIERS[1])
    assert (actor.pid, actor.tid, actor.uid, actor.comm) == (7, 8, 1000, "bash")
    assert target is None


@st.composite
def records(draw):
    """Of an event, with any bytes after its number: patterns, since most of a record is text."""
    spec = draw(st.sampled_from(WIRED))
    head = {"boot_ns": draw(st.integers(0, 2**63 - 1)), "event": spec.id, "cpu": 0, "sequence": 0}
    head |= {"tier": draw(INTEGERS["u8"]), "source": draw(st.integers(0, 3))}
    size = 2 * wire.TASK.size + wire.arguments(spec).size
    pattern = draw(st.binary(min_size=1, max_size=97))
    return pack(wire.HEADER, head) + (pattern * size)[: size + draw(st.integers(-1, 8))]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64) | records())
def test_any_bytes_give_an_event_or_a_decode_error(raw):
    """And an event is good JSON, which gives the same event again."""
    try:
        event = decode.decode(raw).event
    except DecodeError:
        return
    for arg in event.spec.wire_args:
        if not arg.hidden and Tag.OPT not in arg.tags:
            assert event[arg.name] is not None
    line = msgspec.json.encode(event.as_dict())
    assert line.decode()
    assert Event.from_dict(msgspec.json.decode(line)).as_dict() == msgspec.json.decode(line)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "too short for its header"),
        (bytes(wire.HEADER.size), "no event has the id 0"),
        (record("ptrace", {})[:-1], r"too short for ptrace \(\d+ bytes\)"),
        (record("ptrace", {}, event=999), "no event has the id 999"),
        (record("ptrace", {}, event=BY_NAME["lost_events"].id), "no event has the id 12"),
        (record("ptrace", {}, source=len(SOURCES)), "no source has the number 3"),
    ],
    ids=["empty", "zeroes", "cut", "unknown event", "an event of userspace", "unknown source"],
)
def test_what_is_no_record_is_refused_with_its_reason(raw, why):
    with pytest.raises(DecodeError, match=why):
        decode.decode(raw)


def test_a_record_may_be_longer_than_its_event():
    """The ring hands over a batch: one record after the other."""
    first, second = record("ptrace", {"pid": 1}), record("sched_process_exit", {"exit_code": 2})
    batch = memoryview(first + second)
    assert decode.decode(batch).event["pid"] == 1
    assert decode.record_size(batch) == len(first)
    assert decode.decode(batch[len(first) :]).event["exit_code"] == 2


HOSTILE = {
    "no UTF-8": (b"\xff\xfe", r"\xff\xfe"),
    "no NUL, to the last byte": (b"x" * 128, "x" * 128),
    "a character cut in two": ("é".encode()[:1], r"\xc3"),
    "a surrogate": (b"\xed\xa0\x80", r"\xed\xa0\x80"),
    "control characters": (b"\x1b]0;owned\x07\n", "\x1b]0;owned\x07\n"),
    "a backslash of its own": (rb"\xff", r"\xff"),
    "something after the NUL": (b"ls\0secret", "ls"),
}


@pytest.mark.parametrize(("raw", "text"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_becomes_text_that_json_can_hold(raw, text):
    event = decode.decode(record("sched_process_exec", {"cmdpath": raw})).event
    assert event["cmdpath"] == text
    line = msgspec.json.encode(event.as_dict())
    assert b"\n" not in line
    assert b"\x1b" not in line


def test_hostile_names_of_tasks_become_text_too():
    _, actor, target = decode.decode(
        record("ptrace", {}, process=SHELL | {"comm": b"\xff" * 16}, target=SHELL)
    )
    assert actor.comm == r"\xff" * 16
    assert target.comm == "bash"


exec_of = partial(record, "sched_process_exec")


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        ({"pathname": b"perf\0bin\0usr\0", "path_size": 13}, "pathname", "/usr/bin/perf"),
        ({"pathname": b"perf\0bin\0usr\0", "path_size": 0}, "pathname", None),
        ({"pathname": b"a\xff\0", "path_size": 3}, "pathname", r"/a\xff"),
        ({"pathname": b"a\0" * 256, "path_size": 2**32 - 1}, "pathname", "/a" * 256),
        ({"argv": b"ls\0-l\0", "argv_size": 6}, "argv", ("ls", "-l")),
        ({"argv": b"ls\0-l\0", "argv_size": 5}, "argv", ("ls", "-l")),
        ({"argv": b"ls\0\0\0", "argv_size": 5}, "argv", ("ls", "", "")),
        ({"argv": b"\0", "argv_size": 1}, "argv", ("",)),
        ({"argv": b"ls\0", "argv_size": 0}, "argv", None),
        ({"argv": b"\xff\n\0", "argv_size": 3}, "argv", ("\\xff\n",)),
        ({"argv": b"x" * 1024, "argv_size": 2**32 - 1}, "argv", ("x" * 1024,)),
    ],
)
def test_what_is_set_of_paths_and_arguments_is_what_the_count_says(args, name, value):
    """A count that cannot be true takes what there is; of nothing nothing is known."""
    assert decode.decode(exec_of(args)).event[name] == value


def test_a_count_past_the_end_of_an_array_takes_what_there_is():
    ids = {"event_ids": (1, 2), "events": (3, 4)}
    event = decode.decode(record("prof", ids | {"nr_events": 2**32 - 1})).event
    assert event["event_ids"] == (1, 2, 0, 0, 0, 0, 0, 0)
    assert event["events"] == (3, 4, 0, 0, 0, 0, 0, 0)


def test_pid_0_is_no_task():
    """The kernel's own work has no process to name."""
    _, actor, target = decode.decode(record("prof", {}, process=NOBODY, target=SHELL))
    assert actor is None
    assert target.pid == 7


def test_a_task_has_every_member():
    numbers = {name: n for n, (name, ctype) in enumerate(TASK_MEMBERS, 1) if ctype[0] == "u"}
    actor = decode.decode(record("ptrace", {}, process=numbers | {"comm": b"x"})).actor
    assert {name: getattr(actor, name) for name in numbers} == numbers


def test_a_process_survives_its_public_shape():
    """What is known, under its public name; what is not known, not at all."""
    process = Process(pid=1, user_id=0, parent_pid=7, ancestors=("/a",), environ={"A.B": "c"})
    shape = process.as_dict()
    assert shape == {
        "pid": 1,
        "user": {"id": 0},
        "parent": {"pid": 7},
        "ancestors": ["/a"],
        "environ": {"A.B": "c"},
    }
    assert Process.from_dict(shape) == process
