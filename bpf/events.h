/* Generated from the event registry by `make generate`. Do not edit. */
#ifndef PG_EVENTS_H
#define PG_EVENTS_H

enum pg_event_id {
	PG_EVENT_PROF = 1,
	PG_EVENT_PERF = 2,
	PG_EVENT_PERF_IOCTL = 3,
	PG_EVENT_SETITIMER = 4,
	PG_EVENT_TIMER_CREATE = 5,
	PG_EVENT_PTRACE = 6,
	PG_EVENT_PROCESS_VM_READV = 7,
	PG_EVENT_PROCESS_VM_WRITEV = 8,
	PG_EVENT_BPF_PROG_LOAD = 24,
	PG_EVENT_BPF_ATTACH = 25,
	PG_EVENT_UPROBE_ATTACH = 26,
	PG_EVENT_KPROBE_ATTACH = 27,
	PG_EVENT_PIDFD_GETFD = 20,
	PG_EVENT_PROC_MEM_OPEN = 21,
	PG_EVENT_SYSCTL_WRITE = 22,
	PG_EVENT_TRACEFS_WRITE = 23,
	PG_EVENT_SCHED_PROCESS_EXEC = 9,
	PG_EVENT_SCHED_PROCESS_EXIT = 10,
	PG_EVENT_SCHED_PROCESS_FORK = 11,
	PG_EVENT_PROFILER_ENV = 29,
	PG_EVENT_SHARED_OBJECT_LOADED = 30,
	PG_EVENT_RUNTIME_ATTACH = 28,
	PG_EVENT_LOST_EVENTS = 12,
	PG_EVENT_FOLDED_EVENTS = 14,
	PG_EVENT_SENSOR_STATUS = 13,
	PG_EVENT_COUNT = 31,
};

enum pg_tier {
	PG_TIER_TRACEPOINT = 1,
	PG_TIER_FENTRY = 2,
	PG_TIER_KPROBE = 3,
	PG_TIER_LSM = 4,
};

enum pg_source {
	PG_SOURCE_LIVE = 0,
	PG_SOURCE_SNAPSHOT = 1,
	PG_SOURCE_REPLAY = 2,
};

enum pg_action {
	PG_ACTION_ENABLE = 1,
	PG_ACTION_DISABLE = 2,
};

enum pg_cause {
	PG_CAUSE_OPEN = 1,
	PG_CAUSE_IOCTL = 2,
	PG_CAUSE_PRCTL = 3,
	PG_CAUSE_EXEC = 4,
	PG_CAUSE_FORK = 5,
	PG_CAUSE_CLOSE = 6,
	PG_CAUSE_EXIT = 7,
	PG_CAUSE_TIMER = 8,
	PG_CAUSE_SNAPSHOT = 9,
};

enum pg_mechanism {
	PG_MECHANISM_PERF = 1,
	PG_MECHANISM_ITIMER = 2,
	PG_MECHANISM_POSIX_TIMER = 3,
};

enum pg_mode {
	PG_MODE_COUNTING = 1,
	PG_MODE_SAMPLING = 2,
};

enum pg_scope {
	PG_SCOPE_TASK = 1,
	PG_SCOPE_CPU = 2,
	PG_SCOPE_CGROUP = 3,
};

enum pg_how {
	PG_HOW_LINK_CREATE = 1,
	PG_HOW_PROG_ATTACH = 2,
	PG_HOW_RAW_TRACEPOINT = 3,
};

enum pg_runtime {
	PG_RUNTIME_JVM = 1,
	PG_RUNTIME_NODE = 2,
	PG_RUNTIME_PYTHON = 3,
};

enum pg_way {
	PG_WAY_SIGNAL = 1,
	PG_WAY_CONNECT = 2,
	PG_WAY_FILE = 3,
};

enum pg_change {
	PG_CHANGE_UNCHANGED = 1,
	PG_CHANGE_RAISED = 2,
	PG_CHANGE_LOWERED = 3,
};

