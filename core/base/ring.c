/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/ring.h"

#include <errno.h>
#include <sys/mman.h>

#include "core/base/mpsc.h"

#define RING_CLOSED (1ull << 63)

struct ebb_msg ebb_mpsc_closed;

static size_t ring_bytes(uint32_t size_log2)
{
	return sizeof(struct ebb_ring_slot) << size_log2;
}

int ebb_ring_init(struct ebb_ring *ring, uint32_t size_log2)
{
	void *slots = mmap(NULL, ring_bytes(size_log2), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (slots == MAP_FAILED) {
		return -ENOMEM;
	}
	ring->slots = slots;
	ring->size_log2 = size_log2;
	ring->head = 0;
	ring->released = 0;
	atomic_init(&ring->tail, 0);
	return 0;
}

void ebb_ring_fini(struct ebb_ring *ring)
{
	if (ring->slots != NULL) {
		munmap(ring->slots, ring_bytes(ring->size_log2));
		ring->slots = NULL;
	}
}

/* Fetches a line that is about to be read and then written. */
static inline void prefetch_for_write(const void *line)
{
#if defined(__x86_64__)
	/* The compiler's own prefetch would fetch it for reading only. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

int ebb_ring_push(struct ebb_ring *ring, const struct ebb_ring_entry *entry)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct ebb_ring_slot *slot;
	uint64_t free_turn;

	for (;;) {
		uint64_t turn;

		if (tail & RING_CLOSED) {
			return -ESRCH;
		}
		slot = &ring->slots[tail & ((1u << ring->size_log2) - 1)];
		prefetch_for_write(slot);
		free_turn = 2 * (tail >> ring->size_log2);
		turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
		if (turn < free_turn) {
			return -ENOBUFS; /* still holds the call of the lap before */
		}
		if (turn > free_turn) {
			tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
			continue; /* another producer was faster */
		}
		if (atomic_compare_exchange_weak_explicit(&ring->tail, &tail, tail + 1,
							  memory_order_relaxed,
							  memory_order_relaxed)) {
			break;
		}
	}
	slot->entry = *entry;
	atomic_store_explicit(&slot->turn, free_turn + 1, memory_order_seq_cst);
	return 0;
}

void ebb_ring_close(struct ebb_ring *ring)
{
	atomic_fetch_or_explicit(&ring->tail, RING_CLOSED, memory_order_seq_cst);
}

uint64_t ebb_ring_tail(struct ebb_ring *ring)
{
	return atomic_load_explicit(&ring->tail, memory_order_seq_cst) & ~RING_CLOSED;
}
