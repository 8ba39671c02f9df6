"""Pairing: what is switched on, what ends it, and what a session is."""

import pytest
from msgspec import structs

from profguard.model import Event
from profguard.sessions import MAX_LIVE, PROBE_NS, Sessions
from tests.events import MS, ends, event, execs, prof, ptrace, task

PERF, GDB = task(100), task(110)
SHOP, SHOP_THREAD, CHILD = task(200), task(200, tid=201), task(300)
COUNTING = {"mode": "counting"}


def run(events) -> tuple[list[Event], Sessions]:
    """What comes out of a new station, which is handed back too."""
    station = Sessions()
    return [out for each in events for out in station.feed(each)], station


def fresh(events) -> list[Event]:
    """Copies: the station completes what it is given."""
    return [structs.replace(each, args=list(each.args)) for each in events]


def told(events) -> list[str]:
    """The transitions, as `enable open 1 2 @200`: ids, and the target's thread."""
    lines = []
    for each in events:
        if each.spec.name == "prof":
            at = f" @{each.target.tid}" if each.target else ""
            ids = " ".join(map(str, each["event_ids"]))
            lines.append(f"{each['action']} {each['cause']} {ids}{at}")
        elif each.spec.name == "ptrace":
            lines.append(each["request"])
    return lines


def durations_ms(station: Sessions) -> list[float]:
    return [(session.end.time_ns - session.started_ns) / MS for session in station.ended]


def assert_forgotten(station: Sessions) -> None:
    """Nothing is on, open, held or indexed any more."""
    assert (list(station.active), station._on, station._at, station._held) == ([], {}, {}, {})
    assert all(not session.live for session in station.ended)


