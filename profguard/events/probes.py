"""Dynamic probes: a breakpoint is placed at an instruction of a file, or in the kernel."""

from profguard.events.perf import SCOPES
from profguard.events.spec import (
    ENTRY_32,
    SESSION,
    Arg,
    EventSpec,
    Hook,
    Lasts,
    Tag,
    entry,
    leave,
    system_call,
)

K, U, TOCTOU, OPT, RACE = Tag.K, Tag.U, Tag.TOCTOU, Tag.OPT, Tag.RACE

VIAS = {1: "perf_event", 2: "tracefs_event", 3: "link", 4: "tracefs"}
UPROBE_TYPES = {1: "uprobe", 2: "uretprobe"}
KPROBE_TYPES = {1: "kprobe", 2: "kretprobe"}

# What is read from the perf event or the link that a descriptor means.
FOUND = (K, RACE, OPT)
# The same; with BCC, which does not know the kernel's own structures, what the caller passed.
NAMED = (K, RACE, U, TOCTOU, OPT)

HOW = (
    "`via` is how: a perf event of the PMU {kind} (perf_event); a perf event of a probe that was "
    "defined in tracefs before, as perf probe does (tracefs_event); a BPF link of type "
    "{kind}_multi (link); or a probe that is switched on in tracefs itself (tracefs)."
)
WHOM = (
    "`target` is the one process that the probe is limited to, if it is: the one that the perf "
    "event or the link is bound to. Else the `relation` is cpu-wide, or cgroup where the perf "
    "event is bound to one."
)
REFUSED = (
    "A refused perf event is a `perf` event, a refused link a `bpf_attach`: which {kind} these "
    "asked for is not told."
)
BY_TRACEFS = (
    "A probe that is defined and switched on in tracefs alone is seen only by the function tiers "
    "(fentry, kprobe). Elsewhere it is the writing to the files of tracefs that can be seen."
)
BY_MODULE = "A probe that a kernel module places by itself, as SystemTap does, is not told."
ONCE = "Of a tracefs event that has several probes the first one is told."
EARLIER = (
    "What was placed before the sensor started is not told here. Perf events at probes that were "
    "on then are `prof` events with the PMU uprobe or kprobe and the flag snapshot."
)


def _hooks(kind: str, made: str, switched_on: tuple[Hook, ...]) -> tuple[Hook, ...]:
    return (
        entry("security_perf_event_alloc", "the kernel's perf_event, as it is made"),
        Hook("perf_event_alloc", ("lsm",), "the same"),
        *system_call("perf_event_open", "who opens it", f"the {kind} of the perf event"),
        *system_call("bpf", "that a link is asked for", made),
        *switched_on,
    )


UPROBE = EventSpec(
    name="uprobe_attach",
    id=26,
    mechanism="uprobe",
    lasts=Lasts.PROCESS,
    summary="a dynamic probe is placed at instructions of a file",
    description=(
        "From then on every process that runs these instructions of that file, a program or a "
        "library, stops there for the one who placed the probe, who reads registers and memory: "
        "what SSL_write is given, what readline returns. The file is that of the kernel's own "
        "probe, walked to its absolute path, so a link or a relative name is resolved; in a "
        "container it is the path there.\n\n"
        f"{HOW.format(kind='uprobe')}\n\n{WHOM}"
    ),
    args=(
        Arg("ret", "s64", "0, or the negative errno; of perf_event and link, the descriptor"),
        Arg("perf_event_id", "u64", "kernel id of the perf event", FOUND, null=0),
        Arg("inode", "u64", "inode of the file", FOUND, null=0),
        Arg(
            "ref_ctr_offset",
            "u64",
            "where in the file its counter is: the semaphore of a USDT probe",
            FOUND,
            null=0,
        ),
        Arg(
            "offsets",
            "u64[8]",
            "where in the file the instructions are; at most 8",
            NAMED,
            count="nr_offsets",
        ),
        Arg("nr_offsets", "u32", "entries set in offsets", hidden=True),
        Arg("total", "u32", "how many places, also where `offsets` is cut", FOUND, null=0),
        Arg("dev", "u32", "device of that inode, as the kernel numbers it", FOUND, null=0),
        Arg("path_size", "u32", "bytes set in path", hidden=True),
        Arg("via", "u8", "how it was placed", values=VIAS),
        Arg("type", "u8", "at the instruction, or on return", FOUND, UPROBE_TYPES, null=0),
        Arg("scope", "u8", "whom it is limited to", FOUND, values=SCOPES, null=0),
        Arg("path", "path[512]", "absolute path of the file", NAMED, count="path_size"),
        Arg(
            "symbols",
            None,
            "the functions that the offsets belong to, by the file's own symbols",
            (Tag.DERIVED, OPT),
            kind="list",
        ),
        SESSION,
    ),
    hooks=_hooks(
        "uprobe",
        "the file and the offsets of a link",
        (
            entry("uprobe_register", "the probe that tracefs switches on (since 6.12)"),
            leave("uprobe_register", "that it is placed, or refused"),
            entry("__uprobe_register", "the same (before)"),
            leave("__uprobe_register", "the same (before)"),
        ),
    ),
    example=(
        "title: TLS library probed\n"
        "logsource: {product: linux, service: profguard, category: uprobe_attach}\n"
        "detection:\n"
        "  selection:\n"
        "    uprobe_attach.path|contains: /libssl\n"
        "  condition: selection\n"
    ),
    issues=(
        REFUSED.format(kind="file"),
        BY_TRACEFS,
        BY_MODULE,
        ONCE,
        EARLIER,
        "Code that is linked into a program (Go, BoringSSL in Chrome or Envoy) is at an offset of "
        "that program: no library's name shows it.",
        "`symbols` is null where the file is gone or another one by now, where it is stripped or "
        "has more than 350,000 symbols, and with BCC.",
        "With BCC the file is told as it was passed, where that was an absolute path, and neither "
        "its inode nor the places of a link; a tracefs event is not told for a probe.",
    ),
    unseen=(ENTRY_32,),
    related=("kprobe_attach", "prof", "perf", "bpf_attach"),
)

