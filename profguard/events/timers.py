"""The events of CPU-time timers: gprof, gperftools, Python and Go profile with these."""

from profguard.events.spec import (
    ENTRY_32,
    Arg,
    EventSpec,
    Hook,
    Tag,
    entry,
    kernel_event,
    leave,
    tracepoint,
)

K, U, TOCTOU, OPT = Tag.K, Tag.U, Tag.TOCTOU, Tag.OPT

ITIMERS = {1: "ITIMER_VIRTUAL", 2: "ITIMER_PROF"}
CLOCKS = {
    2: "CLOCK_PROCESS_CPUTIME_ID",
    3: "CLOCK_THREAD_CPUTIME_ID",
    -6: "CLOCK_PROCESS_CPUTIME_ID",
    -2: "CLOCK_THREAD_CPUTIME_ID",
}
NOTIFIES = {0: "SIGEV_SIGNAL", 1: "SIGEV_NONE", 2: "SIGEV_THREAD", 4: "SIGEV_THREAD_ID"}

SETITIMER = EventSpec(
    name="setitimer",
    id=4,
    mechanism="itimer",
    summary="a CPU-time interval timer is armed or disarmed",
    description=(
        "ITIMER_PROF and ITIMER_VIRTUAL only: they tick while the process runs and are how "
        "statistical profilers inside a process get their samples. ITIMER_REAL is a wall clock "
        "and is left out. A timer with `value_ns` 0 is disarmed. The target is the process "
        "itself."
    ),
    args=(
        Arg("value_ns", "u64", "time to the first expiry in ns; 0 disarms"),
        Arg("interval_ns", "u64", "time between expiries in ns; 0 fires once"),
        Arg("which", "u32", "which timer", values=ITIMERS),
    ),
    hooks=(
        Hook("do_setitimer", ("kprobe",), "the values that the kernel is to store"),
        kernel_event("itimer_state", "the values as the kernel stores them"),
    ),
    example=(
        "title: Sampling faster than every millisecond\n"
        "logsource: {product: linux, service: profguard, category: setitimer}\n"
        "detection:\n"
        "  selection:\n"
        "    setitimer.which: ITIMER_PROF\n"
        "    setitimer.interval_ns|lt: 1000000\n"
        "  armed:\n"
        "    setitimer.value_ns|gt: 0\n"
        "  condition: selection and armed\n"
    ),
    related=("prof", "timer_create"),
)

TIMER_CREATE = EventSpec(
    name="timer_create",
    id=5,
    mechanism="posix_timer",
    summary="a POSIX timer on a CPU-time clock is created",
    description=(
        "Go's runtime/pprof and async-profiler's ctimer mode make one such timer a thread. Timers "
        "on wall clocks are left out. Arming and disarming (`timer_settime`, `timer_delete`) "
        "show as `prof` events with mechanism posix_timer."
    ),
    args=(
        Arg("clock_id", "s32", "the clock, as a number"),
        Arg("clock", "s32", "the clock by name, where it has one", (K, OPT), values=CLOCKS),
        Arg("notify", "s32", "how an expiry is told", (U, TOCTOU, OPT), values=NOTIFIES, null=-1),
        Arg("signal", "s32", "signal of an expiry", (U, TOCTOU, OPT), null=-1),
        Arg("timer_id", "s32", "id of the new timer", (U, TOCTOU, OPT), null=-1),
        Arg("ret", "s32", "what the call returned"),
    ),
    hooks=(
        entry("do_timer_create", "the arguments, in the kernel's own copy"),
        leave("do_timer_create", "the result"),
        tracepoint("syscalls/sys_enter_timer_create", "the arguments"),
        tracepoint("syscalls/sys_exit_timer_create", "the result"),
    ),
    example=(
        "title: CPU profile by SIGPROF timer\n"
        "logsource: {product: linux, service: profguard, category: timer_create}\n"
        "detection:\n"
        "  selection:\n"
        "    timer_create.signal: 27\n"
        "  condition: selection\n"
    ),
    unseen=(ENTRY_32,),
    related=("prof", "setitimer"),
)

EVENTS = (SETITIMER, TIMER_CREATE)
