"""What watching costs the watched: system calls under profguard and its peers, in one run.

    .venv/bin/python bench/overhead.py [--rounds 7] [--only profguard]... [--cpu 0]

Each way of watching is started, waited for and stopped again for each round, and before each the
same calls are timed with nothing attached: nothing, A, nothing, B, ... A figure is the ratio to the
mean of the two such timings around it, so that what drifts hits both alike; shown are the median
of the rounds and their spread. The calls (overhead_calls.c) are timed on one CPU, what watches is
kept to the others; kernel threads are where the kernel puts them. Nobody else may watch meanwhile.

All ways watch for the same: perf events opened, switched on and off, ptrace begun and ended.
profguard does so with the shipped rules: beyond 1,000 like events a second it only counts. It is
measured once with every event sent, too, and once on the tracepoints that all system calls pass
(overhead_raw.bpf.c) instead of those of single calls. bpftrace prints a line an event. auditd has
the rules of AUDIT, and Debian's settings.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PROFGUARD = Path(sys.executable).with_name("profguard")
PATIENCE_S = 60
SETTLE_S = 1  # for what something still does after it says that it is ready

OF_OPENS = re.compile(r"(?m)^  category: (proc_mem_open|tracefs_write|runtime_attach)$")
# How many events a call of each kind is.
EVENTS = {"getppid": 0, "open": 0, "perf_open": 1, "ioctl": 2, "ptrace": 2}
TITLES = {
    "getppid": "getppid",
    "open": "open+close",
    "perf_open": "perf open+close",
    "ioctl": "perf on+off",
    "ptrace": "ptrace seize..detach",
}

# profguard, whose object of the tracepoint tier is another one. All its probes serve all events.
ON_RAW = """
import sys
from pathlib import Path
from profguard import resources
from profguard.events import BY_NAME
from profguard.sensor import tiers
resources.BUILT = Path(sys.argv.pop(1))
tiers.served = lambda hooks: dict.fromkeys(BY_NAME)
from profguard.cli import main
main()
"""
# Requests of ptrace: TRACEME, ATTACH, DETACH, SEIZE.
BPFTRACE = """
BEGIN { printf("armed\\n"); }
tracepoint:syscalls:sys_enter_perf_event_open { @target[tid] = args->pid; }
tracepoint:syscalls:sys_exit_perf_event_open
  { printf("event perf %d %s %d %d\\n", pid, comm, @target[tid], args->ret); delete(@target[tid]); }
tracepoint:syscalls:sys_enter_ioctl /(args->cmd >> 8 & 0xff) == 0x24/
  { @cmd[tid] = args->cmd; @fd[tid] = args->fd; }
tracepoint:syscalls:sys_exit_ioctl /@cmd[tid]/
  { printf("event ioctl %d %s %d %x %d\\n", pid, comm, @fd[tid], @cmd[tid], args->ret);
    delete(@cmd[tid]); delete(@fd[tid]); }
tracepoint:syscalls:sys_enter_ptrace
  /args->request == 0 || args->request == 16 || args->request == 17 || args->request == 0x4206/
  { @request[tid] = args->request + 1; @pid[tid] = args->pid; }
tracepoint:syscalls:sys_exit_ptrace /@request[tid]/
  { printf("event ptrace %d %s %d %d %d\\n", pid, comm, @pid[tid], @request[tid] - 1, args->ret);
    delete(@request[tid]); delete(@pid[tid]); }
