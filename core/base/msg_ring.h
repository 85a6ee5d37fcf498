/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_MSG_RING_H
#define CORE_BASE_MSG_RING_H

/*
 * A bounded ring of function calls with many producers and one consumer, without locks. A producer
 * reserves a slot by moving the tail, fills it, and publishes it by writing the number of the lap
 * into it; laps count from 1, so a zeroed ring is ready and costs no memory before it is used.
 * Safe in signal handlers.
 *
 * What costs time between two cores is a cache line changing sides. So a slot is written by
 * producers only, all of it at once, and the consumer only reads it; it gives slots back, after a
 * batch, by moving a position on a line of its own. Producers keep a copy of that position and look
 * at the original only when the ring seems full.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/base.h>
#include <ebb/msg.h>

struct base_msg_ring_entry {
	ebb_msg_fn fn;
	void *arg;
	const char *name;
};

struct base_msg_ring_slot {
	_Atomic uint64_t lap; /* that it was filled in last, from 1 */
	struct base_msg_ring_entry entry;
};

struct base_msg_ring {
	struct base_msg_ring_slot *slots EBB_CACHE_ALIGNED; /* these two never change */
	uint32_t size_log2;
	_Atomic uint64_t tail EBB_CACHE_ALIGNED; /* producers; the top bit closes the ring */
	_Atomic uint64_t released_seen;          /* their copy of released */
	/* The consumer's. */
	uint64_t head EBB_CACHE_ALIGNED;
	struct base_msg_ring_slot *next; /* the slot of head, so that a look at it is two loads, */
	uint64_t next_lap;               /* and what it holds once the call of head is published */
	_Atomic uint64_t released;       /* slots below are free again */
};

/* Return: 0; -ENOMEM. */
int base_msg_ring_init(struct base_msg_ring *ring, uint32_t size_log2);
void base_msg_ring_fini(struct base_msg_ring *ring);

/**
 * base_msg_ring_push() - append a call
 * Publishes it by a plain release store: whoever may have to wake the consumer exchanges its asleep
 * word afterwards.
 * Thread: any; async-signal-safe. Return: 0; -ENOBUFS full; -ESRCH closed.
 */
int base_msg_ring_push(struct base_msg_ring *ring, const struct base_msg_ring_entry *entry);

/* Closes the ring for ever. What is in it stays to be popped. Thread: the consumer. */
void base_msg_ring_close(struct base_msg_ring *ring);

/* Gives the memory of a closed and drained ring back; pushing to it stays safe. */
void base_msg_ring_discard(struct base_msg_ring *ring);

/* The position after the last slot that a producer has reserved so far. */
uint64_t base_msg_ring_tail(struct base_msg_ring *ring);

static inline struct base_msg_ring_slot *base_msg_ring_slot(const struct base_msg_ring *ring,
							    uint64_t position)
{
	return &ring->slots[position & ((1u << ring->size_log2) - 1)];
}

/* The lap that a slot holds when the call of @position has been published in it. */
static inline uint64_t base_msg_ring_lap(const struct base_msg_ring *ring, uint64_t position)
{
	return (position >> ring->size_log2) + 1;
}

/*
 * True if the next call has been published. Thread: the consumer. Pairs with base_msg_ring_push().
 */
static inline bool base_msg_ring_waiting(const struct base_msg_ring *ring)
{
	return atomic_load_explicit(&ring->next->lap, memory_order_acquire) == ring->next_lap;
}

/**
 * base_msg_ring_published() - the position after the calls that can be taken now, at most @max of
 * them Looks at slots only, never at the tail: that line stays with the producers.
 * Thread: the consumer.
 */
static inline uint64_t base_msg_ring_published(const struct base_msg_ring *ring, unsigned max)
{
	uint64_t position = ring->head;

	while (position - ring->head < max &&
	       atomic_load_explicit(&base_msg_ring_slot(ring, position)->lap,
				    memory_order_acquire) == base_msg_ring_lap(ring, position)) {
		position++;
	}
	return position;
}

/**
 * base_msg_ring_pop() - take the next call
 * Its slot is free again after base_msg_ring_release().
 * Thread: the consumer. Return: false if none has been published.
 */
static inline bool base_msg_ring_pop(struct base_msg_ring *ring,
				     struct base_msg_ring_entry *ret_entry)
{
	if (!base_msg_ring_waiting(ring)) {
		return false;
	}
	*ret_entry = ring->next->entry;
	ring->head++;
	ring->next = base_msg_ring_slot(ring, ring->head);
	ring->next_lap = base_msg_ring_lap(ring, ring->head);
	return true;
}

/* Gives the slots of all taken calls back. Thread: the consumer. Pairs with a push that is full. */
static inline void base_msg_ring_release(struct base_msg_ring *ring)
{
	atomic_store_explicit(&ring->released, ring->head, memory_order_release);
}

#endif
