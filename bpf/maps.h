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
	__u32 by_cgroup; /* whether targets in quiet cgroups are left out */
	__u32 pad;
};

#ifdef PG_BCC /* which has no data sections */
#define pg_config (*(const volatile struct pg_config *)PG_VALUE(PG_FD_config))
#else
const volatile struct pg_config pg_config SEC(".rodata.config") = {};
#endif

PG_RING(ring, 8 << 20);

/* Records that a flood of others must not displace. */
PG_RING(urgent_ring, 1 << 20);

/* Cgroups (v2, by id) whose processes have none of the labels that all rules want of a target.
 * Userspace adds one when it knows that for certain; what it does not know yet is told.
 */
PG_MAP(quiet_cgroups, HASH, __u64, __u8, 16384);

/* How often each event happened on this CPU, and what became of those that are not sent:
 * produced = received + dropped + missed + folded. Userspace proves it, so each is counted once.
 */
struct pg_counter {
	__u64 produced;
	__u64 dropped; /* the ring had no room */
	__u64 missed;  /* the call's begin could not be kept, or its end never came */
	__u64 folded;  /* one of too many that are alike */
};

PG_MAP(counters, PERCPU_ARRAY, __u32, struct pg_counter, PG_EVENT_COUNT);

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

PG_MAP(folds, LRU_HASH, struct pg_alike, struct pg_fold, 8192);

/* Processes with a label, by tgid: what switches profiling on there is urgent. */
PG_MAP(labelled, LRU_HASH, __u32, __u8, 16384);

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

PG_MAP(calls, HASH, __u64, struct pg_call, 16384);

/* What a thread places for tracefs, by task: the address of the kernel's probe. */
PG_MAP(placing, LRU_HASH, __u64, __u64, 1024);

/* Threads that something profiles: their end is a transition. */
PG_MAP(profiled, LRU_HASH, __u32, __u8, 16384);

/* Names of which the kernel side tells: userspace has them from a list. Each stands for all that begin
 * with it; one that is whole ends with a NUL.
 */
enum { PG_NAME_VARIABLE = 'e', PG_NAME_AGENT = 'a', PG_NAME_RUNTIME = 'r' };
enum { PG_NAME_TEXT = 59 };

struct pg_name {
	__u32 bits; /* of what follows */
	char kind;
	char text[PG_NAME_TEXT];
};

/* Of a variable: the size of its name. Of a runtime: its number. */
PG_TRIE(names, struct pg_name, __u32, 4096);

/* POSIX timers on CPU-time clocks: the clock, by process and timer id. */
struct pg_timer {
	__u32 tgid;
	__s32 id;
};

PG_MAP(cpu_timers, LRU_HASH, struct pg_timer, __s32, 16384);

#endif
