"""The events of special files: a process's memory, the kernel's tracing, its settings."""

from profguard.events.spec import (
    ENTRY_32,
    SESSION,
    Arg,
    EventSpec,
    Hook,
    Lasts,
    Tag,
    Unseen,
    entry,
    leave,
    tracepoint,
)

K, U, TOCTOU, OPT, RACE = Tag.K, Tag.U, Tag.TOCTOU, Tag.OPT, Tag.RACE

MODES = {1: "read", 2: "write", 3: "read-write"}
CHANGES = {1: "unchanged", 2: "raised", 3: "lowered"}
NO_NUMBER = -(1 << 63)
OPENS = ("open", "openat", "openat2", "creat")  # the system calls

IO_URING = Unseen("tracepoint/syscalls/sys_exit_open", "opens by io_uring")

PROC_MEM_OPEN = EventSpec(
    name="proc_mem_open",
    id=21,
    mechanism="proc_mem_open",
    lasts=Lasts.PROCESS,
    summary="a process opens the memory of another: /proc/PID/mem",
    description=(
        "Whoever has it open reads or writes the memory of the target as a file, without any "
        "further call that this sensor sees. Debuggers do so after they have attached by ptrace. "
        "Of /proc/PID/task/TID/mem it is the same. `target` is read from the kernel's own inode, "
        "so links and other mounts of procfs make no difference. A refused attempt is reported "
        "with the negative errno in `ret`. A process that opens its own is left out."
    ),
    args=(
        Arg("ret", "s64", "0, or the negative errno"),
        Arg(
            "mode",
            "u8",
            "what for: read, write, read-write",
            (K, RACE, U, TOCTOU, OPT),
            MODES,
            null=0,
        ),
        SESSION,
    ),
    hooks=(
        entry("mem_open", "the target"),
        leave("mem_open", "the result"),
        *(tracepoint(f"syscalls/sys_exit_{call}", "the new descriptor") for call in OPENS),
    ),
    example=(
        "title: Memory of another process opened\n"
        "logsource: {product: linux, service: profguard, category: proc_mem_open}\n"
        "detection:\n"
        "  selection:\n"
        "    proc_mem_open.ret: 0\n"
        "  condition: selection\n"
    ),
    issues=(
        "The function tiers read all of it in kernel memory. They do not see an attempt that the "
        "mode of the file refuses, as it does to another user: it comes before.",
        "The tracepoint tier finds the file in the caller's descriptor table (RACE). Of a refused "
        "attempt there is no file: the target is the PID in the path that the caller passed, "
        "where that is spelled /proc/PID/mem, and the mode of openat2 is what it passed, too (U, "
        "TOCTOU). It is told since Linux 5.15.",
    ),
    unseen=(ENTRY_32, IO_URING),
    related=("ptrace", "process_vm_readv", "process_vm_writev"),
)

TRACEFS_WRITE = EventSpec(
    name="tracefs_write",
    id=23,
    mechanism="tracefs",
    lasts=Lasts.MOMENT,
    summary="a file that controls the kernel's tracing is opened to be written",
    description=(
        "Through the files of tracefs, wherever it is mounted (/sys/kernel/tracing, "
        "/sys/kernel/debug/tracing), kprobes, uprobes, tracepoints and the function tracer are "
        "placed and switched on. What they record is of the whole machine: the `relation` is "
        "cpu-wide. Loaders of BPF programs use them on older kernels, too.\n\n"
        "What is then written is not told: to see that, every write on the machine would have to "
        "be looked at. An open that fails is not told either. What the sensor opens is left out."
    ),
    args=(
        Arg("mode", "u8", "what for: write or read-write", (K, RACE), MODES),
        Arg("file_size", "u32", "bytes set in file", hidden=True),
        Arg(
            "file",
            "path[512]",
            "the file, as a path from the root of tracefs: /kprobe_events, "
            "/events/sched/sched_switch/enable, /instances/NAME/current_tracer",
            (K, RACE, OPT),
            count="file_size",
        ),
        SESSION,
    ),
    hooks=(
        Hook("vfs_open", ("fexit",), "the open file"),
        *(tracepoint(f"syscalls/sys_exit_{call}", "the new descriptor") for call in OPENS),
    ),
    example=(
        "title: Kernel function probed through tracefs\n"
        "logsource: {product: linux, service: profguard, category: tracefs_write}\n"
        "detection:\n"
        "  selection:\n"
        "    tracefs_write.file|endswith: [/kprobe_events, /dynamic_events]\n"
        "  condition: selection\n"
    ),
    issues=(
        "Only the fentry tier reads all of it in kernel memory. The others find the file in the "
        "caller's descriptor table (RACE).",
        "A new instance, which is made by mkdir, is seen with the first file that is written in "
        "it.",
    ),
    unseen=(ENTRY_32, IO_URING),
    related=("perf", "bpf_attach"),
)

SYSCTL_WRITE = EventSpec(
    name="sysctl_write",
    id=22,
    mechanism="sysctl",
    summary="a setting of the kernel is written, below /proc/sys or by sysctl",
    description=(
        "Told just before the kernel takes the value, from the copy that it takes: the process "
        "cannot change that any more. A value that the kernel then does not like is told, too. "
        "The numbers are read as the kernel reads them: ` 0x1` is 1. Where there are several, it "
        "is the first. Settings that are only read are left out."
    ),
    args=(
        Arg(
            "old_number",
            "s64",
            "the number that it was",
            (K, OPT),
            null=NO_NUMBER,
        ),
        Arg(
            "new_number",
            "s64",
            "the number that it is to be",
            (K, OPT),
            null=NO_NUMBER,
        ),
        Arg(
            "change",
            "u8",
            "what becomes of the number: raised, lowered, unchanged",
            (K, OPT),
            CHANGES,
            null=0,
        ),
        Arg("name", "char[96]", "the setting: kernel/perf_event_paranoid"),
        Arg("old_value", "char[64]", "the value so far", (K, OPT)),
        Arg("new_value", "char[64]", "what is written", (K, OPT)),
    ),
    hooks=(Hook("sysctl", ("cgroup",), "name and values; of this kind in every tier"),),
    example=(
        "title: Kernel addresses are shown to everyone\n"
        "logsource: {product: linux, service: profguard, category: sysctl_write}\n"
        "detection:\n"
        "  selection:\n"
        "    sysctl_write.name: kernel/kptr_restrict\n"
        "    sysctl_write.change: lowered\n"
        "  condition: selection\n"
    ),
    issues=(
        "Values are cut off after 63 bytes; then they have no number.",
        "The program is attached to the root of the sensor's cgroup namespace: in a container that "
        "is not the host's, it sees what is written there.",
        "What the kernel changes by itself is not told, as it lowers perf_event_max_sample_rate.",
        "The BCC loader does not have it.",
    ),
    related=("perf", "ptrace", "bpf_prog_load"),
)

EVENTS = (PROC_MEM_OPEN, SYSCTL_WRITE, TRACEFS_WRITE)
