"""The events of bpf(2): a program is loaded into the kernel, a program is attached there."""

from profguard.events.perf import SCOPES
from profguard.events.spec import ENTRY_32, SESSION, Arg, EventSpec, Lasts, Tag, system_call

K, U, TOCTOU, OPT, RACE = Tag.K, Tag.U, Tag.TOCTOU, Tag.OPT, Tag.RACE

HOWS = {1: "link_create", 2: "prog_attach", 3: "raw_tracepoint"}

# linux/bpf.h has these three in order; the names are bpftool's.
PROG_TYPES = dict(
    enumerate(
        "unspec socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb "
        "cgroup_sock lwt_in lwt_out lwt_xmit sock_ops sk_skb cgroup_device sk_msg raw_tracepoint "
        "cgroup_sock_addr lwt_seg6local lirc_mode2 sk_reuseport flow_dissector cgroup_sysctl "
        "raw_tracepoint_writable cgroup_sockopt tracing struct_ops ext lsm sk_lookup syscall "
        "netfilter".split()
    )
)
ATTACH_TYPES = dict(
    enumerate(
        "cgroup_inet_ingress cgroup_inet_egress cgroup_inet_sock_create cgroup_sock_ops "
        "sk_skb_stream_parser sk_skb_stream_verdict cgroup_device sk_msg_verdict "
        "cgroup_inet4_bind cgroup_inet6_bind cgroup_inet4_connect cgroup_inet6_connect "
        "cgroup_inet4_post_bind cgroup_inet6_post_bind cgroup_udp4_sendmsg cgroup_udp6_sendmsg "
        "lirc_mode2 flow_dissector cgroup_sysctl cgroup_udp4_recvmsg cgroup_udp6_recvmsg "
        "cgroup_getsockopt cgroup_setsockopt trace_raw_tp trace_fentry trace_fexit modify_return "
        "lsm_mac trace_iter cgroup_inet4_getpeername cgroup_inet6_getpeername "
        "cgroup_inet4_getsockname cgroup_inet6_getsockname xdp_devmap cgroup_inet_sock_release "
        "xdp_cpumap sk_lookup xdp sk_skb_verdict sk_reuseport_select "
        "sk_reuseport_select_or_migrate perf_event trace_kprobe_multi lsm_cgroup struct_ops "
        "netfilter tcx_ingress tcx_egress trace_uprobe_multi cgroup_unix_connect "
        "cgroup_unix_sendmsg cgroup_unix_recvmsg cgroup_unix_getpeername "
        "cgroup_unix_getsockname netkit_primary netkit_peer trace_kprobe_session "
        "trace_uprobe_session".split()
    )
)
LINK_TYPES = dict(
    enumerate(
        "unspec raw_tracepoint tracing cgroup iter netns xdp perf_event kprobe_multi struct_ops "
        "netfilter tcx uprobe_multi netkit sockmap".split()
    )
)

# Programs of these types run where any process or the kernel itself comes by: they observe.
TRACING_TYPES = frozenset(
    {
        "kprobe",
        "tracepoint",
        "raw_tracepoint",
        "raw_tracepoint_writable",
        "tracing",
        "perf_event",
    }
)

# The wire value of a type that is not known: all the small numbers are types.
UNKNOWN_TYPE = 0xFFFFFFFF

# What is read from the program that a descriptor means, or from the caller where the call failed.
PROG = (K, RACE, U, TOCTOU, OPT)

LOADER = (
    "A loader that itself is a BPF program (a light skeleton: BPF_PROG_TYPE_SYSCALL, which "
    "BPF_PROG_RUN starts) calls bpf(2) from within the kernel: only its own load is seen."
)

