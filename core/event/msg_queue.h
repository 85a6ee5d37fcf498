/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_MSG_QUEUE_H
#define CORE_EVENT_MSG_QUEUE_H

/*
 * What waits to run on a thread: critical calls in a small ring of their own; and messages, in a
 * ring that overflows into a list. Many producers; the thread is the only consumer.
 *
 * Both forms of message take the same way, so one sender's order holds across them. They differ in
 * what they do when the ring is full: a message that its sender owns is linked as it is, and cannot
 * fail; a bare call needs a node from the heap.
 *
 * The overflow keeps each sender's order. While calls are in it (overflow_count > 0) every producer
 * appends there and none uses the ring. The consumer takes the whole overflow list first, then
 * notes the ring's tail: whatever a producer put in the ring before it first overflowed stands
 * below that mark, and runs before anything of the list that was taken.
 */

#include "core/base/mpsc.h"
#include "core/base/msg_ring.h"

#define EVENT_MSG_QUEUE_RING_LOG2     12
#define EVENT_MSG_QUEUE_CRITICAL_LOG2 6

/* A flood of messages may not starve pollers: so many run in one turn. */
#define EVENT_MSG_QUEUE_BATCH 64

struct event_msg_queue {
	struct base_msg_ring critical;
	struct base_msg_ring ring;
	struct base_mpsc overflow EBB_CACHE_ALIGNED;
	_Atomic uint64_t overflow_count;

	/* The consumer's. */
	struct ebb_msg *spilled EBB_CACHE_ALIGNED; /* taken from overflow */
	uint64_t spill_mark;                       /* run the ring up to here before it */
	uint64_t batch_mark;                       /* run the ring up to here in this batch */
};

int event_msg_queue_init(struct event_msg_queue *queue);
void event_msg_queue_fini(struct event_msg_queue *queue);

/* Any thread. Return: 0; -ESRCH closed; a call: -ENOMEM too; a critical one: -EAGAIN, full. */
int event_msg_queue_push_msg(struct event_msg_queue *queue, struct ebb_msg *msg);
int event_msg_queue_push_call(struct event_msg_queue *queue,
			      const struct base_msg_ring_entry *entry);
int event_msg_queue_push_critical(struct event_msg_queue *queue,
				  const struct base_msg_ring_entry *entry);

/*
 * The consumer's. A batch is what waits when it is opened: what is sent while it runs, by a message
 * to its own thread above all, belongs to the next one. Closing it gives the ring's slots back.
 */
void event_msg_queue_open_batch(struct event_msg_queue *queue);

static inline void event_msg_queue_close_batch(struct event_msg_queue *queue)
{
	base_msg_ring_release(&queue->ring);
}

/* Pops the next call of the batch. Return: false if there is none left. */
bool event_msg_queue_pop(struct event_msg_queue *queue, struct base_msg_ring_entry *ret_entry);

/* Pops the next critical call, and gives its slot back. Return: false if there is none. */
static inline bool event_msg_queue_pop_critical(struct event_msg_queue *queue,
						struct base_msg_ring_entry *ret_entry)
{
	if (!base_msg_ring_pop(&queue->critical, ret_entry)) {
		return false;
	}
	base_msg_ring_release(&queue->critical);
	return true;
}

/*
 * True if anything can run. Calls that were taken from the overflow but stand behind a slot of the
 * ring that is reserved and not yet published do not count: its producer publishes, then tells the
 * reactor. The second look before sleep, after the exchange of the asleep word.
 */
static inline bool event_msg_queue_waiting(struct event_msg_queue *queue)
{
	return base_msg_ring_waiting(&queue->ring) || base_msg_ring_waiting(&queue->critical) ||
	       base_mpsc_waiting(&queue->overflow) ||
	       (queue->spilled != NULL && queue->ring.head >= queue->spill_mark);
}

/*
 * The look of every turn, cheaper than that: also true for overflow that cannot run yet. What it
 * sees or not is no matter of sleep.
 */
static inline bool event_msg_queue_pending(const struct event_msg_queue *queue)
{
	return ebb_unlikely(base_msg_ring_waiting(&queue->ring)) ||
	       ebb_unlikely(base_msg_ring_waiting(&queue->critical)) ||
	       ebb_unlikely(atomic_load_explicit(&queue->overflow_count, memory_order_relaxed) !=
			    0);
}

/**
 * event_msg_queue_close() - take nothing more
 * What was accepted stays and is to be popped. Thread: the consumer.
 */
void event_msg_queue_close(struct event_msg_queue *queue);

/* After that: gives back the memory that the calls stood in. */
void event_msg_queue_discard(struct event_msg_queue *queue);

/*
 * True if nothing is left, and no producer is in the middle of a push. After
 * event_msg_queue_close().
 */
bool event_msg_queue_drained(struct event_msg_queue *queue);

#endif
