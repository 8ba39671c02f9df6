"""Every way to switch a perf event on or off, done by real system calls, seen as a prof event."""

import pytest

from tests.live.harness import wait_for

pytestmark = pytest.mark.live


@pytest.fixture
def profiling(sensor, act):
    """Run a program to its end, and give the prof events that it owns."""
    return lambda code: sensor.events_of(act(code), "prof")


def steps(events: list[dict]) -> list[tuple[str, str]]:
    return [(e["prof"]["action"], e["prof"]["cause"]) for e in events]


@pytest.mark.proves("prof", "opened running, and closed")
def test_opened_running_and_closed(profiling):
    """An event opened with disabled=0 is on from the open to the close."""
    on, off = events = profiling("fd = perf(); time.sleep(0.2); os.close(fd)")
    assert steps(events) == [("enable", "open"), ("disable", "close")]
    assert on["prof"]["events"] == off["prof"]["events"] == [1 << 24]
    assert on["prof"]["session"] == off["prof"]["session"]
    assert 0.2e9 <= off["prof"]["duration_ns"] < 1e9
    assert (on["relation"], on["prof"]["mode"], on["prof"]["pmu"]) == (
        "self",
        "sampling",
        "cpu_clock",
    )


@pytest.mark.proves("prof", "ENABLE, DISABLE and REFRESH")
def test_switched_by_ioctl(profiling):
    """ENABLE, DISABLE and REFRESH are transitions; ENABLE of what is on and RESET are none."""
    events = profiling(
        """
        fd = perf(DISABLED)
        for command in ENABLE, ENABLE, RESET, DISABLE, REFRESH, DISABLE:
            fcntl.ioctl(fd, command, 1 if command == REFRESH else 0)
        """
    )
    assert steps(events) == [("enable", "ioctl"), ("disable", "ioctl")] * 2
    refreshed = [bool(event["prof"]["flags"] & 1 << 3) for event in events]
    assert refreshed == [False, False, True, False]


@pytest.mark.proves("prof", "a group by its leader")
def test_a_group_is_one_transition(profiling):
    """Switching the leader switches its siblings: one prof event that names all of them."""
    (event,) = profiling(
        """
        leader = perf(DISABLED)
        members = [perf(group=leader, config=n) for n in (2, 3, 4)]
        fcntl.ioctl(leader, ENABLE, GROUP)
        os._exit(0)
        """
    )[:1]
    assert event["prof"]["total"] == 4
    assert sorted(event["prof"]["events"]) == [1 << 24 | n for n in (0, 2, 3, 4)]
    assert event["prof"]["flags"] & 1 << 12  # group


@pytest.mark.proves("prof", "prctl")
def test_switched_by_prctl(profiling):
    """PR_TASK_PERF_EVENTS_DISABLE and _ENABLE switch all events of the calling thread."""
    events = profiling(
        """
        fds = perf(), perf(config=2)
        libc.prctl(31, 0, 0, 0, 0); libc.prctl(32, 0, 0, 0, 0)
        os._exit(0)
        """
    )
    causes = [step for step in steps(events) if step[1] == "prctl"]
    assert causes == [("disable", "prctl")] * 2 + [("enable", "prctl")] * 2


@pytest.mark.proves("prof", "enable_on_exec, and the exit of the target")
def test_switched_on_by_exec(profiling, sensor):
    """enable_on_exec: the exec of the target is the transition, its opener the actor."""
    on, off = events = profiling(
        """
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            os.read(go[0], 1); os.execv("/bin/sleep", ["sleep", "0.3"])
        perf(DISABLED | ON_EXEC, pid=child)
        os.write(go[1], b"x"); os.waitpid(child, 0)
        """
    )
    assert steps(events) == [("enable", "exec"), ("disable", "exit")]
    assert on["target"]["executable"].endswith("/sleep")
    assert on["relation"] == off["relation"] == "child"
    assert 0.3e9 <= off["prof"]["duration_ns"] < 2e9
    assert off["prof"]["event_ids"] == on["prof"]["event_ids"]


@pytest.mark.proves("prof", "two profilers of one exec")
def test_two_profilers_of_one_exec(profiling, sensor):
    """Each profiler's counters are switched on by the exec: one prof event for each of them."""
    profiling(
        """
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            os.read(go[0], 1); os.execv("/bin/sleep", ["sleep", "0.1"])
        other = os.fork()
        perf(DISABLED | ON_EXEC, pid=child)
        if not other:
            os.write(ready[1], b"x"); time.sleep(1); os._exit(0)
        os.read(ready[0], 1); os.write(go[1], b"x")
        os.waitpid(child, 0); os.waitpid(other, 0)
        """
    )
    switched = [e for e in sensor.events("prof", cause="exec") if e["prof"]["total"] == 1][-2:]
    assert len({event["process"]["pid"] for event in switched}) == 2
    assert len({event["target"]["pid"] for event in switched}) == 1


