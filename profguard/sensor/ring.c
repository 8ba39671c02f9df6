/* Copies records out of BPF ring buffers in batches, so that Python is called once for thousands: as
 * one stream, in the order of time, and counted.
 *
 * The layout of a ring is the kernel's (kernel/bpf/ringbuf.c): a consumer page, a producer page,
 * then the data, mapped twice in a row so that a record never wraps. Every record has a header of 8
 * bytes whose first word is its length with a busy and a discard bit.
 */
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../bpf/events.h"

#define BUSY (1u << 31)
#define DISCARD (1u << 30)
#define HEADER 8
#define RINGS 2

/* The mapped positions of a ring; `mask` is the size of its data less one. */
struct pg_ring {
	uint64_t *consumer;
	const uint64_t *producer;
	const uint8_t *data;
	uint64_t mask;
};

struct pg_reader {
	struct pg_ring rings[RINGS];
	uint64_t *received; /* [cpus][events] */
	uint64_t cpus, events;
	uint64_t delivered_ns; /* boot time up to which all records were handed out */
};

/* The first record of a ring that was not taken, or why there is none. */
struct pg_found {
	const struct pg_header *record;
	uint64_t length;
	bool busy; /* it is still being written: its time is not known */
};

static uint64_t padded(uint64_t length)
{
	return (length + 7) & ~7ull;
}

static void consume(struct pg_ring *ring, uint64_t length)
{
	uint64_t at = __atomic_load_n(ring->consumer, __ATOMIC_RELAXED);

	__atomic_store_n(ring->consumer, at + HEADER + padded(length), __ATOMIC_RELEASE);
}

static struct pg_found next_before(struct pg_ring *ring, uint64_t end)
{
	for (;;) {
		uint64_t at = __atomic_load_n(ring->consumer, __ATOMIC_RELAXED);
		const uint8_t *record = ring->data + (at & ring->mask);
		uint32_t word;

		if (at >= end)
			return (struct pg_found){0};
		word = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		if (word & BUSY)
			return (struct pg_found){.busy = true};
		if (!(word & DISCARD))
			return (struct pg_found){.record = (const void *)(record + HEADER), .length = word};
		consume(ring, word & ~DISCARD);
	}
}

static void count(struct pg_reader *reader, const struct pg_found *found)
{
	const struct pg_header *head = found->record;

	/* One of another version is not counted: decoding will say so. */
	if (found->length >= sizeof(*head) && head->cpu < reader->cpus &&
	    head->event < reader->events)
		reader->received[head->cpu * reader->events + head->event]++;
}

/* Fills `out` with records, each preceded by its length in 8 bytes and padded to a multiple of 8, up
 * to the time `now_ns`, which was read before. Returns the bytes filled; what does not fit stays for
 * the next call.
 *
 * A record gets its time when it has its place in a ring. So all with a time up to now_ns have their
 * places in what is looked at here, and none can come later with an earlier time.
 */
size_t pg_drain(struct pg_reader *reader, uint64_t now_ns, uint8_t *out, size_t room)
{
	uint64_t ends[RINGS];
	size_t used = 0;

	for (int i = 0; i < RINGS; i++)
		ends[i] = __atomic_load_n(reader->rings[i].producer, __ATOMIC_ACQUIRE);
	for (;;) {
		struct pg_found next = {0};
		struct pg_ring *from = NULL;

		for (int i = 0; i < RINGS; i++) {
			struct pg_found found = next_before(&reader->rings[i], ends[i]);

			if (found.busy)
				return used;
			if (!found.record || found.record->boot_ns > now_ns ||
			    (next.record && next.record->boot_ns <= found.record->boot_ns))
				continue;
			next = found;
			from = &reader->rings[i];
		}
		if (!next.record)
			break;
		if (used + HEADER + padded(next.length) > room)
			return used;
		memcpy(out + used, &next.length, HEADER);
		memcpy(out + used + HEADER, next.record, padded(next.length));
		used += HEADER + padded(next.length);
		count(reader, &next);
		consume(from, next.length);
	}
	reader->delivered_ns = now_ns;
	return used;
}
