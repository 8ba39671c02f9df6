"""Profilers that come from inside: by the environment, as a library, through a runtime."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live.harness import PRODUCTION, needs, wait_for

pytestmark = pytest.mark.live

WAITS = "class Waits { public static void main(String[] a) throws Exception { System.in.read(); } }"
# Without the classes that all JVMs share it would take a minute to start in a VM.
JVM = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Xmx64m"]


def ended(command: list[str], code: int = 0, **options) -> int:
    """The pid of a process that ran this."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **(quiet | options))
    assert process.wait(60) == code
    return process.pid


def told(sensor, pid: int, name: str) -> list[dict]:
    """What was told of a process, once its end was."""
    assert wait_for(lambda: sensor.events_of(pid, "sched_process_exit"))
    return sensor.events_of(pid, name)


@pytest.mark.proves("profiler_env", "new and inherited, among long variables")
def test_what_the_environment_brings_in(sensor):
    """The shell is given it, and its child inherits; the next line is the shell's own doing."""
    environ = {
        "LS_COLORS": "x" * 3000,
        "NOT_LD_PRELOAD": "a",
        "LD_PRELOAD_": "LD_PRELOAD=b",
        "CUT": "x" * 120 + "LD_PRELOAD=c",
        "LD_PRELOAD": "",
        "NODE_OPTIONS": "--max-old-space-size=64",
        "ZZ": "y" * 122,
        "HEAPPROFILE": "/tmp/" + "z" * 300,
    }
    pid = ended(["/bin/sh", "-c", "/bin/true; NODE_OPTIONS=--inspect /bin/true; exit"], env=environ)
    events = [event["profiler_env"] for event in told(sensor, pid, "profiler_env")]
    assert {each["variable"]: each["value"] for each in events} == {
        "LD_PRELOAD": "",
        "NODE_OPTIONS": "--max-old-space-size=64",
        "HEAPPROFILE": "/tmp/" + "z" * 250,
    }
    assert {each["inherited"] for each in events} == {False}
    children = [
        event for event in sensor.events("profiler_env") if event["process"]["parent"]["pid"] == pid
    ]
    assert {event["process"]["executable"] for event in children} == {os.path.realpath("/bin/true")}
    assert all(event["relation"] == "self" for event in children)
    assert sorted(
        (each["variable"], each["value"][:9], each["inherited"])
        for each in (event["profiler_env"] for event in children)
    ) == [
        ("HEAPPROFILE", "/tmp/zzzz", True),
        ("HEAPPROFILE", "/tmp/zzzz", True),
        ("LD_PRELOAD", "", True),
        ("LD_PRELOAD", "", True),
        ("NODE_OPTIONS", "--inspect", False),
        ("NODE_OPTIONS", "--max-old", True),
    ]


def test_a_short_lived_program_loses_nothing(sensor):
    """Of a hundred that are gone at once each is told, with its program."""
    script = "for i in $(seq 100); do CPUPROFILE=/tmp/p.$$ /bin/true; done"
    pid = ended(["/bin/sh", "-c", script])
    assert wait_for(lambda: sensor.events_of(pid, "sched_process_exit"))
    children = [
        event
        for event in sensor.events("profiler_env", variable="CPUPROFILE", value=f"/tmp/p.{pid}")
        if event["process"]["executable"] == os.path.realpath("/bin/true")
    ]
    assert [event["profiler_env"]["inherited"] for event in children] == [False] * 100
    assert len({event["process"]["pid"] for event in children}) == 100


