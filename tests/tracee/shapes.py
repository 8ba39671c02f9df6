"""Events in Tracee's shape, for tests: all the keys of its newest releases."""

from typing import Any

AT_NS = 1_764_943_681_496_816_406
PID = 765


def shape(name: str, changes: dict[str, Any] | None = None, /, **arguments) -> dict[str, Any]:
    """What Tracee prints of an event `name` that gdb, of user 1000, makes happen."""
    printed = {
        "timestamp": AT_NS,
        "threadStartTime": 1_764_943_681_493_527_948,
        "processorId": 3,
        "processId": PID,
        "cgroupId": 1,
        "threadId": PID,
        "parentProcessId": 100,
        "hostProcessId": PID,
        "hostThreadId": PID,
        "hostParentProcessId": 100,
        "userId": 1000,
        "mountNamespace": 4026531841,
        "pidNamespace": 4026531836,
        "processName": "gdb",
        "executable": {"path": "/usr/bin/gdb"},
        "hostName": "shop-1",
        "containerId": "",
        "container": {},
        "kubernetes": {},
        "eventId": "0",
        "eventName": name,
        "matchedPolicies": [""],
        "argsNum": len(arguments),
        "returnValue": 0,
        "syscall": name,
        "stackAddresses": None,
        "contextFlags": {"containerStarted": False, "isCompat": False},
        "threadEntityId": 1216694504,
        "processEntityId": 1216694504,
        "parentEntityId": 2142180145,
        "args": [{"name": each, "type": "?", "value": value} for each, value in arguments.items()],
    }
    return printed | (changes or {})