enum pg_via {
	PG_VIA_PERF_EVENT = 1,
	PG_VIA_TRACEFS_EVENT = 2,
	PG_VIA_LINK = 3,
	PG_VIA_TRACEFS = 4,
};

enum pg_uprobe_type {
	PG_TYPE_UPROBE = 1,
	PG_TYPE_URETPROBE = 2,
};

enum pg_kprobe_type {
	PG_TYPE_KPROBE = 1,
	PG_TYPE_KRETPROBE = 2,
};

enum pg_class {
	PG_CLASS_HARDWARE = 0,
	PG_CLASS_SOFTWARE = 1,
	PG_CLASS_TRACEPOINT = 2,
	PG_CLASS_HW_CACHE = 3,
	PG_CLASS_RAW = 4,
	PG_CLASS_BREAKPOINT = 5,
	PG_CLASS_UPROBE = 6,
	PG_CLASS_KPROBE = 7,
	PG_CLASS_OTHER_PMU = 8,
	PG_CLASS_ITIMER = 32,
	PG_CLASS_POSIX_TIMER = 33,
};

enum pg_prof_flag {
	PG_PROF_ENABLE = 1 << 0,
	PG_PROF_DISABLE = 1 << 1,
	PG_PROF_RESET = 1 << 2,
	PG_PROF_REFRESH = 1 << 3,
	PG_PROF_OPEN = 1 << 4,
	PG_PROF_IOCTL = 1 << 5,
	PG_PROF_PRCTL = 1 << 6,
	PG_PROF_EXEC = 1 << 7,
	PG_PROF_FORK = 1 << 8,
	PG_PROF_CLOSE = 1 << 9,
	PG_PROF_EXIT = 1 << 10,
	PG_PROF_TIMER = 1 << 11,
	PG_PROF_GROUP = 1 << 12,
	PG_PROF_INHERITED = 1 << 13,
	PG_PROF_CPU_WIDE = 1 << 14,
	PG_PROF_SELF = 1 << 15,
	PG_PROF_TRUNCATED = 1 << 16,
	PG_PROF_CGROUP = 1 << 17,
	PG_PROF_SNAPSHOT = 1 << 18,
};

struct pg_task {
	__u64 start_ns;
	__u64 parent_start_ns;
	__u64 cgroup_id;
	__u32 pid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__u32 pid_ns;
	__u32 mnt_ns;
	char comm[16];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_task, start_ns) == 0, "pg_task.start_ns");
_Static_assert(__builtin_offsetof(struct pg_task, parent_start_ns) == 8, "pg_task.parent_start_ns");
_Static_assert(__builtin_offsetof(struct pg_task, cgroup_id) == 16, "pg_task.cgroup_id");
_Static_assert(__builtin_offsetof(struct pg_task, pid) == 24, "pg_task.pid");
_Static_assert(__builtin_offsetof(struct pg_task, tid) == 28, "pg_task.tid");
_Static_assert(__builtin_offsetof(struct pg_task, ppid) == 32, "pg_task.ppid");
_Static_assert(__builtin_offsetof(struct pg_task, uid) == 36, "pg_task.uid");
_Static_assert(__builtin_offsetof(struct pg_task, gid) == 40, "pg_task.gid");
_Static_assert(__builtin_offsetof(struct pg_task, pid_ns) == 44, "pg_task.pid_ns");
_Static_assert(__builtin_offsetof(struct pg_task, mnt_ns) == 48, "pg_task.mnt_ns");
_Static_assert(__builtin_offsetof(struct pg_task, comm) == 52, "pg_task.comm");
_Static_assert(sizeof(struct pg_task) == 72, "pg_task");

struct pg_header {
	__u64 boot_ns;
	__u64 sequence;
	__u32 cpu;
	__u16 event;
	__u8 tier;
	__u8 source;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_header, boot_ns) == 0, "pg_header.boot_ns");
