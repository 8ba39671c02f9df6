"""The events that both programs have: what Tracee calls them and their arguments.

What only we have keeps its name and comes after what both have. What only Tracee has is left out:
we do not know it. Numbers are those of x86-64.
"""

from dataclasses import dataclass

from profguard.events import BY_NAME, REGISTRY, Arg, EventSpec

SENSOR = "tracee"
RETURN_VALUE = "ret"  # of ours; Tracee has it beside the arguments

_NUMBERS = {
    "u8": "u8",
    "u16": "u16",
    "u32": "unsigned int",
    "s32": "int",
    "u64": "unsigned long",
    "s64": "long",
}
_TEXTS = "const char**"
_DERIVED = {"int": "long", "str": "const char*", "bool": "bool", "list": _TEXTS}


@dataclass(frozen=True, slots=True)
class Shared:
    """One argument: its name and type in Tracee, ours, and where it is in `Event.args`.

    `is_theirs`: Tracee has it; otherwise it is ours, under our name.
    """

    name: str
    type: str
    arg: Arg
    position: int
    is_theirs: bool = True

    @property
    def numeric(self) -> bool:
        """Whether Tracee shows the number where we show a name, or a list of them."""
        return bool(self.arg.values or self.arg.bits) and self.type not in ("string", _TEXTS)


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One event: Tracee's name and number (0 where it varies by release), and the arguments.

    `always` are arguments of Tracee's that have one value for every event of ours.
    """

    spec: EventSpec
    name: str
    number: int = 0
    shared: tuple[Shared, ...] = ()
    always: tuple[dict, ...] = ()

    @property
    def is_call(self) -> bool:
        return self.number > 0


def _type(arg: Arg) -> str:
    """The C type as Tracee writes it, of an argument that it does not have."""
    if arg.values:
        return "string"
    if arg.bits:
        return _TEXTS
    if arg.ctype is None:
        return _DERIVED[arg.type]
    base, _, length = arg.ctype.partition("[")
    if not length:
        return _NUMBERS[base]
    if base in _NUMBERS:
        return f"{_NUMBERS[base]}[]"
    return _TEXTS if base == "argv" else "const char*"


def _counterpart(
    ours: str, name: str, number: int, declared: str = "", *, without: str = "", always: tuple = ()
) -> Counterpart:
    """`declared` are Tracee's arguments: `type name` or `type name = ours`, with commas between."""
    spec, shared = BY_NAME[ours], []
    args = {arg.name: arg for arg in spec.public_args}
    for line in filter(None, map(str.strip, declared.split(","))):
        theirs, _, named = line.partition(" = ")
        ctype, _, theirs = theirs.rpartition(" ")
        arg = args[named or theirs]
        shared.append(Shared(theirs, ctype, arg, spec.index[arg.name]))
    told = {each.arg.name for each in shared} | {RETURN_VALUE, *without.split()}
    further = [
        Shared(arg.name, _type(arg), arg, position, is_theirs=False)
        for position, arg in enumerate(spec.public_args)
        if arg.name not in told
    ]
    return Counterpart(spec, name, number, (*shared, *further), always)


_VM = "pid_t pid, unsigned long riovcnt = remote_segments, unsigned long flags"

_DIFFERENT = (
    _counterpart("ptrace", "ptrace", 101, "string request, pid_t pid"),
    _counterpart("process_vm_readv", "process_vm_readv", 310, _VM),
    _counterpart("process_vm_writev", "process_vm_writev", 311, _VM),
    _counterpart("setitimer", "setitimer", 38, "int which"),
    _counterpart(
        "timer_create",
        "timer_create",
        222,
        "const clockid_t clockid = clock_id, const clockid_t clockid = clock",
        without="timer_id",  # in Tracee that is where the caller wants it to be put
    ),
    _counterpart(
        "perf",
        "perf_event_open",
        298,
        "pid_t pid, int cpu, unsigned long flags = open_flags",
    ),
    _counterpart(
        "sched_process_exec",
        "sched_process_exec",
        0,
        "const char* cmdpath, const char* pathname, dev_t dev, unsigned long inode,"
        " const char** argv",
    ),
    _counterpart(
        "sched_process_exit",
        "sched_process_exit",
        0,
        "long exit_code, int signal_code = signal",
        # Tracee reports each thread, we the last one.
        always=({"name": "process_group_exit", "type": "bool", "value": True},),
    ),
    _counterpart(
        "shared_object_loaded",
        "shared_object_loaded",
        0,
        "const char* pathname, int flags, dev_t dev, unsigned long inode, unsigned long ctime",
    ),
    _counterpart("sched_process_fork", "sched_process_fork", 0, "int child_pid"),
)
_NAMED = {each.spec.name: each for each in _DIFFERENT}

BY_OURS = {
    spec: _NAMED.get(spec.name) or _counterpart(spec.name, spec.name, 0) for spec in REGISTRY
}
BY_THEIRS = {each.name: each for each in BY_OURS.values()}
