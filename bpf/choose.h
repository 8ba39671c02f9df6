/* Which events become records: those that userspace has a use for, of like ones not too many. */
#ifndef PG_CHOOSE_H
#define PG_CHOOSE_H

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
static __always_inline void pg_count_unsent(__u32 event, __u64 missed, __u64 folded)
{
	struct pg_counter *counter = bpf_map_lookup_elem(&counters, &event);

	if (!counter)
		return;
	__sync_fetch_and_add(&counter->produced, 1);
	if (missed) /* clang makes an atomic `or` of an addition of 0, which needs 5.12 */
		__sync_fetch_and_add(&counter->missed, missed);
	if (folded)
		__sync_fetch_and_add(&counter->folded, folded);
}

/* Whether this is one of so many alike that it is only counted: what the current process does to a
 * target. `kind` is the event's own distinction. A flood of one process thus takes no room from what
 * others do.
 */
PG_GLOBAL int pg_is_folded(__u32 event, __u64 target_at, __u32 kind)
{
	struct task_struct *target = (void *)target_at;
	struct pg_alike key = {
		.tgid = PG_READ(pg_current(), tgid), .event = event, .kind = kind,
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
	pg_count_unsent(event, 0, 1);
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

#endif
