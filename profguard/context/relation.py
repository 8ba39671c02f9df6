"""What an acting process and its target are to each other."""

from profguard.model import Process


def relation(
    process: Process | None,
    target: Process | None,
    *,
    cpu_wide: bool = False,
    cgroup: bool = False,
) -> str | None:
    """A key of model.RELATIONS, the closest that holds; None where it cannot be known.

    Parent pids are those at the time of the event, when both processes were alive, so one pid
    is one process.
    """
    if target is None:
        return "cgroup" if cgroup else "cpu-wide" if cpu_wide else None
    if process is None or process.pid is None or target.pid is None:
        return None
    if process.pid == target.pid:
        return "self" if _same_start(process, target) else _distant(process, target)
    if target.parent_pid == process.pid and _born_in_order(process, target):
        return "child"
    if process.parent_pid == target.pid and _born_in_order(target, process):
        return "parent"
    return _distant(process, target)


def _distant(process: Process, target: Process) -> str | None:
    if _in_other_container(process, target):
        return "cross-container"
    if process.user_id is None or target.user_id is None:
        return None
    return "same-uid" if process.user_id == target.user_id else "cross-uid"


def _in_other_container(process: Process, target: Process) -> bool:
    # Without a cgroup it is not known whether there is a container.
    known = process.cgroup is not None and target.cgroup is not None
    return known and process.container_id != target.container_id


def _same_start(one: Process, other: Process) -> bool:
    return None in (one.start_boot_ns, other.start_boot_ns) or (
        one.start_boot_ns == other.start_boot_ns
    )


def _born_in_order(parent: Process, child: Process) -> bool:
    return None in (parent.start_boot_ns, child.start_boot_ns) or (
        parent.start_boot_ns <= child.start_boot_ns
    )
