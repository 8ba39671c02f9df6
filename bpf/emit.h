/* From a probe to a ring: what is not sent is counted. */
#ifndef PG_EMIT_H
#define PG_EMIT_H

enum { PG_ROUTINE = 0, PG_URGENT = 1 };
enum { PG_FOLD_NS = 1000000000 };

/* What userspace has no use for is neither made nor counted. The verifier knows the answer, and drops
 * the code behind it.
 */
static __always_inline bool pg_is_wanted(__u32 event)
{
	return pg_config.wanted & 1ull << event;
}

static __always_inline bool pg_is_among(const volatile struct pg_values *wanted, __u32 value)
{
	for (__u32 i = 0; i < PG_MAX_VALUES; i++)
		if (i < wanted->count && wanted->values[i] == value)
			return true;
	return !wanted->count;
}

/* An event that happened and of which there will be no record. */
static __always_inline void pg_count_missed(__u32 event)
{
	struct pg_counter *counter = bpf_map_lookup_elem(&counters, &event);

	if (!counter)
		return;
	__sync_fetch_and_add(&counter->produced, 1);
	__sync_fetch_and_add(&counter->missed, 1);
}

static __always_inline void pg_count_folded(__u32 event)
{
	struct pg_counter *counter = bpf_map_lookup_elem(&counters, &event);

	if (!counter)
		return;
	__sync_fetch_and_add(&counter->produced, 1);
	__sync_fetch_and_add(&counter->folded, 1);
}

/* Whether this is one of so many alike that it is only counted: what the current process does to a
 * target. `kind` is the event's own distinction. A flood of one process thus takes no room from what
 * others do.
 */
PG_GLOBAL int pg_is_folded(__u32 event, __u64 target_at, __u32 kind)
{
	struct task_struct *target = (void *)target_at;
	struct pg_alike key = {
		.tgid = bpf_get_current_pid_tgid() >> 32, .event = event, .kind = kind,
	};
	__u64 now_ns = bpf_ktime_get_boot_ns();
	struct pg_fold *fold;

	if (!pg_config.max_rate)
		return 0;
	if (target)
		key.target_tgid = PG_READ(target, tgid);
	fold = bpf_map_lookup_elem(&folds, &key);
	if (!fold) {
		struct pg_fold first = {.since_ns = now_ns, .sent = 1};

		bpf_map_update_elem(&folds, &key, &first, BPF_NOEXIST);
		return 0;
	}
	if (now_ns - fold->since_ns > PG_FOLD_NS) {
		fold->since_ns = now_ns;
		fold->sent = 0;
		fold->first_ns = 0;
	}
	if (fold->sent < pg_config.max_rate) {
		__sync_fetch_and_add(&fold->sent, 1);
		return 0;
	}
	if (!fold->first_ns) {
		fold->first_ns = now_ns;
		pg_task_fill(&fold->process, pg_current());
		if (target)
			pg_task_fill(&fold->target, target);
	}
	fold->last_ns = now_ns;
	__sync_fetch_and_add(&fold->folded, 1);
	pg_count_folded(event);
	return 1;
}

/* Whether no rule can want to know what is done to that target. What ends is told all the same: it may
 * have begun elsewhere.
 */
static __always_inline bool pg_is_quiet(struct task_struct *target)
{
	__u64 cgroup;

	if (!pg_config.by_cgroup || !target)
		return false;
	cgroup = PG_READ(target, cgroups, dfl_cgrp, kn, id);
	return bpf_map_lookup_elem(&quiet_cgroups, &cgroup);
}

/* Whether to make a record of what the current process does to a target, if that is known. */
static __always_inline bool pg_admits(__u32 event, struct task_struct *target, __u32 kind)
{
	return pg_is_wanted(event) && !pg_is_quiet(target) &&
	       !pg_is_folded(event, (__u64)target, kind);
}

/* `sequence` is read and added to in two steps, since the fetching form of the add needs 5.12. Where
 * a program of the function tiers preempts another one in between, two records have one number and
 * the next number is missing. The counts are exact everywhere: they are only added to.
 *
 * The NULL of this must be tested at once: the verifier of 6.1 forgets, over other code in between,
 * that it was tested here, and follows a record that is lost.
 */
static __always_inline void *pg_reserve(__u32 event, __u64 size, bool urgent)
{
	struct pg_counter *counter;
	struct pg_header *head = NULL;
	__u64 sequence;

	if (!pg_is_wanted(event))
		return NULL;
	counter = bpf_map_lookup_elem(&counters, &event);
	if (!counter)
		return NULL;
	sequence = counter->produced;
	__sync_fetch_and_add(&counter->produced, 1);
	if (urgent)
		head = bpf_ringbuf_reserve(&urgent_ring, size, 0);
	if (!head)
		head = bpf_ringbuf_reserve(&ring, size, 0);
	if (!head) {
		__sync_fetch_and_add(&counter->dropped, 1);
		return NULL;
	}
	head->boot_ns = bpf_ktime_get_boot_ns();
	head->sequence = sequence;
	head->cpu = bpf_get_smp_processor_id();
	head->event = event;
	head->tier = PG_TIER;
	head->source = PG_SOURCE_LIVE;
	return head;
}

/* A zeroed record of an event in a ring, or NULL. */
#define PG_RESERVE(name, event, urgent)                                                      \
	({                                                                                   \
		struct name *record_ = pg_reserve(event, sizeof(struct name), urgent);       \
		if (record_)                                                                 \
			__builtin_memset(&record_->process, 0,                               \
					 sizeof(struct name) - sizeof(struct pg_header));    \
		record_;                                                                     \
	})

static __always_inline void pg_submit(void *record)
{
	bpf_ringbuf_submit(record, 0);
}

/* The call that a thread is in has begun: remember it for its end. The task is the key, not its
 * number: an exec changes that.
 */
static __always_inline void pg_call_begin(__u32 event, struct pg_call *call)
{
	__u64 task = bpf_get_current_task();
	struct pg_call *unended;

	call->begun = event;
	if (!bpf_map_update_elem(&calls, &task, call, BPF_NOEXIST))
		return;
	unended = bpf_map_lookup_elem(&calls, &task);
	if (unended)
		pg_count_missed(unended->begun);
	if (!unended || bpf_map_update_elem(&calls, &task, call, BPF_EXIST))
		pg_count_missed(event); /* the map is full */
}

/* The call that the thread is in, if it is one that pg_call_begin() remembered for that event. */
static __always_inline struct pg_call *pg_call_now(__u32 event)
{
	__u64 task = bpf_get_current_task();
	struct pg_call *call = bpf_map_lookup_elem(&calls, &task);

	return call && call->begun == event ? call : NULL;
}

/* The same, copied out and forgotten. */
static __always_inline bool pg_call_end(__u32 event, struct pg_call *call)
{
	struct pg_call *found = pg_call_now(event);
	__u64 task = bpf_get_current_task();

	if (!found)
		return false;
	*call = *found;
	bpf_map_delete_elem(&calls, &task);
	return true;
}

/* The thread ends: so does the call that it was in, without an end of its own. */
static __always_inline void pg_call_abandon(void)
{
	__u64 task = bpf_get_current_task();
	struct pg_call *unended = bpf_map_lookup_elem(&calls, &task);

	if (!unended)
		return;
	pg_count_missed(unended->begun);
	bpf_map_delete_elem(&calls, &task);
}

#endif
