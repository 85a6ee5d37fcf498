/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STAND_IN_QUEUE_H
#define BENCH_STAND_IN_QUEUE_H

/* Two rings between a thread that has requests and the companion that answers them. See its .c. */

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/uio.h>

#include <ebb/base.h>

#define BENCH_STAND_IN_QUEUE_SIZE 2048 /* requests in flight by one queue */

enum bench_stand_in_op {
	BENCH_STAND_IN_READ,
	BENCH_STAND_IN_WRITE,
	BENCH_STAND_IN_FLUSH,
};

struct bench_stand_in_request {
	enum bench_stand_in_op op;
	int iovcnt;
	const struct iovec *iov; /* it and its memory must live until the answer */
	uint64_t offset_bytes;
	void *cookie; /* the caller's, as is the tag; they come back with the answer */
	uint64_t tag;
};

struct bench_stand_in_answer {
	void *cookie;
	uint64_t tag;
};

struct bench_stand_in_queue {
	/* The thread's. */
	uint32_t submitted;
	uint32_t reaped;
	bool is_armed;
	int event_fd;

	_Atomic uint32_t submission_tail EBB_CACHE_ALIGNED;
	_Atomic uint32_t armed EBB_CACHE_ALIGNED; /* the thread sets it, the companion clears it */
	_Atomic bool closed;

	/* The companion's. */
	_Atomic uint32_t answer_tail EBB_CACHE_ALIGNED;
	uint32_t fetched;
	struct bench_stand_in_queue *next; /* the device's */

	struct bench_stand_in_request requests[BENCH_STAND_IN_QUEUE_SIZE] EBB_CACHE_ALIGNED;
	struct bench_stand_in_answer answers[BENCH_STAND_IN_QUEUE_SIZE] EBB_CACHE_ALIGNED;
};

/* Return: 0; -errno. */
int bench_stand_in_queue_create(struct bench_stand_in_queue **ret_queue);

/* ---- the thread's ---- */

/* Return: 0; -EAGAIN: BENCH_STAND_IN_QUEUE_SIZE are in flight. */
int bench_stand_in_queue_submit(struct bench_stand_in_queue *queue,
				const struct bench_stand_in_request *request);

/* The next answer, if there is one. */
bool bench_stand_in_queue_reap(struct bench_stand_in_queue *queue,
			       struct bench_stand_in_answer *ret_answer);

/*
 * As struct ebb_poller_wake's arm(): the next answer writes the eventfd, once. Return: 0; -EAGAIN: there
 * is an answer now.
 */
int bench_stand_in_queue_arm(struct bench_stand_in_queue *queue);

/* Its eventfd, watched edge-triggered and never read. */
int bench_stand_in_queue_fd(const struct bench_stand_in_queue *queue);

/* Nothing is in flight, and its eventfd is in no poller any more. The companion frees it. */
void bench_stand_in_queue_close(struct bench_stand_in_queue *queue);

/* ---- the companion's ---- */

/* How many requests there are. */
uint32_t bench_stand_in_queue_waiting(const struct bench_stand_in_queue *queue);

/* The first of them, until it has been popped. */
const struct bench_stand_in_request *bench_stand_in_queue_first(
	const struct bench_stand_in_queue *queue);
void bench_stand_in_queue_pop(struct bench_stand_in_queue *queue);

/* In any order. */
void bench_stand_in_queue_answer(struct bench_stand_in_queue *queue,
				 const struct bench_stand_in_answer *answer);

bool bench_stand_in_queue_closed(const struct bench_stand_in_queue *queue);
void bench_stand_in_queue_destroy(struct bench_stand_in_queue *queue);

#endif
