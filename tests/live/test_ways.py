"""Each system call by hand, and ways around them: passed descriptors, io_uring.

What a tier cannot see is asserted too, so that the documentation stays true.
"""

import platform

import pytest

from tests.live.harness import FUNCTIONS, OPTIONS

pytestmark = pytest.mark.live

# One entry of the submission queue: what a process asks of the kernel without a system call for it.
IO_URING = """
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def ring(*request):
    params = ctypes.create_string_buffer(120)
    ring = libc.syscall(425, 1, params)
    assert ring >= 0, ctypes.get_errno()
    head, tail, mask, entries, flags, dropped, array = struct.unpack_from("7I", params, 40)
    queue = libc.mmap(None, 4096, 3, 1, ring, 0)
    entry = libc.mmap(None, 4096, 3, 1, ring, 0x10000000)
    ctypes.memmove(entry, struct.pack("=BBHiQQII", *request).ljust(64, b"\\0"), 64)
    ctypes.c_uint32.from_address(queue + array).value = 0
    ctypes.c_uint32.from_address(queue + tail).value = 1
    assert libc.syscall(426, ring, 1, 1, 1, None, 0) == 1
    cqes = struct.unpack_from("6I", params, 80)[5]
    return ctypes.c_int32.from_address(queue + cqes + 8).value
def ring_close(fd):
    assert ring(19, 0, 0, fd, 0, 0, 0, 0) == 0
def ring_open(path, flags):
    name = ctypes.create_string_buffer(path.encode())
    fd = ring(18, 0, 0, -100, 0, ctypes.addressof(name), 0, flags)
    assert fd >= 0, fd
    return fd
"""


@pytest.mark.proves("ptrace", "ATTACH, SEIZE, DETACH, and one refused")
def test_ptrace(act, sensor, victim):
    """ATTACH and SEIZE until DETACH, of the task that the pid means; and one that is refused."""
    pid = act(
        f"""
        for request in 16, 0x4206:
            assert libc.ptrace(request, {victim.pid}, None, None) == 0
            if request != 16:
                assert libc.ptrace(0x4207, {victim.pid}, None, None) == 0  # INTERRUPT
            os.waitpid({victim.pid}, 0x40000000)
            assert libc.ptrace(17, {victim.pid}, None, None) == 0
        assert libc.ptrace(16, 1 << 22, None, None) == -1
        """
    )
    events = sensor.events_of(pid, "ptrace")
    assert [(e["ptrace"]["request"], e["ptrace"]["ret"]) for e in events] == [
        ("PTRACE_ATTACH", 0),
        ("PTRACE_DETACH", 0),
        ("PTRACE_SEIZE", 0),
        ("PTRACE_DETACH", 0),
        ("PTRACE_ATTACH", -3),
    ]
    assert [e["target"]["pid"] for e in events[:4]] == [victim.pid] * 4
    assert "target" not in events[4]
    assert [e["ptrace"]["duration_ns"] is None for e in events] == [True, False, True, False, True]


@pytest.mark.proves("ptrace", "TRACEME")
def test_traceme(act, sensor):
    """The traced process asks for it; the tracer is its parent."""
    pid = act(
        """
        child = os.fork()
        if not child:
            libc.ptrace(0, 0, None, None); os._exit(0)
        os.waitpid(child, 0)
        """
    )
    (event,) = sensor.events_of(pid, "ptrace")
    assert event["ptrace"]["request"] == "PTRACE_TRACEME"
    assert event["target"]["parent"]["pid"] == pid


@pytest.mark.proves("process_vm_readv, process_vm_writev", "target and result")
def test_memory_of_another_process(act, sensor, victim):
    """process_vm_readv and _writev: bytes and target; of itself it is nobody's business."""
    pid = act(
        f"""
        room = ctypes.create_string_buffer(64)
        vector = struct.pack("=QQ", ctypes.addressof(room), 64)
        for call in 310, 311:
            for target in {victim.pid}, os.getpid():
                libc.syscall(call, target, vector, 1, vector, 1, ctypes.c_long(0))
        """
    )
    for name in ("process_vm_readv", "process_vm_writev"):
        (event,) = sensor.events_of(pid, name)
        assert event["target"]["pid"] == victim.pid
        assert event[name]["ret"] == -14  # EFAULT: that address is nothing there
        assert event[name]["remote_segments"] == 1


