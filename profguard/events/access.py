"""The events of one process reading, writing or controlling another."""

from profguard.events.spec import (
    ENTRY_32,
    SESSION,
    Arg,
    EventSpec,
    Hook,
    Lasts,
    Tag,
    session_args,
    system_call,
)

OPT, DERIVED = Tag.OPT, Tag.DERIVED

PTRACE_REQUESTS = {
    0: "PTRACE_TRACEME",
    16: "PTRACE_ATTACH",
    17: "PTRACE_DETACH",
    0x4206: "PTRACE_SEIZE",
}

PTRACE = EventSpec(
    name="ptrace",
    id=6,
    mechanism="ptrace",
    summary="a process takes control of another, or lets it go",
    description=(
        "The requests that begin and end control: ATTACH, SEIZE, TRACEME and DETACH. `process` is "
        "the tracer and `target` the traced task. For TRACEME the traced task makes the call and "
        "its parent becomes the tracer, so `process` is that parent. Failed attempts are "
        "reported with the negative errno in `ret`."
    ),
    args=(
        Arg("request", "u32", "the request", values=PTRACE_REQUESTS),
        Arg("pid", "s32", "the pid argument, as the caller numbers it"),
        Arg("ret", "s64", "what the call returned"),
        *session_args("on DETACH: for how long the target was traced, in ns"),
    ),
    hooks=(
        Hook("ptrace_access_check", ("lsm",), "the target"),
        *system_call("ptrace", "request, and the target by its pid", "the result"),
        Hook("task", ("iter",), "what was already traced when the sensor started"),
    ),
    example=(
        "title: Debugger attached\n"
        "logsource: {product: linux, service: profguard, category: ptrace}\n"
        "detection:\n"
        "  selection:\n"
        "    ptrace.request: [PTRACE_ATTACH, PTRACE_SEIZE]\n"
        "    ptrace.ret: 0\n"
        "  condition: selection\n"
    ),
    issues=(
        "A traced thread that ends without a DETACH stays in its session until its process or the "
        "tracer ends.",
    ),
    unseen=(ENTRY_32,),
    related=("process_vm_readv", "process_vm_writev"),
)


def _vm(name: str, id: int, verb: str, noun: str) -> EventSpec:
    return EventSpec(
        name=name,
        id=id,
        mechanism=name,
        lasts=Lasts.MOMENT,
        summary=f"a process {verb} the memory of another",
        description=(
            "`target` is found by the pid argument in the caller's pid namespace, as the kernel "
            "does. A process that names itself is left out."
        ),
        args=(
            Arg("ret", "s64", f"bytes {noun}, or the negative errno"),
            Arg("remote_segments", "u64", "how many remote ranges were named"),
            Arg("pid", "s32", "the pid argument, as the caller numbers it"),
            Arg("flags", "u32", "the flags argument"),
            SESSION,
        ),
        hooks=system_call(name, "the arguments and the target", "the result"),
        example=(
            f"title: Memory of another process {noun}\n"
            f"logsource: {{product: linux, service: profguard, category: {name}}}\n"
            "detection:\n"
            "  selection:\n"
            f"    {name}.ret|gt: 0\n"
            "  condition: selection\n"
        ),
        unseen=(ENTRY_32,),
        related=("ptrace",),
    )


EVENTS = (
    PTRACE,
    _vm("process_vm_readv", 7, "reads", "read"),
    _vm("process_vm_writev", 8, "writes", "written"),
)
