"""What the sensor says of itself: losses and changes of state. Made in userspace."""

from profguard.events.spec import Arg, EventSpec, Hook, Tag

DERIVED, OPT = Tag.DERIVED, Tag.OPT

LOST_EVENTS = EventSpec(
    name="lost_events",
    id=12,
    summary="events were dropped because the ring buffer was full",
    description=(
        "The kernel side counts every event that found no room, per CPU and event; this is the "
        "difference to the count before. Nothing is ever dropped without being counted."
    ),
    args=(
        Arg("event", None, "name of the event that was lost", (DERIVED,), kind="str"),
        Arg("cpu", None, "the CPU it was lost on", (DERIVED,), kind="int"),
        Arg("count", None, "how many, since the last such report", (DERIVED,), kind="int"),
        Arg("total", None, "how many since the sensor started", (DERIVED,), kind="int"),
    ),
    hooks=(Hook("counters", ("userspace",), "the per-CPU counters of the BPF object"),),
    related=("sensor_status",),
)

SENSOR_STATUS = EventSpec(
    name="sensor_status",
    id=13,
    summary="the sensor is armed, is degraded, follows its rules, or stops",
    description=(
        "`armed` as soon as the probes are live, `degraded` when one of them had to be given up, "
        "`stopped` as the last event of a run. Between `armed` and `stopped` silence means that "
        "nothing happened.\n\n"
        "When rule files change, or at SIGHUP, the rules are read again. `rules_reloaded` is the "
        "first event after which the new ones are asked; after `rules_refused` the old ones still "
        "are, because the files have errors."
    ),
    args=(
        Arg(
            "state",
            None,
            "armed, degraded, rules_reloaded, rules_refused or stopped",
            (DERIVED,),
            kind="str",
        ),
        Arg("reason", None, "why, where there is more to say", (DERIVED, OPT), kind="str"),
    ),
    hooks=(Hook("sensor", ("userspace",), "the sensor's own changes of state"),),
    related=("lost_events",),
)

EVENTS = (LOST_EVENTS, SENSOR_STATUS)