@pytest.mark.proves("prof", "inherited by fork, until each exit")
def test_inherited_by_fork(profiling):
    """A child of a profiled process is profiled too, in the same session, until its own exit."""
    events = profiling(
        """
        perf(INHERIT)
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        """
    )
    assert steps(events) == [
        ("enable", "open"),
        ("enable", "fork"),
        ("disable", "exit"),
        ("disable", "exit"),
    ]
    assert len({event["prof"]["session"] for event in events}) == 1
    assert events[1]["prof"]["flags"] & 1 << 13  # inherited
    assert events[1]["target"]["pid"] != events[0]["target"]["pid"]


@pytest.mark.proves("prof", "no act: a counter that only probes")
def test_a_counter_that_only_probes_is_no_profile(profiling):
    """A counter opened running and closed at once asks what a machine can do; that is no act."""
    assert profiling("os.close(perf(period=0))") == []


@pytest.mark.proves("prof", "a counter that stays")
def test_a_counter_that_stays_is_a_profile(profiling):
    events = profiling("fd = perf(period=0); time.sleep(0.4); os.close(fd)")
    assert steps(events) == [("enable", "open"), ("disable", "close")]
    assert events[0]["prof"]["mode"] == "counting"


@pytest.mark.proves("prof", "a whole CPU, until its owner ends")
def test_the_whole_cpu(profiling):
    """A CPU-wide event has no target, and ends with its owner."""
    on, off = events = profiling("perf(pid=-1, cpu=0)")
    assert steps(events) == [("enable", "open"), ("disable", "exit")]
    for event in events:
        assert "target" not in event
        assert event["relation"] == "cpu-wide"
    assert on["prof"]["cpu"] == 0
    assert off["prof"]["flags"] & 1 << 14


@pytest.mark.proves("prof", "a descriptor that was inherited and duplicated")
def test_a_descriptor_that_was_passed_on(profiling):
    """The owner is who opened the event, whoever holds the descriptor: identity is the kernel's."""
    events = profiling(
        """
        fd = perf(DISABLED)
        os.set_inheritable(fd, True)
        child = os.fork()
        if not child:
            fcntl.ioctl(os.dup(fd), ENABLE, 0); os._exit(0)
        os.waitpid(child, 0)
        """
    )
    assert steps(events)[0] == ("enable", "ioctl")


@pytest.mark.proves("prof", "an event whose opener has ended")
def test_an_event_whose_opener_has_ended(sensor, actor, tmp_path):
    """Then the actor is who switches it on: the last one who can be named."""
    note = tmp_path / "pid"
    program = f"""
        parent = os.getpid()
        fd = perf(DISABLED, pid=os.getppid())
        if not os.fork():
            while os.getppid() == parent: time.sleep(0.01)
            open({str(note)!r}, "w").write(str(os.getpid()))
            fcntl.ioctl(fd, ENABLE, 0)
        """
    actor.run(program)
    assert wait_for(lambda: note.exists() and note.read_text())
    heir = int(note.read_text())
    assert wait_for(lambda: sensor.events_of(heir, "prof", action="enable", cause="ioctl"))


@pytest.mark.proves("prof", "POSIX timer on a CPU-time clock")
def test_a_posix_cpu_timer(profiling):
    """timer_settime arms, timer_delete disarms."""
    events = profiling(
        """
        class Event(ctypes.Structure):
            _fields_ = [("value", ctypes.c_uint64), ("signo", ctypes.c_int),
                        ("notify", ctypes.c_int), ("pad", ctypes.c_char * 48)]
        timer, event = ctypes.c_int(), Event(signo=27, notify=1)
        assert libc.syscall(222, 2, ctypes.byref(event), ctypes.byref(timer)) == 0
        spec = struct.pack("=qqqq", 0, 10_000_000, 0, 10_000_000)
        assert libc.syscall(223, timer, 0, spec, None) == 0
        assert libc.syscall(226, timer) == 0
        """
    )
    assert steps(events) == [("enable", "timer"), ("disable", "timer")]
    assert events[0]["prof"]["mechanism"] == "posix_timer"


@pytest.mark.proves("perf", "a refused open, with its error")
def test_what_failed_is_told_with_its_error(profiling, sensor):
    """A refused perf_event_open has the errno and no attributes: there is no event to read."""
    profiling(
        """
        try: perf(config=77)
        except OSError: pass
        """
    )
    (event,) = [e for e in sensor.events("perf") if e["perf"]["ret"] == -2][-1:]
    assert event["perf"]["ret"] == -2  # ENOENT
    assert event["perf"]["config"] is None
    assert event["perf"]["pmu"] is None
