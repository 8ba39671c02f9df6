"""Tracee's events as ours.

An event becomes one of ours where it says what ours says: ptrace only begins and ends control,
timers run on CPU time, an exit is that of the last thread. All others are foreign.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from profguard.events import Arg, EventSpec, Tag
from profguard.events.access import PTRACE_REQUESTS
from profguard.events.foreign import foreign_spec, foreign_value
from profguard.events.perf import OPEN_FLAGS
from profguard.events.timers import ITIMERS
from profguard.model import Event, Process, arg_value
from profguard.timefmt import rfc3339
from profguard.tracee.counterparts import BY_THEIRS, RETURN_VALUE, SENSOR, Counterpart
from profguard.tracee.write import NO_USER

_END = (1 << 63) - 1
_Number = Annotated[int, Meta(ge=0, le=_END)] | None
_Text = str | None
# Nanoseconds since the epoch, or since boot where Tracee was asked for relative times. Releases
# before 2021 printed seconds, with a fraction.
_Seconds = Annotated[float, Meta(ge=0, le=_END / 1e9)]
_Time = Annotated[int, Meta(ge=0, le=_END)] | _Seconds
_PID_CGROUP = OPEN_FLAGS[2]
_YEAR_2000_NS = 946_684_800_000_000_000  # no machine has been up for so long

Values = dict[str, Any]


class _Argument(msgspec.Struct):
    name: str
    value: Any = None


class _File(msgspec.Struct):
    path: _Text = None


class _Container(msgspec.Struct):
    id: _Text = None


class _Object(msgspec.Struct, rename="camel"):
    """What is read of an event. Only the newest releases have all of it."""

    event_name: str
    timestamp: _Time
    thread_start_time: _Time | None = None
    processor_id: _Number = None
    process_id: _Number = None
    thread_id: _Number = None
    parent_process_id: _Number = None
    host_process_id: _Number = None
    host_thread_id: _Number = None
    host_parent_process_id: _Number = None
    user_id: _Number = None
    mount_namespace: _Number = None
    pid_namespace: _Number = None
    process_name: _Text = None
    executable: _File | None = None
    host_name: _Text = None
    container_id: _Text = None
    container: _Container | None = None
    return_value: Annotated[int, Meta(ge=-_END - 1, le=_END)] | None = None
    args: list[_Argument] | None = None


def from_tracee(nested: dict[str, Any]) -> Event:
    """The event that Tracee printed as `nested`, which is kept as its origin.

    Raises ValueError or TypeError for what is no event of Tracee's.
    """
    if "eventName" not in nested:
        raise ValueError("it has no eventName")
    try:
        seen = msgspec.convert(nested, _Object)
    except msgspec.ValidationError as error:
        raise TypeError(str(error)) from None
    values = {each.name: each.value for each in seen.args or ()}
    event = _counterpart(seen, values) or _foreign(seen, values)
    event.origin = nested
    return event


def _event(seen: _Object, spec: EventSpec, args: list[Any], process: Process | None) -> Event:
    return Event(
        spec=spec,
        time_ns=_ns(seen.timestamp),
        args=args,
        process=process,
        host=seen.host_name or None,
        cpu=seen.processor_id,
    )


def _foreign(seen: _Object, values: Values) -> Event:
    spec = foreign_spec(SENSOR, seen.event_name, tuple(values))
    return _event(seen, spec, [foreign_value(value) for value in values.values()], _caller(seen))


def _counterpart(seen: _Object, values: Values) -> Event | None:
    counterpart = BY_THEIRS.get(seen.event_name)
    means_the_same = _MEANS_THE_SAME.get(seen.event_name)
    if counterpart is None or (means_the_same and not means_the_same(seen, values)):
        return None
    event = _event(seen, counterpart.spec, _args(counterpart, seen, values), _caller(seen))
    complete = _COMPLETE.get(seen.event_name)
    if complete and event.process:
        complete(event, seen)
    return event


# Who.


def _caller(seen: _Object) -> Process | None:
    """The process that did it; None for what no process did."""
    if seen.host_process_id is None:  # before Tracee told host and container apart
        pid, tid, parent = seen.process_id, seen.thread_id, seen.parent_process_id
    else:
        pid, tid, parent = seen.host_process_id, seen.host_thread_id, seen.host_parent_process_id
    if not pid and not seen.process_name:
        return None
    user, container = seen.user_id, seen.container
    return Process(
        pid=pid,
        tid=tid or pid,
        start_time=_start(seen.thread_start_time) if tid == pid else None,
        name=seen.process_name or None,
        executable=(seen.executable and seen.executable.path) or None,
        parent_pid=parent or None,
        user_id=None if user is None or user >= NO_USER else user,
        container_id=(container and container.id) or seen.container_id or None,
        namespaces_pid=seen.pid_namespace or None,
        namespaces_mnt=seen.mount_namespace or None,
    )


@lru_cache(4096, typed=True)  # a process does many things; a float is in seconds
def _start(time: float | None) -> str | None:
    """When a process started; a time since boot says nothing without the time of that."""
    started_ns = 0 if time is None else _ns(time)
    return rfc3339(started_ns) if started_ns >= _YEAR_2000_NS else None


def _ns(time: float) -> int:
    return time if isinstance(time, int) else int(time * 1e9)


def _numbers_as_the_host(seen: _Object) -> bool:
    """Whether a pid that the caller names is that of the host: it is in no namespace of its own."""
    return seen.host_process_id in (None, seen.process_id)


def _named(event: Event, seen: _Object) -> None:
    """The target is the process that the argument `pid` names."""
    pid = event["pid"]
    if pid is not None and pid > 0 and _numbers_as_the_host(seen):
        caller = event.process
        event.target = caller if pid == caller.pid else Process(pid=pid, tid=pid)


def _measured(event: Event, seen: _Object) -> None:
    """The target of a perf event: the caller itself, or the process that it names."""
    if _PID_CGROUP in (event["open_flags"] or ()):
        return  # then it is the descriptor of a cgroup
    if event["pid"] == 0:
        event.target = event.process
    else:
        _named(event, seen)


def _itself(event: Event, _seen: _Object) -> None:
    event.target = event.process


def _traced(event: Event, seen: _Object) -> None:
    """The target of a request; PTRACE_TRACEME is made by the target, for its parent."""
    if event["request"] != PTRACE_REQUESTS[0]:
        _named(event, seen)
        return
    event.target = event.process
    tracer = event.target.parent_pid
    event.process = None if tracer is None else Process(pid=tracer, tid=tracer)


def _executed(event: Event, _seen: _Object) -> None:
    """The process has its new program already."""
    process = event.process
    process.executable = event["pathname"] or process.executable
    if event["argv"]:
        process.command_line = " ".join(event["argv"])
    process.inode = event["inode"]


def _forked(event: Event, _seen: _Object) -> None:
    child = event["child_pid"]
    event.target = Process(pid=child, tid=child, parent_pid=event.process.pid)


def _loaded(event: Event, _seen: _Object) -> None:
    event.target = event.process
    if event["file_name"] is None and event["pathname"]:
        event["file_name"] = event["pathname"].rpartition("/")[2]


_COMPLETE: dict[str, Callable[[Event, _Object], None]] = {
    "ptrace": _traced,
    "process_vm_readv": _named,
    "process_vm_writev": _named,
    "setitimer": _itself,
    "timer_create": _itself,
    "perf_event_open": _measured,
    "sched_process_exec": _executed,
    "sched_process_fork": _forked,
    "shared_object_loaded": _loaded,
}

# Which of Tracee's events say what ours say.


def _is_one_of(names: dict[int, str], value: Any) -> bool:
    return value in names.values() or (isinstance(value, int) and value in names)


def _of_another(seen: _Object, values: Values) -> bool:
    return values.get("pid") != seen.process_id


def _on_cpu_time(_seen: _Object, values: Values) -> bool:
    """A clock of CPU time by its number: one of the two, or made from a pid and not from an fd."""
    clock = values.get("clockid")
    return isinstance(clock, int) and (clock in (2, 3) or (clock < 0 and clock & 7 != 3))


_MEANS_THE_SAME: dict[str, Callable[[_Object, Values], bool]] = {
    "ptrace": lambda _seen, values: _is_one_of(PTRACE_REQUESTS, values.get("request")),
    "process_vm_readv": _of_another,
    "process_vm_writev": _of_another,
    "setitimer": lambda _seen, values: _is_one_of(ITIMERS, values.get("which")),
    "timer_create": _on_cpu_time,
    "bpf_attach": lambda _seen, values: "how" in values,  # Tracee's is of perf events, its own way
    "sched_process_exit": lambda _seen, values: values.get("process_group_exit") is not False,
    "sched_process_fork": lambda _seen, values: (
        "child_tid" not in values or values["child_tid"] == values.get("child_pid")
    ),
}

# What.


def _args(counterpart: Counterpart, seen: _Object, values: Values) -> list[Any]:
    spec = counterpart.spec
    if counterpart.name == "sched_process_exit":
        values = _status_apart(values)
    args: list[Any] = [None] * len(spec.index)
    for shared in counterpart.shared:
        value = values.get(shared.name)
        if value is not None:
            args[shared.position] = arg_value(spec, shared.arg, _ours(shared.arg, value))
    if RETURN_VALUE in spec.index:
        args[spec.index[RETURN_VALUE]] = seen.return_value
    return args


def _ours(arg: Arg, value: Any) -> Any:
    """Numbers become names as in the decoder, and what stands for "not known" None."""
    if isinstance(value, int):
        if value == arg.null:
            return None
        if arg.values:
            return arg.values.get(value, str(value))
        if arg.bits:
            return [name for bit, name in arg.bits.items() if value >> bit & 1]
    return None if value == "" and Tag.OPT in arg.tags else value


def _status_apart(values: Values) -> Values:
    """Until 2024 the exit code was what wait(2) gives: the code and the signal in one number."""
    status = values.get("exit_code")
    if "signal_code" in values or not isinstance(status, int) or status < 0:
        return values
    return {**values, "exit_code": status >> 8 & 0xFF, "signal_code": status & 0x7F}