_Static_assert(__builtin_offsetof(struct pg_header, sequence) == 8, "pg_header.sequence");
_Static_assert(__builtin_offsetof(struct pg_header, cpu) == 16, "pg_header.cpu");
_Static_assert(__builtin_offsetof(struct pg_header, event) == 20, "pg_header.event");
_Static_assert(__builtin_offsetof(struct pg_header, tier) == 22, "pg_header.tier");
_Static_assert(__builtin_offsetof(struct pg_header, source) == 23, "pg_header.source");
_Static_assert(sizeof(struct pg_header) == 24, "pg_header");

struct pg_prof {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u64 flags;
	__u64 event_ids[8];
	__u32 events[8];
	__u64 cgroup_id;
	__u32 total;
	__s32 cpu;
	__u8 action;
	__u8 cause;
	__u8 mechanism;
	__u8 mode;
	__u32 nr_events;
	char pmu[32];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_prof, flags) == 168, "pg_prof.flags");
_Static_assert(__builtin_offsetof(struct pg_prof, event_ids) == 176, "pg_prof.event_ids");
_Static_assert(__builtin_offsetof(struct pg_prof, events) == 240, "pg_prof.events");
_Static_assert(__builtin_offsetof(struct pg_prof, cgroup_id) == 272, "pg_prof.cgroup_id");
_Static_assert(__builtin_offsetof(struct pg_prof, total) == 280, "pg_prof.total");
_Static_assert(__builtin_offsetof(struct pg_prof, cpu) == 284, "pg_prof.cpu");
_Static_assert(__builtin_offsetof(struct pg_prof, action) == 288, "pg_prof.action");
_Static_assert(__builtin_offsetof(struct pg_prof, cause) == 289, "pg_prof.cause");
_Static_assert(__builtin_offsetof(struct pg_prof, mechanism) == 290, "pg_prof.mechanism");
_Static_assert(__builtin_offsetof(struct pg_prof, mode) == 291, "pg_prof.mode");
_Static_assert(__builtin_offsetof(struct pg_prof, nr_events) == 292, "pg_prof.nr_events");
_Static_assert(__builtin_offsetof(struct pg_prof, pmu) == 296, "pg_prof.pmu");
_Static_assert(sizeof(struct pg_prof) == 328, "pg_prof");

struct pg_perf {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u64 id;
	__u64 config;
	__u64 sample_period;
	__u64 sample_freq;
	__u64 sample_type;
	__u64 attr_flags;
	__u64 group;
	__u64 cgroup_id;
	__u32 type;
	__s32 cpu;
	__s32 pid;
	__s32 state;
	__u32 open_flags;
	__s64 ret;
	char pmu[32];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_perf, id) == 168, "pg_perf.id");
_Static_assert(__builtin_offsetof(struct pg_perf, config) == 176, "pg_perf.config");
_Static_assert(__builtin_offsetof(struct pg_perf, sample_period) == 184, "pg_perf.sample_period");
_Static_assert(__builtin_offsetof(struct pg_perf, sample_freq) == 192, "pg_perf.sample_freq");
_Static_assert(__builtin_offsetof(struct pg_perf, sample_type) == 200, "pg_perf.sample_type");
_Static_assert(__builtin_offsetof(struct pg_perf, attr_flags) == 208, "pg_perf.attr_flags");
_Static_assert(__builtin_offsetof(struct pg_perf, group) == 216, "pg_perf.group");
_Static_assert(__builtin_offsetof(struct pg_perf, cgroup_id) == 224, "pg_perf.cgroup_id");
_Static_assert(__builtin_offsetof(struct pg_perf, type) == 232, "pg_perf.type");
_Static_assert(__builtin_offsetof(struct pg_perf, cpu) == 236, "pg_perf.cpu");
_Static_assert(__builtin_offsetof(struct pg_perf, pid) == 240, "pg_perf.pid");
_Static_assert(__builtin_offsetof(struct pg_perf, state) == 244, "pg_perf.state");
_Static_assert(__builtin_offsetof(struct pg_perf, open_flags) == 248, "pg_perf.open_flags");
_Static_assert(__builtin_offsetof(struct pg_perf, ret) == 256, "pg_perf.ret");
_Static_assert(__builtin_offsetof(struct pg_perf, pmu) == 264, "pg_perf.pmu");
_Static_assert(sizeof(struct pg_perf) == 296, "pg_perf");

