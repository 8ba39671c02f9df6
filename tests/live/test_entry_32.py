"""i386's system calls, made by a 64-bit process through `int $0x80`.

Functions of the kernel are the same for both entries, and so are the tiers that hook them. The
tracepoints of system calls are not reached: what these tiers miss is asserted too.
"""

import pytest

from tests.live.harness import FUNCTIONS

pytestmark = pytest.mark.live

# What is passed lies below 4 GB: `room()` puts it there. The code moves arguments from where C has
# them to where i386 has them; the sixth is 0.
ENTRY = """
low = mmap.mmap(-1, 8192, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, prot=7)  # MAP_32BIT
at = ctypes.addressof(ctypes.c_char.from_buffer(low))
assert at < 1 << 32
code = bytes.fromhex("53 55 89f8 89f3 87d1 4489c6 4489cf 31ed cd80 5d 5b c3")
low[:len(code)] = code
entry = ctypes.CFUNCTYPE(*[ctypes.c_int] * 7)(at)
PERF_EVENT_OPEN, IOCTL, CLOSE, PRCTL, PTRACE, SETITIMER = 336, 54, 6, 172, 26, 104
TIMER_CREATE, TIMER_SETTIME64, TIMER_DELETE, VM_READV, VM_WRITEV = 259, 409, 263, 347, 348
BPF = 357
PIDFD_GETFD = 438
OPEN = 5
def room(offset, data):
    low[4096 + offset:4096 + offset + len(data)] = data
    return at + 4096 + offset
def call(nr, *args):
    return entry(nr, *args, *[0] * (5 - len(args)), 0)
"""


@pytest.fixture
def act_32(sensor, act, record_property):
    """Run a program that has ENTRY, until the sensor has seen its end.

    Gives its pid, and whether the tier that tells of its events of a name sees that entry. So it
    makes one of them by the usual entry first.
    """

    def run(name: str, code: str) -> tuple[int, bool]:
        pid = act(ENTRY + code)
        seen = sensor.events_of(pid, name)[0]["event"]["tier"] in FUNCTIONS
        record_property("seen", seen)
        return pid, seen

    return run


@pytest.mark.proves("perf, prof", "`int $0x80`: perf_event_open, ioctl and prctl")
def test_perf_events(act_32, sensor):
    """Opened, switched one by one, and all together; a call by the usual entry changes nothing."""
    pid, seen = act_32(
        "perf",
        """
perf(DISABLED)
fd = call(PERF_EVENT_OPEN, room(0, attributes(DISABLED)), 0, -1, -1, 0)
assert fd >= 0
for command in ENABLE, DISABLE, ENABLE:
    assert call(IOCTL, fd, command) == 0
    fcntl.ioctl(os.pipe()[0], 0x541B, bytes(4))  # FIONREAD
assert call(PRCTL, 31) == 0
""",
    )
    assert len(sensor.events_of(pid, "perf")) == 1 + seen
    switched = [(e["prof"]["action"], e["prof"]["cause"]) for e in sensor.events_of(pid, "prof")]
    assert (
        switched
        == [
            ("enable", "ioctl"),
            ("disable", "ioctl"),
            ("enable", "ioctl"),
            ("disable", "prctl"),
        ]
        * seen
    )


@pytest.mark.proves("prof", "`int $0x80`: close")
def test_close(act_32, sensor):
    """A tier that does not see it tells the end at the exit."""
    pid, seen = act_32("perf", "assert call(CLOSE, perf()) == 0\ntime.sleep(0.2)")
    on, off = sensor.events_of(pid, "prof")
    assert (on["prof"]["cause"], off["prof"]["cause"]) == ("open", "close" if seen else "exit")


@pytest.mark.proves("ptrace", "`int $0x80`: ptrace")
def test_ptrace(act_32, sensor, victim):
    """Seized by one entry, let go by the other."""
    pid, seen = act_32(
        "ptrace",
        f"""
assert libc.ptrace(0x4206, {victim.pid}, None, None) == 0
assert libc.ptrace(0x4207, {victim.pid}, None, None) == 0
os.waitpid({victim.pid}, 0x40000000)
assert call(PTRACE, 17, {victim.pid}) == 0
""",
    )
    events = sensor.events_of(pid, "ptrace")
    assert [e["ptrace"]["request"] for e in events] == ["PTRACE_SEIZE", *["PTRACE_DETACH"] * seen]
    assert {e["target"]["pid"] for e in events} == {victim.pid}


