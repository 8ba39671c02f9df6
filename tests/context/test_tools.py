"""Which tool a process is: the shipped names, and those of the configuration."""

import pytest

from profguard.config import LabelDefinition
from profguard.context.tools import UNKNOWN, Tools, shipped
from profguard.errors import ConfigError
from profguard.model import Process

PYTHON = "/usr/bin/python3.11"
CASES = [
    ("perf", "/usr/bin/perf", "perf record -a"),
    ("perf", "/usr/bin/perf_6.1", "perf_6.1 stat"),
    ("perf", "/usr/lib/linux-tools-6.8.0-31/perf", "perf top"),
    ("bpftrace", "/usr/bin/bpftrace", "bpftrace -e x"),
    ("bpftool", "/usr/sbin/bpftool", "bpftool prog profile"),
    ("bcc", PYTHON, "/usr/bin/python3 /usr/share/bcc/tools/profile -p 1"),
    ("bcc", PYTHON, "python3 /usr/sbin/profile-bpfcc"),
    ("trace-cmd", "/usr/bin/trace-cmd", "trace-cmd record"),
    ("systemtap", "/usr/bin/staprun", "staprun x.ko"),
    ("uftrace", "/usr/bin/uftrace", "uftrace record"),
    ("sysprof", "/usr/bin/sysprof-cli", "sysprof-cli"),
    ("samply", "/root/.cargo/bin/samply", "samply record"),
    ("heaptrack", "/usr/bin/heaptrack", "heaptrack -p 1"),
    ("parca-agent", "/usr/bin/parca-agent", "parca-agent"),
    ("pyroscope", "/usr/bin/pyroscope", "pyroscope"),
    ("gdb", "/usr/bin/gdb", "gdb -p 1"),
    ("gdb", "/usr/bin/gdbserver", "gdbserver --attach :1 1"),
    ("lldb", "/usr/lib/llvm-16/bin/lldb-server", "lldb-server"),
    ("rr", "/usr/bin/rr", "rr record x"),
    ("delve", "/root/go/bin/dlv", "dlv attach 1"),
    ("strace", "/usr/bin/strace", "strace -p 1"),
    ("ltrace", "/usr/bin/ltrace", "ltrace ls"),
    ("valgrind", "/usr/bin/valgrind", "valgrind ls"),
    ("valgrind", "/usr/libexec/valgrind/memcheck-amd64-linux", "ls"),
    ("frida", PYTHON, "python3 /usr/local/bin/frida-trace -p 1"),
    ("py-spy", "/srv/venv/bin/py-spy", "py-spy dump --pid 1"),
    ("py-spy", PYTHON, "/usr/bin/python3 /usr/local/bin/py-spy record -p 1"),
    ("memray", PYTHON, "python3 -m memray attach 1"),
    ("memray", PYTHON, "/venv/bin/python /venv/bin/memray run x.py"),
    ("memray", "/usr/bin/gdb", "gdb -batch -x /venv/lib/memray/commands/_attach.gdb"),
    ("pdb", PYTHON, "python3.14 -m pdb -p 1"),
    ("pdb", PYTHON, "/usr/bin/python3.14 /usr/bin/pdb3.14 -p 1"),
    ("austin", "/usr/bin/austinp", "austinp -p 1"),
    ("rbspy", "/usr/bin/rbspy", "rbspy record"),
    ("jcmd", "/usr/lib/jvm/java-17/bin/jcmd", "jcmd 1 JFR.start"),
    ("jattach", "/usr/bin/jattach", "jattach 1 load"),
    ("async-profiler", "/opt/async-profiler/bin/asprof", "asprof 1"),
    ("async-profiler", "/usr/bin/bash", "/bin/bash ./profiler.sh 1"),
    ("go-pprof", "/usr/lib/go/bin/go", "go tool pprof http://x"),
    ("go-pprof", "/root/go/bin/pprof", "pprof x"),
    ("node", "/usr/bin/node", "node --inspect=0.0.0.0 app.js"),
    ("node", "/usr/bin/node", "node inspect -p 1"),
]
NO_TOOLS = [
    ("/usr/bin/node", "node app.js"),
    ("/usr/bin/node", "node app.js inspect"),
    ("/usr/bin/python3.11", "python3 app.py memray"),
    ("/usr/bin/cat", "cat /usr/share/bcc/tools/profile"),
    ("/usr/lib/go/bin/go", "go build"),
    ("/usr/bin/superperf", "perf"),
    ("/usr/bin/myperf", "myperf record"),
    (None, None),
]


def process(executable, command_line) -> Process:
    return Process(pid=1, executable=executable, command_line=command_line)


@pytest.fixture(scope="module")
def tools():
    return Tools()


@pytest.mark.parametrize(("name", "executable", "command_line"), CASES)
def test_the_shipped_tools(tools, name, executable, command_line):
    assert tools.name(process(executable, command_line)) == name


@pytest.mark.parametrize(("executable", "command_line"), NO_TOOLS)
def test_what_nothing_fits_is_unknown(tools, executable, command_line):
    assert tools.name(process(executable, command_line)) == UNKNOWN


def test_every_shipped_tool_has_a_case():
    assert {one.name for one in shipped()} == {name for name, *_ in CASES}


def test_without_a_process_there_is_no_tool(tools):
    assert tools.name(None) is None


def test_the_configuration_comes_first():
    tools = Tools([LabelDefinition("house-perf", {"executable|startswith": "/opt/house/"})])
    assert tools.name(process("/opt/house/perf", "perf")) == "house-perf"
    assert tools.name(process("/usr/bin/perf", "perf")) == "perf"


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({"environ.ROLE": "x"}, "a tool is not told by its environment: environ.ROLE"),
        ({"executble": "x"}, "executble"),
    ],
)
def test_a_mistake_is_told(selection, said):
    with pytest.raises(ConfigError) as caught:
        Tools([LabelDefinition("x", selection)])
    assert said in caught.value.problems[0].render()
