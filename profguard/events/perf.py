"""The events of perf: what is opened, what is done to it, and when it counts or samples."""

from profguard.events.spec import (
    ENTRY_32,
    Arg,
    EventSpec,
    Hook,
    Tag,
    Unseen,
    entry,
    kernel_event,
    leave,
    session_args,
    system_call,
    tracepoint,
)

K, U, TOCTOU, OPT, RACE, DERIVED = Tag.K, Tag.U, Tag.TOCTOU, Tag.OPT, Tag.RACE, Tag.DERIVED

ACTIONS = {1: "enable", 2: "disable"}
CAUSES = {
    1: "open",
    2: "ioctl",
    3: "prctl",
    4: "exec",
    5: "fork",
    6: "close",
    7: "exit",
    8: "timer",
    9: "snapshot",
}
MECHANISMS = {1: "perf", 2: "itimer", 3: "posix_timer"}
MODES = {1: "counting", 2: "sampling"}

# The bits of prof.flags. The first twelve are the contract with readers of the raw number.
PROF_FLAGS = {
    0: "enable",
    1: "disable",
    2: "reset",
    3: "refresh",
    4: "open",
    5: "ioctl",
    6: "prctl",
    7: "exec",
    8: "fork",
    9: "close",
    10: "exit",
    11: "timer",
    12: "group",
    13: "inherited",
    14: "cpu_wide",
    15: "self",
    16: "truncated",
    17: "cgroup",
    18: "snapshot",
}

# The class in the top byte of prof.events: perf_event_attr.type where the kernel keeps it fixed,
# then the PMUs that are known by name, then the timers.
EVENT_CLASSES = {
    0: "hardware",
    1: "software",
    2: "tracepoint",
    3: "hw_cache",
    4: "raw",
    5: "breakpoint",
    6: "uprobe",
    7: "kprobe",
    8: "other_pmu",
    32: "itimer",
    33: "posix_timer",
}

ATTR_FLAGS = dict(
    enumerate(
        "disabled inherit pinned exclusive exclude_user exclude_kernel exclude_hv exclude_idle "
        "mmap comm freq inherit_stat enable_on_exec task watermark".split()
    )
) | {
    17: "mmap_data",
    18: "sample_id_all",
    19: "exclude_host",
    20: "exclude_guest",
    21: "exclude_callchain_kernel",
    22: "exclude_callchain_user",
    23: "mmap2",
    24: "comm_exec",
    25: "use_clockid",
    26: "context_switch",
    27: "write_backward",
    28: "namespaces",
    29: "ksymbol",
    30: "bpf_event",
    31: "aux_output",
    32: "cgroup",
    33: "text_poke",
    34: "build_id",
    35: "inherit_thread",
    36: "remove_on_exec",
    37: "sigtrap",
}

SAMPLE_TYPES = dict(
    enumerate(
        "ip tid time addr read callchain id cpu period stream_id raw branch_stack regs_user "
        "stack_user weight data_src identifier transaction regs_intr phys_addr aux cgroup "
        "data_page_size code_page_size weight_struct".split()
    )
)

OPEN_FLAGS = {0: "fd_no_group", 1: "fd_output", 2: "pid_cgroup", 3: "fd_cloexec"}

EVENT_STATES = {
    -5: "dead",
    -4: "revoked",
    -3: "exit",
    -2: "error",
    -1: "off",
    0: "inactive",
    1: "active",
}

# The ioctl commands of linux/perf_event.h, by their whole number (size and direction included).
PERF_IOCTLS = {
    0x2400: "ENABLE",
    0x2401: "DISABLE",
    0x2402: "REFRESH",
    0x2403: "RESET",
    0x40082404: "PERIOD",
    0x2405: "SET_OUTPUT",
    0x40082406: "SET_FILTER",
    0x80082407: "ID",
    0x40042408: "SET_BPF",
    0x40042409: "PAUSE_OUTPUT",
    0xC008240A: "QUERY_BPF",
    0x4008240B: "MODIFY_ATTRIBUTES",
}

# The wire value of what a failed open leaves unknown.
UNKNOWN = (1 << 64) - 1
NO_STATE = -128

SCOPES = {1: "task", 2: "cpu", 3: "cgroup"}

IOCTL = (
    entry("_perf_ioctl", "the event and its state before ENABLE, DISABLE, REFRESH and others"),
    leave("_perf_ioctl", "result and state after it"),
    Hook("file_ioctl", ("lsm",), "the event and its state before the call"),
    tracepoint("syscalls/sys_enter_ioctl", "the same"),
    tracepoint("syscalls/sys_exit_ioctl", "result and state after it"),
)

CGROUP = Arg("cgroup", None, "path of that control group", (Tag.DERIVED, OPT), kind="str")

