/* From the entry of a system call or function to its return. */
#ifndef PG_CALLS_H
#define PG_CALLS_H

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
		pg_count_unsent(unended->begun, 1, 0);
	if (!unended || bpf_map_update_elem(&calls, &task, call, BPF_EXIST))
		pg_count_unsent(event, 1, 0); /* the map is full */
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
	pg_count_unsent(unended->begun, 1, 0);
	bpf_map_delete_elem(&calls, &task);
}

#endif