struct pg_perf_ioctl {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u64 id;
	__u64 arg;
	__u32 cmd;
	__u8 scope;
	__s32 old_state;
	__s32 new_state;
	__u32 owner_pid;
	__s64 ret;
	char pmu[32];
	char filter[128];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, id) == 168, "pg_perf_ioctl.id");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, arg) == 176, "pg_perf_ioctl.arg");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, cmd) == 184, "pg_perf_ioctl.cmd");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, scope) == 188, "pg_perf_ioctl.scope");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, old_state) == 192, "pg_perf_ioctl.old_state");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, new_state) == 196, "pg_perf_ioctl.new_state");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, owner_pid) == 200, "pg_perf_ioctl.owner_pid");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, ret) == 208, "pg_perf_ioctl.ret");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, pmu) == 216, "pg_perf_ioctl.pmu");
_Static_assert(__builtin_offsetof(struct pg_perf_ioctl, filter) == 248, "pg_perf_ioctl.filter");
_Static_assert(sizeof(struct pg_perf_ioctl) == 376, "pg_perf_ioctl");

struct pg_setitimer {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u64 value_ns;
	__u64 interval_ns;
	__u32 which;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_setitimer, value_ns) == 168, "pg_setitimer.value_ns");
_Static_assert(__builtin_offsetof(struct pg_setitimer, interval_ns) == 176, "pg_setitimer.interval_ns");
_Static_assert(__builtin_offsetof(struct pg_setitimer, which) == 184, "pg_setitimer.which");
_Static_assert(sizeof(struct pg_setitimer) == 192, "pg_setitimer");

struct pg_timer_create {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s32 clock_id;
	__s32 clock;
	__s32 notify;
	__s32 signal;
	__s32 timer_id;
	__s32 ret;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_timer_create, clock_id) == 168, "pg_timer_create.clock_id");
_Static_assert(__builtin_offsetof(struct pg_timer_create, clock) == 172, "pg_timer_create.clock");
_Static_assert(__builtin_offsetof(struct pg_timer_create, notify) == 176, "pg_timer_create.notify");
_Static_assert(__builtin_offsetof(struct pg_timer_create, signal) == 180, "pg_timer_create.signal");
_Static_assert(__builtin_offsetof(struct pg_timer_create, timer_id) == 184, "pg_timer_create.timer_id");
_Static_assert(__builtin_offsetof(struct pg_timer_create, ret) == 188, "pg_timer_create.ret");
_Static_assert(sizeof(struct pg_timer_create) == 192, "pg_timer_create");

struct pg_ptrace {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u32 request;
	__s32 pid;
	__s64 ret;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_ptrace, request) == 168, "pg_ptrace.request");
_Static_assert(__builtin_offsetof(struct pg_ptrace, pid) == 172, "pg_ptrace.pid");
_Static_assert(__builtin_offsetof(struct pg_ptrace, ret) == 176, "pg_ptrace.ret");
_Static_assert(sizeof(struct pg_ptrace) == 184, "pg_ptrace");

struct pg_process_vm_readv {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__u64 remote_segments;
	__s32 pid;
	__u32 flags;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_process_vm_readv, ret) == 168, "pg_process_vm_readv.ret");
_Static_assert(__builtin_offsetof(struct pg_process_vm_readv, remote_segments) == 176, "pg_process_vm_readv.remote_segments");
_Static_assert(__builtin_offsetof(struct pg_process_vm_readv, pid) == 184, "pg_process_vm_readv.pid");
_Static_assert(__builtin_offsetof(struct pg_process_vm_readv, flags) == 188, "pg_process_vm_readv.flags");
_Static_assert(sizeof(struct pg_process_vm_readv) == 192, "pg_process_vm_readv");

struct pg_process_vm_writev {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__u64 remote_segments;
	__s32 pid;
	__u32 flags;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_process_vm_writev, ret) == 168, "pg_process_vm_writev.ret");
