/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_URING_KERNEL_H
#define TESTS_UNIT_DRIVERS_NVME_URING_KERNEL_H

/*
 * The other side of passthrough, played by a test. It looks at each entry in the ring before it is
 * submitted, keeps a copy, makes a no-op of it, and lets the command end with what the test likes.
 */

#include <nvme/ioctl.h>

#include "drivers/nvme/request.h"

#define KERNEL_SEEN_MAX 600

struct command {
	struct nvme_request request;
	struct iovec iov[3];
	void (*complete)(struct ebb_uring_op *op, int32_t res, uint32_t flags);
	int32_t res;     /* what the kernel shall say */
	uint64_t result; /* beside it */
	bool res_once;   /* and 0 the next time */
	unsigned ends;
};

/* What it has seen, in order; and how much of that in the polled ring. */
extern struct io_uring_sqe kernel_sqes[KERNEL_SEEN_MAX];
extern struct nvme_uring_cmd kernel_cmds[KERNEL_SEEN_MAX];
extern unsigned kernel_num_seen, kernel_num_polled;

struct event_reactor;

/* @thread: the one that submits. */
void kernel_begin(struct ebb_thread *thread);

/* The reactor that the thread is on. */
struct event_reactor *kernel_reactor(void);

/* To be called whenever something may have been prepared, before a turn ends. */
void kernel_look(void);

#endif