# Each: what is fed, the transitions that come out, and the durations of the sessions that ended.
CASES = {
    "on and off": (
        [
            prof("enable ioctl", 0, [1], PERF, SHOP),
            prof("disable ioctl", 500, [1], PERF, SHOP),
        ],
        ["enable ioctl 1 @200", "disable ioctl 1 @200"],
        [500],
    ),
    "what changes nothing is dropped": (
        [
            prof("enable ioctl", 0, [1], PERF, SHOP),
            prof("enable ioctl", 1, [1], PERF, SHOP),
            prof("enable exec", 2, [1], PERF, SHOP),
            prof("disable ioctl", 5, [1], PERF, SHOP),
            prof("disable prctl", 6, [1], PERF, SHOP),
        ],
        ["enable ioctl 1 @200", "disable ioctl 1 @200"],
        [5],
    ),
    "two events of one act are one session": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable open", 1, [2], PERF, SHOP_THREAD),
            prof("disable close", 7, [1], PERF, SHOP),
            prof("disable close", 9, [2], PERF, SHOP_THREAD),
        ],
        [
            "enable open 1 @200",
            "enable open 2 @201",
            "disable close 1 @200",
            "disable close 2 @201",
        ],
        [9],
    ),
    "a disable nobody knew of is told, without a session": (
        [prof("disable close", 5, [1], PERF, SHOP)],
        ["disable close 1 @200"],
        [],
    ),
    "disarming what was not armed is nothing": (
        [prof("disable timer", 5, [1], SHOP, SHOP, mechanism="itimer")],
        [],
        [],
    ),
    "prctl names events that were off before": (
        [prof("disable prctl", 5, [1], PERF, SHOP)],
        [],
        [],
    ),
    "the end of a thread takes its events": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable open", 0, [2], PERF, SHOP_THREAD),
            prof("disable exit", 3, [], None, SHOP_THREAD),
            prof("disable exit", 4, [], None, SHOP),
            ends(4, SHOP),
        ],
        [
            "enable open 1 @200",
            "enable open 2 @201",
            "disable exit 2 @201",
            "disable exit 1 @200",
        ],
        [4],
    ),
    "the end of the target, of which only the process's is known": (
        [prof("enable open", 0, [1], PERF, SHOP), ends(4, SHOP)],
        ["enable open 1 @200", "disable exit 1 @200"],
        [4],
    ),
    "the end of the owner": (
        [
            prof("enable open cpu_wide", 0, [1], PERF),
            prof("enable open", 1, [2], PERF, SHOP),
            ends(10, PERF),
        ],
        ["enable open 1", "enable open 2 @200", "disable exit 1", "disable exit 2 @200"],
        [10, 9],
    ),
    "more than eight at an end": (
        [*(prof("enable open", 0, [n], PERF, SHOP) for n in range(1, 11)), ends(1, PERF)],
        [
            *(f"enable open {n} @200" for n in range(1, 11)),
            "disable exit 1 2 3 4 5 6 7 8 @200",
            "disable exit 9 10 @200",
        ],
        [1],
    ),
    "a child's copies belong to the session and end with the child": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable fork inherited", 2, [1], PERF, CHILD),
            prof("disable exit", 5, [], None, CHILD),
            ends(5, CHILD),
            prof("disable close", 8, [1], PERF, SHOP),
        ],
        [
            "enable open 1 @200",
            "enable fork 1 @300",
            "disable exit 1 @300",
            "disable close 1 @200",
        ],
        [8],
    ),
    "copies outlive the task they were copied from, and hand on": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable fork inherited", 2, [1], PERF, CHILD),
            prof("disable exit", 3, [], None, SHOP),
            prof("enable fork inherited", 4, [1], PERF, task(301)),
            ends(5, CHILD),
            ends(6, task(301)),
        ],
        [
            "enable open 1 @200",
            "enable fork 1 @300",
            "disable exit 1 @200",
            "enable fork 1 @301",
            "disable exit 1 @300",
            "disable exit 1 @301",
        ],
        [6],
    ),
    "what is done to an event is done to its copies": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable fork inherited", 2, [1], PERF, CHILD),
            prof("disable close", 3, [1], PERF, SHOP),
            prof("disable exit", 5, [], None, CHILD),
        ],
        ["enable open 1 @200", "enable fork 1 @300", "disable close 1 @200"],
        [3],
    ),
    "a counter that lives 100 ms is told, with the time of its open": (
        [prof("enable open", 0, [1], PERF, SHOP, **COUNTING), event("setitimer", 100)],
        ["enable open 1 @200"],
        [],
    ),
    "a counter that is closed before is nothing": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("disable close", 99, [1], PERF, SHOP),
            event("setitimer", 200),
        ],
        [],
        [],
    ),
    "a late close finds the counter told": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("disable close", 150, [1], PERF, SHOP),
        ],
        ["enable open 1 @200", "disable close 1 @200"],
        [150],
    ),
    "a group of counters that probe is closed as one": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("enable open", 1, [2], PERF, SHOP, **COUNTING),
            prof("disable ioctl group", 2, [1, 2], PERF, SHOP),
            event("setitimer", 200),
        ],
        [],
        [],
    ),
    "the end of its thread, target or owner is the end of a probe": (
        [
            prof("enable open", 0, [1], PERF, SHOP_THREAD, **COUNTING),
            prof("enable open", 0, [2], PERF, CHILD, **COUNTING),
            prof("enable open", 0, [3], GDB, SHOP, **COUNTING),
            prof("disable exit", 1, [], None, SHOP_THREAD),
            ends(1, CHILD),
            ends(1, GDB),
            event("setitimer", 200),
        ],
        [],
        [],
    ),
    "what is handed down to a child is no probe": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("enable fork inherited", 9, [1], PERF, CHILD, **COUNTING),
            ends(20, PERF),
        ],
        [
            "enable open 1 @200",
            "enable fork 1 @300",
            "disable exit 1 @200",
            "disable exit 1 @300",
        ],
        [20],
    ),
    "a timer and a probe can have the same number": (
        [
            prof("enable open", 0, [1], SHOP, SHOP, **COUNTING),
            prof("enable timer", 1, [1], SHOP, SHOP, mechanism="posix_timer"),
            prof("disable timer", 2, [1], SHOP, SHOP, mechanism="posix_timer"),
            event("setitimer", 200),
        ],
        ["enable timer 1 @200", "disable timer 1 @200", "enable open 1 @200"],
        [1],
    ),
    "an exec ends POSIX timers, and leaves interval timers on": (
        [
            prof("enable timer", 0, [0], SHOP, SHOP, mechanism="posix_timer"),
            prof("enable timer", 0, [2], SHOP, SHOP, mechanism="itimer"),
            execs(5, SHOP),
            ends(9, SHOP),
        ],
        [
            "enable timer 0 @200",
            "enable timer 2 @200",
            "disable exec 0 @200",
            "disable exit 2 @200",
        ],
        [5, 9],
    ),
    "a thread's end leaves the timers of its process on": (
        [
            prof("enable timer", 0, [2], SHOP_THREAD, SHOP_THREAD, mechanism="itimer"),
            prof("enable open", 1, [1], PERF, SHOP_THREAD),
            prof("disable exit", 5, [], None, SHOP_THREAD),
        ],
        ["enable timer 2 @201", "enable open 1 @201", "disable exit 1 @201"],
        [4],
    ),
    "attach and detach": (
        [ptrace("ATTACH", 0, GDB, SHOP), ptrace("DETACH", 40, GDB, SHOP)],
        ["PTRACE_ATTACH", "PTRACE_DETACH"],
        [40],
    ),
    "a debugger at two threads is one session": (
        [
            ptrace("SEIZE", 0, GDB, SHOP),
            ptrace("SEIZE", 1, GDB, SHOP_THREAD),
            ptrace("DETACH", 5, GDB, SHOP),
            ptrace("DETACH", 6, GDB, SHOP_THREAD),
        ],
        ["PTRACE_SEIZE", "PTRACE_SEIZE", "PTRACE_DETACH", "PTRACE_DETACH"],
        [6],
    ),
    "a debugger that ends, and one whose target ends": (
        [
            ptrace("ATTACH", 0, GDB, SHOP),
            ends(7, GDB),
            ptrace("TRACEME", 8, GDB, CHILD),
            ends(10, CHILD),
        ],
        ["PTRACE_ATTACH", "PTRACE_TRACEME"],
        [7, 2],
    ),
    "an attach that was refused": ([ptrace("ATTACH", 0, GDB, SHOP, ret=-1)], ["PTRACE_ATTACH"], []),
    "a pid that is used again is another process": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            ptrace("ATTACH", 0, GDB, SHOP),
            ends(3, task(100, start=2)),
            ends(3, task(110, start=2)),
            ends(4, task(200, start=2)),
            ptrace("ATTACH", 5, GDB, task(200, start=2)),
            ptrace("DETACH", 6, GDB, task(200, start=2)),
        ],
        ["enable open 1 @200", "PTRACE_ATTACH", "PTRACE_ATTACH", "PTRACE_DETACH"],
        [1],
    ),
    "who acts need not be known": (
        [
            prof("enable open cpu_wide", 0, [1], None),
            prof("disable close cpu_wide", 3, [1], None),
            ptrace("ATTACH", 4, None, SHOP),
            ends(5, None),
        ],
        ["enable open 1", "disable close 1", "PTRACE_ATTACH"],
        [3],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_pairing(case):
    events, transitions, lasted_ms = case
    events = fresh(events)
    out, station = run(events)
    assert told(out) == transitions
    assert durations_ms(station) == lasted_ms
    others = [each for each in events if each.spec.name not in ("prof", "ptrace")]
    assert [each for each in out if each.spec.name not in ("prof", "ptrace")] == others


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_came_out_comes_out_unchanged_again(case):
    """A replay of what was recorded gives the same events, and the same sessions end."""
    out, first = run(fresh(case[0]))
    shapes = [each.as_dict() for each in out]
    again, second = run([Event.from_dict(shape) for shape in shapes])
    assert [each.as_dict() for each in again] == shapes
    assert [s.id for s in second.ended] == [s.id for s in first.ended]


def test_a_disable_says_session_and_how_long():
    on, off = run(fresh(CASES["on and off"][0]))[0]
    assert off["session"] == on["session"]
    assert (on["duration_ns"], off["duration_ns"]) == (None, 500 * MS)


def test_sessions_are_apart_by_owner_target_and_mechanism():
    events = [
        prof("enable open", 0, [1], PERF, SHOP),
        prof("enable open", 0, [2], GDB, SHOP),
        prof("enable open", 0, [3], PERF, CHILD),
        prof("enable open cpu_wide", 0, [4], PERF),
        prof("enable open cgroup", 0, [5], PERF),
        ptrace("ATTACH", 0, PERF, SHOP),
    ]
    out, station = run(events)
    assert len({each["session"] for each in out}) == len(list(station.active)) == 6


def test_a_completed_disable_says_what_the_enable_said():
    """Actor, target and relation are those of the enable; the flags say why it is off."""
    out, _ = run(
        [
            prof("enable open", 0, [1], PERF, SHOP, relation="cross-uid"),
            prof("enable fork inherited", 1, [1], PERF, CHILD, relation="same-uid"),
            prof("enable open", 2, [3], SHOP, SHOP, relation="self"),
            ends(5, CHILD),
            ends(6, SHOP),
        ]
    )
    off = {
        each["event_ids"]: each for each in out if each.spec.name == "prof" and each["duration_ns"]
    }
    child = next(each for each in out if each.spec.name == "prof" and each["duration_ns"])
    owner, itself = off[1,], off[3,]
    assert (child.process, child.target, child.relation) == (PERF, CHILD, "same-uid")
    assert (owner.process, owner.target, owner.relation) == (PERF, SHOP, "cross-uid")
    disable, exit, inherited, self = 1 << 1, 1 << 10, 1 << 13, 1 << 15
    assert child["flags"] == disable | exit | inherited
    assert owner["flags"] == disable | exit
    assert itself["flags"] == disable | exit | self
    assert (child["duration_ns"], owner["duration_ns"]) == (4 * MS, 6 * MS)


def test_a_session_ends_with_the_event_that_ended_it():
    """Each with its own, also where one exit ends several."""
    *_, station = run(
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable open cpu_wide", 0, [2], PERF),
            ptrace("ATTACH", 0, PERF, SHOP),
            ends(5, PERF),
        ]
    )
    by_scope = {(s.mechanism, s.scope): s.end for s in station.ended}
    assert by_scope["perf", SHOP.identity].target == SHOP
    assert by_scope["perf", "cpu-wide"]["flags"] & 1 << 14
    assert by_scope["ptrace", SHOP.identity].spec.name == "sched_process_exit"


