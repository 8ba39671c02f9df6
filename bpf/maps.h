/* The maps that every probe shares. Userspace may enlarge them before loading. */
#ifndef PG_MAPS_H
#define PG_MAPS_H

enum { PG_MAX_VALUES = 7 };

/* Values that userspace has a use for; all of them if there are none. */
struct pg_values {
	__u32 count;
	__u32 values[PG_MAX_VALUES];
};

struct pg_config {
	/* Address of the kernel's function: a file whose ioctl it is is a perf event. A text symbol,
	 * known also where the kernel keeps no data symbols (KALLSYMS_ALL=n). Userspace looks it up:
	 * libbpf would read all 120,000 symbols for it, which takes longer than all the rest.
	 */
	__u64 perf_ioctl;
	__u64 wanted;    /* a bit for each event: those that userspace has a use for */
	__u32 self_tgid; /* the sensor's own process: what it does is not reported */
	__u32 max_rate;  /* like events a second that are sent one by one; 0: all are */
	struct pg_values ioctl_cmds;
	struct pg_values ptrace_requests;
};

const volatile struct pg_config pg_config SEC(".rodata.config") = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/* Records that a flood of others must not displace. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} urgent_ring SEC(".maps");

/* How often each event happened on this CPU, and what became of those that are not sent:
 * produced = received + dropped + missed + folded. Userspace proves it, so each is counted once.
 */
struct pg_counter {
	__u64 produced;
	__u64 dropped; /* the ring had no room */
	__u64 missed;  /* the call's begin could not be kept, or its end never came */
	__u64 folded;  /* one of too many that are alike */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PG_EVENT_COUNT);
	__type(key, __u32);
	__type(value, struct pg_counter);
} counters SEC(".maps");

/* Events that are alike: what one process does to another, by one kind of call. */
struct pg_alike {
	__u32 tgid;
	__u32 target_tgid; /* 0 where there is none */
	__u32 event;
	__u32 kind; /* the event's own distinction: a command, a request */
};

/* What became of them. The tasks are those of the latest time that folding began. */
struct pg_fold {
	__u64 since_ns; /* of this second, in which so many were sent */
	__u64 sent;
	__u64 folded; /* ever */
	__u64 first_ns; /* in this second; 0: none */
	__u64 last_ns;
	struct pg_task process;
	struct pg_task target;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct pg_alike);
	__type(value, struct pg_fold);
} folds SEC(".maps");

/* Processes with a label, by tgid: what switches profiling on there is urgent. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u8);
} labelled SEC(".maps");

/* What the entry of a call leaves for its return, by task. */
struct pg_call {
	__u64 args[3];
	struct task_struct *target;
	struct perf_event *event;
	__u32 begun; /* for which event it was remembered */
	__s32 state; /* of the perf event */
	__u32 on;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct pg_call);
} calls SEC(".maps");

/* Threads that something profiles: their end is a transition. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u8);
} profiled SEC(".maps");

#endif