PROF = EventSpec(
    name="prof",
    id=1,
    summary="profiling of a task, a CPU or a cgroup is switched on or off",
    description=(
        "One `prof` event is one transition: profiler events that were off are now on, or the "
        "reverse. `process` is the profiler, that is the owner of the perf events (or the process "
        "that arms a timer), `target` is the task being profiled; a CPU-wide or cgroup-wide "
        "profile has no target. Every enable starts a session, whose id its disable carries "
        "together with the duration. Events that measure nothing (`dummy` and the BPF output "
        "transport) are left out, and so are threads that a profiled process starts: the process "
        "is already being profiled."
    ),
    args=(
        Arg("flags", "u64", "FLAGS: what happened, why, and to what", legend=("bit", PROF_FLAGS)),
        Arg(
            "event_ids",
            "u64[8]",
            "kernel ids of the perf events (PERF_EVENT_IOC_ID); of an inherited event, the id of "
            "the event it was inherited from",
            (K, RACE),
            count="nr_events",
        ),
        Arg(
            "events",
            "u32[8]",
            "EVENTS, an array of unsigned int: `class << 24 | config & 0xffffff`, at most 8",
            (K, RACE),
            count="nr_events",
            legend=("class", EVENT_CLASSES),
        ),
        Arg(
            "cgroup_id",
            "u64",
            "id of the control group (v2, or v1's perf_event) whose processes are profiled",
            (K, RACE, OPT),
            null=0,
        ),
        CGROUP,
        Arg("total", "u32", "how many perf events changed, also where `events` is truncated"),
        Arg("cpu", "s32", "CPU of a CPU-wide event", (K, RACE, OPT), null=-1),
        Arg("action", "u8", "what happened", values=ACTIONS),
        Arg("cause", "u8", "which operation made it happen", values=CAUSES),
        Arg("mechanism", "u8", "how the profiling is done", values=MECHANISMS),
        Arg(
            "mode",
            "u8",
            "sampling (where is it?) or counting (how often?)",
            (K, RACE, OPT),
            values=MODES,
            null=0,
        ),
        Arg("nr_events", "u32", "entries set in events and event_ids", hidden=True),
        Arg("pmu", "char[32]", "name of the first event's PMU", (K, RACE, OPT)),
        *session_args("on disable: for how long it was on, in ns"),
    ),
    hooks=(
        *system_call("perf_event_open", "who opens it", "opened with disabled=0"),
        entry("security_perf_event_alloc", "the event, as it is made"),
        Hook("perf_event_alloc", ("lsm",), "the same"),
        *IOCTL,
        leave("perf_event_task_enable", "PR_TASK_PERF_EVENTS_ENABLE"),
        leave("perf_event_task_disable", "PR_TASK_PERF_EVENTS_DISABLE"),
        tracepoint("syscalls/sys_enter_prctl", "the same two"),
        tracepoint("syscalls/sys_exit_prctl", "the states after them"),
        Hook("bprm_execve", ("kprobe", "kretprobe"), "the same as sched_process_exec"),
        kernel_event("sched_process_exec", "enable_on_exec events that the exec switched on"),
        Hook("wake_up_new_task", ("kprobe",), "the same as sched_process_fork"),
        kernel_event("sched_process_fork", "events that the child inherited"),
        entry("perf_release", "the last reference to a running event goes"),
        tracepoint("syscalls/sys_enter_close", "the last close of a running event"),
        entry("do_exit", "what is still on when a thread ends; it does not return"),
        kernel_event("sched_process_exit", "that a profiled thread has ended"),
        Hook("do_setitimer", ("kprobe",), "the same as itimer_state"),
        kernel_event("itimer_state", "CPU-time interval timers armed and disarmed"),
        entry("do_timer_create", "which POSIX timers are on a CPU-time clock"),
        leave("do_timer_create", "the same"),
        tracepoint("syscalls/sys_enter_timer_create", "the same"),
        tracepoint("syscalls/sys_exit_timer_create", "the same"),
        entry("posix_cpu_timer_set", "POSIX timer and its new time"),
        leave("posix_cpu_timer_set", "that it was armed or disarmed"),
        tracepoint("syscalls/sys_enter_timer_settime", "POSIX timer and its new time"),
        tracepoint("syscalls/sys_exit_timer_settime", "that it was armed or disarmed"),
        entry("sys_timer_delete", "the end of a POSIX timer"),
        tracepoint("syscalls/sys_enter_timer_delete", "the same"),
        Hook("task_file", ("iter",), "perf events that were on when the sensor started"),
        Hook("task", ("iter",), "interval timers that were armed when the sensor started"),
    ),
    example=(
        "title: A process of mine is being profiled\n"
        "logsource: {product: linux, service: profguard, category: prof}\n"
        "detection:\n"
        "  selection:\n"
        "    prof.action: enable\n"
        "    target.executable|endswith: /myserver\n"
        "  condition: selection\n"
    ),
    issues=(
        "A counter that is opened running is reported 100 ms later, unless it is closed before: "
        "perf opens and closes such counters only to learn what the machine can do.",
        "The automatic disable after PERF_EVENT_IOC_REFRESH has no hook: the session ends at the "
        "next transition, close or exit.",
        "A closed event that is still mapped keeps running until it is unmapped; the session "
        "ends at the close.",
        "More than 8 events of one task are counted in `total`, and the `truncated` flag is set.",
    ),
    unseen=(
        ENTRY_32,
        Unseen(
            "tracepoint/syscalls/sys_enter_close",
            "the end of a running perf event by io_uring, by dup2, or by an exec that closes it "
            "(O_CLOEXEC): it is taken for on until its owner exits",
        ),
    ),
    related=("perf", "perf_ioctl", "setitimer", "timer_create"),
)

