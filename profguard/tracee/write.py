"""Our events in Tracee's shape."""

from collections.abc import Callable, Collection
from typing import Any

from profguard.events import Arg
from profguard.model import Event, Process
from profguard.timefmt import from_rfc3339
from profguard.tracee.counterparts import BY_OURS, RETURN_VALUE, Counterpart

INIT_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO: its inode is the same on every machine
NO_USER = 0xFFFFFFFF  # (uid_t)-1, which is nobody's; 0 would be root
_NOBODY = Process()
_TYPES = {bool: "bool", int: "long", float: "double", tuple: "const char**"}


def to_tracee(event: Event, keys: Collection[str] | None = None) -> dict[str, Any]:
    """The event as Tracee prints it, or only these top-level keys of it; not to be changed.

    An event that Tracee saw is the object that it was read from. What is not known is 0 or empty,
    as there, but for the user, who is NO_USER; arguments that are not known are left out. The
    target shows in the arguments only.
    """
    origin = event.origin
    if origin is not None:
        return origin if keys is None else {key: origin[key] for key in keys if key in origin}
    if keys is None:
        return {key: value(event) for key, value in FIELDS.items()}
    return {key: FIELDS[key](event) for key in keys if key in FIELDS}


def event_name(event: Event) -> str:
    """What Tracee calls the event: the name that a signature selects it by."""
    if event.origin is not None:
        return event.origin["eventName"]
    if event.spec.sensor:
        return event.spec.name.removeprefix(f"{event.spec.sensor}_")
    return BY_OURS[event.spec].name


def _caller(event: Event) -> Process:
    """The process that Tracee's event is about: for PTRACE_TRACEME the one that is traced."""
    if event.spec.name == "ptrace" and event["request"] == "PTRACE_TRACEME":
        return event.target or _NOBODY
    return event.process or _NOBODY


def _host(attr: str) -> Callable[[Event], int]:
    return lambda event: getattr(_caller(event), attr) or 0


def _inside(attr: str) -> Callable[[Event], int]:
    """An id as the process's own pid namespace numbers it: known where that is the initial one."""

    def value(event: Event) -> int:
        caller = _caller(event)
        namespace = caller.namespaces_pid
        is_initial = namespace == INIT_PID_NAMESPACE or (
            namespace is None and caller.container_id is None
        )
        return (getattr(caller, attr) or 0) if is_initial else 0

    return value


def _text(attr: str) -> Callable[[Event], str]:
    return lambda event: getattr(_caller(event), attr) or ""


def _thread_start(event: Event) -> int:
    caller = _caller(event)
    is_leader = caller.tid in (None, caller.pid)
    return from_rfc3339(caller.start_time) if caller.start_time and is_leader else 0


def _user(event: Event) -> int:
    user = _caller(event).user_id
    return NO_USER if user is None else user


def _counterpart(event: Event) -> Counterpart | None:
    return BY_OURS.get(event.spec)


def _number(event: Event) -> str:
    counterpart = _counterpart(event)
    return str(counterpart.number if counterpart else 0)


def _call(event: Event) -> str:
    counterpart = _counterpart(event)
    return counterpart.name if counterpart and counterpart.is_call else ""


def _returned(event: Event) -> int:
    return (event[RETURN_VALUE] or 0) if RETURN_VALUE in event.spec.index else 0


def _container(event: Event) -> dict[str, str]:
    container = _caller(event).container_id
    return {"id": container} if container else {}


def _context(event: Event) -> dict[str, bool]:
    return {"containerStarted": _caller(event).container_id is not None, "isCompat": False}


def _args(event: Event) -> list[dict[str, Any]]:
    counterpart = _counterpart(event)
    if counterpart is None:
        return _foreign_args(event)
    found: dict[str, dict[str, Any]] = {}
    for shared in counterpart.shared:
        value = event.args[shared.position]
        if value is None and shared.is_theirs:
            value = shared.arg.null  # no CPU, no signal: Tracee shows the number
        if value is not None and shared.name not in found:
            shown = _as_number(shared.arg, value) if shared.numeric else _listed(value)
            found[shared.name] = {"name": shared.name, "type": shared.type, "value": shown}
    return [*found.values(), *counterpart.always]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _as_number(arg: Arg, value: Any) -> Any:
    """What the kernel had where we show a name, or names of bits."""
    if arg.bits:
        return sum(1 << bit for bit, name in arg.bits.items() if name in value)
    for number, name in arg.values.items():
        if name == value:
            return number
    return int(value) if value.lstrip("-").isdecimal() else value


def _foreign_args(event: Event) -> list[dict[str, Any]]:
    return [
        {
            "name": arg.name,
            "type": _TYPES.get(type(value), "const char*"),
            "value": _listed(value),
        }
        for arg, value in zip(event.spec.public_args, event.args, strict=True)
    ]


# Tracee's top-level keys in its order, each with how it is made of an event that has no origin.
FIELDS: dict[str, Callable[[Event], Any]] = {
    "timestamp": lambda event: event.time_ns,
    "threadStartTime": _thread_start,
    "processorId": lambda event: event.cpu or 0,
    "processId": _inside("pid"),
    "cgroupId": lambda _event: 0,
    "threadId": _inside("tid"),
    "parentProcessId": _inside("parent_pid"),
    "hostProcessId": _host("pid"),
    "hostThreadId": _host("tid"),
    "hostParentProcessId": _host("parent_pid"),
    "userId": _user,
    "mountNamespace": _host("namespaces_mnt"),
    "pidNamespace": _host("namespaces_pid"),
    "processName": _text("name"),
    "executable": lambda event: {"path": _caller(event).executable or ""},
    "hostName": lambda event: event.host or "",
    "containerId": _text("container_id"),
    "container": _container,
    "kubernetes": lambda _event: {},
    "eventId": _number,
    "eventName": event_name,
    "matchedPolicies": lambda _event: [""],
    "argsNum": lambda event: len(_args(event)),
    "returnValue": _returned,
    "syscall": _call,
    "stackAddresses": lambda _event: None,
    "contextFlags": _context,
    "threadEntityId": lambda _event: 0,
    "processEntityId": lambda _event: 0,
    "parentEntityId": lambda _event: 0,
    "args": _args,
}
