"""Tools that work from inside the program, or get its runtime to open up."""

from tests.live.harness import PRODUCTION
from tests.tools.targets import C_GPROF, GO, JAVA, NODE, PYTHON, PYTHON_3_14, C
from tests.tools.tool import ITSELF, Tool

_TIMER = ("setitimer", "prof")
_ITSELF = {"actor": ITSELF, "starts": True, "environ": PRODUCTION}
_ASKED = {"events": ("runtime_attach",), "mechanism": "runtime", "ends": False}
_LOADED = {"events": ("profiler_env", "shared_object_loaded"), "ends": False}
_COMMAND_LINE = "the option stands in the command line of its exec"
_JDWP = "transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0"


def _by_environment(package: str, target: str, command: str, name: str, value: str, **more) -> Tool:
    """A profiler that a variable of the environment switches on."""
    return Tool(
        f"{name}={value.partition(':file')[0]}",
        package,
        target,
        (command, "PROGRAM", "1"),
        mechanism="environment",
        actor=ITSELF,
        starts=True,
        ends=False,
        environ=PRODUCTION | {name: value},
        **more,
    )


INSIDE = (
    # timers of the process itself
    Tool(
        "gperftools",
        "libgoogle-perftools4",
        C,
        ("PROGRAM", "0.5"),
        ("profiler_env", "shared_object_loaded", *_TIMER),
        mechanism="environment",
        actor=ITSELF,
        starts=True,
        environ={"LD_PRELOAD": "libprofiler.so.0", "CPUPROFILE": "OUT/profile"},
    ),
    Tool(
        "gprof",
        "gcc",
        C_GPROF,
        ("PROGRAM", "0.5"),
        _TIMER,
        mechanism="itimer",
        actor=ITSELF,
        starts=True,
    ),
    Tool(
        "go tool pprof",
        "golang-go",
        GO,
        (
            "go",
            "tool",
            "pprof",
            "-proto",
            "-seconds",
            "1",
            "-output",
            "OUT/pprof",
            "http://127.0.0.1:PORT/debug/pprof/profile",
        ),
        ("setitimer", "timer_create", "prof"),
        mechanism="itimer",
        actor=ITSELF,
        note="the tool asks by HTTP, which is not seen; the target's own timers are",
    ),
    Tool(
        "uftrace",
        "uftrace",
        C_GPROF,
        ("uftrace", "record", "-d", "OUT/uftrace", "PROGRAM", "0.5"),
        **_LOADED,
        mechanism="library",
        actor=ITSELF,
        starts=True,
    ),
    Tool(
        "heaptrack",
        "heaptrack",
        C,
        ("heaptrack", "-o", "OUT/heap", "PROGRAM", "0.5"),
        **_LOADED,
        mechanism="library",
        actor=ITSELF,
        starts=True,
    ),
    Tool(
        "valgrind",
        "valgrind",
        C,
        ("valgrind", "-q", "--tool=none", "PROGRAM", "0.2"),
        mechanism="environment",
        named="valgrind",
        **_LOADED,
        **_ITSELF,
        note="valgrind's program stands in for the one that it runs, and hands itself a variable",
    ),
    # the runtimes' own ways
    Tool(
        "jcmd",
        "default-jdk-headless",
        JAVA,
        ("jcmd", "PID", "Thread.print"),
        named="jcmd",
        **_ASKED,
    ),
    Tool(
        "jcmd JFR.start",
        "default-jdk-headless",
        JAVA,
        ("jcmd", "PID", "JFR.start", "duration=1s", "filename=OUT/jfr"),
        named="jcmd",
        **_ASKED,
    ),
    Tool(
        "jcmd JVMTI.agent_load",
        "default-jdk-headless",
        JAVA,
        ("jcmd", "PID", "JVMTI.agent_load", "libjdwp.so", _JDWP),
        named="jcmd",
        note="the target loads the agent, as jcmd has it do: a part of the same session",
        **_ASKED,
    ),
    Tool("jattach", "jattach", JAVA, ("jattach", "PID", "threaddump"), named="jattach", **_ASKED),
    Tool(
        "node inspect -p",
        "nodejs",
        NODE,
        ("node", "inspect", "-p", "PID"),
        named="node",
        stop_s=2,
        input=".exit\n",
        **_ASKED,
    ),
    Tool(
        "node --perf-basic-prof",
        "nodejs",
        NODE,
        ("node", "--perf-basic-prof", "PROGRAM", "1"),
        **_ASKED,
        **_ITSELF,
    ),
    Tool(
        "python -X perf",
        "python3.14",
        PYTHON_3_14,
        ("python3.14", "-X", "perf", "PROGRAM", "1"),
        **_ASKED,
        **_ITSELF,
    ),
    _by_environment(
        "python3.14",
        PYTHON_3_14,
        "python3.14",
        "PYTHONPERFSUPPORT",
        "1",
        events=("profiler_env", "runtime_attach"),
    ),
    _by_environment(
        "nodejs",
        NODE,
        "node",
        "NODE_OPTIONS",
        "--inspect=0",
        events=("profiler_env",),
        has_session=False,
    ),
    _by_environment(
        "default-jdk-headless",
        JAVA,
        "java",
        "JAVA_TOOL_OPTIONS",
        "-XX:StartFlightRecording:filename=OUT/jfr",
        events=("profiler_env",),
        has_session=False,
    ),
    # invisible by nature
    Tool(
        "node --cpu-prof",
        "nodejs",
        NODE,
        ("node", "--cpu-prof", "--cpu-prof-dir=OUT", "PROGRAM", "1"),
        (),
        **_ITSELF,
        note=f"a thread of the process sends signals to another by tgkill; {_COMMAND_LINE}",
    ),
    Tool(
        "java -XX:StartFlightRecording",
        "default-jdk-headless",
        JAVA,
        ("java", "-XX:StartFlightRecording:filename=OUT/jfr", "PROGRAM", "1"),
        (),
        **_ITSELF,
        note=f"JFR samples from a thread of the JVM; {_COMMAND_LINE}",
    ),
    Tool(
        "python -m cProfile",
        "python3",
        PYTHON,
        ("python", "-m", "cProfile", "-o", "OUT/cprofile", "PROGRAM", "1"),
        (),
        **_ITSELF,
        note="a hook inside the interpreter, as sys.setprofile and sys.monitoring are: no system "
        f"call at all; {_COMMAND_LINE}",
    ),
)
