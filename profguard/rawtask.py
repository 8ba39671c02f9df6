"""What the kernel sends about a task with every event: exact numbers, and a comm nobody trusts."""

import msgspec


class RawTask(msgspec.Struct, gc=False):
    """struct pg_task of bpf/events.h. Pids are those of the initial pid namespace, times ns."""

    start_ns: int
    parent_start_ns: int
    cgroup_id: int
    pid: int  # the process (tgid); 0 where there is no task
    tid: int
    ppid: int
    uid: int
    gid: int
    pid_ns: int
    mnt_ns: int
    comm: str


# The members of struct pg_task in order, with their C types.
TASK_MEMBERS = (
    ("start_ns", "u64"),
    ("parent_start_ns", "u64"),
    ("cgroup_id", "u64"),
    ("pid", "u32"),
    ("tid", "u32"),
    ("ppid", "u32"),
    ("uid", "u32"),
    ("gid", "u32"),
    ("pid_ns", "u32"),
    ("mnt_ns", "u32"),
    ("comm", "char[16]"),
)
