/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/stand_in_queue.h"

/*
 * The thread writes a request into the one ring and moves its tail; it makes no system call and reads
 * no clock, as with a drive's submission queue. The companion takes it from there, and some time
 * later puts its answer into the other ring, where the thread finds it by looking; if the thread has
 * armed the queue before it went to sleep, the companion writes an eventfd too, as a drive sends an
 * interrupt. That costs the one who sleeps what an interrupt would, and the one who looks nothing.
 *
 * No more requests are in flight than a ring has places, so neither needs to tell the other side how
 * far it has read: what is not taken from the one, or not reaped from the other, is in flight.
 *
 * Sleep and wake are those of any source (core/event/reactor.c): the thread stores armed and then
 * looks at the ring's tail; the companion stores the tail and then looks at armed, both sequentially
 * consistent. So one of them sees the other.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/assert.h>

#define QUEUE_MASK (BENCH_STAND_IN_QUEUE_SIZE - 1u)

static_assert((BENCH_STAND_IN_QUEUE_SIZE & QUEUE_MASK) == 0, "positions wrap by a mask");

int bench_stand_in_queue_create(struct bench_stand_in_queue **ret_queue)
{
	struct bench_stand_in_queue *queue = aligned_alloc(2 * EBB_CACHE_LINE, sizeof(*queue));
	int rc;

	if (queue == NULL) {
		return -ENOMEM;
	}
	memset(queue, 0, sizeof(*queue));
	queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->event_fd < 0) {
		rc = -errno;
		free(queue);
		return rc;
	}
	*ret_queue = queue;
	return 0;
}

void bench_stand_in_queue_destroy(struct bench_stand_in_queue *queue)
{
	close(queue->event_fd);
	free(queue);
}

/* ---- the thread ---- */

int bench_stand_in_queue_submit(struct bench_stand_in_queue *queue,
				const struct bench_stand_in_request *request)
{
	if (queue->submitted - queue->reaped == BENCH_STAND_IN_QUEUE_SIZE) {
		return -EAGAIN;
	}
	queue->requests[queue->submitted & QUEUE_MASK] = *request;
	queue->submitted++;
	/* Pairs with the load in bench_stand_in_queue_waiting(). */
	atomic_store_explicit(&queue->submission_tail, queue->submitted, memory_order_release);
	return 0;
}

bool bench_stand_in_queue_reap(struct bench_stand_in_queue *queue,
			       struct bench_stand_in_answer *ret_answer)
{
	if (queue->is_armed) {
		/* While it looks, an answer need not be told. */
		queue->is_armed = false;
		atomic_store_explicit(&queue->armed, 0, memory_order_relaxed);
	}
	/* Pairs with the store in bench_stand_in_queue_answer(). */
	if (atomic_load_explicit(&queue->answer_tail, memory_order_acquire) == queue->reaped) {
		return false;
	}
	*ret_answer = queue->answers[queue->reaped & QUEUE_MASK];
	queue->reaped++;
	return true;
}

int bench_stand_in_queue_arm(struct bench_stand_in_queue *queue)
{
	queue->is_armed = true;
	/* Pairs with the store and the load in bench_stand_in_queue_answer(). */
	atomic_store_explicit(&queue->armed, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&queue->answer_tail, memory_order_seq_cst) != queue->reaped) {
		return -EAGAIN;
	}
	return 0;
}

int bench_stand_in_queue_fd(const struct bench_stand_in_queue *queue)
{
	return queue->event_fd;
}

void bench_stand_in_queue_close(struct bench_stand_in_queue *queue)
{
	ebb_assert(queue->submitted == queue->reaped);
	atomic_store_explicit(&queue->closed, true, memory_order_release);
}

bool bench_stand_in_queue_closed(const struct bench_stand_in_queue *queue)
{
	/* Pairs with the store in bench_stand_in_queue_close(). */
	return atomic_load_explicit(&queue->closed, memory_order_acquire);
}

/* ---- the companion ---- */

uint32_t bench_stand_in_queue_waiting(const struct bench_stand_in_queue *queue)
{
	/* Pairs with the store in bench_stand_in_queue_submit(). */
	return atomic_load_explicit(&queue->submission_tail, memory_order_acquire) - queue->fetched;
}

const struct bench_stand_in_request *bench_stand_in_queue_first(
	const struct bench_stand_in_queue *queue)
{
	return &queue->requests[queue->fetched & QUEUE_MASK];
}

void bench_stand_in_queue_pop(struct bench_stand_in_queue *queue)
{
	queue->fetched++;
}

void bench_stand_in_queue_answer(struct bench_stand_in_queue *queue,
				 const struct bench_stand_in_answer *answer)
{
	uint32_t tail = atomic_load_explicit(&queue->answer_tail, memory_order_relaxed);
	uint64_t one = 1;

	queue->answers[tail & QUEUE_MASK] = *answer;
	/* Pairs with the store and the load in bench_stand_in_queue_arm(). */
	atomic_store_explicit(&queue->answer_tail, tail + 1, memory_order_seq_cst);
	if (atomic_load_explicit(&queue->armed, memory_order_seq_cst) != 0 &&
	    atomic_exchange(&queue->armed, 0) != 0) {
		/* It cannot be full: nobody writes it 2^64 times. */
		(void)!write(queue->event_fd, &one, sizeof(one));
	}
}
