"""Any sequence of what the kernel tells, however odd."""

from hypothesis import given, settings
from hypothesis import strategies as st

from profguard.model import Event
from profguard.sessions import Sessions
from tests.events import ends, event, execs, prof, ptrace, task

SHOP, THREAD, CHILD = task(200), task(200, tid=201), task(300)
OWNERS = [task(1), task(2), task(1, start=2)]
TARGETS = [SHOP, THREAD, CHILD, OWNERS[0], None]  # None: a whole CPU


def _switch(step: str, **more):
    def make(at, ids, owner, target):
        return prof(step if target else f"{step} cpu_wide", at, ids, owner, target, **more)

    return make


def _timer(step: str):
    return lambda at, ids, owner, _: prof(step, at, ids[:1], owner, owner, mechanism="posix_timer")


# What may happen: functions of the time, ids of perf events or timers, an owner and a target.
STEPS = {
    "open": _switch("enable open"),
    "count": _switch("enable open", mode="counting"),
    "ioctl": _switch("enable ioctl"),
    "off": _switch("disable ioctl"),
    "close": _switch("disable close"),
    "prctl": _switch("disable prctl"),
    "fork": lambda at, ids, owner, to: prof("enable fork inherited", at, ids, owner, to or SHOP),
    "thread ends": lambda at, _, __, to: prof("disable exit", at, [], None, to or SHOP),
    "arm": _timer("enable timer"),
    "disarm": _timer("disable timer"),
    "attach": lambda at, _, owner, to: ptrace("ATTACH", at, owner, to or SHOP),
    "detach": lambda at, _, owner, to: ptrace("DETACH", at, owner, to or SHOP),
    "read": lambda at, _, owner, to: event("process_vm_readv", at, owner, to, ret=1),
    "bpf": lambda at, _, owner, __: event("bpf_attach", at, owner, relation="cpu-wide", ret=1),
    "exec": lambda at, _, owner, __: execs(at, owner),
    "exit": lambda at, _, owner, __: ends(at, owner),
    "lost": lambda at, *_: event("lost_events", at, event="prof", count=1),
    "folded": lambda at, _, owner, __: event("folded_events", at, owner, event="prof", count=9),
    "other": lambda at, *_: event("setitimer", at),
}


# Small, so that a story that fails can be read: what, how much later in ms, ids, and which of
# OWNERS and TARGETS. Time may go back by a moment, as with the records of two CPUs.
stories = st.lists(
    st.tuples(
        st.sampled_from(list(STEPS)),
        st.sampled_from([-0.5, 0, 1, 30, 110, 60_001]),
        st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
        st.integers(0, len(OWNERS) - 1),
        st.integers(0, len(TARGETS) - 1),
    ),
    max_size=30,
)


def events_of(story) -> list[Event]:
    at, events = 100.0, []
    for step, later, ids, owner, target in story:
        at += later
        events.append(STEPS[step](at, ids, OWNERS[owner], TARGETS[target]))
    return events


def session_of(each: Event) -> str | None:
    return each["session"] if "session" in each.spec.index else None


@settings(max_examples=200, deadline=None)
@given(stories)
def test_every_story_is_paired(story):
    """No session outlives its owner, none ends without an end, no duration is negative."""
    station = Sessions()
    events = [*events_of(story), *(ends(1e6, owner) for owner in OWNERS)]
    out = [each for one in events for each in station.feed(one)]
    assert (station._ledger.is_empty, station._held, station._access.waits) == (True, {}, False)
    assert {session.id for session in station.ended} == {session_of(e) for e in out} - {None}
    for session in station.ended:
        assert not session.live
        assert session.end in out
    for each in out:
        if session_of(each) and not each.spec.lasts:
            assert each["duration_ns"] is None or each["duration_ns"] >= 0
        elif each.spec.name == "prof":
            assert each["action"] == "disable"


@settings(max_examples=200, deadline=None)
@given(stories)
def test_what_came_out_comes_out_unchanged_again(story):
    """A replay of what was recorded gives the same events, and the same sessions end."""
    events, first, second = events_of(story), Sessions(), Sessions()
    shapes = [each.as_dict() for one in events for each in first.feed(one)]
    again = [each for shape in shapes for each in second.feed(Event.from_dict(shape))]
    second.release(max((one.at_ns for one in events), default=0))  # what was dropped told the time
    assert [each.as_dict() for each in again] == shapes
    assert [session.id for session in second.ended] == [session.id for session in first.ended]