@pytest.mark.proves("shared_object_loaded", "by the loader, by hand, and what is none")
def test_libraries_are_told_once_each(act, sensor, tmp_path):
    """Where the whole mapping fails, or nothing shall run there, or it is no agent: nothing."""
    library = tmp_path / "libasyncProfiler.so.1"
    shutil.copy("/usr/lib/x86_64-linux-gnu/libc.so.6", library)
    shutil.copy(library, tmp_path / "other.so")
    os.chown(library, 1234, 1234)
    noexec = tmp_path / "noexec"
    noexec.mkdir()
    pid = act(
        f"""
        ctypes.CDLL({str(library)!r})
        ctypes.CDLL({str(tmp_path / "other.so")!r})
        fd = os.open({str(library)!r}, os.O_RDONLY)
        mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
        mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_EXEC)
        libc.mmap.restype = ctypes.c_void_p
        assert libc.mmap(None, 0, 5, 2, fd, 0) == ctypes.c_void_p(-1).value
        assert libc.mmap(None, 4096, 5, 2, os.open({str(library)!r}, os.O_WRONLY), 0) == -1 % 2**64
        import subprocess
        mount = ["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", {str(noexec)!r}]
        subprocess.run(mount, check=True)
        try:
            with open({str(noexec / "libprofiler.so")!r}, "w+b") as file:
                file.truncate(4096)
                assert libc.mmap(None, 4096, 5, 2, file.fileno(), 0) == -1 % 2**64
        finally:
            subprocess.run(["umount", {str(noexec)!r}], check=True)
        memory = os.memfd_create("frida-agent-64.so")
        os.truncate(memory, 4096)
        mmap.mmap(memory, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
        """
    )
    disk, memory = [
        event["shared_object_loaded"] for event in told(sensor, pid, "shared_object_loaded")
    ]
    there = library.stat()
    assert (disk["agent"], disk["file_name"]) == ("async-profiler", library.name)
    assert disk["pathname"] in (str(library), None)  # BCC knows no paths
    assert (disk["inode"], disk["ctime"], disk["owner_id"]) == (
        there.st_ino,
        there.st_ctime_ns,
        1234,
    )
    assert disk["dev"] == os.major(there.st_dev) << 20 | os.minor(there.st_dev)
    assert (memory["agent"], memory["file_name"]) == ("frida", "memfd:frida-agent-64.so")


def test_a_profiler_in_production_is_one_finding(server, sensor, findings_of, shipped):
    """Its library, its variable and its timer are one act of the process at itself."""
    library = "/usr/lib/x86_64-linux-gnu/libprofiler.so.0"
    assert os.path.exists(library), "libgoogle-perftools is not installed"
    environ = os.environ | {"LD_PRELOAD": library, "CPUPROFILE": "/dev/null"}
    pid = ended([str(server), "0.2"], env=environ)
    (row,) = findings_of(pid)
    assert row["target_pid"] == pid
    assert row["relation"] == "self"
    rules = sensor.rows(f"SELECT rule_id FROM finding_rules WHERE finding_id = '{row['id']}'")
    both = {shipped(name).id for name in ("profiler_env_production", "agent_loaded_production")}
    assert both <= {each["rule_id"] for each in rules}


def test_what_root_preloads_from_a_writable_folder_is_one_finding(sensor, shipped):
    """However often the same shell does so; and nothing of a library of the system."""
    library = f"/tmp/profguard-test-{os.getpid()}.so"
    script = "for i in 1 2 3; do LD_PRELOAD=$1 /bin/true; done; LD_PRELOAD=libm.so.6 /bin/true"
    ended(["/bin/sh", "-c", script, "sh", library])

    def found():
        return [row for row in sensor.findings() if library in row["message"]]

    assert wait_for(lambda: found() and found()[0]["count"] == 3), found()
    (row,) = found()
    assert row["rule_id"] == shipped("preload_writable").id


