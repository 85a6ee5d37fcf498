/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BASE_RING_H
#define EBB_BASE_RING_H

/*
 * A bounded ring of function calls with many producers and one consumer, without locks: a producer
 * reserves a slot by moving the tail, fills it, and publishes it by its turn number. Turn numbers
 * count two for each lap (free, filled), so a zeroed ring is a ready one and costs no memory before
 * it is used. Safe in signal handlers.
 *
 * What costs time between two cores is a cache line changing sides. A producer asks for its slot's
 * line for writing before it reads it, so that it crosses once; the consumer gives slots back after
 * it has run a batch of calls, and not between taking a call and running it.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/thread.h>

struct ebb_ring_entry {
	ebb_msg_fn fn;
	void *arg;
	const char *name;
};

struct ebb_ring_slot {
	_Atomic uint64_t turn; /* 2 * lap: free; 2 * lap + 1: filled */
	struct ebb_ring_entry entry;
};

struct ebb_ring {
	struct ebb_ring_slot *slots EBB_CACHE_ALIGNED; /* these two never change */
	uint32_t size_log2;
	_Atomic uint64_t tail EBB_CACHE_ALIGNED; /* producers; the top bit closes the ring */
	uint64_t head EBB_CACHE_ALIGNED;         /* the consumer's */
	uint64_t released;                       /* slots below have been given back */
};

/* Return: 0; -ENOMEM. */
int ebb_ring_init(struct ebb_ring *ring, uint32_t size_log2);
void ebb_ring_fini(struct ebb_ring *ring);

/**
 * ebb_ring_push() - append a call
 * Sequentially consistent, as ebb_mpsc_push() and for the same reason. Pairs with
 * ebb_ring_waiting().
 * Thread: any; async-signal-safe. Return: 0; -ENOBUFS full; -ESRCH closed.
 */
int ebb_ring_push(struct ebb_ring *ring, const struct ebb_ring_entry *entry);

/* Closes the ring for ever. What is in it stays to be popped. Thread: the consumer. */
void ebb_ring_close(struct ebb_ring *ring);

/* The position after the last slot that a producer has reserved so far. */
uint64_t ebb_ring_tail(struct ebb_ring *ring);

/* True if the next call has been published. Thread: the consumer. Pairs with ebb_ring_push(). */
static inline bool ebb_ring_waiting(struct ebb_ring *ring)
{
	struct ebb_ring_slot *slot = &ring->slots[ring->head & ((1u << ring->size_log2) - 1)];

	return atomic_load_explicit(&slot->turn, memory_order_seq_cst) ==
	       2 * (ring->head >> ring->size_log2) + 1;
}

/**
 * ebb_ring_published() - the position after the calls that can be taken now, at most @max of them
 * Looks at slots only, never at the tail: that line stays with the producers.
 * Thread: the consumer.
 */
static inline uint64_t ebb_ring_published(struct ebb_ring *ring, unsigned max)
{
	uint64_t position = ring->head;

	while (position - ring->head < max) {
		struct ebb_ring_slot *slot = &ring->slots[position & ((1u << ring->size_log2) - 1)];

		if (atomic_load_explicit(&slot->turn, memory_order_acquire) !=
		    2 * (position >> ring->size_log2) + 1) {
			break;
		}
		position++;
	}
	return position;
}

/**
 * ebb_ring_pop() - take the next call
 * Its slot is free again after ebb_ring_release().
 * Thread: the consumer. Return: false if none has been published.
 */
static inline bool ebb_ring_pop(struct ebb_ring *ring, struct ebb_ring_entry *ret_entry)
{
	struct ebb_ring_slot *slot = &ring->slots[ring->head & ((1u << ring->size_log2) - 1)];

	if (atomic_load_explicit(&slot->turn, memory_order_acquire) !=
	    2 * (ring->head >> ring->size_log2) + 1) {
		return false;
	}
	*ret_entry = slot->entry;
	ring->head++;
	return true;
}

/* Gives the slots of all taken calls back to the producers. Thread: the consumer. */
static inline void ebb_ring_release(struct ebb_ring *ring)
{
	for (; ring->released < ring->head; ring->released++) {
		struct ebb_ring_slot *slot =
			&ring->slots[ring->released & ((1u << ring->size_log2) - 1)];

		atomic_store_explicit(&slot->turn, 2 * (ring->released >> ring->size_log2) + 2,
				      memory_order_release);
	}
}

#endif
