/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_EVENT_RING_REQUESTS_H
#define TESTS_UNIT_CORE_EVENT_RING_REQUESTS_H

/* Requests of one thread, on one stepped reactor; the tests of a program share them. */

#include <ebb/uring.h>

#include "tests/unit/core/event/stepper.h"

struct request {
	struct ebb_uring_op op;
	uint64_t result;
	int32_t res;
	unsigned completions;
};

#define REQUESTS_MAX 3000

extern struct ebb_thread *thread;
extern struct request requests[REQUESTS_MAX];
extern unsigned num_completed;

/* A request's complete(): notes the result, and counts. */
void request_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags);

/* The fixture's first half: a reactor without a ring, and the thread, which runs. */
void requests_start(void);

/* So many turns, between which the thread runs. */
void turns(unsigned count);

/* Turns until @count requests have completed; Check ends a test in which they never do. */
void wait_completed(unsigned count);

/* Prepares a request that does nothing. */
void nop(struct request *request);

/* Return: an fd of a file with @text in it. */
int make_file(const char *text);

#endif
