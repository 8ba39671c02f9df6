/* From a probe to a ring: what is not sent is counted. */
#ifndef PG_EMIT_H
#define PG_EMIT_H

enum { PG_ROUTINE = 0, PG_URGENT = 1 };

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

#endif
