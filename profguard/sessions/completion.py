"""The prof events that the kernel does not send: what an exit or an exec switches off."""

import msgspec

from profguard.model import Event
from profguard.sessions.session import Switch, duration_ns
from profguard.sessions.transition import FLAG, PROF

_MAX_EVENTS = 8  # of one prof event


def disables(event: Event, switches: list[Switch]) -> list[Event]:
    """What `event` is to switches of one session and thread: all copies, or none."""
    parts = range(0, len(switches), _MAX_EVENTS)
    return [_disable(event, switches[first : first + _MAX_EVENTS]) for first in parts]


def _disable(event: Event, switches: list[Switch]) -> Event:
    session, target = switches[0].session, switches[0].target
    cause = "exec" if event.spec.name == "sched_process_exec" else "exit"
    flags = FLAG["disable"] | FLAG[cause]
    flags |= FLAG["inherited"] if switches[0].is_copy else 0
    flags |= FLAG["self"] if target and session.owner == target.identity else 0
    flags |= FLAG["cpu_wide"] if session.scope == "cpu-wide" else 0
    flags |= FLAG["cgroup"] if session.scope == "cgroup" else 0
    values = {
        "flags": flags,
        "event_ids": tuple(switch.event_id for switch in switches),
        "events": tuple(switch.code for switch in switches),
        "total": len(switches),
        "action": "disable",
        "cause": cause,
        "mechanism": switches[0].mechanism,
        "mode": switches[0].mode,
        "pmu": switches[0].pmu,
        "session": session.id,
        "duration_ns": duration_ns(switches, event),
        "tainted": session.tainted,
    }
    return msgspec.structs.replace(
        event,
        spec=PROF,
        args=[values.get(arg.name) for arg in PROF.public_args],
        process=session.process,
        target=target,
        relation=switches[0].relation,
        origin=None,
    )