@pytest.fixture(params=[{}, PRODUCTION], ids=["anybody", "production"])
def jvm(request, tmp_path):
    """A JVM that waits, and whether it is in production."""
    (tmp_path / "Waits.java").write_text(WAITS)
    subprocess.run([needs("javac"), "Waits.java"], cwd=tmp_path, check=True)
    process = subprocess.Popen(
        [needs("java"), *JVM, "-cp", str(tmp_path), "Waits"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | request.param,
    )
    assert wait_for(lambda: Path(f"/tmp/hsperfdata_root/{process.pid}").exists(), 30)
    yield process, bool(request.param)
    process.kill()
    process.wait()


@pytest.mark.proves("runtime_attach", "jcmd, the first time and again")
def test_jcmd_is_one_finding(jvm, sensor, findings_of, shipped):
    """By SIGQUIT and the socket, and later by the socket alone. Only production is a finding."""
    process, in_production = jvm
    for number in range(2):
        pid = ended([needs("jcmd"), str(process.pid), "VM.version"])
        events = told(sensor, pid, "runtime_attach")
        assert {event["target"]["pid"] for event in events} == {process.pid}
        assert {event["process"]["executable"] for event in events} == {
            os.path.realpath(needs("jcmd"))
        }
        hows = [event["runtime_attach"]["how"] for event in events]
        assert hows[:2] == (["connect"] * 2 if number else ["file", "signal"])
        assert hows[-1] == "connect"
        assert events[-1]["runtime_attach"]["artifact"] == f".java_pid{process.pid}"
        if not in_production:
            assert findings_of(pid, expected=False) == []
            continue
        rule = shipped("jvm_attach_production").id
        assert wait_for(lambda: findings_of(pid)[0]["rule_id"] == rule)  # noqa: B023
        (row,) = findings_of(pid)
        assert row["target_pid"] == process.pid


@pytest.fixture
def node():
    """A Node.js process in production that waits."""
    script = "process.stdin.resume(); console.log('up')"
    process = subprocess.Popen(
        [needs("node"), "-e", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | PRODUCTION,
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


@pytest.mark.proves("runtime_attach", "SIGUSR1 to Node.js, and to others")
def test_the_inspector_of_node_is_a_finding(act, node, target, sensor, findings_of, shipped):
    """It listens then. The same signals to a Python process in production are nothing."""
    pid = act(
        f"""
        os.kill({node.pid}, 0)
        os.kill({node.pid}, signal.SIGUSR1)
        os.kill({target.pid}, signal.SIGQUIT)
        os.kill({target.pid}, signal.SIGUSR1)
        """
    )
    assert b"Debugger listening" in node.stderr.readline()
    (event,) = told(sensor, pid, "runtime_attach")
    assert event["target"]["pid"] == node.pid
    (row,) = findings_of(pid)
    assert event["runtime_attach"] == {
        "runtime": "node",
        "how": "signal",
        "signal": "SIGUSR1",
        "artifact": None,
        "session": row["session"],
    }
    assert (row["rule_id"], row["mechanism"]) == (
        shipped("node_inspector_production").id,
        "runtime",
    )


@pytest.mark.proves("runtime_attach", "perf maps, and files with other names")
def test_a_perf_map_is_told_of_its_runtime(act, sensor, target, findings_of, shipped, tmp_path):
    """Node.js writes its own; of one written for another process that one is the target."""
    script = "process.stdout.write(process.version)"
    command = [needs("node"), "--perf-basic-prof", "-e", script]
    pid = ended(command, env=os.environ | PRODUCTION, cwd=tmp_path)  # where it leaves a log, too
    os.unlink(f"/tmp/perf-{pid}.map")
    (event,) = told(sensor, pid, "runtime_attach")
    assert (event["relation"], event["target"]["pid"]) == ("self", pid)
    (row,) = findings_of(pid)
    assert event["runtime_attach"] == {
        "runtime": "node",
        "how": "file",
        "signal": None,
        "artifact": f"perf-{pid}.map",
        "session": row["session"],
    }
    assert row["rule_id"] == shipped("perf_map_production").id
    names = (
        *(f"jit-{target.pid}.dump", f"perf-{target.pid}.map"),
        *("perf-4194305.map", ".attach_pid4194305", f".attach_pid{target.pid}"),
        *("perf-.map", f"perf-{target.pid}.data", "perf-1x.map", "jit-1.map", "x", "xperf-1.map"),
    )
    pid = act(
        f"""
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            for name in {names!r}:
                for _ in range(2):
                    open(folder + "/" + name, "w").close()
        """
    )
    events = told(sensor, pid, "runtime_attach")
    assert [
        (event["runtime_attach"]["artifact"], event.get("target", {}).get("pid"))
        for event in events
    ] == [(name, target.pid) for name in names[:2]] + [(name, None) for name in names[2:5]]
    assert [event["runtime_attach"]["runtime"] for event in events] == [
        *("python", "python", None, "jvm", "jvm")
    ]


@pytest.mark.proves("runtime_attach", "refused, ignored, and one's own")
def test_what_opens_nothing_is_not_told(act, sensor, node, tmp_path):
    """A signal that is refused; a connection to other names, to nobody, or to oneself."""
    pid = act(
        f"""
        for name in ".java_pid1", "java_pid2":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind({str(tmp_path)!r} + "/" + name)
            listener.listen()
            socket.socket(socket.AF_UNIX).connect({str(tmp_path)!r} + "/" + name)
        try:
            socket.socket(socket.AF_UNIX).connect("/nowhere/.java_pid3")
        except OSError:
            pass
        os.setresuid(65534, 65534, 65534)
        try:
            os.kill({node.pid}, signal.SIGUSR1)
        except PermissionError:
            pass
        """
    )
    assert told(sensor, pid, "runtime_attach") == []
    assert node.poll() is None
