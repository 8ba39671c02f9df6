"""Our events in Tracee's shape: the keys, the names and types of arguments, what is unknown."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profguard.events import REGISTRY
from profguard.model import Event, Process
from profguard.timefmt import rfc3339
from profguard.tracee import FIELDS, event_name, from_tracee, to_tracee
from tests.events import EPOCH_NS, MS, ends, event, execs, prof, ptrace, task

GDB = task(
    110,
    name="gdb",
    executable="/usr/bin/gdb",
    user_id=1000,
    parent_pid=7,
    start_time=rfc3339(EPOCH_NS),
)
SHOP = task(200, name="shop", user_id=33, container_id="c0ffee", namespaces_pid=4026532000)

# What Tracee prints, in its order; signatures were written against these names.
KEYS = (
    "timestamp threadStartTime processorId processId cgroupId threadId parentProcessId "
    "hostProcessId hostThreadId hostParentProcessId userId mountNamespace pidNamespace processName "
    "executable hostName containerId container kubernetes eventId eventName matchedPolicies "
    "argsNum returnValue syscall stackAddresses contextFlags threadEntityId processEntityId "
    "parentEntityId args"
)


def args(of: Event) -> dict[str, tuple]:
    return {each["name"]: (each["type"], each["value"]) for each in to_tracee(of)["args"]}


def test_the_keys_are_those_of_tracee():
    assert list(to_tracee(ptrace("ATTACH", 0, GDB, SHOP))) == KEYS.split()


def test_the_head_says_who_did_what_when():
    shape = to_tracee(ptrace("ATTACH", 1, GDB, SHOP, ret=-1))
    assert shape | {"args": None} == {
        **{key: value(event("lost_events")) for key, value in FIELDS.items()},
        "timestamp": EPOCH_NS + MS,
        "threadStartTime": EPOCH_NS,
        "processId": 110,
        "threadId": 110,
        "parentProcessId": 7,
        "hostProcessId": 110,
        "hostThreadId": 110,
        "hostParentProcessId": 7,
        "userId": 1000,
        "processName": "gdb",
        "executable": {"path": "/usr/bin/gdb"},
        "eventId": "101",
        "eventName": "ptrace",
        "syscall": "ptrace",
        "argsNum": 2,
        "returnValue": -1,
        "args": None,
    }


def test_what_no_process_did_has_the_zeros_of_tracee_but_is_not_roots():
    shape = to_tracee(event("lost_events", event="prof", count=1))
    assert (shape["hostProcessId"], shape["processName"], shape["stackAddresses"]) == (0, "", None)
    assert shape["userId"] == 2**32 - 1


def test_the_pid_inside_a_container_is_not_known():
    shape = to_tracee(ends(0, SHOP))
    assert (shape["hostProcessId"], shape["processId"]) == (200, 0)
    assert shape["container"] == {"id": shape["containerId"]} == {"id": "c0ffee"}
    assert shape["contextFlags"]["containerStarted"]


def test_it_is_the_traced_process_that_calls_traceme():
    """Ours names its parent, the tracer, as the one who acts; Tracee the caller."""
    made = ptrace("TRACEME", 0, GDB, SHOP)
    assert to_tracee(made)["processName"] == "shop"
    assert to_tracee(made, ["hostProcessId"]) == {"hostProcessId": 200}


ARGUMENTS = {
    "names as Tracee parses them": (
        ptrace("SEIZE", 0, GDB, SHOP),
        {"request": ("string", "PTRACE_SEIZE"), "pid": ("pid_t", 200)},
    ),
    "Tracee's names": (
        event("process_vm_readv", process=GDB, target=SHOP, pid=200, remote_segments=3, flags=0),
        {"pid": ("pid_t", 200), "riovcnt": ("unsigned long", 3), "flags": ("unsigned long", 0)},
    ),
    "a number where Tracee does not parse, and what only we have": (
        event("setitimer", process=SHOP, which="ITIMER_PROF", value_ns=5, interval_ns=6),
        {
            "which": ("int", 2),
            "value_ns": ("unsigned long", 5),
            "interval_ns": ("unsigned long", 6),
        },
    ),
    "bits as a number, and no CPU": (
        event("perf", process=GDB, pid=200, open_flags=("fd_cloexec",)),
        {"pid": ("pid_t", 200), "cpu": ("int", -1), "flags": ("unsigned long", 8)},
    ),
    "a name that is none": (
        event("setitimer", process=SHOP, which="?"),
        {"which": ("int", "?")},
    ),
    "no pointer for an id": (
        event(
            "timer_create", process=SHOP, clock_id=2, clock="CLOCK_PROCESS_CPUTIME_ID", timer_id=4
        ),
        {"clockid": ("const clockid_t", 2)},
    ),
    "a list": (
        execs(0, SHOP),
        {
            "cmdpath": ("const char*", "/bin/x"),
            "dev": ("dev_t", 1),
            "inode": ("unsigned long", 1),
            "argv": ("const char**", ["x"]),
        },
    ),
    "the last thread": (
        ends(0, SHOP),
        {
            "exit_code": ("long", 0),
            "signal_code": ("int", 0),
            "process_group_exit": ("bool", True),
        },
    ),
    "an event that Tracee does not have": (
        prof("enable open", 0, [1, 2], GDB, SHOP),
        {
            "flags": ("unsigned long", 1 | 1 << 4),
            "event_ids": ("unsigned long[]", [1, 2]),
            "events": ("unsigned int[]", [1 << 24, 1 << 24]),
            "total": ("unsigned int", 2),
            "action": ("string", "enable"),
            "cause": ("string", "open"),
            "mechanism": ("string", "perf"),
            "mode": ("string", "sampling"),
        },
    ),
}


@pytest.mark.parametrize(("of", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(of, expected):
    """Name, type and value; what is not known is left out."""
    assert args(of) == expected
    assert to_tracee(of, {"argsNum"}) == {"argsNum": len(expected)}


def test_only_the_keys_that_are_asked_for():
    made = ptrace("ATTACH", 0, GDB, SHOP)
    assert to_tracee(made, ["userId", "nonsense"]) == {"userId": 1000}
    made.origin = {"eventName": "ptrace", "args": None, "new": 1}
    assert to_tracee(made, ["userId", "new"]) == {"new": 1}
    assert to_tracee(made) is made.origin


def test_signatures_select_by_the_name_that_tracee_has():
    assert event_name(event("perf")) == "perf_event_open"
    assert event_name(event("prof")) == "prof"
    other = from_tracee({"eventName": "ptrace", "timestamp": 1, "args": []})
    assert event_name(other) == "ptrace"
    other.origin = None
    assert event_name(other) == "ptrace"


# What comes back.

TEXT = st.text(min_size=1)
PROCESSES = st.builds(
    lambda pid, known, ns: Process(pid=pid, tid=pid, namespaces_pid=ns, **known),
    st.integers(1, 2**31 - 1),
    st.fixed_dictionaries(
        {"name": TEXT, "executable": TEXT},
        optional={
            "start_time": st.integers(EPOCH_NS, 2 * EPOCH_NS).map(rfc3339),
            "parent_pid": st.integers(1, 2**31 - 1),
            "user_id": st.integers(0, 2**32 - 2),
            "container_id": TEXT,
            "namespaces_mnt": st.integers(1, 2**32 - 1),
        },
    ),
    st.none() | st.integers(1, 2**32 - 1),
)


def values_of(arg):
    """Values of an argument as the decoder makes them; None where it may be absent."""
    if arg.values:
        known = st.sampled_from([name for n, name in arg.values.items() if n != arg.null])
    elif arg.bits:
        known = st.sets(st.sampled_from(list(arg.bits.values()))).map(
            lambda names: tuple(name for name in arg.bits.values() if name in names)
        )
    elif arg.type == "list":
        numbers = (arg.ctype or "").startswith("u")
        known = st.lists(st.integers(0, 2**32 - 1) if numbers else st.text()).map(tuple)
    else:
        known = {"int": st.integers(1, 2**31 - 1), "str": TEXT, "bool": st.booleans()}[arg.type]
    return known | st.none() if "OPT" in arg.tags else known


@st.composite
def events(draw, spec):
    drawn = {arg.name: draw(values_of(arg)) for arg in spec.public_args}
    if "clock" in drawn:
        drawn |= {"clock_id": 2, "clock": "CLOCK_PROCESS_CPUTIME_ID"}
    process, target = draw(PROCESSES), draw(PROCESSES)
    if "pathname" in drawn:
        process.executable = drawn["pathname"] or process.executable
    if spec.name.startswith("process_vm") and drawn["pid"] == process.pid:
        drawn["pid"] += 1
    return Event(
        spec=spec,
        time_ns=draw(st.integers(0, 2**63 - 1)),
        args=list(drawn.values()),
        process=process,
        target=target,
        host=draw(TEXT),
        cpu=draw(st.integers(0, 8192)),
    )


@pytest.mark.parametrize("spec", REGISTRY, ids=lambda spec: spec.name)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_the_shape_holds_comes_back(spec, data):
    """Read and written again it is the same, and the event is ours again."""
    written = to_tracee(data.draw(events(spec)))
    seen = from_tracee(json.loads(json.dumps(written)))
    assert seen.spec is spec
    assert seen.origin == written
    seen.origin = None
    assert to_tracee(seen) == written
