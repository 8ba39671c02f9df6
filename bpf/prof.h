/* prof: profiling is switched on or off. What switches it is in the callers; here is what they say. */
#ifndef PG_PROF_H
#define PG_PROF_H

/* What one prof record will say, gathered before there is a record. */
struct pg_transition {
	struct task_struct *target;
	struct task_struct *owner;
	__u32 action;
	__u32 cause;
	__u32 flags;
};

static __always_inline __u32 pg_cause_flag(__u32 cause)
{
	return cause >= PG_CAUSE_SNAPSHOT ? PG_PROF_SNAPSHOT : PG_PROF_OPEN << (cause - PG_CAUSE_OPEN);
}

static __always_inline void pg_prof_head(struct pg_prof *out, struct pg_transition *change)
{
	out->action = change->action;
	out->cause = change->cause;
	out->flags = change->flags | pg_cause_flag(change->cause) |
		     (change->action == PG_ACTION_ENABLE ? PG_PROF_ENABLE : PG_PROF_DISABLE);
	if (change->owner)
		pg_task_fill(&out->process, change->owner);
	if (change->target)
		pg_task_fill(&out->target, change->target);
	if (out->process.pid && out->process.pid == out->target.pid)
		out->flags |= PG_PROF_SELF;
}

/* It is another process that is profiled, or a whole CPU, or a process that has a label. */
static __always_inline bool pg_prof_is_urgent(struct pg_transition *change)
{
	struct task_struct *profiled_task = change->target, *owner = change->owner;
	__u32 target;

	if (change->action != PG_ACTION_ENABLE || change->cause == PG_CAUSE_FORK)
		return false;
	if (!profiled_task || !owner)
		return true;
	target = PG_READ(profiled_task, tgid);
	return target != PG_READ(owner, tgid) ||
	       bpf_map_lookup_elem(&labelled, &target);
}

/* It begins at a target of nobody's interest, or is one of too many. */
static __always_inline bool pg_prof_is_left_out(struct pg_transition *change)
{
	if (change->action == PG_ACTION_ENABLE && pg_is_quiet(change->target))
		return true;
	return pg_is_folded(PG_EVENT_PROF, (__u64)change->target,
			    change->action << 8 | change->cause);
}

/* Adds an event to a record; past the eighth it is only counted. */
static __noinline int pg_prof_add(struct pg_prof *out, struct perf_event *event)
{
	__u32 at = out->nr_events;

	out->total++;
	if (at >= PG_MAX_EVENTS) {
		out->flags |= PG_PROF_TRUNCATED;
		return 0;
	}
	out->event_ids[at] = pg_perf_id((__u64)event);
	out->events[at] = pg_perf_code((__u64)event);
	out->nr_events = at + 1;
	if (PG_READ(event, attr.sample_period))
		out->mode = PG_MODE_SAMPLING;
	return 0;
}

/* The parts of a record that its first event decides. */
static __always_inline void pg_prof_perf(struct pg_prof *out, struct perf_event *event)
{
	out->mechanism = PG_MECHANISM_PERF;
	out->mode = PG_MODE_COUNTING;
	out->cpu = PG_READ(event, cpu);
	if (PG_READ(event, parent))
		out->flags |= PG_PROF_INHERITED;
	out->cgroup_id = pg_perf_cgroup(event);
	if (out->cgroup_id)
		out->flags |= PG_PROF_CGROUP;
	else if (!out->target.pid)
		out->flags |= PG_PROF_CPU_WIDE;
	pg_perf_pmu(&out->pmu, event);
	if (out->action == PG_ACTION_ENABLE && out->target.tid) {
		__u32 tid = out->target.tid; /* a key in the ring's memory is refused before 6.2 */
		__u8 yes = 1;

		if (!bpf_map_lookup_elem(&profiled, &tid)) /* costs a fifth of an update */
			bpf_map_update_elem(&profiled, &tid, &yes, BPF_ANY);
	}
}

