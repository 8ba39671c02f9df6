"""The event registry: one entry an event, from which everything else about it is generated.

The C header, the decoder, the JSON schema, the fields that rules may name and the reference
documentation all come from here. To add an event, add its entry and its BPF hook.
"""

from profguard.events import (
    access,
    bpf,
    descriptors,
    files,
    perf,
    probes,
    process,
    runtimes,
    sensor,
    timers,
)
from profguard.events.spec import Arg, EventSpec, Hook, Lasts, Tag

__all__ = ["BY_ID", "BY_NAME", "REGISTRY", "Arg", "EventSpec", "Hook", "Lasts", "Tag"]

REGISTRY: tuple[EventSpec, ...] = (
    *perf.EVENTS,
    *timers.EVENTS,
    *access.EVENTS,
    *bpf.EVENTS,
    *probes.EVENTS,
    *descriptors.EVENTS,
    *files.EVENTS,
    *process.EVENTS,
    *runtimes.EVENTS,
    *sensor.EVENTS,
)
BY_NAME = {spec.name: spec for spec in REGISTRY}
BY_ID = {spec.id: spec for spec in REGISTRY}