_Static_assert(__builtin_offsetof(struct pg_process_vm_writev, remote_segments) == 176, "pg_process_vm_writev.remote_segments");
_Static_assert(__builtin_offsetof(struct pg_process_vm_writev, pid) == 184, "pg_process_vm_writev.pid");
_Static_assert(__builtin_offsetof(struct pg_process_vm_writev, flags) == 188, "pg_process_vm_writev.flags");
_Static_assert(sizeof(struct pg_process_vm_writev) == 192, "pg_process_vm_writev");

struct pg_bpf_prog_load {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__u32 prog_type;
	__u32 expected_attach_type;
	__u32 prog_id;
	__u32 insn_cnt;
	char prog_name[16];
	char tag[24];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_bpf_prog_load, ret) == 168, "pg_bpf_prog_load.ret");
_Static_assert(__builtin_offsetof(struct pg_bpf_prog_load, prog_type) == 176, "pg_bpf_prog_load.prog_type");
_Static_assert(__builtin_offsetof(struct pg_bpf_prog_load, expected_attach_type) == 180, "pg_bpf_prog_load.expected_attach_type");
_Static_assert(__builtin_offsetof(struct pg_bpf_prog_load, prog_id) == 184, "pg_bpf_prog_load.prog_id");
_Static_assert(__builtin_offsetof(struct pg_bpf_prog_load, insn_cnt) == 188, "pg_bpf_prog_load.insn_cnt");
_Static_assert(__builtin_offsetof(struct pg_bpf_prog_load, prog_name) == 192, "pg_bpf_prog_load.prog_name");
_Static_assert(__builtin_offsetof(struct pg_bpf_prog_load, tag) == 208, "pg_bpf_prog_load.tag");
_Static_assert(sizeof(struct pg_bpf_prog_load) == 232, "pg_bpf_prog_load");

struct pg_bpf_attach {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__u64 perf_event_id;
	__u32 prog_id;
	__u32 prog_type;
	__u32 link_type;
	__u32 attach_type;
	__u8 how;
	__u8 scope;
	char prog_name[16];
	char pmu[32];
	char symbol_name[64];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_bpf_attach, ret) == 168, "pg_bpf_attach.ret");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, perf_event_id) == 176, "pg_bpf_attach.perf_event_id");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, prog_id) == 184, "pg_bpf_attach.prog_id");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, prog_type) == 188, "pg_bpf_attach.prog_type");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, link_type) == 192, "pg_bpf_attach.link_type");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, attach_type) == 196, "pg_bpf_attach.attach_type");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, how) == 200, "pg_bpf_attach.how");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, scope) == 201, "pg_bpf_attach.scope");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, prog_name) == 202, "pg_bpf_attach.prog_name");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, pmu) == 218, "pg_bpf_attach.pmu");
_Static_assert(__builtin_offsetof(struct pg_bpf_attach, symbol_name) == 250, "pg_bpf_attach.symbol_name");
_Static_assert(sizeof(struct pg_bpf_attach) == 320, "pg_bpf_attach");

struct pg_uprobe_attach {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__u64 perf_event_id;
	__u64 inode;
	__u64 ref_ctr_offset;
	__u64 offsets[8];
	__u32 nr_offsets;
	__u32 total;
	__u32 dev;
	__u32 path_size;
	__u8 via;
	__u8 type;
	__u8 scope;
	char path[512];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, ret) == 168, "pg_uprobe_attach.ret");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, perf_event_id) == 176, "pg_uprobe_attach.perf_event_id");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, inode) == 184, "pg_uprobe_attach.inode");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, ref_ctr_offset) == 192, "pg_uprobe_attach.ref_ctr_offset");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, offsets) == 200, "pg_uprobe_attach.offsets");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, nr_offsets) == 264, "pg_uprobe_attach.nr_offsets");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, total) == 268, "pg_uprobe_attach.total");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, dev) == 272, "pg_uprobe_attach.dev");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, path_size) == 276, "pg_uprobe_attach.path_size");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, via) == 280, "pg_uprobe_attach.via");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, type) == 281, "pg_uprobe_attach.type");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, scope) == 282, "pg_uprobe_attach.scope");
