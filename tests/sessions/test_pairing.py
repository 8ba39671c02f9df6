"""Pairing: what is switched on, what ends it, and what a session is."""

import pytest
from msgspec import structs

from profguard.model import Event
from profguard.sessions import MAX_LIVE, MOMENT_NS, PROBE_NS, Sessions
from tests.events import MS, ends, event, prof, ptrace
from tests.sessions.pairing_cases import CASES, CHILD, COUNTING, GDB, PERF, SHOP


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
    assert (station._ledger.is_empty, station._held, station._access.waits) == (True, {}, False)
    assert all(not session.live for session in station.ended)


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
    assert (on["tainted"], off["tainted"]) == (None, False)


def test_a_session_over_a_loss_is_tainted():
    """Also where its owner's own events were folded; those of others do not matter."""
    on, off = prof("enable ioctl", 0, [1], PERF, SHOP), prof("disable ioctl", 9, [1], PERF, SHOP)
    between = {
        "lost": event("lost_events", 5, event="perf", count=1),
        "folded": event("folded_events", 5, PERF, event="prof", count=9),
        "another's": event("folded_events", 5, SHOP, event="prof", count=9),
    }
    tainted = {
        name: run([fresh([on])[0], middle, fresh([off])[0]])[0][-1]["tainted"]
        for name, middle in between.items()
    }
    assert tainted == {"lost": True, "folded": True, "another's": False}


def test_sessions_are_apart_by_owner_and_target():
    events = [
        prof("enable open", 0, [1], PERF, SHOP),
        prof("enable open", 0, [2], GDB, SHOP),
        prof("enable open", 0, [3], PERF, CHILD),
        prof("enable open cpu_wide", 0, [4], PERF),
        prof("enable open cgroup", 0, [5], PERF),
    ]
    out, station = run(events)
    assert len({each["session"] for each in out}) == len(list(station.active)) == 5


def test_what_one_does_to_one_is_one_session_by_whatever_mechanism():
    """It ends with the last of them, and each disable says what was on."""
    out, station = run(
        [
            ptrace("ATTACH", 0, SHOP, SHOP),
            prof("enable timer", 1, [2], SHOP, SHOP, mechanism="itimer"),
            prof("enable ioctl", 2, [7], SHOP, SHOP, mode="counting", pmu="cpu"),
            ptrace("DETACH", 3, SHOP, SHOP),
            ends(9, SHOP),
        ]
    )
    (session,) = station.ended
    assert session.mechanisms == ["ptrace", "itimer", "perf"]
    assert (session.mode, session.pmu, session.duration_ns) == ("sampling", None, 9 * MS)
    off = [each for each in out if each.spec.name == "prof" and each["action"] == "disable"]
    said = {(each["mechanism"], each["mode"], each["pmu"]) for each in off}
    assert said == {("itimer", "sampling", None), ("perf", "counting", "cpu")}


def reads(ms: float, process=GDB, target=SHOP, **more) -> Event:
    return event("process_vm_readv", ms, process, target, **{"ret": 8} | more)


def test_what_has_no_end_of_its_own_joins_what_has():
    """A debugger that attaches, reads and lets go, and another that only reads."""
    out, station = run(
        [
            ptrace("SEIZE", 0, GDB, SHOP),
            reads(1),
            reads(1, PERF),
            reads(2),
            ptrace("DETACH", 5, GDB, SHOP),
            ptrace("SEIZE", 6, GDB, SHOP),
            ptrace("DETACH", 7, GDB, SHOP),
        ]
    )
    assert len({each["session"] for each in out}) == 2
    assert [session.mechanisms for session in station.active] == [
        ["ptrace", "process_vm_readv"],
        ["process_vm_readv"],
    ]
    station.feed(ends(50, GDB))
    assert durations_ms(station) == [50]
    station.release(MOMENT_NS + 2 * MS)
    assert durations_ms(station) == [50, 0]
    assert_forgotten(station)


def loads(ms: float, process) -> Event:
    values = {"file_name": "frida-agent-64.so", "agent": "frida"}
    return event("shared_object_loaded", ms, process, process, "self", **values)


def test_what_a_process_is_made_to_load_is_of_the_session_of_its_controller():
    """Which ends with him; what it loads by itself is a session of its own, as long as it lives."""
    out, station = run(
        [
            reads(0),
            loads(1, SHOP),
            ptrace("ATTACH", 2, GDB, SHOP),
            loads(3, SHOP),
            ends(9, GDB),
            loads(10, SHOP),
        ]
    )
    own, injected, again = [e["session"] for e in out if e.spec.name == "shared_object_loaded"]
    assert own == again != injected
    (session,) = station.ended
    assert (session.id, session.process) == (injected, GDB)
    assert session.mechanisms == ["process_vm_readv", "ptrace", "library"]
    assert [session.mechanisms for session in station.active] == [["library"]]


@pytest.mark.parametrize(
    "act",
    [reads(0, ret=-1), reads(0, target=None), reads(0, process=None)],
    ids=["refused", "of nobody that is known", "by nobody that is known"],
)
def test_what_cannot_be_placed_is_no_session(act):
    out, station = run([act])
    assert (out[0]["session"], list(station.active)) == (None, [])


def test_what_lasts_ends_with_its_process():
    """A program that is attached sees all that runs, until its loader is gone."""
    attach = event("bpf_attach", 0, PERF, relation="cpu-wide", ret=9, prog_type="kprobe")
    _, station = run([attach, prof("enable ioctl cpu_wide", 1, [4], PERF)])
    station.release(10 * MOMENT_NS)
    (session,) = station.active
    assert (session.mechanisms, session.scope) == (["bpf", "perf"], "cpu-wide")
    station.feed(ends(1e6, PERF))
    assert durations_ms(station) == [1e6]
    assert_forgotten(station)


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
            ptrace("ATTACH", 0, PERF, CHILD),
            ends(5, PERF),
        ]
    )
    by_scope = {session.scope: session.end for session in station.ended}
    assert by_scope[SHOP.identity].target == SHOP
    assert by_scope["cpu-wide"]["flags"] & 1 << 14
    assert by_scope[CHILD.identity].spec.name == "sched_process_exit"


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
    station.feed(reads(0, PERF))
    for number in range(MAX_LIVE + 100):
        station.feed(prof("enable open", 0, [number], PERF, SHOP))
    assert len(station._ledger.on) == MAX_LIVE
    station.release(2 * MOMENT_NS)
    station.feed(ends(1, PERF))
    assert_forgotten(station)


def test_records_of_two_cpus_can_be_out_of_order():
    _, off = run([prof("enable ioctl", 5, [1], PERF), prof("disable ioctl", 4.9, [1], PERF)])[0]
    assert off["duration_ns"] == 0
