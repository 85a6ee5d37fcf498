/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/event/ring/requests.h"

#include <stdio.h>
#include <unistd.h>

struct ebb_thread *thread;
struct request requests[REQUESTS_MAX];
unsigned num_completed;

void request_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct request *request = ebb_container_of(op, struct request, op);

	(void)flags;
	ck_assert_ptr_eq(ebb_thread_current(), op->thread);
	request->res = res;
	request->result = ebb_uring_result();
	request->completions++;
	num_completed++;
}

void requests_start(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		requests[i] = (struct request){.op = {.complete = request_complete}};
	}
	stepper_enter(thread);
}

void turns(unsigned count)
{
	stepper_leave();
	for (unsigned i = 0; i < count; i++) {
		stepper_turn();
	}
	stepper_enter(thread);
}

void wait_completed(unsigned count)
{
	while (num_completed < count) {
		turns(1);
	}
	turns(1);
	ck_assert_uint_eq(num_completed, count);
}

void nop(struct request *request)
{
	io_uring_prep_nop(ebb_uring_sqe(&request->op, EBB_URING_OTHER));
}

int make_file(const char *text)
{
	FILE *file = tmpfile();
	int fd;

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fflush(file);
	fd = dup(fileno(file));
	fclose(file);
	return fd;
}