@pytest.mark.proves("proc_mem_open", "target and mode, by each system call that opens")
def test_memory_opened(act, sensor, victim):
    """Whose memory, and what for; one's own, and what is not open for either, is left out."""
    pid = act(
        f"""
        path = b"/proc/{victim.pid}/mem"
        how = struct.pack("=QQQ", os.O_RDWR, 0, 0)
        for call in (2, path, os.O_RDONLY), (257, -100, path, os.O_WRONLY), (85, path, 0), (
            437, -100, path, how, ctypes.c_long(24)
        ):
            assert libc.syscall(*call) >= 0
        os.open("/proc/{victim.pid}/task/{victim.pid}/mem", os.O_RDONLY)
        os.open(path, os.O_PATH), os.open("/proc/self/mem", os.O_RDWR)
        os.open("/proc/{victim.pid}/maps", os.O_RDONLY), os.open("/dev/null", os.O_RDWR)
        os.chdir("/proc/{victim.pid}"), os.open("mem", os.O_RDONLY)
        """
    )
    events = sensor.events_of(pid, "proc_mem_open")
    assert [e["proc_mem_open"]["mode"] for e in events] == [
        "read",
        "write",
        "write",
        "read-write",
        "read",
        "read",
    ]
    assert {(e["target"]["pid"], e["proc_mem_open"]["ret"]) for e in events} == {(victim.pid, 0)}


@pytest.mark.proves("proc_mem_open", "refused by the mode of the file")
def test_memory_refused(act, sensor, victim, record_property):
    """A tracepoint tells what the caller passed; a function for the file is not reached."""
    pid = act(
        f"""
        path, other = b"/proc/{victim.pid}/mem", b"/proc/{victim.pid}/environ"
        how = struct.pack("=QQQ", os.O_WRONLY, 0, 0)
        own = os.open(b"/proc/{victim.pid}/mem", os.O_RDONLY)
        os.setresuid(65534, 65534, 65534)
        for call in (2, path, os.O_RDONLY), (257, -100, path, os.O_RDWR), (257, -100, other, 0), (
            437, -100, path, how, ctypes.c_long(24)
        ):
            assert libc.syscall(*call) == -1 and ctypes.get_errno() == 13
        assert libc.syscall(257, -100, b"/proc/4194304/mem", 0) == -1
        """
    )
    opened, *refused = sensor.events_of(pid, "proc_mem_open")
    seen = bool(refused)
    record_property("seen", seen)
    assert seen == (opened["event"]["tier"] == "tracepoint" and tells_refused_opens())
    said = [(e["target"]["pid"], e["proc_mem_open"]) for e in refused]
    told = [(target, one["ret"], one["mode"]) for target, one in said]
    assert told == [(victim.pid, -13, mode) for mode in ("read", "read-write", "write")] * seen


def tells_refused_opens() -> bool:
    """With libbpf, since 5.15: what a call that failed was called with."""
    release = tuple(map(int, platform.release().split(".")[:2]))
    return release >= (5, 15) and "bcc" not in OPTIONS


@pytest.mark.proves("proc_mem_open", "opened by io_uring")
def test_memory_opened_by_io_uring(act, sensor, victim, record_property):
    """Functions are on every way to the file, tracepoints only on that of system calls."""
    path = f"/proc/{victim.pid}/mem"
    pid = act(IO_URING + f"open({path!r}).close()\nring_open({path!r}, os.O_RDWR)\n")
    usual, *by_ring = sensor.events_of(pid, "proc_mem_open")
    seen = usual["event"]["tier"] in FUNCTIONS
    record_property("seen", seen)
    told = [(e["target"]["pid"], e["proc_mem_open"]["mode"]) for e in by_ring]
    assert told == [(victim.pid, "read-write")] * seen