def test_time_alone_releases_a_counter():
    """A quiet machine gives no event to see the time by."""
    station = Sessions()
    assert station.feed(prof("enable open", 1, [1], PERF, SHOP, **COUNTING)) == []
    assert station.release(MS + PROBE_NS - 1) == []
    (released,) = station.release(MS + PROBE_NS)
    assert released["session"]
    assert station.release(MS + PROBE_NS) == []


def test_where_nothing_follows_a_held_counter_is_told():
    station = Sessions()
    station.feed(prof("enable open", 1, [1], PERF, SHOP, **COUNTING))
    assert told(station.release_all()) == ["enable open 1 @200"]
    assert station.release_all() == []


def test_lost_disables_do_not_fill_the_memory():
    """In a flood, closes are lost; the session keeps the latest of its events."""
    station = Sessions()
    for number in range(MAX_LIVE + 100):
        station.feed(prof("enable open", 0, [number], PERF, SHOP))
    assert len(station._on) == MAX_LIVE
    station.feed(ends(1, PERF))
    assert_forgotten(station)


def test_records_of_two_cpus_can_be_out_of_order():
    _, off = run([prof("enable ioctl", 5, [1], PERF), prof("disable ioctl", 4.9, [1], PERF)])[0]
    assert off["duration_ns"] == 0
