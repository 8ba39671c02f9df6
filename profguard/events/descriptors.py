"""The event of one process taking an open file of another."""

from profguard.events.spec import ENTRY_32, SESSION, Arg, EventSpec, Lasts, Tag, system_call

RACE = (Tag.K, Tag.OPT, Tag.RACE)

PIDFD_GETFD = EventSpec(
    name="pidfd_getfd",
    id=20,
    mechanism="pidfd_getfd",
    lasts=Lasts.PROCESS,
    summary="a process takes a copy of another's file descriptor",
    description=(
        "The taker shares the open file: it reads, writes or controls what the target has open, "
        "a socket, a file or a perf event, without opening it. `target` is the process that the "
        "pidfd means, found through the caller's descriptor table (RACE); it is null where the "
        "pidfd is none, and where its process is gone. Failed attempts are reported with the "
        "negative errno in `ret`. A process that takes one of its own is left out."
    ),
    args=(
        Arg("ret", "s64", "the new descriptor, or the negative errno"),
        Arg("pidfd", "s32", "the descriptor of the process"),
        Arg("target_fd", "s32", "the descriptor that is taken, as the target numbers it"),
        Arg("flags", "u32", "the flags argument"),
        Arg(
            "perf_event_id",
            "u64",
            "id of the perf event that was taken, if it is one",
            RACE,
            null=0,
        ),
        SESSION,
    ),
    hooks=system_call("pidfd_getfd", "the arguments and the target", "the result"),
    example=(
        "title: Perf event of another process taken\n"
        "logsource: {product: linux, service: profguard, category: pidfd_getfd}\n"
        "detection:\n"
        "  selection:\n"
        "    pidfd_getfd.perf_event_id|exists: true\n"
        "  condition: selection\n"
    ),
    unseen=(ENTRY_32,),
    related=("ptrace", "perf_ioctl"),
)

EVENTS = (PIDFD_GETFD,)