@pytest.mark.proves("tracefs_write", "file and mode, wherever it is mounted")
def test_tracing_files(act, sensor, tmp_path):
    """What is opened to be written; the rest, and files that are called the same, are left out."""
    pid = act(
        f"""
        tracing, here, made = "/sys/kernel/tracing", "{tmp_path}", "/instances/pg-test"
        assert libc.unshare(0x20000) == 0
        assert libc.mount(b"none", b"/", None, 1 << 18 | 1 << 14, None) == 0  # REC | PRIVATE
        os.close(os.open(tracing + "/events/sched/sched_switch/enable", os.O_RDONLY))
        os.close(os.open(tracing + "/set_event", os.O_PATH))
        os.close(os.open(tracing + "/set_event_pid", os.O_WRONLY))
        os.close(os.open(here + "/set_event", os.O_WRONLY | os.O_CREAT))
        assert libc.mount(b"tracefs", here.encode(), b"tracefs", 0, None) == 0
        os.mkdir(here + made)
        os.close(os.open(here + made + "/events/sched/sched_switch/enable", os.O_RDWR))
        os.rmdir(here + made)
        """
    )
    events = sensor.events_of(pid, "tracefs_write")
    assert [(e["tracefs_write"]["mode"], e["tracefs_write"]["file"]) for e in events] == [
        ("write", "/set_event_pid"),
        ("read-write", "/instances/pg-test/events/sched/sched_switch/enable"),
    ]
    assert {(e.get("target"), e["relation"]) for e in events} == {(None, "cpu-wide")}


@pytest.mark.proves("tracefs_write", "opened by io_uring")
def test_tracing_files_by_io_uring(act, sensor, record_property):
    """The one function that all opens pass is hooked in the fentry tier only."""
    path = "/sys/kernel/tracing/set_event_pid"
    pid = act(IO_URING + f"os.open({path!r}, os.O_WRONLY)\nring_open({path!r}, os.O_WRONLY)\n")
    usual, *by_ring = sensor.events_of(pid, "tracefs_write")
    seen = usual["event"]["tier"] == "fentry"
    record_property("seen", seen)
    assert [e["tracefs_write"]["file"] for e in by_ring] == ["/set_event_pid"] * seen


@pytest.mark.proves("sysctl_write", "name, values and what they are as numbers")
def test_settings(act, sensor, record_property):
    """As the kernel reads them; what is only read is left out."""
    pid = act(
        """
        def write(name, value):
            fd = os.open("/proc/sys/kernel/" + name, os.O_WRONLY)
            try: os.write(fd, value.encode())
            except OSError: pass
            os.close(fd)
        before = int(open("/proc/sys/kernel/perf_event_mlock_kb").read())
        for value in " 0x205", "517\\n", "many", "516 x", str(before):
            write("perf_event_mlock_kb", value)
        write("printk", open("/proc/sys/kernel/printk").read())
        """
    )
    told = [e["sysctl_write"] for e in sensor.events_of(pid, "sysctl_write")]
    seen = "bcc" not in OPTIONS
    record_property("seen", seen)
    if not seen:
        assert told == []
        return
    numbers = [(each["new_value"], each["new_number"]) for each in told[:4]]
    assert numbers == [(" 0x205", 517), ("517", 517), ("many", None), ("516 x", 516)]
    assert [each["old_number"] for each in told[1:3]] == [517, 517]
    assert [each["change"] for each in told[1:3]] == ["unchanged", None]
    assert [told[4]["old_number"], told[4]["new_value"]] == [516, told[0]["old_value"]]
    assert {each["name"] for each in told[:5]} == {"kernel/perf_event_mlock_kb"}
    printk = told[5]
    assert (printk["name"], printk["change"]) == ("kernel/printk", "unchanged")
    assert printk["new_value"] == printk["old_value"]


