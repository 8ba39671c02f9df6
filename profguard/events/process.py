"""The events of process life: what runs, from what file, and when it ends."""

from profguard.events.spec import Arg, EventSpec, Hook, Tag, kernel_event

K, U, TOCTOU, OPT = Tag.K, Tag.U, Tag.TOCTOU, Tag.OPT

EXEC = EventSpec(
    name="sched_process_exec",
    id=9,
    summary="a process executes a program",
    description=(
        "`process` is the process with its new program. The path is walked in kernel memory from "
        "the executable's own directory entry, so a link or a relative name is already resolved."
    ),
    args=(
        Arg("inode", "u64", "inode of the executable"),
        Arg("dev", "u32", "device of that inode, as the kernel numbers it (major << 20 | minor)"),
        Arg("path_size", "u32", "bytes set in pathname", hidden=True),
        Arg("argv_size", "u32", "bytes set in argv", hidden=True),
        Arg("cmdpath", "char[128]", "the file name as passed to execve"),
        Arg(
            "pathname", "path[512]", "absolute path of the executable", (K, OPT), count="path_size"
        ),
        Arg("argv", "argv[1024]", "the arguments", (U, TOCTOU, OPT), count="argv_size"),
    ),
    hooks=(
        Hook("bprm_execve", ("kprobe", "kretprobe"), "that the new program is in place"),
        kernel_event("sched_process_exec", "after the new program is in place"),
    ),
    example=(
        "title: perf is started\n"
        "logsource: {product: linux, service: profguard, category: sched_process_exec}\n"
        "detection:\n"
        "  selection:\n"
        "    sched_process_exec.pathname|endswith: /perf\n"
        "  condition: selection\n"
    ),
    issues=("Arguments past 1,024 bytes are cut off.",),
    related=("sched_process_exit", "prof"),
)

EXIT = EventSpec(
    name="sched_process_exit",
    id=10,
    summary="a process ends, with its last thread",
    description="Reported once a process, not for each thread.",
    args=(
        Arg("exit_code", "u32", "status of exit(2)"),
        Arg("signal", "u32", "the signal that ended it; null for an exit", (K, OPT), null=0),
    ),
    hooks=(
        Hook("taskstats_exit", ("kprobe",), "when the last thread leaves"),
        kernel_event("sched_process_exit", "the same"),
    ),
    example=(
        "title: A profiled service was killed\n"
        "logsource: {product: linux, service: profguard, category: sched_process_exit}\n"
        "detection:\n"
        "  selection:\n"
        "    sched_process_exit.signal: 9\n"
        "    process.labels: production\n"
        "  condition: selection\n"
    ),
    related=("sched_process_exec",),
)

FORK = EventSpec(
    name="sched_process_fork",
    id=11,
    summary="a process starts a child process",
    description=(
        "`process` is the parent, `target` the child. New threads are left out. It feeds the "
        "process table, so that short-lived processes are known too."
    ),
    args=(Arg("child_pid", "u32", "pid of the child"),),
    hooks=(
        Hook("wake_up_new_task", ("kprobe",), "before the child first runs"),
        kernel_event("sched_process_fork", "the same"),
    ),
    related=("sched_process_exec",),
)

EVENTS = (EXEC, EXIT, FORK)
