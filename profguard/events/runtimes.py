"""The events of profilers that work from inside: brought in by the environment, as a library, or by
asking a language's runtime to open up.
"""

from profguard.events.files import IO_URING, OPENS
from profguard.events.spec import (
    ENTRY_32,
    SESSION,
    Arg,
    EventSpec,
    Hook,
    Lasts,
    Tag,
    entry,
    kernel_event,
    tracepoint,
)

K, U, TOCTOU, OPT, RACE, DERIVED = Tag.K, Tag.U, Tag.TOCTOU, Tag.OPT, Tag.RACE, Tag.DERIVED

RUNTIMES = {1: "jvm", 2: "node", 3: "python"}
WAYS = {1: "signal", 2: "connect", 3: "file"}

PROFILER_ENV = EventSpec(
    name="profiler_env",
    id=29,
    mechanism="environment",
    summary="a program is started with a variable that brings a profiler into it",
    description=(
        "One event for each such variable: those by which the loader (`LD_PRELOAD`, `LD_AUDIT`), a "
        "language's runtime or a profiler's own library loads code or starts to measure. Which "
        "variables that are is a list (`profguard/lookout.toml`). What an empty value means is for "
        "the rule to say.\n\n"
        "`process` and `target` are the process with its new program: who set the variable is not "
        "known to the kernel, mostly it was the parent or the program before. Most environments "
        "are inherited, so `inherited` says whether the program that this process ran before, or "
        "the parent, had the variable with the same value: then this is nothing new."
    ),
    args=(
        Arg("variable", "char[32]", "the variable's name", (U, TOCTOU)),
        Arg("value", "char[256]", "its value, up to 255 bytes", (U, TOCTOU)),
        Arg(
            "inherited",
            None,
            "whether the program before or the parent had it with the same value",
            (U, DERIVED, OPT),
            kind="bool",
        ),
    ),
    hooks=(
        Hook("bprm_execve", ("kretprobe",), "the environment of the new program"),
        kernel_event("sched_process_exec", "the same"),
    ),
    example=(
        "title: A library is preloaded from a temporary folder\n"
        "logsource: {product: linux, service: profguard, category: profiler_env}\n"
        "detection:\n"
        "  selection:\n"
        "    profiler_env.variable: LD_PRELOAD\n"
        "    profiler_env.value|contains: /tmp/\n"
        "  inherited:\n"
        "    profiler_env.inherited: true\n"
        "  condition: selection and not inherited\n"
    ),
    issues=(
        "The environment is read in 256 pieces of at most 122 bytes: what comes after that is not "
        "seen.",
        "Variables that a program sets later, for itself, are not seen: setenv(3) is no system "
        "call.",
        "For a set-user-id program the loader ignores some of them; it is told all the same.",
    ),
    related=("sched_process_exec", "shared_object_loaded"),
)

SHARED_OBJECT_LOADED = EventSpec(
    name="shared_object_loaded",
    id=30,
    mechanism="library",
    lasts=Lasts.PROCESS,
    summary="a process maps the library of a profiler, tracer or debugger to run it",
    description=(
        "An executable mapping of a file whose name begins like one of the known agents, be it on "
        "a disk or in memory (memfd): by the loader, by dlopen(3), or by hand. The names are a "
        "list (`profguard/lookout.toml`), to which the configuration adds (`[sensor.agents]`). The "
        "name and the inode are those of the file that is mapped, in kernel memory; that a file "
        "has another name than its owner gave it cannot be known.\n\n"
        "`process` and `target` are the process that maps it. Another one may have made it do so: "
        "then `ptrace`, `process_vm_writev` or `runtime_attach` tells of that one."
    ),
    args=(
        Arg("inode", "u64", "inode of the file", (K, RACE)),
        Arg("ctime", "u64", "when that inode was last changed, in ns since the epoch", (K, RACE)),
        Arg(
            "dev",
            "u32",
            "device of that inode, as the kernel numbers it (major << 20 | minor)",
            (K, RACE),
        ),
        Arg("flags", "u32", "flags with which the file was opened", (K, RACE)),
        Arg("owner_id", "u32", "user id of the file's owner", (K, RACE)),
        Arg("path_size", "u32", "bytes set in pathname", hidden=True),
        Arg("file_name", "char[128]", "the file's name, without folders", (K, RACE)),
        Arg(
            "pathname", "path[512]", "absolute path of the file", (K, RACE, OPT), count="path_size"
        ),
        Arg("agent", None, "what it is, by the list of agents", (DERIVED, RACE, OPT), kind="str"),
        SESSION,
    ),
    hooks=(
        Hook("vm_mmap_pgoff", ("fexit",), "the file, and that it is mapped"),
        Hook("vm_mmap_pgoff", ("kprobe",), "the file that is to be mapped"),
        tracepoint("syscalls/sys_enter_mmap", "the file, by its descriptor"),
    ),
    example=(
        "title: The debugger's agent of the JVM is loaded\n"
        "logsource: {product: linux, service: profguard, category: shared_object_loaded}\n"
        "detection:\n"
        "  selection:\n"
        "    shared_object_loaded.agent: jdwp\n"
        "  condition: selection\n"
    ),
    issues=(
        "A library under another name is not told: names are what is looked for.",
        "Code that is copied into memory, and a mapping that becomes executable later by "
        "mprotect(2), are not seen.",
        "In the tracepoint and kprobe tiers it is told when the call begins, so that other mmaps "
        "pay little. What the file's mount (noexec) or the arguments forbid is left out; a mapping "
        "that fails for want of room is told.",
        "In the tracepoint tier the file is found through the caller's descriptor table, which "
        "another thread may change meanwhile (RACE).",
    ),
    unseen=(ENTRY_32,),
    related=("profiler_env", "runtime_attach"),
)

