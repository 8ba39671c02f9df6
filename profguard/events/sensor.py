"""What the sensor says of itself: losses and changes of state. Made in userspace."""

from profguard.events.spec import Arg, EventSpec, Hook, Tag

DERIVED, OPT = Tag.DERIVED, Tag.OPT

LOST_EVENTS = EventSpec(
    name="lost_events",
    id=12,
    summary="events happened that the sensor could not take",
    description=(
        "The kernel side counts every event on every CPU, also those that it cannot send; this is "
        "the difference to the count before. When all is read, of each event and CPU what was "
        "produced is what was received, lost or folded; the sensor proves it all the time.\n\n"
        "The reasons: `buffer_full`, the ring buffer had no room. `call_lost`, the begin of a "
        "system call could not be kept for its end, or its end never came. `probe_skipped`, the "
        "kernel left out a run of a probe, as it does while a BPF map is changed on that CPU; each "
        "may have been one of the events that the probe serves, and is told for each of them. "
        "`unaccounted`, the counts do not add up: an error of profguard, please report it.\n\n"
        "A finding or session whose time overlaps a loss is tainted: there may have been more."
    ),
    args=(
        Arg("event", None, "name of the event that was lost", (DERIVED,), kind="str"),
        Arg("cpu", None, "the CPU it was lost on, where that is known", (DERIVED, OPT), kind="int"),
        Arg("count", None, "how many, since the last such report", (DERIVED,), kind="int"),
        Arg("total", None, "how many since the sensor started", (DERIVED,), kind="int"),
        Arg("reason", None, "why: one of the reasons above", (DERIVED, OPT), kind="str"),
        Arg("within_ns", None, "it was at most so long before this", (DERIVED, OPT), kind="int"),
    ),
    hooks=(Hook("counters", ("userspace",), "the per-CPU counters of the BPF object"),),
    related=("folded_events", "sensor_status"),
)

FOLDED_EVENTS = EventSpec(
    name="folded_events",
    id=14,
    summary="a process caused so many like events that they were only counted",
    description=(
        "Beyond `sensor.max_rate` events a second that are alike (of one name, one process and "
        "one target, by one command or request) the kernel side counts instead of sending. So a "
        "flood takes no room from what other processes do. `process` and `target` are those of the "
        "flood; they are null where there were more floods than can be told apart. The time is "
        "that of the last event."
    ),
    args=(
        Arg("event", None, "name of the event that was folded", (DERIVED,), kind="str"),
        Arg("count", None, "how many, since the last such report", (DERIVED,), kind="int"),
        Arg("span_ns", None, "time from the first of them to the last", (DERIVED,), kind="int"),
    ),
    hooks=(Hook("folds", ("userspace",), "the map of floods of the BPF object"),),
    related=("lost_events",),
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

EVENTS = (LOST_EVENTS, FOLDED_EVENTS, SENSOR_STATUS)
