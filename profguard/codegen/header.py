"""The registry as a C header: the structs of the ring buffer, with every offset asserted."""

from profguard import wire
from profguard.events import REGISTRY
from profguard.events.bpf import HOWS
from profguard.events.files import CHANGES
from profguard.events.perf import (
    ACTIONS,
    CAUSES,
    EVENT_CLASSES,
    MECHANISMS,
    MODES,
    PROF_FLAGS,
    SCOPES,
)
from profguard.events.probes import KPROBE_TYPES, UPROBE_TYPES, VIAS
from profguard.events.runtimes import RUNTIMES, WAYS
from profguard.model import SOURCES
from profguard.tiers import TIERS

_ENUMS = {
    "pg_action": ("PG_ACTION", ACTIONS),
    "pg_cause": ("PG_CAUSE", CAUSES),
    "pg_mechanism": ("PG_MECHANISM", MECHANISMS),
    "pg_mode": ("PG_MODE", MODES),
    "pg_scope": ("PG_SCOPE", SCOPES),
    "pg_how": ("PG_HOW", HOWS),
    "pg_runtime": ("PG_RUNTIME", RUNTIMES),
    "pg_way": ("PG_WAY", WAYS),
    "pg_change": ("PG_CHANGE", CHANGES),
    "pg_via": ("PG_VIA", VIAS),
    "pg_uprobe_type": ("PG_TYPE", UPROBE_TYPES),
    "pg_kprobe_type": ("PG_TYPE", KPROBE_TYPES),
    "pg_class": ("PG_CLASS", EVENT_CLASSES),
}


def _enum(name: str, entries) -> list[str]:
    return [f"enum {name} {{", *(f"\t{key} = {value}," for key, value in entries), "};", ""]


def _struct(name: str, first: list[str], layout: wire.Layout, base: int) -> list[str]:
    lines = [f"struct {name} {{", *first]
    lines += [f"\t{member.declaration};" for member in layout.members]
    size = base + layout.size
    lines += ["} __attribute__((aligned(8)));", ""]
    lines += [
        f"_Static_assert(__builtin_offsetof(struct {name}, {member.name}) == "
        f'{base + member.offset}, "{name}.{member.name}");'
        for member in layout.members
    ]
    lines += [f'_Static_assert(sizeof(struct {name}) == {size}, "{name}");', ""]
    return lines


def render() -> str:
    """The text of bpf/events.h."""
    wired = [spec for spec in REGISTRY if spec.wire_args]
    lines = [
        "/* Generated from the event registry by `make generate`. Do not edit. */",
        "#ifndef PG_EVENTS_H",
        "#define PG_EVENTS_H",
        "",
    ]
    lines += _enum("pg_event_id", [(f"PG_EVENT_{s.name.upper()}", s.id) for s in REGISTRY])
    lines[-2:-2] = [f"\tPG_EVENT_COUNT = {max(spec.id for spec in REGISTRY) + 1},"]
    lines += _enum("pg_tier", [(f"PG_TIER_{name.upper()}", i) for i, name in TIERS.items()])
    lines += _enum("pg_source", [(f"PG_SOURCE_{n.upper()}", i) for i, n in enumerate(SOURCES)])
    for name, (prefix, values) in _ENUMS.items():
        lines += _enum(name, [(f"{prefix}_{text.upper()}", i) for i, text in values.items()])
    lines += _enum(
        "pg_prof_flag",
        [(f"PG_PROF_{text.upper()}", f"1 << {bit}") for bit, text in PROF_FLAGS.items()],
    )
    lines += _struct("pg_task", [], wire.TASK, 0)
    lines += _struct("pg_header", [], wire.HEADER, 0)
    base = wire.HEADER.size + 2 * wire.TASK.size
    first = ["\tstruct pg_header head;", "\tstruct pg_task process;", "\tstruct pg_task target;"]
    for spec in wired:
        lines += _struct(f"pg_{spec.name}", first, wire.arguments(spec), base)
    lines += ["#endif", ""]
    return "\n".join(lines)
