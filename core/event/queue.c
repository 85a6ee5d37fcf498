/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/queue.h"

#include <errno.h>
#include <stdlib.h>

/* For the overflow list when the heap is exhausted; never given back, as nothing gets better. */
#define QUEUE_RESERVE 256

static struct ebb_msg queue_reserve[QUEUE_RESERVE];
static _Atomic unsigned queue_reserve_used;

static struct ebb_msg *queue_node_alloc(void)
{
	struct ebb_msg *node = malloc(sizeof(*node));
	unsigned index;

	if (node != NULL) {
		return node;
	}
	index = atomic_fetch_add(&queue_reserve_used, 1);
	return index < QUEUE_RESERVE ? &queue_reserve[index] : NULL;
}

static void queue_node_free(struct ebb_msg *node)
{
	if (node < queue_reserve || node >= queue_reserve + QUEUE_RESERVE) {
		free(node);
	}
}

int ebb_queue_init(struct ebb_queue *queue)
{
	int rc = ebb_ring_init(&queue->critical, EBB_QUEUE_CRITICAL_LOG2);

	if (rc == 0) {
		rc = ebb_ring_init(&queue->ring, EBB_QUEUE_RING_LOG2);
	}
	if (rc != 0) {
		ebb_queue_fini(queue);
		return rc;
	}
	atomic_init(&queue->overflow.head, NULL);
	atomic_init(&queue->overflow_count, 0);
	atomic_init(&queue->list.head, NULL);
	queue->taken = NULL;
	queue->spilled = NULL;
	return 0;
}

void ebb_queue_fini(struct ebb_queue *queue)
{
	ebb_ring_fini(&queue->critical);
	ebb_ring_fini(&queue->ring);
}

static int queue_overflow(struct ebb_queue *queue, const struct ebb_ring_entry *entry)
{
	struct ebb_msg *node = queue_node_alloc();
	int rc;

	if (node == NULL) {
		return -ENOMEM;
	}
	node->fn = entry->fn;
	node->arg = entry->arg;
	node->name = entry->name;
	/* Counted before it can be taken, so that the count never runs below what is there. */
	atomic_fetch_add_explicit(&queue->overflow_count, 1, memory_order_seq_cst);
	rc = ebb_mpsc_push(&queue->overflow, node);
	if (rc != 0) {
		atomic_fetch_sub_explicit(&queue->overflow_count, 1, memory_order_seq_cst);
		queue_node_free(node);
	}
	return rc;
}

int ebb_queue_push_call(struct ebb_queue *queue, const struct ebb_ring_entry *entry)
{
	int rc;

	if (ebb_unlikely(atomic_load_explicit(&queue->overflow_count, memory_order_acquire) != 0)) {
		return queue_overflow(queue, entry);
	}
	rc = ebb_ring_push(&queue->ring, entry);
	if (ebb_unlikely(rc == -ENOBUFS)) {
		return queue_overflow(queue, entry);
	}
	return rc;
}

int ebb_queue_push_critical(struct ebb_queue *queue, const struct ebb_ring_entry *entry)
{
	int rc = ebb_ring_push(&queue->critical, entry);

	return rc == -ENOBUFS ? -EAGAIN : rc;
}

void ebb_queue_open_batch(struct ebb_queue *queue)
{
	if (queue->taken == NULL) {
		queue->taken = ebb_mpsc_take(&queue->list);
	}
	if (queue->spilled == NULL) {
		queue->spilled = ebb_mpsc_take(&queue->overflow);
		if (ebb_unlikely(queue->spilled != NULL)) {
			queue->spill_mark = ebb_ring_tail(&queue->ring);
		}
	}
	if (ebb_unlikely(queue->spilled != NULL)) {
		queue->batch_mark = queue->spill_mark;
	} else {
		queue->batch_mark = ebb_ring_published(&queue->ring, EBB_QUEUE_BATCH);
	}
}

bool ebb_queue_pop_call(struct ebb_queue *queue, struct ebb_ring_entry *ret_entry)
{
	struct ebb_msg *node = queue->spilled;

	if (queue->ring.head < queue->batch_mark) {
		return ebb_ring_pop(&queue->ring, ret_entry);
	}
	if (ebb_likely(node == NULL)) {
		return false;
	}
	queue->spilled = node->next;
	*ret_entry = (struct ebb_ring_entry){node->fn, node->arg, node->name};
	queue_node_free(node);
	/* The sender that sees none left uses the ring again, and this one is about to run. */
	atomic_fetch_sub_explicit(&queue->overflow_count, 1, memory_order_release);
	return true;
}

/* Appends what closing has left of a list to what the consumer had taken before. */
static void queue_append(struct ebb_msg **first, struct ebb_msg *rest)
{
	while (*first != NULL) {
		first = &(*first)->next;
	}
	*first = rest;
}

void ebb_queue_close(struct ebb_queue *queue)
{
	struct ebb_msg *rest;

	ebb_ring_close(&queue->critical);
	ebb_ring_close(&queue->ring);
	queue_append(&queue->taken, ebb_mpsc_close(&queue->list));
	rest = ebb_mpsc_close(&queue->overflow);
	if (rest != NULL) {
		queue_append(&queue->spilled, rest);
		queue->spill_mark = ebb_ring_tail(&queue->ring);
	}
}

bool ebb_queue_drained(struct ebb_queue *queue)
{
	return queue->taken == NULL && queue->spilled == NULL &&
	       queue->ring.head == ebb_ring_tail(&queue->ring) &&
	       queue->critical.head == ebb_ring_tail(&queue->critical);
}
