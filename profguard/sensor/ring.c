/* Copies records out of a BPF ring buffer in batches, so that Python is called once for thousands.
 *
 * The layout of the ring is the kernel's (kernel/bpf/ringbuf.c): a consumer page, a producer page,
 * then the data, mapped twice in a row so that a record never wraps. Every record has a header of 8
 * bytes whose first word is its length with a busy and a discard bit.
 */
#include <stdint.h>
#include <string.h>

#define BUSY (1u << 31)
#define DISCARD (1u << 30)
#define HEADER 8

/* Fills `out` with records, each preceded by its length in 8 bytes and padded to a multiple of 8,
 * until the ring or the room is used up. Returns the bytes filled; a record that does not fit stays
 * in the ring. `consumer` and `producer` are the mapped positions, `mask` is the size of the data
 * less one.
 */
size_t pg_ring_drain(uint64_t *consumer, const uint64_t *producer, const uint8_t *data,
		     uint64_t mask, uint8_t *out, size_t room)
{
	uint64_t at = __atomic_load_n(consumer, __ATOMIC_RELAXED);
	uint64_t end = __atomic_load_n(producer, __ATOMIC_ACQUIRE);
	size_t used = 0;

	while (at < end) {
		const uint8_t *record = data + (at & mask);
		uint32_t word = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		uint32_t size = word & ~(BUSY | DISCARD);
		size_t padded = ((size_t)size + 7) & ~(size_t)7;

		if (word & BUSY)
			break;
		if (!(word & DISCARD)) {
			uint64_t length = size;

			if (used + HEADER + padded > room)
				break;
			memcpy(out + used, &length, HEADER);
			memcpy(out + used + HEADER, record + HEADER, padded);
			used += HEADER + padded;
		}
		at += HEADER + padded;
		__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
	}
	return used;
}
