"""What an entry of the event registry is made of: arguments, provenance tags and hooks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Tag(StrEnum):
    """Where an argument's value comes from, and how far it can be trusted."""

    K = "K"  # kernel memory or registers
    U = "U"  # user memory
    TOCTOU = "TOCTOU"  # the user could have changed it after the kernel checked it
    OPT = "OPT"  # may be absent (null)
    RACE = "RACE"  # read through an fd table that another thread could have swapped
    DERIVED = "DERIVED"  # worked out by profguard from other arguments or earlier events


TAG_MEANINGS = {
    Tag.K: "read from kernel memory or registers",
    Tag.U: "read from user memory",
    Tag.TOCTOU: "the process could have changed it between the kernel's use and our read",
    Tag.OPT: "may be absent; then it is null",
    Tag.RACE: "read through an fd table that another thread of the process could have swapped",
    Tag.DERIVED: "worked out by profguard from other arguments or from earlier events",
}


@dataclass(frozen=True, slots=True, eq=False)
class Arg:
    """One argument of an event.

    `ctype` is its type on the wire: u8 u16 u32 u64 s32 s64; `char[N]`, text; `u32[8]` and `u64[8]`;
    `path[N]`, the components of a path, leaf first, each ended by a NUL; `argv[N]`, arguments, each
    ended by a NUL; or None for an argument that userspace derives. `count` names the argument that
    says how many entries (or bytes) of an array, path or argv are set. `values` maps numbers to
    names (an enumeration; the decoded value is the name), `bits` maps bit numbers to names (the
    decoded value is a tuple of names). `null` is the wire value that stands for "not known".
    `legend` explains the parts of a number that stays a number: what is numbered, and the names.
    `hidden` arguments exist on the wire only.
    """

    name: str
    ctype: str | None
    meaning: str
    tags: tuple[Tag, ...] = (Tag.K,)
    values: dict[int, str] | None = None
    bits: dict[int, str] | None = None
    count: str | None = None
    null: int | None = None
    hidden: bool = False
    kind: str | None = None  # for derived arguments: int, str, list, bool
    legend: tuple[str, dict[int, str]] | None = None

    @property
    def type(self) -> str:
        """The type a rule sees: int, str, list (of str or int) or bool."""
        if self.kind:
            return self.kind
        if self.values:
            return "str"
        if self.ctype.startswith(("char[", "path[")):
            return "str"
        return "list" if self.bits or self.count else "int"


SESSION = Arg(
    "session", None, "id of the session that it belongs to", (Tag.DERIVED, Tag.OPT), kind="str"
)


def session_args(lasted: str) -> tuple[Arg, ...]:
    """The arguments of an event that begins and ends sessions; `lasted` says what the time is."""
    tags = (Tag.DERIVED, Tag.OPT)
    return (
        SESSION,
        Arg("duration_ns", None, lasted, tags, kind="int"),
        Arg(
            "tainted",
            None,
            "with duration_ns: whether events were lost meanwhile, as far as is known by then",
            tags,
            kind="bool",
        ),
    )


@dataclass(frozen=True, slots=True)
class Unseen:
    """What escapes an event where it is attached to a hook whose `type/name` begins with `at`."""

    at: str
    what: str

    def escapes(self, hooks: Iterable[str]) -> bool:
        """Whether it does with these hooks, as `type/name`."""
        return any(hook.startswith(self.at) for hook in hooks)


# Of events that come from system calls: only the functions behind them are called in this way too.
ENTRY_32 = Unseen("tracepoint/syscalls/", "calls through the 32-bit entry (`int $0x80`)")


@dataclass(frozen=True, slots=True)
class Hook:
    """A kernel attach point: `name` as the kernel spells it, and what it is for there.

    `types` are the kinds of program that a tier attaches to it: tracepoint, tp_btf, fentry, fexit,
    kprobe, kretprobe, lsm, cgroup, iter; or userspace. `sys_NAME` is the function of a system
    call in each of the machine's ABIs.
    """

    name: str
    types: tuple[str, ...]
    purpose: str


def tracepoint(name: str, purpose: str) -> Hook:
    return Hook(name, ("tracepoint",), purpose)


def kernel_event(name: str, purpose: str) -> Hook:
    """A tracepoint whose arguments have types."""
    return Hook(name, ("tp_btf",), purpose)


def entry(name: str, purpose: str) -> Hook:
    return Hook(name, ("fentry", "kprobe"), purpose)


def leave(name: str, purpose: str) -> Hook:
    return Hook(name, ("fexit", "kretprobe"), purpose)


def system_call(name: str, entered: str, left: str) -> tuple[Hook, ...]:
    """A system call that every tier attaches to, and what its entry and its return tell."""
    return (
        entry(f"sys_{name}", entered),
        leave(f"sys_{name}", left),
        tracepoint(f"syscalls/sys_enter_{name}", entered),
        tracepoint(f"syscalls/sys_exit_{name}", left),
    )


class Lasts(StrEnum):
    """How long the session goes on that an event begins which has no counterpart."""

    MOMENT = "moment"  # until it has not happened again for a while
    PROCESS = "process"  # as long as the process that did it, and its target


@dataclass(frozen=True, slots=True, eq=False)
class EventSpec:
    """One event. `id` goes on the wire and is never reused.

    `mechanism` names how one process gets at another by this event, for the finding it may cause;
    events with an argument `mechanism` say it themselves. `lasts` makes it a part of a session.
    `sensor` is None, but for the event of
    another sensor that has no counterpart here (see events/foreign.py): that has no `index`, so
    that no station takes its arguments for those that are called the same here.
    """

    name: str
    id: int
    summary: str
    args: tuple[Arg, ...]
    hooks: tuple[Hook, ...] = ()
    description: str = ""
    mechanism: str | None = None
    lasts: Lasts | None = None
    example: str = ""
    issues: tuple[str, ...] = ()
    unseen: tuple[Unseen, ...] = ()  # what only some tiers see
    related: tuple[str, ...] = ()
    sensor: str | None = None
    index: dict[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self):
        if self.sensor is None:
            self.index.update((arg.name, i) for i, arg in enumerate(self.public_args))

    def arg(self, name: str) -> Arg:
        """The argument called `name`. Raises KeyError."""
        return {arg.name: arg for arg in self.args}[name]

    @property
    def attach_points(self) -> set[str]:
        """Its hooks as sections of programs name them: `type/name`."""
        return {f"{type}/{hook.name}" for hook in self.hooks for type in hook.types}

    @property
    def public_args(self) -> tuple[Arg, ...]:
        """The arguments that users see, in order: the order of `Event.args`."""
        return tuple(arg for arg in self.args if not arg.hidden)

    @property
    def wire_args(self) -> tuple[Arg, ...]:
        """The arguments that the kernel sends, in the order of the C struct."""
        return tuple(arg for arg in self.args if arg.ctype is not None)
