/* From a probe to the ring: every record is counted, also the one that finds no room. */
#ifndef PG_EMIT_H
#define PG_EMIT_H

/* Its NULL must be tested at once: the verifier of 6.1 forgets, over other code in between, that it
 * was tested here, and follows a record that is lost.
 */
static __always_inline void *pg_reserve(__u32 event, __u64 size)
{
	struct pg_counter *counter = bpf_map_lookup_elem(&counters, &event);
	struct pg_header *head;
	__u64 sequence;

	if (!counter)
		return NULL;
	sequence = counter->produced; /* the fetching form of the add needs 5.12 */
	__sync_fetch_and_add(&counter->produced, 1);
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

/* A zeroed record of an event in the ring, or NULL. */
#define PG_RESERVE(name, event)                                                              \
	({                                                                                   \
		struct name *record_ = pg_reserve(event, sizeof(struct name));               \
		if (record_)                                                                 \
			__builtin_memset(&record_->process, 0,                               \
					 sizeof(struct name) - sizeof(struct pg_header));    \
		record_;                                                                     \
	})

static __always_inline void pg_submit(void *record)
{
	bpf_ringbuf_submit(record, 0);
}

/* The call that a thread is in has begun: remember it for its end. A full map loses the event, which
 * is counted as one produced and dropped. The task is the key, not its number: an exec changes that.
 */
static __always_inline void pg_call_begin(__u32 event, struct pg_call *call)
{
	__u64 task = bpf_get_current_task();

	call->begun = event;
	if (bpf_map_update_elem(&calls, &task, call, BPF_ANY)) {
		struct pg_counter *counter = bpf_map_lookup_elem(&counters, &event);

		if (counter) {
			__sync_fetch_and_add(&counter->produced, 1);
			__sync_fetch_and_add(&counter->dropped, 1);
		}
	}
}

/* The call that the thread is in, if it is one that pg_call_begin() remembered for that event. */
static __always_inline struct pg_call *pg_call_now(__u32 event)
{
	__u64 task = bpf_get_current_task();
	struct pg_call *call = bpf_map_lookup_elem(&calls, &task);

	return call && call->begun == event ? call : NULL;
}

static __always_inline void pg_call_forget(void)
{
	__u64 task = bpf_get_current_task();

	bpf_map_delete_elem(&calls, &task);
}

/* The same, copied out and forgotten. */
static __always_inline bool pg_call_end(__u32 event, struct pg_call *call)
{
	struct pg_call *found = pg_call_now(event);

	if (!found)
		return false;
	*call = *found;
	pg_call_forget();
	return true;
}

#endif
