/* CPU-time timers: setitimer(2) and timer_create(2). */
#ifndef PG_TIMERS_H
#define PG_TIMERS_H

enum { PG_ITIMER_REAL = 0 };
enum { PG_NS_PER_S = 1000000000 };

static __always_inline __u64 pg_ns(struct timespec64 *time)
{
	return PG_READ(time, tv_sec) * PG_NS_PER_S + PG_READ(time, tv_nsec);
}

static __always_inline int pg_itimer_set(int which, struct itimerspec64 *spec)
{
	struct pg_setitimer *out;
	__u64 value;

	if (which == PG_ITIMER_REAL || pg_is_self())
		return 0;
	value = pg_ns(__builtin_preserve_access_index(&spec->it_value));
	if (pg_admits(PG_EVENT_SETITIMER, NULL, which) &&
	    (out = PG_RESERVE(pg_setitimer, PG_EVENT_SETITIMER, PG_ROUTINE))) {
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

/* struct sigevent (UAPI), as far as it is read */
struct pg_sigevent {
	__u64 value;
	__s32 signo, notify;
};

/* timer_create(clock, sigevent, timer_id); without a sigevent its members are -1. */
static __always_inline int pg_timer_create_begin(__s32 clock, struct pg_sigevent *event, void *id)
{
	struct pg_call call = {.args = {(__u32)clock, (__u64)id}};

	if (pg_is_self())
		return 0;
	call.args[2] = (__u64)(__u32)event->notify << 32 | (__u32)event->signo;
	pg_call_begin(PG_EVENT_TIMER_CREATE, &call);
	return 0;
}

static __always_inline int pg_timer_create_end(__s64 ret)
{
	struct pg_timer key = {.tgid = bpf_get_current_pid_tgid() >> 32};
	struct pg_timer_create *out;
	struct pg_call call;
	__s32 clock;

	if (!pg_call_end(PG_EVENT_TIMER_CREATE, &call))
		return 0;
	clock = call.args[0];
	if (!ret && !bpf_probe_read_user(&key.id, sizeof(key.id), (void *)call.args[1])) {
		if (pg_is_cpu_clock(clock))
			bpf_map_update_elem(&cpu_timers, &key, &clock, BPF_ANY);
		else
			bpf_map_delete_elem(&cpu_timers, &key);
	} else {
		key.id = -1;
	}
	if (!pg_is_cpu_clock(clock))
		return 0;
	if (!pg_admits(PG_EVENT_TIMER_CREATE, NULL, clock))
		return 0;
	out = PG_RESERVE(pg_timer_create, PG_EVENT_TIMER_CREATE, PG_ROUTINE);
	if (!out)
		return 0;
	pg_task_fill(&out->process, pg_current());
	out->target = out->process;
	out->clock_id = out->clock = clock;
	out->notify = call.args[2] >> 32;
	out->signal = call.args[2];
	out->timer_id = key.id;
	out->ret = ret;
	pg_submit(out);
	return 0;
}

/* timer_settime(id, flags, new, old), known by its arguments */
static __always_inline int pg_timer_settime_begin(const __u64 *args)
{
	struct pg_timer key = {.tgid = bpf_get_current_pid_tgid() >> 32, .id = args[0]};
	struct pg_call call = {.args = {args[0], args[2]}};
	__s32 *clock = bpf_map_lookup_elem(&cpu_timers, &key);

	if (!clock || pg_is_self())
		return 0;
	call.args[2] = (__u32)*clock;
	pg_call_begin(PG_EVENT_PROF, &call);
	return 0;
}

static __always_inline int pg_timer_settime_end(__s64 ret)
{
	struct { __s64 interval[2], value[2]; } times = {};
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_PROF, &call) || ret)
		return 0;
	bpf_probe_read_user(&times, sizeof(times), (void *)call.args[1]);
	return pg_prof_timer(PG_MECHANISM_POSIX_TIMER, PG_CLASS_POSIX_TIMER, call.args[2],
			     call.args[0], times.value[0] || times.value[1]);
}

/* The kernel sets a timer on a CPU-time clock. Those that it makes for a sleep have no owner. */
static __always_inline int pg_cpu_timer_set_begin(struct k_itimer *timer, struct itimerspec64 *to)
{
	struct pg_call call = {};

	if (!PG_READ(timer, it_signal) || pg_is_self())
		return 0;
	call.args[0] = (__u32)PG_READ(timer, it_id);
	call.args[1] = (__u32)PG_READ(timer, it_clock);
	call.args[2] = pg_ns(__builtin_preserve_access_index(&to->it_value));
	pg_call_begin(PG_EVENT_PROF, &call);
	return 0;
}

static __always_inline int pg_cpu_timer_set_end(__s64 ret)
{
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_PROF, &call) || ret)
		return 0;
	return pg_prof_timer(PG_MECHANISM_POSIX_TIMER, PG_CLASS_POSIX_TIMER, call.args[1],
			     call.args[0], call.args[2] != 0);
}

/* timer_delete(id) */
static __always_inline int pg_timer_delete_begin(const __u64 *args)
{
	struct pg_timer key = {.tgid = bpf_get_current_pid_tgid() >> 32, .id = args[0]};
	__s32 *clock = bpf_map_lookup_elem(&cpu_timers, &key);
	__s32 config;

	if (!clock || pg_is_self())
		return 0;
	config = *clock;
	bpf_map_delete_elem(&cpu_timers, &key);
	return pg_prof_timer(PG_MECHANISM_POSIX_TIMER, PG_CLASS_POSIX_TIMER, config, key.id, false);
}

#endif
