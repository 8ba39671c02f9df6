"""Dynamic probes, placed by system calls and by tracefs themselves, without any tool."""

import os
import sys
from pathlib import Path

import pytest

from tests.live.harness import FUNCTIONS, OPTIONS
from tests.live.test_programs import BPF

pytestmark = pytest.mark.live

BCC = "bcc" in OPTIONS  # the headers do not say what the kernel keeps of a probe
PMUS = Path("/sys/bus/event_source/devices")
PROBES = """
def attach(pmu, text, offset, returns=0, pid=-1, cpu=0, ref_ctr=0):
    number = int(open(f"/sys/bus/event_source/devices/{pmu}/type").read())
    here = ctypes.create_string_buffer(text.encode())
    attr = struct.pack("=IIQQQQQIIQQ", number, 112, ref_ctr << 32 | returns, 0, 0, 0, DISABLED,
                       0, 0, ctypes.addressof(here), offset).ljust(112, b"\\0")
    return libc.syscall(298, attr, pid, cpu, -1, 0)
def number_of(fd):
    number = ctypes.c_uint64()
    assert libc.ioctl(fd, 0x80082407, ctypes.byref(number)) == 0
    return number.value
def tracefs(name, text):
    file = os.open(f"/sys/kernel/tracing/{name}", os.O_WRONLY | os.O_APPEND)
    os.write(file, text.encode())
    os.close(file)
def in_tracefs(kind, what):
    tracefs(f"{kind}_events", f"p:profguard/{kind}{os.getpid()} {what}\\n")
    return f"events/profguard/{kind}{os.getpid()}"
def forget(kind):
    tracefs(f"{kind}_events", f"-:profguard/{kind}{os.getpid()}\\n")
"""

needs_kprobes = pytest.mark.skipif(
    not (PMUS / "kprobe").exists(), reason="this kernel is built without kprobes"
)


@pytest.fixture
def program(tmp_path):
    """A program of nobody's, by a path with a link in it, and as it is."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "program").write_bytes(Path(sys.executable).resolve().read_bytes())
    (tmp_path / "link").symlink_to(real)
    return tmp_path / "link" / "program", real / "program"


@pytest.fixture
def act_told(act_told):
    """The program has PROBES and BPF."""
    return lambda code: act_told(f"{BPF}{PROBES}\n{code}")


@pytest.mark.proves("uprobe_attach", "file, offset and target of a perf event")
def test_uprobe_by_perf_event(act_told, sensor, program):
    """Whole machine and one process, entry and return; the file is the one that a link leads to."""
    given, real = program
    pid, told = act_told(f"""
for arguments in (4096,), (8192, 1, os.getpid(), -1), (12288, 0, os.getpid(), -1, 16384):
    fd = attach("uprobe", {str(given)!r}, *arguments)
    assert fd >= 0
    told.append([fd, number_of(fd)])