"""
AUDIT = """
-b 8192
--backlog_wait_time 60000
-a always,exit -F arch=b64 -S perf_event_open -k profiling
-a always,exit -F arch=b64 -S ioctl -F a1&=0x2400 -k profiling
-a always,exit -F arch=b64 -S ptrace -F a0=0 -k tracing
-a always,exit -F arch=b64 -S ptrace -F a0=16 -k tracing
-a always,exit -F arch=b64 -S ptrace -F a0=17 -k tracing
-a always,exit -F arch=b64 -S ptrace -F a0=0x4206 -k tracing
"""

Timings = dict[str, float]  # ns a call


class Bench:
    """A folder for what is compiled and written, the CPUs, and the calls that are timed."""

    def __init__(self, folder: Path, cpu: int):
        self.folder, self.cpu = folder, cpu
        others = os.sched_getaffinity(0) - {cpu}
        self.watchers = ",".join(map(str, sorted(others or {cpu})))
        self._calls = folder / "calls"
        source = str(HERE / "overhead_calls.c")
        subprocess.run([tool("clang"), "-O2", "-o", self._calls, source], check=True)

    def timed(self) -> tuple[Timings, int]:
        """One timing of each call, and how many events that was."""
        done = subprocess.run(
            [self._calls, str(self.cpu)], capture_output=True, text=True, check=True
        )
        timings, events = {}, 0
        for line in done.stdout.splitlines():
            name, calls, ns = line.split()
            timings[name] = float(ns)
            events += int(calls) * EVENTS[name]
        return timings, events

    @contextmanager
    def started(self, name: str, command: list, ready: Callable[[str], bool]) -> Iterator[Path]:
        """A process on the other CPUs, once its output says that it is ready; and that output."""
        out = self.folder / f"{name}.out"
        with out.open("wb") as file:
            process = subprocess.Popen(
                [tool("taskset"), "-c", self.watchers, *command], stdout=file, stderr=file
            )
        try:
            wait_for(lambda: ready(out.read_text()) or process.poll() is not None, name)
            if process.poll() is not None:
                raise SystemExit(f"{name} did not start: {out.read_text().strip()[-500:]}")
            time.sleep(SETTLE_S)
            yield out
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                sys.exit(f"{name} did not end within {PATIENCE_S} s")


Watching = Iterator[Counter]  # a context that fills in what it saw when it is left


@contextmanager
def nothing(bench: Bench) -> Watching:
    del bench
    yield Counter()


@contextmanager
def profguard(
    bench: Bench, command: tuple = (PROFGUARD,), sensor="", tier="auto", options: tuple = ()
) -> Watching:
    """With its own figures at its end: sent one by one, only counted, lost."""
    saw = Counter()
    config, db = bench.folder / "profguard.toml", bench.folder / "profguard.db"
    config.write_text(f"[sensor]\n{sensor}\n")
    command += ("run", "--json", "--tier", tier, "--config", config, "--db", db, *options)
    with bench.started("profguard", list(command), lambda out: "armed" in out) as out:
        yield saw
    counts = json.loads(out.read_text().splitlines()[-1])["events"]
    for event in ("perf", "prof", "ptrace"):
        count = counts[event]
        saw["sent"] += count["received"]
        saw["counted"] += count["folded"]
        saw["lost"] += count["produced"] - count["received"] - count["folded"]


def profguard_unfolded(bench: Bench) -> Watching:
    """The ring has room for the events of a round."""
    return profguard(bench, sensor="max_rate = 0\nring_mb = 64")


def _of_opens(folder: str, names: list[str]) -> list[str]:
    files = [name for name in names if name.endswith(".yml")]
    return [name for name in files if OF_OPENS.search(Path(folder, name).read_text())]


def profguard_without_opens(bench: Bench) -> Watching:
    """Without the rules for which all opens are looked at, and the correlations of these."""
    rules = bench.folder / "rules"
    shutil.copytree(HERE.parent / "rules", rules, ignore=_of_opens, dirs_exist_ok=True)
    return profguard(bench, sensor="[rules]\nskip_bad = true", options=("--rules", rules))


def profguard_raw(bench: Bench) -> Watching:
    built = bench.folder / "built"
    if not built.exists():
        shutil.copytree(HERE.parent / "profguard" / "_built", built)
        flags = ["-target", "bpf", "-O2", "-g", "-D__TARGET_ARCH_x86", f"-I{HERE.parent / 'bpf'}"]
        source, target = str(HERE / "overhead_raw.bpf.c"), built / "tracepoint.bpf.o"
        subprocess.run([tool("clang"), *flags, "-c", source, "-o", target], check=True)
    return profguard(bench, (sys.executable, "-c", ON_RAW, built), tier="tracepoint")


@contextmanager
def bpftrace(bench: Bench) -> Watching:
    """Its lines, and those that it says were lost."""
    saw = Counter()
    pages = "BPFTRACE_PERF_RB_PAGES=16384"  # with its own 64 it loses nine of ten events
    command = [tool("env"), pages, tool("bpftrace"), "-e", BPFTRACE]
    with bench.started("bpftrace", command, lambda out: "armed" in out) as out:
        yield saw
        let_write(out)
    text = out.read_text()
    saw["sent"] = len(re.findall("(?m)^event ", text))
    saw["lost"] = sum(map(int, re.findall(r"(?m)^Lost (\d+) events", text)))


@contextmanager
def auditd(bench: Bench) -> Watching:
    """The daemon's own log, and the kernel's counter of what was lost.

    Its rules replace the one of the other rounds, see `without_audit`.
    """
    saw = Counter()
    folder = bench.folder / "audit"
    (folder / "plugins").mkdir(parents=True, exist_ok=True)
    log = folder / "audit.log"
    settings = Path("/etc/audit/auditd.conf").read_text()
    for key, value in {
        "log_file": log,
        "plugin_dir": folder / "plugins",
        "max_log_file_action": "IGNORE",
    }.items():
        settings = re.sub(rf"(?m)^{key} =.*$", f"{key} = {value}", settings)
    (folder / "auditd.conf").write_text(settings)
    (folder / "audit.rules").write_text(AUDIT)
    before = audit_state()
    command = [tool("auditd"), "-n", "-c", folder, "-s", "enable"]
    try:
        with bench.started("auditd", command, lambda _: audit_state()["pid"] > 0):
            auditctl("-D")
            auditctl("-R", folder / "audit.rules")
            yield saw
            wait_for(lambda: audit_state()["backlog"] < 100, "auditd")  # others make some, too
            let_write(log)
            saw["lost"] = audit_state()["lost"] - before["lost"]
    finally:
        auditctl("-D")
        auditctl("-e", "0")
        auditctl("-b", str(before["backlog_limit"]))
        auditctl("--backlog_wait_time", str(before["backlog_wait_time"]))
        auditctl("-a", "never,task")
    saw["sent"] = log.read_text(errors="replace").count("type=SYSCALL ")
    log.unlink()


WAYS: dict[str, Callable[[Bench], Watching]] = {
    "profguard": profguard,
    "profguard, all sent": profguard_unfolded,
    "profguard, no opens": profguard_without_opens,
    "profguard, raw_syscalls": profguard_raw,
    "bpftrace": bpftrace,
    "auditd": auditd,
}


def tool(name: str) -> str:
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        sys.exit(f"{name} is not installed: scripts/system-packages bench")
    return path


def wait_for(check: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not check():
        if time.monotonic() > until:
            sys.exit(f"{what}: nothing after {PATIENCE_S} s")
        time.sleep(0.05)


def let_write(file: Path) -> None:
    """Wait until a file has stopped growing, or grows on for reasons of its own."""
    size = -1
    for _ in range(10):
        if size == (size := file.stat().st_size):
            return
        time.sleep(2)


def auditctl(*arguments) -> str:
    done = subprocess.run(
        [tool("auditctl"), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"auditctl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def audit_state() -> dict[str, int]:
    return {key: int(value) for key, value in re.findall(r"(?m)^(\w+) (\d+)", auditctl("-s"))}


@contextmanager
def without_audit() -> Iterator[bool]:
    """New processes are free of audit; false where somebody uses it.

    Once it was on, every process that starts passes audit's hooks at each call until the next boot,
    also after it is switched off again: that doubles what getppid takes. This rule spares them it.
    """
    if auditctl("-l").strip() != "No rules" or audit_state()["pid"]:
        yield False
        return
    auditctl("-a", "never,task")
    try:
        yield True
    finally:
        auditctl("-D")


def others() -> frozenset[str]:
    """Processes that hold BPF programs."""
    found = set()
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            held = fd.readlink().name
            if held.startswith(("anon_inode:bpf-prog", "anon_inode:bpf_link")):
                name = (fd.parent.parent / "comm").read_text().strip()
                found.add(f"{name}[{fd.parent.parent.name}]")
        except OSError:  # it has ended, or closed this
            continue
    return frozenset(found)


def measure(bench: Bench, way: Callable, known: frozenset[str]) -> tuple[Timings, int, Counter]:
    """One timing under a way of watching; again when somebody else began to watch meanwhile."""
    while True:
        wait_for(lambda: others() == known, "the BPF programs of others as at the start")
        with way(bench) as saw:
            timings, events = bench.timed()
        if others() == known:
            return timings, events, saw


def show(name: str, ratios: dict[str, list[float]], ns: dict[str, list[float]], width: int) -> None:
    cells = []
    for call in TITLES:
        values, typical = ratios[call], statistics.median(ns[call])
        text = f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
        cells.append(f"{text:>18} {typical:>6,.0f} ns")
    print(f"{name:<{width}}", *cells, sep="  ", flush=True)


def run(bench: Bench, ways: dict[str, Callable], rounds: int, known: frozenset[str]) -> None:
    ratios = {name: {call: [] for call in TITLES} for name in ways}
    ns = {name: {call: [] for call in TITLES} for name in ("nothing", *ways)}
    seen, made = {name: Counter() for name in ways}, Counter()
    before, _, _ = measure(bench, nothing, known)
    for number in range(rounds):
        for name, way in ways.items():
            timings, events, saw = measure(bench, way, known)
            after, _, _ = measure(bench, nothing, known)
            for call in TITLES:
                ratios[name][call].append(timings[call] * 2 / (before[call] + after[call]))
                ns[name][call].append(timings[call])
                ns["nothing"][call].append(after[call])
            seen[name] += saw
            made[name] += events
            before = after
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    width = max(map(len, ns))
    print(" " * width, *(f"{title:>28}" for title in TITLES.values()), sep="  ")
    middle = {call: statistics.median(ns["nothing"][call]) for call in TITLES}
    spread = {call: [each / middle[call] for each in ns["nothing"][call]] for call in TITLES}
    show("nothing", spread, ns["nothing"], width)
    for name in ways:
        show(name, ratios[name], ns[name], width)
    print()
    for name in ways:
        saw = seen[name]
        print(
            f"{name:<{width}}  {made[name]:,} events: {saw['sent']:,} received, "
            f"{saw['counted']:,} counted only, {saw['lost']:,} lost"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="timings for each figure")
    parser.add_argument("--only", action="append", choices=WAYS, help="leave the others out")
    parser.add_argument("--cpu", type=int, default=0, help="where the calls are timed")
    arguments = parser.parse_args()
    if os.geteuid():
        sys.exit("bench/overhead.py needs root")
    ways = {name: WAYS[name] for name in arguments.only or WAYS}
    known = others()
    print(f"Linux {os.uname().release}, {os.cpu_count()} CPUs. Ratios to nothing, median (spread).")
    if known:
        print(f"In all columns: the BPF programs of {', '.join(sorted(known))}")
    with without_audit() as is_free, tempfile.TemporaryDirectory() as folder:
        if not is_free:
            print("In all columns: audit, which is in use (auditctl -s, -l): auditd is left out")
            ways.pop("auditd", None)
        run(Bench(Path(folder), arguments.cpu), ways, arguments.rounds, known)
    if "auditd" in ways:
        print("audit is off again, but what starts before the next boot still passes its hooks.")


if __name__ == "__main__":
    main()
