/* The maps that every probe shares. Userspace may enlarge them before loading. */
#ifndef PG_MAPS_H
#define PG_MAPS_H

struct pg_config {
	/* Address of the kernel's function: a file whose ioctl it is is a perf event. A text symbol,
	 * known also where the kernel keeps no data symbols (KALLSYMS_ALL=n). Userspace looks it up:
	 * libbpf would read all 120,000 symbols for it, which takes longer than all the rest.
	 */
	__u64 perf_ioctl;
	__u32 self_tgid; /* the sensor's own process: what it does is not reported */
	__u32 pad;
};

const volatile struct pg_config pg_config SEC(".rodata.config") = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/* How often each event happened on this CPU, and how often the ring had no room for it. */
struct pg_counter {
	__u64 produced;
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PG_EVENT_COUNT);
	__type(key, __u32);
	__type(value, struct pg_counter);
} counters SEC(".maps");

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
