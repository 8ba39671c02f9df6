/* CPU-time timers: setitimer(2) and timer_create(2). */
#ifndef PG_TIMERS_H
#define PG_TIMERS_H

enum { PG_ITIMER_REAL = 0 };
enum { PG_NS_PER_S = 1000000000 };

/* POSIX timers on CPU-time clocks: the clock, by process and timer id. */
struct pg_timer {
	__u32 tgid;
	__s32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct pg_timer);
	__type(value, __s32);
} cpu_timers SEC(".maps");

static __always_inline __u64 pg_ns(struct timespec64 *time)
{
	return BPF_CORE_READ(time, tv_sec) * PG_NS_PER_S + BPF_CORE_READ(time, tv_nsec);
}

static __always_inline int pg_itimer_set(int which, struct itimerspec64 *spec)
{
	struct pg_setitimer *out;
	__u64 value;

	if (which == PG_ITIMER_REAL)
		return 0;
	value = pg_ns(__builtin_preserve_access_index(&spec->it_value));
	out = PG_RESERVE(pg_setitimer, PG_EVENT_SETITIMER);
	if (out) {
		pg_task_fill(&out->process, pg_current());
		out->target = out->process;
		out->which = which;
		out->value_ns = value;
		out->interval_ns = pg_ns(__builtin_preserve_access_index(&spec->it_interval));
		pg_submit(out);
	}
	return pg_prof_timer(PG_MECHANISM_ITIMER, PG_CLASS_ITIMER, which, which, value != 0);
}

/* CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, and the clocks of other tasks: negative, their
 * low three bits saying which kind; 3 is a clock device (include/linux/posix-timers.h).
 */
static __always_inline bool pg_is_cpu_clock(__s32 clock)
{
	return clock == 2 || clock == 3 || (clock < 0 && (clock & 7) != 3);
}

static __always_inline int pg_timer_created(struct pg_call *call, __s64 ret)
{
	struct pg_timer key = {.tgid = bpf_get_current_pid_tgid() >> 32};
	__s32 clock = call->args[0];
	/* struct sigevent (UAPI): value, signo, notify */
	struct { __u64 value; __s32 signo, notify; } event = {.signo = -1, .notify = -1};
	struct pg_timer_create *out;

	if (!ret && !bpf_probe_read_user(&key.id, sizeof(key.id), (void *)call->args[2])) {
		if (pg_is_cpu_clock(clock))
			bpf_map_update_elem(&cpu_timers, &key, &clock, BPF_ANY);
		else
			bpf_map_delete_elem(&cpu_timers, &key);
	} else {
		key.id = -1;
	}
	if (!pg_is_cpu_clock(clock))
		return 0;
	out = PG_RESERVE(pg_timer_create, PG_EVENT_TIMER_CREATE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	out->target = out->process;
	if (call->args[1])
		bpf_probe_read_user(&event, sizeof(event), (void *)call->args[1]);
	out->clock_id = out->clock = clock;
	out->notify = event.notify;
	out->signal = event.signo;
	out->timer_id = key.id;
	out->ret = ret;
	pg_submit(out);
	return 0;
}

/* timer_settime(2) succeeded, or timer_delete(2): `spec` is NULL then. */
static __always_inline int pg_timer_set(__s32 id, void *spec)
{
	struct pg_timer key = {.tgid = bpf_get_current_pid_tgid() >> 32, .id = id};
	struct { __s64 interval[2], value[2]; } times = {};
	__s32 *clock = bpf_map_lookup_elem(&cpu_timers, &key);
	__s32 config;

	if (!clock)
		return 0;
	config = *clock;
	if (spec)
		bpf_probe_read_user(&times, sizeof(times), spec);
	else
		bpf_map_delete_elem(&cpu_timers, &key);
	return pg_prof_timer(PG_MECHANISM_POSIX_TIMER, PG_CLASS_POSIX_TIMER, config, id,
			     times.value[0] || times.value[1]);
}

#endif