_Static_assert(__builtin_offsetof(struct pg_uprobe_attach, path) == 283, "pg_uprobe_attach.path");
_Static_assert(sizeof(struct pg_uprobe_attach) == 800, "pg_uprobe_attach");

struct pg_kprobe_attach {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__u64 perf_event_id;
	__u64 offset;
	__u32 symbols_size;
	__u32 total;
	__u8 via;
	__u8 type;
	__u8 scope;
	char symbols[512];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, ret) == 168, "pg_kprobe_attach.ret");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, perf_event_id) == 176, "pg_kprobe_attach.perf_event_id");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, offset) == 184, "pg_kprobe_attach.offset");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, symbols_size) == 192, "pg_kprobe_attach.symbols_size");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, total) == 196, "pg_kprobe_attach.total");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, via) == 200, "pg_kprobe_attach.via");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, type) == 201, "pg_kprobe_attach.type");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, scope) == 202, "pg_kprobe_attach.scope");
_Static_assert(__builtin_offsetof(struct pg_kprobe_attach, symbols) == 203, "pg_kprobe_attach.symbols");
_Static_assert(sizeof(struct pg_kprobe_attach) == 720, "pg_kprobe_attach");

struct pg_pidfd_getfd {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__s32 pidfd;
	__s32 target_fd;
	__u32 flags;
	__u64 perf_event_id;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_pidfd_getfd, ret) == 168, "pg_pidfd_getfd.ret");
_Static_assert(__builtin_offsetof(struct pg_pidfd_getfd, pidfd) == 176, "pg_pidfd_getfd.pidfd");
_Static_assert(__builtin_offsetof(struct pg_pidfd_getfd, target_fd) == 180, "pg_pidfd_getfd.target_fd");
_Static_assert(__builtin_offsetof(struct pg_pidfd_getfd, flags) == 184, "pg_pidfd_getfd.flags");
_Static_assert(__builtin_offsetof(struct pg_pidfd_getfd, perf_event_id) == 192, "pg_pidfd_getfd.perf_event_id");
_Static_assert(sizeof(struct pg_pidfd_getfd) == 200, "pg_pidfd_getfd");

struct pg_proc_mem_open {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 ret;
	__u8 mode;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_proc_mem_open, ret) == 168, "pg_proc_mem_open.ret");
_Static_assert(__builtin_offsetof(struct pg_proc_mem_open, mode) == 176, "pg_proc_mem_open.mode");
_Static_assert(sizeof(struct pg_proc_mem_open) == 184, "pg_proc_mem_open");

struct pg_sysctl_write {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__s64 old_number;
	__s64 new_number;
	__u8 change;
	char name[96];
	char old_value[64];
	char new_value[64];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_sysctl_write, old_number) == 168, "pg_sysctl_write.old_number");
_Static_assert(__builtin_offsetof(struct pg_sysctl_write, new_number) == 176, "pg_sysctl_write.new_number");
_Static_assert(__builtin_offsetof(struct pg_sysctl_write, change) == 184, "pg_sysctl_write.change");
_Static_assert(__builtin_offsetof(struct pg_sysctl_write, name) == 185, "pg_sysctl_write.name");
_Static_assert(__builtin_offsetof(struct pg_sysctl_write, old_value) == 281, "pg_sysctl_write.old_value");
_Static_assert(__builtin_offsetof(struct pg_sysctl_write, new_value) == 345, "pg_sysctl_write.new_value");
_Static_assert(sizeof(struct pg_sysctl_write) == 416, "pg_sysctl_write");

struct pg_tracefs_write {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u8 mode;
	__u32 file_size;
	char file[512];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_tracefs_write, mode) == 168, "pg_tracefs_write.mode");
_Static_assert(__builtin_offsetof(struct pg_tracefs_write, file_size) == 172, "pg_tracefs_write.file_size");
_Static_assert(__builtin_offsetof(struct pg_tracefs_write, file) == 176, "pg_tracefs_write.file");
_Static_assert(sizeof(struct pg_tracefs_write) == 688, "pg_tracefs_write");