assert attach("uprobe", "/nowhere", 0) == -1
""")
    events = sensor.events_of(pid, "uprobe_attach")
    probes = [event["uprobe_attach"] for event in events]
    assert [[each["ret"], each["perf_event_id"]] for each in probes] == told
    assert [each["offsets"] for each in probes] == [[4096], [8192], [12288]]
    assert [each["type"] for each in probes] == ["uprobe", "uretprobe", "uprobe"]
    assert [each["scope"] for each in probes] == ["cpu", "task", "task"]
    assert [each["ref_ctr_offset"] for each in probes] == [None, None, 16384]
    assert {each["path"] for each in probes} == {str(given if BCC else real)}
    if not BCC:
        assert {each["inode"] for each in probes} == {real.stat().st_ino}
        assert {os.makedev(each["dev"] >> 20, each["dev"] & 0xFFFFF) for each in probes} == {
            real.stat().st_dev
        }
    assert {(each["via"], each["total"]) for each in probes} == {("perf_event", 1)}
    assert [event.get("target", {}).get("pid") for event in events] == [None, pid, pid]
    assert [event["relation"] for event in events] == ["cpu-wide", "self", "self"]


@pytest.mark.proves("uprobe_attach", "a perf event of a probe in tracefs")
def test_uprobe_by_an_event_of_tracefs(act_told, sensor, program, record_property):
    """As perf probe and perf record do: the perf event is a tracepoint's."""
    _, real = program
    pid, told = act_told(f"""
folder = in_tracefs("uprobe", "{real}:0x1000")
number = int(open(f"/sys/kernel/tracing/{{folder}}/id").read())
attr = struct.pack("=IIQQQQQ", 2, 112, number, 0, 0, 0, DISABLED).ljust(112, b"\\0")
fd = libc.syscall(298, attr, -1, 0, -1, 0)
assert fd >= 0
told += [fd, number_of(fd)]
os.close(fd)
forget("uprobe")
""")
    events = sensor.events_of(pid, "uprobe_attach")
    record_property("seen", bool(events))
    if BCC:
        assert events == []
        return
    (probe,) = (event["uprobe_attach"] for event in events)
    assert [probe["ret"], probe["perf_event_id"]] == told
    assert (probe["via"], probe["path"], probe["offsets"]) == ("tracefs_event", str(real), [4096])


@pytest.mark.proves("uprobe_attach", "tracefs alone")
def test_uprobe_by_tracefs(act_told, sensor, program, record_property):
    """Told when it is switched on, by the tiers that hook functions."""
    _, real = program
    pid, _ = act_told(f"""
folder = in_tracefs("uprobe", "{real}:0x1000")
tracefs(f"{{folder}}/enable", "1")
tracefs(f"{{folder}}/enable", "0")
forget("uprobe")
assert attach("uprobe", {str(real)!r}, 8192) >= 0
""")
    *events, known = sensor.events_of(pid, "uprobe_attach")
    assert known["uprobe_attach"]["offsets"] == [8192]
    seen = known["event"]["tier"] in FUNCTIONS and not BCC
    record_property("seen", seen)
    if not seen:
        assert events == []
        return
    (event,) = events
    probe = event["uprobe_attach"]
    assert (probe["via"], probe["ret"], probe["perf_event_id"]) == ("tracefs", 0, None)
    assert (probe["path"], probe["offsets"]) == (str(real), [4096])
    assert (probe["inode"], probe["type"]) == (real.stat().st_ino, "uprobe")
    assert event["relation"] == "cpu-wide"


@pytest.mark.proves("uprobe_attach", "a BPF link to many places (since 6.6)")
def test_uprobe_by_link(act_told, sensor, program):
    """Eight of its offsets, how many there are, and the process that it is limited to."""
    _, real = program
    pid, told = act_told(f"""
MULTI, RETURN = 48, 1
path = ctypes.create_string_buffer({str(real).encode()!r})
offsets = (ctypes.c_uint64 * 10)(*(4096 + 16 * i for i in range(10)))
program = load(2, b"multi", MULTI)
def link(count, flags, pid):
    return bpf(LINK_CREATE, "IIIIQQQQIIIQ", program, 0, MULTI, 0, ctypes.addressof(path),
               ctypes.addressof(offsets), 0, 0, count, flags, pid, 0)
told += [link(10, 0, 0), link(1, RETURN, os.getpid())]
""")
    events = sensor.events_of(pid, "uprobe_attach")
    probes = [event["uprobe_attach"] for event in events]
    if min(told) < 0:  # this kernel has no such link: it is a refused attach
        assert os.uname().release.split(".")[:2] < ["6", "6"]
        assert probes == []
        return
    assert [each["ret"] for each in probes] == told
    assert {each["via"] for each in probes} == {"link"}
    if BCC:
        assert {each["path"] for each in probes} == {None}
        return
    assert [each["offsets"] for each in probes] == [[4096 + 16 * i for i in range(8)], [4096]]
    assert [each["total"] for each in probes] == [10, 1]
    assert [each["type"] for each in probes] == ["uprobe", "uretprobe"]
    assert {each["path"] for each in probes} == {str(real)}
    assert [event["relation"] for event in events] == ["cpu-wide", "self"]


