"""Tracee's events as ours: which are ours, who did what to whom, and what no line can do to us."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profguard.events import BY_NAME
from profguard.model import Event
from profguard.tracee import from_tracee
from tests.tracee.shapes import AT_NS, PID, shape

# name: (Tracee's event, the arguments that ours then has)
OURS = {
    "a request by name": (
        shape("ptrace", request="PTRACE_ATTACH", pid=200, addr="0x0", data="0x0"),
        "ptrace",
        {"request": "PTRACE_ATTACH", "pid": 200, "ret": 0},
    ),
    "a request by number, where arguments are not parsed": (
        shape("ptrace", {"returnValue": -1}, request=0x4206, pid=200, addr=0, data=0),
        "ptrace",
        {"request": "PTRACE_SEIZE", "pid": 200, "ret": -1},
    ),
    "memory read": (
        shape("process_vm_readv", {"returnValue": 64}, pid=200, liovcnt=1, riovcnt=2, flags=0),
        "process_vm_readv",
        {"pid": 200, "remote_segments": 2, "flags": 0, "ret": 64},
    ),
    "a timer, whose times are behind a pointer": (
        shape("setitimer", which=2, new_value="0x7ffe", old_value=None),
        "setitimer",
        {"which": "ITIMER_PROF"},
    ),
    "a timer on the clock of another process": (
        shape("timer_create", clockid=-58, sevp="0x7ffe", timer_id="0x7fff"),
        "timer_create",
        {"clock_id": -58, "clock": "-58", "ret": 0},
    ),
    "a perf event at a process, on any CPU": (
        shape("perf_event_open", {"returnValue": 3}, attr="0x1", pid=200, cpu=-1, flags=9),
        "perf",
        {"pid": 200, "open_flags": ("fd_no_group", "fd_cloexec"), "ret": 3},
    ),
    "an exec": (
        shape(
            "sched_process_exec", cmdpath="x", pathname="/bin/x", argv=["x", "-v"], inode=7, env=[]
        ),
        "sched_process_exec",
        {"cmdpath": "x", "pathname": "/bin/x", "argv": ("x", "-v"), "inode": 7},
    ),
    "a library": (
        shape("shared_object_loaded", pathname="/opt/libjdwp.so", flags=0, dev=1, inode=7, ctime=9),
        "shared_object_loaded",
        {
            "pathname": "/opt/libjdwp.so",
            "file_name": "libjdwp.so",
            "flags": 0,
            "dev": 1,
            "inode": 7,
            "ctime": 9,
        },
    ),
    "an exit": (
        shape("sched_process_exit", exit_code=3, signal_code=0, process_group_exit=True),
        "sched_process_exit",
        {"exit_code": 3},
    ),
    "an exit as wait(2) tells it": (
        shape("sched_process_exit", exit_code=0x0300, process_group_exit=True),
        "sched_process_exit",
        {"exit_code": 3},
    ),
    "a kill as wait(2) tells it": (
        shape("sched_process_exit", exit_code=9),
        "sched_process_exit",
        {"exit_code": 0, "signal": 9},
    ),
    "a fork": (
        shape("sched_process_fork", child_pid=201, child_tid=201),
        "sched_process_fork",
        {"child_pid": 201},
    ),
}


@pytest.mark.parametrize(("printed", "name", "expected"), OURS.values(), ids=OURS)
def test_what_both_have_is_ours(printed, name, expected):
    event = from_tracee(printed)
    assert event.spec is BY_NAME[name]
    known = zip(event.spec.index, event.args, strict=True)
    assert {arg: value for arg, value in known if value is not None} == expected


# Of the same name, but no event of ours.
OTHERS = {
    "a request that neither begins nor ends control": shape("ptrace", request="PTRACE_POKETEXT"),
    "a request that Tracee could not parse": shape("ptrace", request=""),
    "a request that is a list": shape("ptrace", request=[16]),
    "its own memory": shape("process_vm_writev", pid=PID),
    "a wall-clock timer": shape("setitimer", which=0),
    "a wall clock": shape("timer_create", clockid=1),
    "a clock in a file": shape("timer_create", clockid=-5),
    "no clock": shape("timer_create"),
    "an exit of a thread": shape("sched_process_exit", exit_code=0, process_group_exit=False),
    "a new thread": shape("sched_process_fork", child_pid=PID, child_tid=999),
    "a name that means something else here": shape("perf", a=1),
    "an attach, of which it says other things": shape("bpf_attach", prog_type="kprobe"),
    "a part of an event as a name": shape("process", a=1),
}


@pytest.mark.parametrize("printed", OTHERS.values(), ids=OTHERS)
def test_what_says_something_else_is_not_ours(printed):
    """It has a name that no rule of ours is asked of, and nothing of it is lost."""
    event = from_tracee(printed)
    assert event.spec.sensor == "tracee"
    assert event.spec.name == f"tracee_{printed['eventName']}"
    assert event.origin is printed


def test_what_only_tracee_has_keeps_its_name_and_arguments():
    """What is nested is text, what is too big for the kernel too."""
    printed = shape(
        "security_file_open",
        pathname="/etc/shadow",
        flags="O_RDONLY|O_LARGEFILE",
        inode=2**64 - 1,
        argv=["a", "b"],
        metadata={"src": [1, None]},
        mixed=[1, "a"],
        big=10**30,
        load=0.5,
        none=None,
    )
    event = from_tracee(printed)
    assert event.spec.name == "security_file_open"
    assert event.as_dict()["security_file_open"] == {
        "pathname": "/etc/shadow",
        "flags": "O_RDONLY|O_LARGEFILE",
        "inode": 2**64 - 1,
        "argv": ["a", "b"],
        "metadata": '{"src":[1,null]}',
        "mixed": '[1,"a"]',
        "big": str(10**30),
        "load": 0.5,
        "none": None,
    }
    again = Event.from_dict(json.loads(json.dumps(event.as_dict())))
    assert (again.spec, again.args) == (event.spec, event.args)


def test_the_head_is_the_process():
    event = from_tracee(shape("ptrace", request="PTRACE_ATTACH", pid=200))
    assert event.process.as_dict() == {
        "pid": PID,
        "tid": PID,
        "start_time": "2025-12-05T14:08:01.493527948Z",
        "name": "gdb",
        "executable": "/usr/bin/gdb",
        "parent": {"pid": 100},
        "user": {"id": 1000},
        "namespaces": {"pid": 4026531836, "mnt": 4026531841},
    }
    assert (event.time_ns, event.host, event.cpu) == (AT_NS, "shop-1", 3)
    assert event.target.as_dict() == {"pid": 200, "tid": 200}


def test_an_exec_shows_the_new_program():
    """Whatever the head says: it may be of before."""
    printed = shape("sched_process_exec", pathname="/bin/x", argv=["x", "-v"], inode=7)
    process = from_tracee(printed).process
    assert (process.executable, process.command_line, process.inode) == ("/bin/x", "x -v", 7)


CONTAINER = {
    "processId": 12,
    "threadId": 12,
    "containerId": "c0ffee",
    "container": {"id": "c0ffee", "image": "shop:1"},
}
OLD = {"containerId": "c0ffee", "containerImage": "shop:1", "executable": None, "container": None}

# name: (event, process.pid, target.pid)
PEOPLE = {
    "another": (shape("ptrace", request="PTRACE_SEIZE", pid=200), PID, 200),
    "the caller asks to be traced": (shape("ptrace", request="PTRACE_TRACEME", pid=0), 100, PID),
    "the caller's parent is not known": (
        shape("ptrace", {"hostParentProcessId": 0}, request="PTRACE_TRACEME", pid=0),
        None,
        PID,
    ),
    "a pid that only a container knows": (
        shape("ptrace", CONTAINER, request="PTRACE_SEIZE", pid=5),
        PID,
        None,
    ),
    "perf, itself": (shape("perf_event_open", pid=0, cpu=-1, flags=0), PID, PID),
    "perf, everything": (shape("perf_event_open", pid=-1, cpu=0, flags=0), PID, None),
    "perf, a cgroup by its descriptor": (
        shape("perf_event_open", pid=7, cpu=0, flags=4),
        PID,
        None,
    ),
    "a timer of its own": (shape("setitimer", which=2), PID, PID),
    "the child": (shape("sched_process_fork", child_pid=201, child_tid=201), PID, 201),
    "a Tracee that knows no pids of the host": (
        shape("ptrace", dict.fromkeys(("hostProcessId", "hostThreadId")), request=16, pid=200),
        PID,
        200,
    ),
    "nobody": (shape("cgroup_mkdir", {"hostProcessId": 0, "processName": ""}), None, None),
}


@pytest.mark.parametrize(("printed", "actor", "target"), PEOPLE.values(), ids=PEOPLE)
def test_who_and_whom(printed, actor, target):
    event = from_tracee(printed)
    assert (event.process and event.process.pid) == actor
    assert (event.target and event.target.pid) == target


@pytest.mark.parametrize("changes", [CONTAINER, OLD], ids=["now", "before 2023"])
def test_the_container(changes):
    assert from_tracee(shape("ptrace", changes, request=16, pid=1)).process.container_id == "c0ffee"


# name: (timestamp, threadStartTime, ns since the epoch, whether the start is a time of day)
TIMES = {
    "ns since the epoch": (AT_NS, AT_NS - 5, AT_NS, True),
    "ns since the epoch, the start since boot": (AT_NS, 26_018_249_532, AT_NS, False),
    "ns since boot": (26_018_249_532, 26_018_249_000, 26_018_249_532, False),
    "seconds since boot, long ago": (26.5, None, 26_500_000_000, False),
}


@pytest.mark.parametrize(("at", "start", "ns", "known"), TIMES.values(), ids=TIMES)
def test_times(at, start, ns, known):
    """A start since boot says nothing about the time of day, so it is left out."""
    event = from_tracee(shape("ptrace", {"timestamp": at, "threadStartTime": start}, request=16))
    assert event.time_ns == ns
    assert (event.process.start_time is not None) is known


def test_an_invalid_user_is_unknown_and_zero_is_root():
    for user, expected in ((0, 0), (2**32 - 1, None), (None, None)):
        printed = shape("ptrace", {"userId": user}, request=16)
        assert from_tracee(printed).process.user_id == expected


# name: (what is changed, what is said)
BROKEN = {
    "no time": ({"timestamp": None}, "Expected `int | float`, got `null` - at `$.timestamp`"),
    "a time that is a text": ({"timestamp": "now"}, "Expected `int | float`, got `str`"),
    "a time before all": ({"timestamp": -1}, "Expected `int` >= 0"),
    "a time after all": ({"timestamp": 10**30}, "Expected `int` <= 9223372036854775807"),
    "a time in seconds after all": ({"timestamp": 1e300}, "Expected `float` <= "),
    "a pid that is a text": ({"hostProcessId": "1"}, "Expected `int | null`, got `str`"),
    "a negative pid": ({"hostProcessId": -1}, "Expected `int` >= 0"),
    "a huge pid": ({"hostProcessId": 10**30}, "Expected `int` <= "),
    "a fraction of a user": ({"userId": 0.5}, "Expected `int | null`, got `float`"),
    "a name that is a list": ({"processName": []}, "Expected `str | null`, got `array`"),
    "an executable that is a text": ({"executable": "/x"}, "Expected `object | null`, got `str`"),
    "arguments that are an object": ({"args": {}}, "Expected `array | null`, got `object`"),
    "an argument without a name": ({"args": [{"value": 1}]}, "missing required field `name`"),
    "an argument that is a number": ({"args": [1]}, "Expected `object`, got `int`"),
    "no name": ({"eventName": None}, "Expected `str`, got `null`"),
    "an empty name": ({"eventName": ""}, "'' is no name of a sensor or an event"),
    "a name with control characters": ({"eventName": "a\x1b[2J"}, "is no name of a sensor"),
    "a name without end": ({"eventName": "a" * 10_000}, "is no name of a sensor"),
    "arguments without end": (
        {"eventName": "x", "args": [{"name": str(n)} for n in range(100)]},
        "x has too many arguments",
    ),
    "an argument of ours of another type": (
        {"args": [{"name": "request", "value": 16}, {"name": "pid", "value": "2"}]},
        "ptrace.pid is not of type int",
    ),
    "an argument of ours that is huge": (
        {"args": [{"name": "request", "value": 16}, {"name": "pid", "value": 10**30}]},
        "ptrace.pid is not of type int",
    ),
}


@pytest.mark.parametrize(("changes", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_event(changes, said):
    printed = shape("ptrace", request=16, pid=2) | changes
    with pytest.raises((TypeError, ValueError)) as caught:
        from_tracee(printed)
    assert said in str(caught.value)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**62, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["ptrace", "PTRACE_ATTACH", "c0ffee"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
NAMES = [
    "ptrace",
    "perf_event_open",
    "setitimer",
    "prof",
    "lost_events",
    "execve",
    "event",
    "finding",
]
ARGUMENTS = ["request", "pid", "which", "clockid", "flags", "argv", "event", "count", "action"]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(NAMES) | st.text(),
    st.dictionaries(st.sampled_from(sorted(shape("ptrace"))), ANY, max_size=3),
    st.dictionaries(st.sampled_from(ARGUMENTS) | st.text(), ANY, max_size=5),
)
def test_any_object_is_an_event_or_refused(name, changes, arguments):
    """And an event can be shown and read again."""
    try:
        event = from_tracee(shape(name) | {"args": _listed(arguments)} | changes)
    except (TypeError, ValueError):
        return
    assert set(event.as_dict()) >= {"type", "event", event.spec.name}
    again = Event.from_dict(json.loads(json.dumps(event.as_dict())))
    assert again.spec.name == event.spec.name


def _listed(arguments: dict) -> list[dict]:
    return [{"name": name, "type": "?", "value": value} for name, value in arguments.items()]