struct pg_sched_process_exec {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u64 inode;
	__u32 dev;
	__u32 path_size;
	__u32 argv_size;
	char cmdpath[128];
	char pathname[512];
	char argv[1024];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_sched_process_exec, inode) == 168, "pg_sched_process_exec.inode");
_Static_assert(__builtin_offsetof(struct pg_sched_process_exec, dev) == 176, "pg_sched_process_exec.dev");
_Static_assert(__builtin_offsetof(struct pg_sched_process_exec, path_size) == 180, "pg_sched_process_exec.path_size");
_Static_assert(__builtin_offsetof(struct pg_sched_process_exec, argv_size) == 184, "pg_sched_process_exec.argv_size");
_Static_assert(__builtin_offsetof(struct pg_sched_process_exec, cmdpath) == 188, "pg_sched_process_exec.cmdpath");
_Static_assert(__builtin_offsetof(struct pg_sched_process_exec, pathname) == 316, "pg_sched_process_exec.pathname");
_Static_assert(__builtin_offsetof(struct pg_sched_process_exec, argv) == 828, "pg_sched_process_exec.argv");
_Static_assert(sizeof(struct pg_sched_process_exec) == 1856, "pg_sched_process_exec");

struct pg_sched_process_exit {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u32 exit_code;
	__u32 signal;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_sched_process_exit, exit_code) == 168, "pg_sched_process_exit.exit_code");
_Static_assert(__builtin_offsetof(struct pg_sched_process_exit, signal) == 172, "pg_sched_process_exit.signal");
_Static_assert(sizeof(struct pg_sched_process_exit) == 176, "pg_sched_process_exit");

struct pg_sched_process_fork {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u32 child_pid;
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_sched_process_fork, child_pid) == 168, "pg_sched_process_fork.child_pid");
_Static_assert(sizeof(struct pg_sched_process_fork) == 176, "pg_sched_process_fork");

struct pg_profiler_env {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	char variable[32];
	char value[256];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_profiler_env, variable) == 168, "pg_profiler_env.variable");
_Static_assert(__builtin_offsetof(struct pg_profiler_env, value) == 200, "pg_profiler_env.value");
_Static_assert(sizeof(struct pg_profiler_env) == 456, "pg_profiler_env");

struct pg_shared_object_loaded {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u64 inode;
	__u64 ctime;
	__u32 dev;
	__u32 flags;
	__u32 owner_id;
	__u32 path_size;
	char file_name[128];
	char pathname[512];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, inode) == 168, "pg_shared_object_loaded.inode");
_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, ctime) == 176, "pg_shared_object_loaded.ctime");
_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, dev) == 184, "pg_shared_object_loaded.dev");
_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, flags) == 188, "pg_shared_object_loaded.flags");
_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, owner_id) == 192, "pg_shared_object_loaded.owner_id");
_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, path_size) == 196, "pg_shared_object_loaded.path_size");
_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, file_name) == 200, "pg_shared_object_loaded.file_name");
_Static_assert(__builtin_offsetof(struct pg_shared_object_loaded, pathname) == 328, "pg_shared_object_loaded.pathname");
_Static_assert(sizeof(struct pg_shared_object_loaded) == 840, "pg_shared_object_loaded");

struct pg_runtime_attach {
	struct pg_header head;
	struct pg_task process;
	struct pg_task target;
	__u8 runtime;
	__u8 how;
	__u8 signal;
	char artifact[64];
} __attribute__((aligned(8)));

_Static_assert(__builtin_offsetof(struct pg_runtime_attach, runtime) == 168, "pg_runtime_attach.runtime");
_Static_assert(__builtin_offsetof(struct pg_runtime_attach, how) == 169, "pg_runtime_attach.how");
_Static_assert(__builtin_offsetof(struct pg_runtime_attach, signal) == 170, "pg_runtime_attach.signal");
_Static_assert(__builtin_offsetof(struct pg_runtime_attach, artifact) == 171, "pg_runtime_attach.artifact");
_Static_assert(sizeof(struct pg_runtime_attach) == 240, "pg_runtime_attach");

#endif