@needs_kprobes
@pytest.mark.proves("kprobe_attach", "symbol and offset of a perf event")
def test_kprobe_by_perf_event(act_told, sensor):
    """By its symbol; by its address, whose name the kernel knows since 5.13; and on return."""
    pid, told = act_told("""
symbols = dict(reversed(line.split()[0::2][:2]) for line in open("/proc/kallsyms"))
for arguments in ("commit_creds", 0), ("commit_creds", 0, 1):
    fd = attach("kprobe", *arguments)
    assert fd >= 0
    told.append([fd, number_of(fd)])
number = int(open("/sys/bus/event_source/devices/kprobe/type").read())
attr = struct.pack("=IIQQQQQIIQQ", number, 112, 0, 0, 0, 0, DISABLED, 0, 0, 0,
                   int(symbols["commit_creds"], 16)).ljust(112, b"\\0")
fd = libc.syscall(298, attr, -1, 0, -1, 0)
assert fd >= 0
told.append([fd, number_of(fd)])
assert attach("kprobe", "no_such_function", 0) == -1
""")
    events = sensor.events_of(pid, "kprobe_attach")
    probes = [event["kprobe_attach"] for event in events]
    assert [[each["ret"], each["perf_event_id"]] for each in probes] == told
    assert [each["symbols"] for each in probes[:2]] == [["commit_creds"]] * 2
    assert [each["offset"] for each in probes] == [0, 0, None]
    assert [each["type"] for each in probes] == ["kprobe", "kretprobe", "kprobe"]
    assert {(each["via"], each["total"]) for each in probes} == {("perf_event", 1)}
    assert {event["relation"] for event in events} == {"cpu-wide"}
    can_name = not BCC and os.uname().release.split(".")[0] != "5"
    assert probes[2]["symbols"] == (["commit_creds"] if can_name else None)


@needs_kprobes
@pytest.mark.proves("kprobe_attach", "tracefs alone")
def test_kprobe_by_tracefs(act_told, sensor, record_property):
    """Told when it is switched on, by the tiers that hook functions."""
    pid, _ = act_told("""
folder = in_tracefs("kprobe", "commit_creds")
tracefs(f"{folder}/enable", "1")
tracefs(f"{folder}/enable", "0")
forget("kprobe")
assert attach("kprobe", "prepare_creds", 0) >= 0
""")
    *events, known = sensor.events_of(pid, "kprobe_attach")
    assert known["kprobe_attach"]["symbols"] == ["prepare_creds"]
    seen = known["event"]["tier"] in FUNCTIONS and not BCC
    record_property("seen", seen)
    probes = [event["kprobe_attach"] for event in events]
    told = [(each["via"], each["ret"], each["symbols"]) for each in probes]
    assert told == [("tracefs", 0, ["commit_creds"])] * seen


@needs_kprobes
@pytest.mark.proves("kprobe_attach", "a BPF link to many functions (since 5.18, with fprobe)")
def test_kprobe_by_link(act_told, sensor):
    """The functions have the names that they were asked for by."""
    pid, told = act_told("""
MULTI = 42
names = [ctypes.create_string_buffer(name) for name in (b"commit_creds", b"prepare_creds")]
pointers = (ctypes.c_uint64 * 2)(*map(ctypes.addressof, names))
told.append(bpf(LINK_CREATE, "IIIIIIQQQ", load(2, b"multi", MULTI), 0, MULTI, 0, 0, 2,
                ctypes.addressof(pointers), 0, 0))
""")
    probes = [event["kprobe_attach"] for event in sensor.events_of(pid, "kprobe_attach")]
    if told[0] < 0:
        assert probes == []
        return
    (probe,) = probes
    assert (probe["ret"], probe["via"]) == (told[0], "link")
    if not BCC:
        assert sorted(probe["symbols"]) == ["commit_creds", "prepare_creds"]
        assert (probe["total"], probe["offset"], probe["type"]) == (2, None, "kprobe")