/* One event, or a group by its leader, was switched. */
PG_GLOBAL int pg_prof_group(__u64 first, __u32 action, __u32 cause, __u32 flags)
{
	struct perf_event *event = (void *)first;
	struct list_head *head = __builtin_preserve_access_index(&event->sibling_list);
	struct list_head *next;
	struct pg_transition change = {.action = action, .cause = cause, .flags = flags};
	struct pg_prof *out;

	if (!pg_is_wanted(PG_EVENT_PROF) || pg_perf_measures_nothing(event))
		return 0;
	change.target = pg_perf_target(event);
	change.owner = pg_perf_owner(event);
	if (!change.owner && cause == PG_CAUSE_IOCTL)
		change.owner = pg_current(); /* who opened it has ended, and passed it on before */
	if (pg_prof_is_left_out(&change))
		return 0;
	out = PG_RESERVE(pg_prof, PG_EVENT_PROF, pg_prof_is_urgent(&change));
	if (!out)
		return 0;
	pg_prof_head(out, &change);
	pg_prof_perf(out, event);
	pg_prof_add(out, event);
	if (PG_READ(event, group_leader) == event) {
		/* The siblings of a leader count with it, unless they are off themselves. */
		next = PG_READ(head, next);
		for (int i = 0; i < PG_MAX_EVENTS; i++) {
			struct perf_event *sibling;

			if (!next || next == head)
				break;
			sibling = (void *)next - bpf_core_field_offset(struct perf_event, sibling_list);
			out->flags |= PG_PROF_GROUP;
			if (PG_READ(sibling, state) >= PERF_EVENT_STATE_INACTIVE)
				pg_prof_add(out, sibling);
			next = PG_READ(next, next);
		}
	}
	pg_submit(out);
	return 0;
}

/* Events of one context that are looked at. */
enum { PG_MAX_WALK = 16 };

/* The first event of a context that is on, is inherited if that is asked for, and is of none of the
 * given owners; or 0.
 */
PG_GLOBAL __u64 pg_first_on(__u64 context_at, __u32 inherited, __u64 not_of, __u64 nor_of)
{
	struct perf_event_context *context = (void *)context_at;
	struct list_head *head = __builtin_preserve_access_index(&context->event_list);
	struct list_head *next = PG_READ(head, next);

	for (int i = 0; i < PG_MAX_WALK; i++) {
		struct perf_event *event;
		__u64 owner;

		if (!next || next == head)
			break;
		event = pg_event_of_entry(next);
		owner = pg_perf_profiler((__u64)event);
		if (owner != PG_NOBODY && owner != not_of && owner != nor_of &&
		    (!inherited || PG_READ(event, parent)))
			return (__u64)event;
		next = PG_READ(next, next);
	}
	return 0;
}

/* The events of a context that are on and of the same owner as the first. An exit switches them off,
 * an exec or a fork has switched them on.
 */
PG_GLOBAL int pg_prof_context(__u64 context_at, __u64 first_at, __u32 cause)
{
	struct perf_event_context *context = (void *)context_at;
	struct perf_event *first = (void *)first_at;
	struct list_head *head = __builtin_preserve_access_index(&context->event_list);
	struct list_head *next;
	struct pg_transition change = {
		.target = PG_READ(context, task), .owner = pg_perf_owner(first),
		.action = cause == PG_CAUSE_EXIT ? PG_ACTION_DISABLE : PG_ACTION_ENABLE,
		.cause = cause,
	};
	struct pg_prof *out;

	if (change.action == PG_ACTION_ENABLE && pg_is_quiet(change.target))
		return 0;
	out = PG_RESERVE(pg_prof, PG_EVENT_PROF, pg_prof_is_urgent(&change));
	if (!out)
		return 0;
	pg_prof_head(out, &change);
	pg_prof_perf(out, first);
	next = PG_READ(head, next);
	for (int i = 0; i < PG_MAX_WALK; i++) {
		struct perf_event *event;

		if (!next || next == head)
			break;
		event = pg_event_of_entry(next);
		if (pg_perf_profiler((__u64)event) == (__u64)change.owner)
			pg_prof_add(out, event);
		next = PG_READ(next, next);
	}
	pg_submit(out);
	return 0;
}

/* One event of those that a prctl has switched. In a function of its own, since the verifier of 5.10
 * gives up on eight of them in a row.
 */