PROG_LOAD = EventSpec(
    name="bpf_prog_load",
    id=24,
    mechanism="bpf",
    summary="a BPF program is loaded into the kernel",
    description=(
        "After the verifier has taken it; a refused one is reported too, with the negative errno "
        "in `ret`. What was loaded is read from the kernel's `bpf_prog`, found through the new "
        "descriptor; of a refused program, from what the caller passed, and then it has neither "
        "id nor tag. A program of the tracing types (kprobe, tracepoint, raw_tracepoint, tracing, "
        "perf_event) has no target; its `relation` is cpu-wide. What the sensor loads is left out."
    ),
    args=(
        Arg("ret", "s64", "file descriptor of the program, or the negative errno"),
        Arg("prog_type", "u32", "what it may be attached to", PROG, PROG_TYPES, null=UNKNOWN_TYPE),
        Arg(
            "expected_attach_type",
            "u32",
            "how it is to be attached, of a type that has several ways",
            PROG,
            ATTACH_TYPES,
            null=UNKNOWN_TYPE,
        ),
        Arg("prog_id", "u32", "id of the program, as bpftool shows it", (K, RACE, OPT), null=0),
        Arg(
            "insn_cnt",
            "u32",
            "instructions; of a loaded program after the verifier has rewritten it",
            PROG,
            null=0,
        ),
        Arg("prog_name", "char[16]", "name of the program, which its author chose", PROG),
        Arg("tag", "char[24]", "hash of its instructions, in hex", (K, RACE, OPT)),
    ),
    hooks=system_call("bpf", "the command and where its attributes are", "the program"),
    example=(
        "title: Kernel functions can be observed\n"
        "logsource: {product: linux, service: profguard, category: bpf_prog_load}\n"
        "detection:\n"
        "  selection:\n"
        "    bpf_prog_load.prog_type: [kprobe, tracing]\n"
        "    bpf_prog_load.ret|gte: 0\n"
        "  condition: selection\n"
    ),
    issues=(LOADER,),
    unseen=(ENTRY_32,),
    related=("bpf_attach", "perf_ioctl"),
)

ATTACH = EventSpec(
    name="bpf_attach",
    id=25,
    mechanism="bpf",
    lasts=Lasts.PROCESS,
    summary="a BPF program is attached: from now on it runs",
    description=(
        "By the commands BPF_LINK_CREATE, BPF_PROG_ATTACH and BPF_RAW_TRACEPOINT_OPEN of bpf(2), "
        "also failed ones. A program that is attached by PERF_EVENT_IOC_SET_BPF is a `perf_ioctl` "
        "event. Not seen are attaches by netlink (tc, XDP without a link) and by setsockopt, "
        "which observe packets, and a link that gets another program (BPF_LINK_UPDATE).\n\n"
        "Where the kernel made a link, program and place are read from that, found through the "
        "new descriptor. BPF_PROG_ATTACH makes none, nor does a failed call: then the program is "
        "the one that the descriptor means which the caller passed. `target` is the process that "
        "a perf event is bound to; of another program of the tracing types the `relation` is "
        "cpu-wide, or cgroup where a perf event is bound to one. What the sensor attaches is left "
        "out."
    ),
    args=(
        Arg("ret", "s64", "file descriptor of the link, 0, or the negative errno"),
        Arg(
            "perf_event_id",
            "u64",
            "kernel id of the perf event that it is attached to",
            (K, RACE, OPT),
            null=0,
        ),
        Arg("prog_id", "u32", "id of the program", PROG, null=0),
        Arg("prog_type", "u32", "its type", PROG, PROG_TYPES, null=UNKNOWN_TYPE),
        Arg("link_type", "u32", "type of the link", (K, RACE, OPT), LINK_TYPES, null=0),
        Arg(
            "attach_type",
            "u32",
            "the attach_type argument; of raw_tracepoint, the program's expected_attach_type",
            PROG,
            ATTACH_TYPES,
            null=UNKNOWN_TYPE,
        ),
        Arg("how", "u8", "the command", values=HOWS),
        Arg("scope", "u8", "what that perf event measures", (K, RACE, OPT), values=SCOPES, null=0),
        Arg("prog_name", "char[16]", "name of the program, which its author chose", PROG),
        Arg("pmu", "char[32]", "name of the perf event's PMU", (K, RACE, OPT)),
        Arg(
            "symbol_name",
            "char[64]",
            "the tracepoint, or the kernel's function of a tracing link; of an attach to a raw "
            "tracepoint that failed, the one asked for",
            PROG,
        ),
        SESSION,
    ),
    hooks=system_call("bpf", "the command and where its attributes are", "the link"),
    example=(
        "title: System calls are traced by BPF\n"
        "logsource: {product: linux, service: profguard, category: bpf_attach}\n"
        "detection:\n"
        "  selection:\n"
        "    bpf_attach.symbol_name: [sys_enter, sys_exit]\n"
        "    bpf_attach.ret|gte: 0\n"
        "  condition: selection\n"
    ),
    issues=(
        "Which functions a link of type kprobe_multi or uprobe_multi leads to is not told.",
        LOADER,
    ),
    unseen=(ENTRY_32,),
    related=("bpf_prog_load", "perf_ioctl", "prof"),
)

EVENTS = (PROG_LOAD, ATTACH)
