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
	head->tier = pg_config.tier;
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
 * is counted as one produced and dropped.
 */
static __always_inline void pg_call_begin(__u32 event, struct pg_call *call)
{
	__u64 thread = bpf_get_current_pid_tgid();

	if (bpf_map_update_elem(&calls, &thread, call, BPF_ANY)) {
		struct pg_counter *counter = bpf_map_lookup_elem(&counters, &event);

		if (counter) {
			__sync_fetch_and_add(&counter->produced, 1);
			__sync_fetch_and_add(&counter->dropped, 1);
		}
	}
}

/* What pg_call_begin() remembered, copied out and forgotten. */
static __always_inline bool pg_call_end(struct pg_call *call)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct pg_call *found = bpf_map_lookup_elem(&calls, &thread);

	if (!found)
		return false;
	*call = *found;
	bpf_map_delete_elem(&calls, &thread);
	return true;
}

#endif