RUNTIME_ATTACH = EventSpec(
    name="runtime_attach",
    id=28,
    mechanism="runtime",
    lasts=Lasts.MOMENT,
    summary="a process gets a language's runtime to open up: a JVM, Node.js, an interpreter",
    description=(
        "jcmd, jattach, async-profiler and every other tool that attaches to a JVM sends it "
        "SIGQUIT, so that it opens a socket `.java_pidPID`, and connects to that; later ones "
        "connect only. Over it the JVM is told to load an agent, to record (JFR), or to dump its "
        "heap. SIGQUIT alone makes a JVM print its threads. SIGUSR1 makes Node.js open its "
        "inspector, a debugger on a TCP port.\n\n"
        "Files: `.attach_pidPID` is made before that SIGQUIT. `perf-PID.map` and `jit-PID.dump` "
        "tell profilers where a runtime's functions are: it makes them itself when it is started "
        "so (`python -X perf`, `node --perf-basic-prof`) or told to, and that is reported of "
        "itself, as `self`. The number in a name is taken for the target's pid where that is a "
        "process in the caller's own pid namespace; else there is no target.\n\n"
        "For signals, a JVM or Node.js is known by the name of its executable (`java`, `node`), "
        "never by what a thread calls itself. For a socket the target is the process that listens "
        "there. A signal is told where it is delivered, a connection where it is made; what was "
        "refused is not. Other than those files, what a process does to itself is left out."
    ),
    args=(
        Arg("runtime", "u8", "which runtime it is", (K, OPT), values=RUNTIMES, null=0),
        Arg("how", "u8", "what was done", values=WAYS),
        Arg(
            "signal",
            "u8",
            "the signal",
            (K, OPT),
            values={3: "SIGQUIT", 10: "SIGUSR1"},
            null=0,
        ),
        Arg("artifact", "char[64]", "name of the socket or file", (K, RACE, OPT)),
        SESSION,
    ),
    hooks=(
        Hook("do_send_sig_info", ("kprobe",), "a signal, its sender and its receiver"),
        kernel_event("signal_generate", "the same"),
        entry("security_unix_stream_connect", "the socket and who listens there"),
        Hook("unix_stream_connect", ("lsm",), "the same"),
        Hook("vfs_open", ("fexit",), "a file that is made"),
        *(tracepoint(f"syscalls/sys_exit_{call}", "the same") for call in OPENS),
        tracepoint("syscalls/sys_enter_connect", "the socket's descriptor"),
        tracepoint("syscalls/sys_exit_connect", "the socket's address, and who listens there"),
    ),
    example=(
        "title: Somebody attached to a JVM\n"
        "logsource: {product: linux, service: profguard, category: runtime_attach}\n"
        "detection:\n"
        "  selection:\n"
        "    runtime_attach.runtime: jvm\n"
        "    runtime_attach.how: connect\n"
        "  condition: selection\n"
    ),
    issues=(
        "A JVM that another program started within itself (jsvc, a JNI launcher) is known by its "
        "socket only, not at the signal.",
        "CPython 3.14's remote execution (`python -m pdb -p`) writes into the process: that is "
        "`process_vm_writev`, or an open of its memory file.",
        "In the tracepoint tier the socket is found through the caller's descriptor table, which "
        "another thread may change meanwhile (RACE).",
        "A file that was there before is not told, as where a pid is used again.",
        "In the kprobe tier a signal that its target ignores is told too.",
    ),
    unseen=(ENTRY_32, IO_URING),
    related=("shared_object_loaded", "process_vm_writev", "ptrace"),
)

EVENTS = (PROFILER_ENV, SHARED_OBJECT_LOADED, RUNTIME_ATTACH)