@pytest.mark.proves("process_vm_readv, process_vm_writev", "`int $0x80`")
def test_memory_of_another_process(act_32, sensor, victim):
    """The vectors are those of a 32-bit process."""
    pid, seen = act_32(
        "process_vm_readv",
        f"""
usual, vector = struct.pack("=QQ", at, 8), room(0, struct.pack("=II", at, 8))
for number in 310, 311:
    libc.syscall(number, {victim.pid}, usual, 1, usual, 1, ctypes.c_long(0))
for number in VM_READV, VM_WRITEV:
    assert call(number, {victim.pid}, vector, 1, vector, 1) == -14
""",
    )
    for name in ("process_vm_readv", "process_vm_writev"):
        told = [(e["target"]["pid"], e[name]["ret"]) for e in sensor.events_of(pid, name)]
        assert told == [(victim.pid, -14)] * (1 + seen)


@pytest.mark.proves("proc_mem_open", "`int $0x80`")
def test_memory_opened(act_32, sensor, victim):
    """The same file, by each entry."""
    path = f"/proc/{victim.pid}/mem"
    pid, seen = act_32(
        "proc_mem_open",
        f"""
open({path!r}).close()
assert call(OPEN, room(0, b"{path}\\0"), os.O_RDWR) >= 0
""",
    )
    opened = [
        (e["target"]["pid"], e["proc_mem_open"]["mode"])
        for e in sensor.events_of(pid, "proc_mem_open")
    ]
    assert opened == [(victim.pid, "read"), *[(victim.pid, "read-write")] * seen]


@pytest.mark.proves("pidfd_getfd", "`int $0x80`")
def test_descriptor_of_another_process(act_32, sensor, victim):
    """The same descriptor, by each entry."""
    pid, seen = act_32(
        "pidfd_getfd",
        f"""
pidfd = os.pidfd_open({victim.pid})
assert libc.syscall(438, pidfd, 1, 0) >= 0
assert call(PIDFD_GETFD, pidfd, 1, 0) >= 0
""",
    )
    taken = [
        (e["target"]["pid"], e["pidfd_getfd"]["ret"] >= 0)
        for e in sensor.events_of(pid, "pidfd_getfd")
    ]
    assert taken == [(victim.pid, True)] * (1 + seen)


@pytest.mark.proves("timer_create, prof", "`int $0x80`: POSIX timers")
def test_posix_timers(act_32, sensor):
    """Created, armed and deleted; the first one is only created."""
    pid, seen = act_32(
        "timer_create",
        """
timer = room(0, bytes(8))
assert libc.syscall(222, 2, None, timer) == 0
assert call(TIMER_CREATE, 2, room(64, struct.pack("=Iii52x", 0, 27, 1)), timer) == 0
(number,) = struct.unpack_from("=i", low, 4096)
assert call(TIMER_SETTIME64, number, 0, room(8, struct.pack("=qqqq", 0, 10**7, 1000, 0)), 0) == 0
assert call(TIMER_DELETE, number) == 0
""",
    )
    created = [e["timer_create"] for e in sensor.events_of(pid, "timer_create")]
    assert [e["signal"] for e in created][1:] == [27] * seen
    assert {e["clock_id"] for e in created} == {2}
    switched = sensor.events_of(pid, "prof", cause="timer")
    assert {e["event"]["tier"] for e in switched} <= set(FUNCTIONS)
    # On 5.10 only the arming can be hooked, and what was not seen made is not known when it goes.
    told = [e["prof"]["action"] for e in switched]
    assert told == ["enable", "disable"] if seen else told in (["enable"], [])


@pytest.mark.proves("bpf_prog_load, bpf_attach", "`int $0x80`")
def test_bpf(act_32, sensor):
    """The same load by each entry, and a link by this one. The attributes have one form in both."""
    pid, seen = act_32(
        "bpf_prog_load",
        """
code = room(128, struct.pack("=BBhiBBhi", 0xb7, 0, 0, 0, 0x95, 0, 0, 0))
attr = struct.pack("=IIQQ24x", 17, 2, code, room(192, b"GPL\\0"))
program = libc.syscall(321, 5, attr, len(attr))
assert program >= 0
assert call(BPF, 5, room(0, attr), len(attr)) >= 0
name = room(256, b"sched_process_exec\\0")
assert call(BPF, 17, room(0, struct.pack("=QI4x", name, program)), 16) >= 0
""",
    )
    loads = sensor.events_of(pid, "bpf_prog_load", prog_type="raw_tracepoint")
    assert len(loads) == 1 + seen
    assert len({e["bpf_prog_load"]["tag"] for e in loads}) == 1
    attached = sensor.events_of(pid, "bpf_attach", link_type="raw_tracepoint")
    assert [e["bpf_attach"]["symbol_name"] for e in attached] == ["sched_process_exec"] * seen