PERF = EventSpec(
    name="perf",
    id=2,
    mechanism="perf",
    summary="a perf event (hardware or software counter, tracepoint, probe) is opened",
    description=(
        "The attributes are the kernel's own copy, read from its `perf_event` after the call, so "
        "the caller cannot forge them. A failed open is reported too: `ret` is then the negative "
        "errno and the attributes are null, because there is no kernel object to read."
    ),
    args=(
        Arg("id", "u64", "kernel id of the event", (K, RACE, OPT), null=0),
        Arg("config", "u64", "attr.config: which event of the PMU", (K, RACE, OPT), null=UNKNOWN),
        Arg("sample_period", "u64", "events between two samples", (K, RACE, OPT), null=0),
        Arg("sample_freq", "u64", "samples a second that are asked for", (K, RACE, OPT), null=0),
        Arg(
            "sample_type",
            "u64",
            "what a sample holds",
            (K, RACE, OPT),
            bits=SAMPLE_TYPES,
            null=UNKNOWN,
        ),
        Arg(
            "attr_flags",
            "u64",
            "the attr's flag bits that are set",
            (K, RACE, OPT),
            bits=ATTR_FLAGS,
            null=UNKNOWN,
        ),
        Arg("group", "u64", "id of the group leader, of a group member", (K, RACE, OPT), null=0),
        Arg(
            "cgroup_id",
            "u64",
            "id of the control group (v2, or v1's perf_event) that the event is for",
            (K, RACE, OPT),
            null=0,
        ),
        CGROUP,
        Arg("type", "u32", "attr.type as the kernel keeps it", (K, RACE, OPT), null=0xFFFFFFFF),
        Arg("cpu", "s32", "CPU, of an event bound to one", (K, OPT), null=-1),
        Arg("pid", "s32", "the pid argument: 0 self, -1 CPU-wide, or as the caller numbers it"),
        Arg(
            "state",
            "s32",
            "state right after the open",
            (K, RACE, OPT),
            values=EVENT_STATES,
            null=NO_STATE,
        ),
        Arg("open_flags", "u32", "the flags argument", bits=OPEN_FLAGS),
        Arg("ret", "s64", "file descriptor, or the negative errno"),
        Arg("pmu", "char[32]", "name of the PMU", (K, RACE, OPT)),
    ),
    hooks=(
        entry("security_perf_event_alloc", "the kernel's perf_event, as it is made"),
        Hook("perf_event_alloc", ("lsm",), "the same"),
        *system_call("perf_event_open", "the arguments", "the kernel's perf_event, and its state"),
    ),
    example=(
        "title: Hardware trace opened\n"
        "logsource: {product: linux, service: profguard, category: perf}\n"
        "detection:\n"
        "  selection:\n"
        "    perf.pmu: [intel_pt, arm_spe_0, cs_etm]\n"
        "  condition: selection\n"
    ),
    issues=(
        "attr.type is rewritten by newer kernels (cpu-clock reads 1 on 6.1 and another number on "
        "6.12): match on `perf.pmu`.",
    ),
    unseen=(ENTRY_32,),
    related=("prof", "perf_ioctl"),
)

PERF_IOCTL = EventSpec(
    name="perf_ioctl",
    id=3,
    mechanism="perf",
    summary="an ioctl on a perf event",
    description=(
        "Every command except the mere question for the id. The event is found through the "
        "caller's fd table, so a descriptor that was duplicated or passed by another process is "
        "recognised as what it is. `target` and the owner come from the kernel's event."
    ),
    args=(
        Arg("id", "u64", "kernel id of the event", (K, RACE)),
        Arg("arg", "u64", "the argument as passed"),
        Arg("cmd", "u32", "the command", values=PERF_IOCTLS),
        Arg("scope", "u8", "what the event measures", (K, RACE), values=SCOPES),
        Arg("old_state", "s32", "state before the call", (K, RACE), values=EVENT_STATES),
        Arg("new_state", "s32", "state after the call", (K, RACE), values=EVENT_STATES),
        Arg("owner_pid", "u32", "process that opened the event", (K, RACE, OPT), null=0),
        Arg("ret", "s64", "what the call returned"),
        Arg("pmu", "char[32]", "name of the PMU", (K, RACE)),
        Arg("filter", "char[128]", "the filter text of SET_FILTER", (U, TOCTOU, OPT)),
    ),
    hooks=IOCTL,
    example=(
        "title: BPF program attached to a perf event\n"
        "logsource: {product: linux, service: profguard, category: perf_ioctl}\n"
        "detection:\n"
        "  selection:\n"
        "    perf_ioctl.cmd: SET_BPF\n"
        "    perf_ioctl.ret: 0\n"
        "  condition: selection\n"
    ),
    unseen=(ENTRY_32,),
    related=("perf", "prof"),
)

EVENTS = (PROF, PERF, PERF_IOCTL)