@pytest.mark.proves("pidfd_getfd", "target, result, a perf event, and one refused")
def test_descriptor_of_another_process(act, sensor, victim):
    """Whose descriptor was taken, if any; of itself it is nobody's business."""
    pid = act(
        f"""
        near, far = socket.socketpair()
        child = os.fork()
        if not child:
            far.send(struct.pack("i", perf(DISABLED))); signal.pause()
        (event,) = struct.unpack("i", near.recv(4))
        of_child, of_victim = os.pidfd_open(child), os.pidfd_open({victim.pid})
        def take(pidfd, fd, flags=0):
            return libc.syscall(438, pidfd, fd, flags)
        assert take(of_child, event) >= 0
        assert take(of_victim, 1) >= 0
        assert take(os.pidfd_open(os.getpid()), 1) >= 0
        for refused in (of_victim, 999), (of_victim, 1, 7), (near.fileno(), 1), (999, 1):
            assert take(*refused) == -1
        os.kill(child, 9); os.waitpid(child, 0)
        os.setresuid(65534, 65534, 65534)
        assert take(of_victim, 1) == -1
        """
    )
    events = sensor.events_of(pid, "pidfd_getfd")
    results = [e["pidfd_getfd"]["ret"] for e in events]
    assert [min(ret, 0) for ret in results] == [0, 0, -9, -22, -9, -9, -1]
    child, *others = [e.get("target", {}).get("pid") for e in events]
    (opened,) = sensor.events_of(child, "perf")
    assert others == [victim.pid, victim.pid, victim.pid, None, None, victim.pid]
    taken = [e["pidfd_getfd"]["perf_event_id"] for e in events]
    assert taken == [opened["perf"]["id"], *[None] * 6]
    assert events[2]["pidfd_getfd"]["target_fd"] == 999
    assert events[3]["pidfd_getfd"]["flags"] == 7


@pytest.mark.proves("setitimer, prof", "interval timers")
def test_interval_timers(act, sensor):
    """ITIMER_PROF and ITIMER_VIRTUAL; ITIMER_REAL is no profiling."""
    pid = act(
        """
        for which in signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF:
            signal.setitimer(which, 1000, 2)
            signal.setitimer(which, 0)
        """
    )
    armed = [e["setitimer"] for e in sensor.events_of(pid, "setitimer")]
    assert [(e["which"], e["value_ns"], e["interval_ns"]) for e in armed] == [
        ("ITIMER_VIRTUAL", 1000 * 10**9, 2 * 10**9),
        ("ITIMER_VIRTUAL", 0, 0),
        ("ITIMER_PROF", 1000 * 10**9, 2 * 10**9),
        ("ITIMER_PROF", 0, 0),
    ]
    switched = sensor.events_of(pid, "prof", mechanism="itimer")
    assert [e["prof"]["action"] for e in switched] == ["enable", "disable"] * 2


@pytest.mark.proves("prof", "a descriptor that was sent over a socket")
def test_the_descriptor_was_sent_to_another_process(act, sensor):
    """Whoever holds it: the event is its opener's, and what happens to it is told."""
    pid = act(
        """
        near, far = socket.socketpair()
        child = os.fork()
        if not child:
            near.close()
            _, (fd,), *_ = socket.recv_fds(far, 1, 1)
            for command in ENABLE, DISABLE:
                fcntl.ioctl(os.dup(fd), command, 0)
            os._exit(0)
        socket.send_fds(near, [b"x"], [perf(DISABLED)])
        os.waitpid(child, 0)
        """
    )
    switched = sensor.events_of(pid, "prof")
    assert [(e["prof"]["action"], e["prof"]["cause"]) for e in switched] == [
        ("enable", "ioctl"),
        ("disable", "ioctl"),
    ]
    assert {e["target"]["pid"] for e in switched} == {pid}
    (event_id,) = switched[0]["prof"]["event_ids"]
    holders = {e["process"]["pid"] for e in sensor.events("perf_ioctl", id=event_id)}
    assert len(holders) == 1
    assert pid not in holders


@pytest.mark.proves("prof", "closed by io_uring")
def test_closed_by_io_uring(act, sensor, record_property):
    """The last descriptor goes without close(2): function tiers see the end, tracepoints later."""
    pid = act(IO_URING + "fd = perf()\nring_close(fd)\ntime.sleep(0.2)")
    on, off = sensor.events_of(pid, "prof")
    seen = on["event"]["tier"] in FUNCTIONS
    record_property("seen", seen)
    assert (on["prof"]["cause"], off["prof"]["cause"]) == ("open", "close" if seen else "exit")
    assert (off["prof"]["duration_ns"] < 0.2e9) == seen