KPROBE = EventSpec(
    name="kprobe_attach",
    id=27,
    mechanism="kprobe",
    lasts=Lasts.PROCESS,
    summary="a dynamic probe is placed in the kernel",
    description=(
        "From then on the kernel stops at that instruction for the one who placed the probe, "
        "whoever comes by: it reads arguments and memory there, and a BPF program may change what "
        "the function returns where the kernel allows that. The symbol is the one that the "
        "kernel's own probe has; of a link, those of the addresses that the kernel resolved. "
        "Addresses themselves are not told: they would give away where the kernel is loaded.\n\n"
        f"{HOW.format(kind='kprobe')}\n\n{WHOM}"
    ),
    args=(
        Arg("ret", "s64", "0, or the negative errno; of perf_event and link, the descriptor"),
        Arg("perf_event_id", "u64", "kernel id of the perf event", FOUND, null=0),
        Arg(
            "offset",
            "u64",
            "how far behind the symbol; null for several",
            NAMED,
            null=(1 << 64) - 1,
        ),
        Arg("symbols_size", "u32", "bytes set in symbols", hidden=True),
        Arg("total", "u32", "how many places, also where `symbols` is cut", FOUND, null=0),
        Arg("via", "u8", "how it was placed", values=VIAS),
        Arg("type", "u8", "at the instruction, or on return", FOUND, KPROBE_TYPES, null=0),
        Arg("scope", "u8", "whom it is limited to", FOUND, values=SCOPES, null=0),
        Arg(
            "symbols",
            "argv[512]",
            "the kernel's functions, at most 8, each cut after 63 bytes",
            NAMED,
            count="symbols_size",
        ),
        SESSION,
    ),
    hooks=_hooks(
        "kprobe",
        "the functions of a link",
        (
            entry("enable_kprobe", "the probe that tracefs switches on"),
            leave("enable_kprobe", "that it is on, or refused"),
        ),
    ),
    example=(
        "title: Changes of credentials are observed\n"
        "logsource: {product: linux, service: profguard, category: kprobe_attach}\n"
        "detection:\n"
        "  selection:\n"
        "    kprobe_attach.symbols: [commit_creds, prepare_kernel_cred]\n"
        "  condition: selection\n"
    ),
    issues=(
        REFUSED.format(kind="function"),
        BY_TRACEFS + " So is a probe of ftrace (set_ftrace_filter, fprobe events).",
        BY_MODULE,
        ONCE,
        EARLIER,
        "The name of an address that was given without a symbol is known since Linux 5.13. A "
        "symbol that several functions have is that of each.",
        "With BCC the function is told as it was passed, and not the places of a link; a tracefs "
        "event is not told for a probe.",
    ),
    unseen=(ENTRY_32,),
    related=("uprobe_attach", "prof", "perf", "bpf_attach"),
)

EVENTS = (UPROBE, KPROBE)
