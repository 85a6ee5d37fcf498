/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/msg_queue.h"

#include <errno.h>
#include <stdlib.h>

/* A call in the overflow list. Its message runs queue_node_run(), which frees it. */
struct queue_node {
	struct ebb_msg msg;
	struct base_msg_ring_entry entry;
};

/* For the overflow list when the heap is exhausted; never given back, as nothing gets better. */
#define QUEUE_RESERVE 256

static struct queue_node queue_reserve[QUEUE_RESERVE];
static _Atomic unsigned queue_reserve_used;

static struct queue_node *queue_node_alloc(void)
{
	struct queue_node *node = malloc(sizeof(*node));
	unsigned index;

	if (node != NULL) {
		return node;
	}
	index = atomic_fetch_add(&queue_reserve_used, 1);
	return index < QUEUE_RESERVE ? &queue_reserve[index] : NULL;
}

static void queue_node_free(struct queue_node *node)
{
	if (node < queue_reserve || node >= queue_reserve + QUEUE_RESERVE) {
		free(node);
	}
}

static void queue_node_run(void *arg)
{
	struct queue_node *node = arg;
	struct base_msg_ring_entry entry = node->entry;

	queue_node_free(node);
	entry.fn(entry.arg);
}

int event_msg_queue_init(struct event_msg_queue *queue)
{
	int rc = base_msg_ring_init(&queue->critical, EVENT_MSG_QUEUE_CRITICAL_LOG2);

	if (rc == 0) {
		rc = base_msg_ring_init(&queue->ring, EVENT_MSG_QUEUE_RING_LOG2);
	}
	if (rc != 0) {
		event_msg_queue_fini(queue);
		return rc;
	}
	atomic_init(&queue->overflow.head, NULL);
	atomic_init(&queue->overflow_count, 0);
	queue->spilled = NULL;
	return 0;
}

void event_msg_queue_fini(struct event_msg_queue *queue)
{
	base_msg_ring_fini(&queue->critical);
	base_msg_ring_fini(&queue->ring);
}

/* Return: 0 in the ring; -ENOBUFS it belongs in the overflow list; -ESRCH. */
static int queue_push_ring(struct event_msg_queue *queue, const struct base_msg_ring_entry *entry)
{
	if (ebb_unlikely(atomic_load_explicit(&queue->overflow_count, memory_order_acquire) != 0)) {
		return -ENOBUFS;
	}
	return base_msg_ring_push(&queue->ring, entry);
}

static int queue_push_overflow(struct event_msg_queue *queue, struct ebb_msg *msg)
{
	int rc;

	/* Counted before it can be taken, so that the count never runs below what is there. */
	atomic_fetch_add_explicit(&queue->overflow_count, 1, memory_order_seq_cst);
	rc = base_mpsc_push(&queue->overflow, msg);
	if (rc != 0) {
		atomic_fetch_sub_explicit(&queue->overflow_count, 1, memory_order_seq_cst);
	}
	return rc;
}

int event_msg_queue_push_msg(struct event_msg_queue *queue, struct ebb_msg *msg)
{
	struct base_msg_ring_entry entry = {msg->fn, msg->arg, msg->name};
	int rc = queue_push_ring(queue, &entry);

	return ebb_likely(rc != -ENOBUFS) ? rc : queue_push_overflow(queue, msg);
}

int event_msg_queue_push_call(struct event_msg_queue *queue,
			      const struct base_msg_ring_entry *entry)
{
	struct queue_node *node;
	int rc = queue_push_ring(queue, entry);

	if (ebb_likely(rc != -ENOBUFS)) {
		return rc;
	}
	node = queue_node_alloc();
	if (node == NULL) {
		return -ENOMEM;
	}
	node->entry = *entry;
	ebb_msg_init(&node->msg, queue_node_run, node);
	node->msg.name = entry->name;
	rc = queue_push_overflow(queue, &node->msg);
	if (rc != 0) {
		queue_node_free(node);
	}
	return rc;
}

int event_msg_queue_push_critical(struct event_msg_queue *queue,
				  const struct base_msg_ring_entry *entry)
{
	int rc = base_msg_ring_push(&queue->critical, entry);

	return rc == -ENOBUFS ? -EAGAIN : rc;
}

void event_msg_queue_open_batch(struct event_msg_queue *queue)
{
	if (queue->spilled == NULL) {
		queue->spilled = base_mpsc_take(&queue->overflow);
		if (ebb_unlikely(queue->spilled != NULL)) {
			queue->spill_mark = base_msg_ring_tail(&queue->ring);
		}
	}
	if (ebb_unlikely(queue->spilled != NULL)) {
		queue->batch_mark = queue->spill_mark;
	} else {
		queue->batch_mark = base_msg_ring_published(&queue->ring, EVENT_MSG_QUEUE_BATCH);
	}
}

bool event_msg_queue_pop(struct event_msg_queue *queue, struct base_msg_ring_entry *ret_entry)
{
	struct ebb_msg *msg = queue->spilled;

	if (queue->ring.head < queue->batch_mark) {
		return base_msg_ring_pop(&queue->ring, ret_entry);
	}
	if (ebb_likely(msg == NULL)) {
		return false;
	}
	queue->spilled = msg->next;
	*ret_entry = (struct base_msg_ring_entry){msg->fn, msg->arg, msg->name};
	/* The sender that sees none left uses the ring again, and this one is about to run. */
	atomic_fetch_sub_explicit(&queue->overflow_count, 1, memory_order_release);
	return true;
}

void event_msg_queue_close(struct event_msg_queue *queue)
{
	struct ebb_msg **end = &queue->spilled;
	struct ebb_msg *rest;

	base_msg_ring_close(&queue->critical);
	base_msg_ring_close(&queue->ring);
	rest = base_mpsc_close(&queue->overflow);
	if (rest == NULL) {
		return;
	}
	while (*end != NULL) {
		end = &(*end)->next;
	}
	*end = rest;
	queue->spill_mark = base_msg_ring_tail(&queue->ring);
}

bool event_msg_queue_drained(struct event_msg_queue *queue)
{
	return queue->spilled == NULL && queue->ring.head == base_msg_ring_tail(&queue->ring) &&
	       queue->critical.head == base_msg_ring_tail(&queue->critical);
}

void event_msg_queue_discard(struct event_msg_queue *queue)
{
	base_msg_ring_discard(&queue->critical);
	base_msg_ring_discard(&queue->ring);
}
