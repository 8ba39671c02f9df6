"""An event of each kind with a value for everything: what policies are tried with as they load."""

from functools import cache

from profguard.events import Arg, EventSpec
from profguard.model import Event, Process

_NUMBER, _TEXT = 1, "/usr/bin/example"


@cache
def example(spec: EventSpec) -> Event:
    """One event of that kind, the same each time."""
    return Event(
        spec=spec,
        time_ns=1_800_000_000_000_000_000,
        args=[_value(arg) for arg in spec.public_args],
        process=_process(4711),
        target=_process(812),
        relation="cross-uid",
        tier="tracepoint",
        host="example",
        boot_ns=1,
        cpu=0,
        sequence=1,
    )


def _value(arg: Arg):
    if arg.type == "bool":
        return True
    if arg.type == "int":
        return _NUMBER
    names = tuple((arg.values or arg.bits or {}).values())
    if arg.type == "list":
        numbers = (arg.ctype or "").startswith("u") and not arg.bits
        return (_NUMBER,) if numbers else (names[0] if names else _TEXT,)
    return names[0] if names else _TEXT


def _process(pid: int) -> Process:
    return Process(
        pid=pid,
        tid=pid,
        start_boot_ns=1,
        start_time="2027-01-15T08:00:00Z",
        name="example",
        executable=_TEXT,
        inode=1,
        command_line=f"{_TEXT} -v",
        parent_pid=1,
        parent_name="sh",
        parent_executable="/usr/bin/sh",
        parent_command_line="sh",
        ancestors=("/usr/bin/sh", "/usr/lib/systemd/systemd"),
        user_id=1000,
        user_name="example",
        group_id=1000,
        cgroup="/user.slice",
        unit="user@1000.service",
        namespaces_pid=1,
        namespaces_mnt=1,
        labels=("example",),
    )
