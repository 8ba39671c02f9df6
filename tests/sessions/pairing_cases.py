"""The sequences of test_pairing: who does what to whom, and what the station makes of it."""

from tests.events import ends, event, execs, prof, ptrace, task

PERF, GDB = task(100), task(110)
SHOP, SHOP_THREAD, CHILD = task(200), task(200, tid=201), task(300)
COUNTING = {"mode": "counting"}

# Each: what is fed, the transitions that come out, and the durations of the sessions that ended.
CASES = {
    "on and off": (
        [
            prof("enable ioctl", 0, [1], PERF, SHOP),
            prof("disable ioctl", 500, [1], PERF, SHOP),
        ],
        ["enable ioctl 1 @200", "disable ioctl 1 @200"],
        [500],
    ),
    "what changes nothing is dropped": (
        [
            prof("enable ioctl", 0, [1], PERF, SHOP),
            prof("enable ioctl", 1, [1], PERF, SHOP),
            prof("enable exec", 2, [1], PERF, SHOP),
            prof("disable ioctl", 5, [1], PERF, SHOP),
            prof("disable prctl", 6, [1], PERF, SHOP),
        ],
        ["enable ioctl 1 @200", "disable ioctl 1 @200"],
        [5],
    ),
    "two events of one act are one session": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable open", 1, [2], PERF, SHOP_THREAD),
            prof("disable close", 7, [1], PERF, SHOP),
            prof("disable close", 9, [2], PERF, SHOP_THREAD),
        ],
        [
            "enable open 1 @200",
            "enable open 2 @201",
            "disable close 1 @200",
            "disable close 2 @201",
        ],
        [9],
    ),
    "a disable nobody knew of is told, without a session": (
        [prof("disable close", 5, [1], PERF, SHOP)],
        ["disable close 1 @200"],
        [],
    ),
    "disarming what was not armed is nothing": (
        [prof("disable timer", 5, [1], SHOP, SHOP, mechanism="itimer")],
        [],
        [],
    ),
    "prctl names events that were off before": (
        [prof("disable prctl", 5, [1], PERF, SHOP)],
        [],
        [],
    ),
    "the end of a thread takes its events": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable open", 0, [2], PERF, SHOP_THREAD),
            prof("disable exit", 3, [], None, SHOP_THREAD),
            prof("disable exit", 4, [], None, SHOP),
            ends(4, SHOP),
        ],
        [
            "enable open 1 @200",
            "enable open 2 @201",
            "disable exit 2 @201",
            "disable exit 1 @200",
        ],
        [4],
    ),
    "the end of the target, of which only the process's is known": (
        [prof("enable open", 0, [1], PERF, SHOP), ends(4, SHOP)],
        ["enable open 1 @200", "disable exit 1 @200"],
        [4],
    ),
    "the end of the owner": (
        [
            prof("enable open cpu_wide", 0, [1], PERF),
            prof("enable open", 1, [2], PERF, SHOP),
            ends(10, PERF),
        ],
        ["enable open 1", "enable open 2 @200", "disable exit 1", "disable exit 2 @200"],
        [10, 9],
    ),
    "more than eight at an end": (
        [*(prof("enable open", 0, [n], PERF, SHOP) for n in range(1, 11)), ends(1, PERF)],
        [
            *(f"enable open {n} @200" for n in range(1, 11)),
            "disable exit 1 2 3 4 5 6 7 8 @200",
            "disable exit 9 10 @200",
        ],
        [1],
    ),
    "a child's copies belong to the session and end with the child": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable fork inherited", 2, [1], PERF, CHILD),
            prof("disable exit", 5, [], None, CHILD),
            ends(5, CHILD),
            prof("disable close", 8, [1], PERF, SHOP),
        ],
        [
            "enable open 1 @200",
            "enable fork 1 @300",
            "disable exit 1 @300",
            "disable close 1 @200",
        ],
        [8],
    ),
    "copies outlive the task they were copied from, and hand on": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable fork inherited", 2, [1], PERF, CHILD),
            prof("disable exit", 3, [], None, SHOP),
            prof("enable fork inherited", 4, [1], PERF, task(301)),
            ends(5, CHILD),
            ends(6, task(301)),
        ],
        [
            "enable open 1 @200",
            "enable fork 1 @300",
            "disable exit 1 @200",
            "enable fork 1 @301",
            "disable exit 1 @300",
            "disable exit 1 @301",
        ],
        [6],
    ),
    "where a child's copy has been swapped with the original, each ends with its thread": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable fork inherited", 2, [1], PERF, CHILD),
            prof("enable exec inherited", 3, [1], PERF, SHOP),
            prof("disable exit", 5, [1], PERF, CHILD),
            ends(5, CHILD),
            prof("disable exit inherited", 8, [1], PERF, SHOP),
            ends(8, SHOP),
        ],
        [
            "enable open 1 @200",
            "enable fork 1 @300",
            "disable exit 1 @300",
            "disable exit 1 @200",
        ],
        [8],
    ),
    "what is done to an event is done to its copies": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            prof("enable fork inherited", 2, [1], PERF, CHILD),
            prof("disable close", 3, [1], PERF, SHOP),
            prof("disable exit", 5, [], None, CHILD),
        ],
        ["enable open 1 @200", "enable fork 1 @300", "disable close 1 @200"],
        [3],
    ),
    "a counter that lives 100 ms is told, with the time of its open": (
        [prof("enable open", 0, [1], PERF, SHOP, **COUNTING), event("setitimer", 100)],
        ["enable open 1 @200"],
        [],
    ),
    "a counter that is closed before is nothing": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("disable close", 99, [1], PERF, SHOP),
            event("setitimer", 200),
        ],
        [],
        [],
    ),
    "a late close finds the counter told": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("disable close", 150, [1], PERF, SHOP),
        ],
        ["enable open 1 @200", "disable close 1 @200"],
        [150],
    ),
    "a group of counters that probe is closed as one": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("enable open", 1, [2], PERF, SHOP, **COUNTING),
            prof("disable ioctl group", 2, [1, 2], PERF, SHOP),
            event("setitimer", 200),
        ],
        [],
        [],
    ),
    "the end of its thread, target or owner is the end of a probe": (
        [
            prof("enable open", 0, [1], PERF, SHOP_THREAD, **COUNTING),
            prof("enable open", 0, [2], PERF, CHILD, **COUNTING),
            prof("enable open", 0, [3], GDB, SHOP, **COUNTING),
            prof("disable exit", 1, [], None, SHOP_THREAD),
            ends(1, CHILD),
            ends(1, GDB),
            event("setitimer", 200),
        ],
        [],
        [],
    ),
    "what is handed down to a child is no probe": (
        [
            prof("enable open", 0, [1], PERF, SHOP, **COUNTING),
            prof("enable fork inherited", 9, [1], PERF, CHILD, **COUNTING),
            ends(20, PERF),
        ],
        [
            "enable open 1 @200",
            "enable fork 1 @300",
            "disable exit 1 @200",
            "disable exit 1 @300",
        ],
        [20],
    ),
    "a timer and a probe can have the same number": (
        [
            prof("enable open", 0, [1], SHOP, SHOP, **COUNTING),
            prof("enable timer", 1, [1], SHOP, SHOP, mechanism="posix_timer"),
            prof("disable timer", 2, [1], SHOP, SHOP, mechanism="posix_timer"),
            event("setitimer", 200),
        ],
        ["enable timer 1 @200", "disable timer 1 @200", "enable open 1 @200"],
        [1],
    ),
    "an exec ends POSIX timers, and leaves interval timers on": (
        [
            prof("enable timer", 0, [0], SHOP, SHOP, mechanism="posix_timer"),
            prof("enable timer", 0, [2], SHOP, SHOP, mechanism="itimer"),
            execs(5, SHOP),
            ends(9, SHOP),
        ],
        [
            "enable timer 0 @200",
            "enable timer 2 @200",
            "disable exec 0 @200",
            "disable exit 2 @200",
        ],
        [9],
    ),
    "a thread's end leaves the timers of its process on": (
        [
            prof("enable timer", 0, [2], SHOP_THREAD, SHOP_THREAD, mechanism="itimer"),
            prof("enable open", 1, [1], PERF, SHOP_THREAD),
            prof("disable exit", 5, [], None, SHOP_THREAD),
        ],
        ["enable timer 2 @201", "enable open 1 @201", "disable exit 1 @201"],
        [4],
    ),
    "attach and detach": (
        [ptrace("ATTACH", 0, GDB, SHOP), ptrace("DETACH", 40, GDB, SHOP)],
        ["PTRACE_ATTACH", "PTRACE_DETACH"],
        [40],
    ),
    "a debugger at two threads is one session": (
        [
            ptrace("SEIZE", 0, GDB, SHOP),
            ptrace("SEIZE", 1, GDB, SHOP_THREAD),
            ptrace("DETACH", 5, GDB, SHOP),
            ptrace("DETACH", 6, GDB, SHOP_THREAD),
        ],
        ["PTRACE_SEIZE", "PTRACE_SEIZE", "PTRACE_DETACH", "PTRACE_DETACH"],
        [6],
    ),
    "a debugger that ends, and one whose target ends": (
        [
            ptrace("ATTACH", 0, GDB, SHOP),
            ends(7, GDB),
            ptrace("TRACEME", 8, GDB, CHILD),
            ends(10, CHILD),
        ],
        ["PTRACE_ATTACH", "PTRACE_TRACEME"],
        [7, 2],
    ),
    "an attach that was refused": ([ptrace("ATTACH", 0, GDB, SHOP, ret=-1)], ["PTRACE_ATTACH"], []),
    "a pid that is used again is another process": (
        [
            prof("enable open", 0, [1], PERF, SHOP),
            ptrace("ATTACH", 0, GDB, SHOP),
            ends(3, task(100, start=2)),
            ends(3, task(110, start=2)),
            ends(4, task(200, start=2)),
            ptrace("ATTACH", 5, GDB, task(200, start=2)),
            ptrace("DETACH", 6, GDB, task(200, start=2)),
        ],
        ["enable open 1 @200", "PTRACE_ATTACH", "PTRACE_ATTACH", "PTRACE_DETACH"],
        [1],
    ),
    "who acts need not be known": (
        [
            prof("enable open cpu_wide", 0, [1], None),
            prof("disable close cpu_wide", 3, [1], None),
            ptrace("ATTACH", 4, None, SHOP),
            ends(5, None),
        ],
        ["enable open 1", "disable close 1", "PTRACE_ATTACH"],
        [3],
    ),
}