PG_GLOBAL int pg_prof_by_prctl(__u64 event_at, __u32 action)
{
	if (pg_perf_is_on((void *)event_at) != (action == PG_ACTION_ENABLE))
		return 0;
	return pg_prof_group(event_at, action, PG_CAUSE_PRCTL, 0);
}

/* prctl(PR_TASK_PERF_EVENTS_*): one record an event, since each has a target of its own. */
static __always_inline int pg_prof_owned(struct task_struct *owner, __u32 action)
{
	struct list_head *head = __builtin_preserve_access_index(&owner->perf_event_list);
	struct list_head *next = PG_READ(head, next);

	for (int i = 0; i < PG_MAX_EVENTS; i++) {
		if (!next || next == head)
			break;
		pg_prof_by_prctl((__u64)next - bpf_core_field_offset(struct perf_event, owner_entry),
				 action);
		next = PG_READ(next, next);
	}
	return 0;
}

/* A task's context after an exec or a fork, or before an exit. What is on after an exec was switched
 * on by that, unless it was on before, which userspace knows. One record for each profiler.
 */
PG_GLOBAL int pg_prof_contexts(__u64 context_at, __u32 cause)
{
	__u64 owners[PG_MAX_OWNERS] = {-1, -1};

	for (int i = 0; i < PG_MAX_OWNERS; i++) {
		__u64 first = pg_first_on(context_at, cause == PG_CAUSE_FORK, owners[0], owners[1]);

		if (!first)
			break;
		owners[i] = (__u64)pg_perf_owner((struct perf_event *)first);
		pg_prof_context(context_at, first, cause);
	}
	return 0;
}

static __always_inline int pg_prof_task(struct task_struct *task, __u32 cause)
{
	if (!pg_is_wanted(PG_EVENT_PROF))
		return 0;
	for (int i = 0; i < 2; i++) {
		struct perf_event_context *context = pg_perf_context(task, i);

		if (pg_is_task((void *)context))
			pg_prof_contexts((__u64)context, cause);
	}
	return 0;
}

/* A profiled thread has ended. Its events are gone already on kernels that free them before this hook
 * (CVE-2025-38424's fix), so userspace adds which ones they were.
 */
static __always_inline int pg_prof_exited(struct task_struct *task)
{
	struct pg_transition change = {
		.target = task, .action = PG_ACTION_DISABLE, .cause = PG_CAUSE_EXIT,
	};
	__u32 tid = PG_READ(task, pid);
	struct pg_prof *out;

	if (!bpf_map_lookup_elem(&profiled, &tid))
		return 0;
	bpf_map_delete_elem(&profiled, &tid);
	out = PG_RESERVE(pg_prof, PG_EVENT_PROF, PG_ROUTINE);
	if (!out)
		return 0;
	pg_prof_head(out, &change);
	out->mechanism = PG_MECHANISM_PERF;
	out->cpu = -1;
	pg_submit(out);
	return 0;
}

static __always_inline void pg_prof_timer_fill(struct pg_prof *out, __u32 mechanism, __u32 class,
					       __u32 config, __u32 id)
{
	out->mechanism = mechanism;
	out->mode = PG_MODE_SAMPLING;
	out->cpu = -1;
	out->events[0] = class << 24 | (config & 0xffffff);
	out->event_ids[0] = id;
	out->nr_events = out->total = 1;
}

/* A CPU-time timer of the current process is armed or disarmed. */
static __always_inline int pg_prof_timer(__u32 mechanism, __u32 class, __u32 config, __u32 id, bool on)
{
	struct pg_transition change = {
		.target = pg_current(), .owner = pg_current(), .cause = PG_CAUSE_TIMER,
		.action = on ? PG_ACTION_ENABLE : PG_ACTION_DISABLE,
	};
	struct pg_prof *out;

	if (!pg_is_wanted(PG_EVENT_PROF) || pg_prof_is_left_out(&change))
		return 0;
	out = PG_RESERVE(pg_prof, PG_EVENT_PROF, pg_prof_is_urgent(&change));
	if (!out)
		return 0;
	pg_prof_head(out, &change);
	pg_prof_timer_fill(out, mechanism, class, config, id);
	pg_submit(out);
	return 0;
}

#endif
