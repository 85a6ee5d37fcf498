/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/uring/kernel.h"

#include <string.h>

#include <check.h>

#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/ring/uring.h"
#include "core/event/ring/uring_set.h"

struct io_uring_sqe kernel_sqes[KERNEL_SEEN_MAX];
struct nvme_uring_cmd kernel_cmds[KERNEL_SEEN_MAX];
unsigned kernel_num_seen, kernel_num_polled;

static struct ebb_thread *kernel_thread;

void kernel_begin(struct ebb_thread *thread)
{
	kernel_thread = thread;
	kernel_num_seen = 0;
	kernel_num_polled = 0;
}

struct event_reactor *kernel_reactor(void)
{
	return atomic_load(&kernel_thread->reactor);
}

/* The kernel's answer, and what the queue prepares upon it. */
static void kernel_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct nvme_request *request = ebb_container_of(op, struct nvme_request, uring_op);
	struct command *command = ebb_container_of(request, struct command, request);
	int32_t answer = command->res;

	ck_assert_int_eq(res, 0); /* the no-op's */
	kernel_reactor()->urings.result = command->result;
	if (command->res_once) {
		command->res = 0;
	}
	command->complete(op, answer, flags);
	kernel_look();
}

/* Return: true if it was a command, and not yet taken. */
static bool kernel_take(struct io_uring_sqe *sqe)
{
	struct ebb_uring_op *op = event_uring_data_addr(sqe->user_data);
	struct command *command;

	if (sqe->opcode != IORING_OP_URING_CMD) {
		return false;
	}
	command = ebb_container_of(ebb_container_of(op, struct nvme_request, uring_op),
				   struct command, request);
	ck_assert_uint_lt(kernel_num_seen, EBB_ARRAY_SIZE(kernel_sqes));
	kernel_sqes[kernel_num_seen] = *sqe;
	memcpy(&kernel_cmds[kernel_num_seen++], sqe->cmd, sizeof(kernel_cmds[0]));
	command->complete = op->complete;
	op->complete = kernel_complete;
	io_uring_prep_nop(sqe);
	return true;
}

/* Looks at what has been prepared since it was last submitted. */
static void ring_look(struct event_uring *uring, unsigned *count)
{
	struct io_uring_sq *sq;

	if (uring == NULL) {
		return;
	}
	sq = &event_uring_ring(uring)->sq;
	for (unsigned i = sq->sqe_head; i != sq->sqe_tail; i++) {
		*count += kernel_take(&sq->sqes[(i & *sq->kring_mask) << 1]);
	}
}

void kernel_look(void)
{
	unsigned num_main = 0;

	ring_look(kernel_reactor()->urings.main, &num_main);
	ring_look(kernel_reactor()->urings.polled, &kernel_num_polled);
}
