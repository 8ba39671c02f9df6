"""BPF programs that are loaded and attached by bpf(2) itself, without any tool.

What a kernel does not know yet fails there, and is told as what it is.
"""

import pytest

from tests.live.harness import OPTIONS

pytestmark = pytest.mark.live

# A program is two instructions: r0 = 0; exit. With the second one alone the verifier refuses it.
BPF = """
LOAD, PROG_ATTACH, RAW_TRACEPOINT_OPEN, LINK_CREATE = 5, 8, 17, 28
SOCKET_FILTER, PERF_EVENT, CGROUP_SKB, RAW_TRACEPOINT = 1, 7, 8, 17
WHOLE = struct.pack("=BBhiBBhi", 0xb7, 0, 0, 0, 0x95, 0, 0, 0)
told = []
def bpf(command, form, *values):
    attr = struct.pack("=" + form, *values)
    return libc.syscall(321, command, attr, len(attr))
def load(type, name, expected=0, code=WHOLE):
    text, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    return bpf(LOAD, "IIQQIIQII16sII", type, len(code) // 8, ctypes.addressof(text),
               ctypes.addressof(licence), 0, 0, 0, 0, 0, name, 0, expected)
def shown(fd):
    lines = open(f"/proc/self/fdinfo/{fd}").read().splitlines()
    return dict(line.split(":\\t") for line in lines)
def open_raw(name, fd):
    text = ctypes.create_string_buffer(name)
    return bpf(RAW_TRACEPOINT_OPEN, "QI4x", ctypes.addressof(text), fd)
"""


@pytest.fixture
def act_told(act_told):
    """The program has BPF."""
    return lambda code: act_told(f"{BPF}{code}")


@pytest.mark.proves("bpf_prog_load", "type, id and tag; and one refused")
def test_load(act_told, sensor):
    """What is loaded is as /proc shows it; what is refused is as it was passed."""
    pid, told = act_told("""
for arguments in (SOCKET_FILTER, b"filter"), (RAW_TRACEPOINT, b"observer"), (CGROUP_SKB, b"", 1):
    fd = load(*arguments)
    told.append([fd, shown(fd)["prog_id"], shown(fd)["prog_tag"]])
assert load(RAW_TRACEPOINT, b"no_verdict", code=WHOLE[8:]) == -1
told.append(-ctypes.get_errno())
""")
    *whole, refused = sensor.events_of(pid, "bpf_prog_load")
    loads = [event["bpf_prog_load"] for event in whole]
    assert [[e["ret"], str(e["prog_id"]), e["tag"]] for e in loads] == told[:3]
    assert [(e["prog_type"], e["prog_name"], e["expected_attach_type"]) for e in loads] == [
        ("socket_filter", "filter", None),
        ("raw_tracepoint", "observer", None),
        ("cgroup_skb", None, "cgroup_inet_egress"),
    ]
    assert {e["insn_cnt"] for e in loads} == {2}
    assert [e.get("relation") for e in whole] == [None, "cpu-wide", None]
    assert refused["bpf_prog_load"] == {
        "ret": told[3],
        "prog_type": "raw_tracepoint",
        "expected_attach_type": None,
        "prog_id": None,
        "insn_cnt": 1,
        "prog_name": "no_verdict",
        "tag": None,
    }


@pytest.mark.proves("bpf_attach", "a raw tracepoint; and one that is not there")
def test_attach_to_a_raw_tracepoint(act_told, sensor):
    """The tracepoint's name is the kernel's where there is a link, and else the caller's."""
    pid, told = act_told("""
program = load(RAW_TRACEPOINT, b"observer")
told += [int(shown(program)["prog_id"]), open_raw(b"sched_process_exec", program)]
assert open_raw(b"nowhere", program) == -1
""")
    number, link = told
    events = sensor.events_of(pid, "bpf_attach", how="raw_tracepoint")
    assert [(e["bpf_attach"]["ret"], e["bpf_attach"]["symbol_name"]) for e in events] == [
        (link, "sched_process_exec"),
        (-2, "nowhere"),
    ]
    assert [e["bpf_attach"]["link_type"] for e in events] == ["raw_tracepoint", None]
    for event in events:
        attach = event["bpf_attach"]
        assert (attach["prog_id"], attach["prog_name"]) == (number, "observer")
        assert attach["prog_type"] == "raw_tracepoint"
        assert (attach["attach_type"], attach["perf_event_id"]) == (None, None)
        assert event["relation"] == "cpu-wide"


@pytest.mark.proves("bpf_attach", "a link to a perf event (since 5.15)")
def test_attach_to_a_perf_event(act_told, sensor):
    """The perf event and the process that it is bound to are told."""
    pid, told = act_told("""
event, program = perf(DISABLED), load(PERF_EVENT, b"sampler")
number = ctypes.c_uint64()
assert libc.ioctl(event, 0x80082407, ctypes.byref(number)) == 0
told += [number.value, bpf(LINK_CREATE, "IIII", program, event, 41, 0)]
""")
    number, link = told
    (event,) = sensor.events_of(pid, "bpf_attach")
    attach = event["bpf_attach"]
    assert (attach["how"], attach["attach_type"]) == ("link_create", "perf_event")
    assert (attach["prog_type"], attach["prog_name"]) == ("perf_event", "sampler")
    if link < 0:
        assert (attach["ret"], attach["link_type"], attach["perf_event_id"]) == (-22, None, None)
        return
    assert (attach["ret"], attach["link_type"]) == (link, "perf_event")
    if "bcc" in OPTIONS:  # the headers do not say where a link has its perf event
        assert (attach["perf_event_id"], attach["scope"], attach["pmu"]) == (None, None, None)
        assert event.get("target") is None
        return
    assert (attach["perf_event_id"], attach["scope"]) == (number, "task")
    assert attach["pmu"] == "cpu_clock"
    assert event["target"]["pid"] == pid


@pytest.mark.proves("bpf_attach", "BPF_PROG_ATTACH, refused")
def test_attach_without_a_link(act_told, sensor):
    """The program is the one that the descriptor means which was passed."""
    pid, told = act_told("""
program = load(SOCKET_FILTER, b"filter")
told.append(int(shown(program)["prog_id"]))
assert bpf(PROG_ATTACH, "IIII", 0, program, 6, 0) == -1
""")
    (event,) = sensor.events_of(pid, "bpf_attach")
    attach = event["bpf_attach"]
    assert (attach["ret"], attach["how"]) == (-22, "prog_attach")
    assert (attach["prog_id"], attach["prog_type"]) == (told[0], "socket_filter")
    assert attach["attach_type"] == "cgroup_device"
    assert (attach["link_type"], attach["symbol_name"]) == (None, None)
