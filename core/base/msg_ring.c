/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/msg_ring.h"

#include <errno.h>
#include <sys/mman.h>

#define RING_CLOSED (1ull << 63)

static size_t ring_bytes(uint32_t size_log2)
{
	return sizeof(struct base_msg_ring_slot) << size_log2;
}

int base_msg_ring_init(struct base_msg_ring *ring, uint32_t size_log2)
{
	void *slots = mmap(NULL, ring_bytes(size_log2), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (slots == MAP_FAILED) {
		return -ENOMEM;
	}
	ring->slots = slots;
	ring->size_log2 = size_log2;
	ring->head = 0;
	ring->next = base_msg_ring_slot(ring, 0);
	ring->next_lap = base_msg_ring_lap(ring, 0);
	atomic_init(&ring->tail, 0);
	atomic_init(&ring->released, 0);
	atomic_init(&ring->released_seen, 0);
	return 0;
}

void base_msg_ring_fini(struct base_msg_ring *ring)
{
	if (ring->slots != NULL) {
		munmap(ring->slots, ring_bytes(ring->size_log2));
		ring->slots = NULL;
	}
}

/* True if the slot of @tail is still taken, as the consumer's own word is. */
static bool ring_full(struct base_msg_ring *ring, uint64_t tail)
{
	uint64_t size = 1ull << ring->size_log2;
	uint64_t released = atomic_load_explicit(&ring->released_seen, memory_order_acquire);

	/* Signed: the caller's tail may be older than what others have seen released since. */
	if (ebb_likely((int64_t)(tail - released) < (int64_t)size)) {
		return false;
	}
	/* Pairs with base_msg_ring_release(): what the consumer has read may be written over. */
	released = atomic_load_explicit(&ring->released, memory_order_acquire);
	atomic_store_explicit(&ring->released_seen, released, memory_order_release);
	return (int64_t)(tail - released) >= (int64_t)size;
}

int base_msg_ring_push(struct base_msg_ring *ring, const struct base_msg_ring_entry *entry)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct base_msg_ring_slot *slot;

	do {
		if (tail & RING_CLOSED) {
			return -ESRCH;
		}
		if (ring_full(ring, tail)) {
			return -ENOBUFS;
		}
	} while (!atomic_compare_exchange_weak_explicit(&ring->tail, &tail, tail + 1,
							memory_order_relaxed,
							memory_order_relaxed));
	slot = base_msg_ring_slot(ring, tail);
	slot->entry = *entry;
	atomic_store_explicit(&slot->lap, base_msg_ring_lap(ring, tail), memory_order_release);
	return 0;
}

void base_msg_ring_close(struct base_msg_ring *ring)
{
	atomic_fetch_or_explicit(&ring->tail, RING_CLOSED, memory_order_seq_cst);
}

void base_msg_ring_discard(struct base_msg_ring *ring)
{
	madvise(ring->slots, ring_bytes(ring->size_log2), MADV_DONTNEED);
}

uint64_t base_msg_ring_tail(struct base_msg_ring *ring)
{
	return atomic_load_explicit(&ring->tail, memory_order_seq_cst) & ~RING_CLOSED;
}
