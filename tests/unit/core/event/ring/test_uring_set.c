/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/ring/uring_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ebb/memory.h>
#include <ebb/uring.h>

#include "core/event/ring/uring.h"
#include "tests/unit/core/event/ring/requests.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

/* Newer than the headers: a no-op that completes with what the caller likes. */
#define NOP_INJECT_RESULT (1u << 0)
#define NOP_CQE32         (1u << 5)

static struct event_uring_set *urings;

static void setup(void)
{
	need_uring(IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
	requests_start();
	urings = &event_reactors[0].urings;
}

static void teardown(void)
{
	stepper_leave();
	stepper_stop();
}

/* A big ring is a main ring for ordinary requests too, more of them than it holds included. */
START_TEST(test_big)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	ck_assert(event_uring_is_big(urings->main));
	ck_assert_ptr_null(urings->draining);
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		nop(&requests[i]);
	}
	wait_completed(REQUESTS_MAX);
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		ck_assert_uint_eq(requests[i].completions, 1);
		ck_assert_int_eq(requests[i].res, 0);
		ck_assert_uint_eq(requests[i].result, 0);
	}
}
END_TEST

static unsigned ready(void)
{
	return io_uring_sq_ready(event_uring_ring(urings->main));
}

/* Prepares @num requests of a kind, and compares how many are not submitted after each. */
static void nops_then_ready(enum ebb_uring_kind kind, unsigned *count, const unsigned *then_ready,
			    unsigned num)
{
	for (unsigned i = 0; i < num; i++) {
		io_uring_prep_nop(ebb_uring_sqe(&requests[(*count)++].op, kind));
		ck_assert_uint_eq(ready(), then_ready[i]);
	}
}

/* So many more under way, all of them submitted. */
static void nops_submitted(unsigned *count, unsigned num)
{
	for (unsigned i = 0; i < num; i++) {
		nop(&requests[(*count)++]);
		event_uring_submit(urings->main);
	}
}

/* When another request has what is ready submitted: see what uring.c says of it. */
START_TEST(test_early)
{
	static const unsigned other[] = {1, 2, 3, 4, 5, 6, 7, 8, 1};
	static const unsigned other_of_40[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1};
	static const unsigned file[] = {1, 2, 1, 2, 1};
	static const unsigned file_of_192[] = {1, 2, 3, 1, 2, 3, 1};
	static const unsigned command[] = {1, 2, 1, 2, 1, 2, 3, 1, 2, 3, 4, 5, 6, 1};
	unsigned count = 0;

	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	nops_then_ready(EBB_URING_OTHER, &count, other, EBB_ARRAY_SIZE(other));
	wait_completed(count);
	nops_submitted(&count, 40);
	nops_then_ready(EBB_URING_OTHER, &count, other_of_40, EBB_ARRAY_SIZE(other_of_40));
	wait_completed(count);
	nops_then_ready(EBB_URING_FILE, &count, file, EBB_ARRAY_SIZE(file));
	wait_completed(count);
	nops_submitted(&count, 192);
	nops_then_ready(EBB_URING_FILE, &count, file_of_192, EBB_ARRAY_SIZE(file_of_192));
	wait_completed(count);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	turns(1);
	nops_then_ready(EBB_URING_COMMAND, &count, command, EBB_ARRAY_SIZE(command));
	wait_completed(count);
}
END_TEST

/* Whether the loop looks at the rings: only while there is something to see. */
START_TEST(test_pending)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	ck_assert(!urings->pending);
	nop(&requests[0]);
	ck_assert(urings->pending);
	wait_completed(1);
	turns(1);
	ck_assert(!urings->pending);
	ebb_uring_cancel(&requests[0].op); /* it has nothing to cancel, and is submitted */
	ck_assert(urings->pending);
	ck_assert_uint_eq(ready(), 1);
	turns(1);
	ck_assert_uint_eq(ready(), 0);
	turns(1);
	ck_assert(!urings->pending);
}
END_TEST

/* What the completion says beside its result; on a plain ring, nothing of an older one's. */
START_TEST(test_result)
{
	struct io_uring_sqe *sqe;

	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	for (unsigned i = 0; i < 300; i++) {
		sqe = ebb_uring_sqe(&requests[i].op, EBB_URING_COMMAND);
		io_uring_prep_nop(sqe);
		sqe->rw_flags = NOP_CQE32 | NOP_INJECT_RESULT;
		sqe->len = i;
		sqe->off = 0x1122334455660000u + i;
	}
	wait_completed(300);
	for (unsigned i = 0; i < 300; i++) {
		if (requests[i].res == -EINVAL) { /* a kernel without such no-ops */
			ck_assert_uint_eq(requests[i].result, 0);
			continue;
		}
		ck_assert_int_eq(requests[i].res, (int)i);
		ck_assert_uint_eq(requests[i].result, 0x1122334455660000u + i);
	}
}
END_TEST

/* A plain ring without requests just goes. */
START_TEST(test_plain_idle)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	ck_assert(!event_uring_is_big(urings->main));
	nop(&requests[0]);
	wait_completed(1);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	turns(2);
	ck_assert_ptr_null(urings->draining);
	nop(&requests[1]);
	wait_completed(2);
}
END_TEST

/* Prepared, not even submitted, when the main ring changes. */
START_TEST(test_plain_prepared)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	for (unsigned i = 0; i < 400; i++) {
		nop(&requests[i]);
	}
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	for (unsigned i = 400; i < 800; i++) {
		nop(&requests[i]);
	}
	ck_assert_ptr_nonnull(urings->draining);
	wait_completed(800);
	ck_assert_ptr_null(urings->draining);
	ck_assert_uint_eq(thread->uring_ops, 0);
}
END_TEST

static int pipe_fds[2];
static char pipe_byte;

static void read_pipe(struct request *request)
{
	ck_assert_int_eq(pipe(pipe_fds), 0);
	io_uring_prep_read(ebb_uring_sqe(&request->op, EBB_URING_OTHER), pipe_fds[0], &pipe_byte, 1,
			   0);
	turns(2);
	ck_assert_uint_eq(request->completions, 0);
}

/* Outstanding for long: it ends where it is, and the ring with it. */
START_TEST(test_plain_outstanding)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	read_pipe(&requests[0]);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	nop(&requests[1]);
	wait_completed(1);
	ck_assert_ptr_nonnull(urings->draining);
	ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
	wait_completed(2);
	ck_assert_int_eq(requests[0].res, 1);
	ck_assert_ptr_null(urings->draining);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

/* Nobody need know which ring a request is in to cancel it. */
START_TEST(test_cancel_draining)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	read_pipe(&requests[0]);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	turns(1);
	ebb_uring_cancel(&requests[0].op);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, -ECANCELED);
	ck_assert_ptr_null(urings->draining);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

/* It arms like a source: with something to ask for it does not let the reactor sleep. */
START_TEST(test_arm_draining)
{
	ck_assert_int_eq(event_uring_set_arm(urings), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	read_pipe(&requests[0]);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	turns(1);
	ck_assert_int_eq(event_uring_set_arm(urings), 0);
	event_uring_set_disarm(urings);
	ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
	ck_assert_int_eq(event_uring_set_arm(urings), -EAGAIN);
	event_uring_set_disarm(urings);
	wait_completed(1);
	ck_assert_int_eq(event_uring_set_arm(urings), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

static void read_registered(struct request *request, int index, const char *expected)
{
	char text[8] = "";
	struct io_uring_sqe *sqe = ebb_uring_sqe(&request->op, EBB_URING_OTHER);

	io_uring_prep_read(sqe, index, text, 6, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	wait_completed(num_completed + 1);
	if (expected == NULL) {
		ck_assert_int_eq(request->res, -EBADF);
	} else {
		ck_assert_str_eq(text, expected);
	}
}

/* An index outlives the ring that it was got from. */
START_TEST(test_files)
{
	int first_fd = make_file("first."), second_fd = make_file("second");
	int first, second;

	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	first = ebb_uring_file_register(first_fd);
	second = ebb_uring_file_register(second_fd);
	ck_assert_int_ge(first, 0);
	ck_assert_int_ge(second, 0);
	ebb_uring_file_unregister(first);
	read_pipe(&requests[0]);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), 0);
	read_registered(&requests[1], second, "second");
	read_registered(&requests[2], first, NULL);
	ck_assert_int_eq(ebb_uring_file_register(first_fd), first);
	read_registered(&requests[3], first, "first.");
	ebb_uring_file_unregister(second);
	read_registered(&requests[4], second, NULL);
	ebb_uring_file_unregister(first);
	ck_assert_int_eq(ebb_uring_file_register(-7), -EBADF);
	ebb_uring_cancel(&requests[0].op);
	wait_completed(5);
	close(first_fd);
	close(second_fd);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

/* A new main ring that cannot have a file which is registered is refused. */
START_TEST(test_files_closed)
{
	int fd = make_file("x");

	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	ck_assert_int_eq(ebb_uring_file_register(fd), 0);
	close(fd);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), -EBADF);
	ck_assert(!event_uring_is_big(urings->main));
	ck_assert_ptr_null(urings->draining);
	ebb_uring_file_unregister(0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	fd = make_file("x");
	ck_assert_int_eq(ebb_uring_file_register(fd), 0);
	close(fd);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), -EBADF);
	ck_assert_ptr_null(urings->polled);
	ebb_uring_file_unregister(0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), 0);
}
END_TEST

/* Pool memory is registered with the new main ring, and is not called so before. */
START_TEST(test_buffers)
{
	int fd = make_file("fixed text"), index;
	char *buf = ebb_mem_alloc(4096);

	ck_assert_ptr_nonnull(buf);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	turns(1);
	ck_assert_int_ge(ebb_uring_buf_index(buf, 4096), 0);
	read_pipe(&requests[0]);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	ck_assert_int_eq(ebb_uring_buf_index(buf, 4096), -1);
	turns(1);
	index = ebb_uring_buf_index(buf, 4096);
	ck_assert_int_ge(index, 0);
	memset(buf, 0, 4096);
	io_uring_prep_read_fixed(ebb_uring_sqe(&requests[1].op, EBB_URING_OTHER), fd, buf, 10, 0,
				 index);
	wait_completed(1);
	ck_assert_int_eq(requests[1].res, 10);
	ck_assert_str_eq(buf, "fixed text");
	/* With a polled ring, what is registered is so in both. */
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), 0);
	ck_assert_int_eq(ebb_uring_buf_index(buf, 4096), -1);
	turns(1);
	ck_assert_int_eq(ebb_uring_buf_index(buf, 4096), index);
	ebb_mem_free(buf, 4096);
	ebb_uring_cancel(&requests[0].op);
	wait_completed(2);
	close(fd);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

static bool polled_nop(struct request *request)
{
	struct io_uring_sqe *sqe = ebb_uring_sqe_polled(&request->op);

	if (sqe != NULL) {
		io_uring_prep_nop(sqe);
	}
	return sqe != NULL;
}

/* A reactor that sleeps has no use for requests that cannot wake it. */
START_TEST(test_polled)
{
	struct event_reactor *reactor = &event_reactors[0];

	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	reactor->mode = EBB_REACTOR_POLL;
	ck_assert(!polled_nop(&requests[0]));
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), 0);
	reactor->mode = EBB_REACTOR_INTERRUPT;
	ck_assert(!polled_nop(&requests[0]));
	reactor->mode = EBB_REACTOR_POLL;
	for (unsigned i = 0; i < 300; i++) {
		ck_assert(polled_nop(&requests[i]));
		nop(&requests[300 + i]);
	}
	reactor->mode = EBB_REACTOR_INTERRUPT;
	/* The mode has changed under them: they keep the reactor awake until they have ended. */
	ck_assert(!event_uring_set_may_sleep(urings));
	ck_assert_uint_eq(thread->uring_ops, 600);
	wait_completed(600);
	ck_assert(event_uring_set_may_sleep(urings));
	for (unsigned i = 0; i < 600; i++) {
		ck_assert_uint_eq(requests[i].completions, 1);
		ck_assert_int_eq(requests[i].res, 0);
	}
}
END_TEST

/* In adaptive mode it must have been awake for a while. */
START_TEST(test_polled_adaptive)
{
	struct event_reactor *reactor = &event_reactors[0];

	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), 0);
	reactor->mode = EBB_REACTOR_ADAPTIVE;
	reactor->plan.look_ns = 20 * EBB_NS_PER_US;
	reactor->awake_since_ns = stepper_now_ns();
	turns(1);
	ck_assert(!polled_nop(&requests[0]));
	stepper_advance_us(100);
	turns(1);
	ck_assert(!polled_nop(&requests[0]));
	stepper_advance_us(100);
	turns(1);
	ck_assert(polled_nop(&requests[0]));
	wait_completed(1);
	reactor->mode = EBB_REACTOR_INTERRUPT;
}
END_TEST

/* With all three rings in use the reactor ends as it does with none. */
START_TEST(test_close_all)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	read_pipe(&requests[0]);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), 0);
	nop(&requests[1]);
	wait_completed(1);
	ebb_thread_exit();
	stepper_leave();
	stepper_advance_us(6000000);
	stepper_stop_forced();
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	stepper_start(); /* for the teardown */
}
END_TEST

/* Each is refused, and named by what is missing. */
START_TEST(test_misuse)
{
	struct request *request = &requests[0];

	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), -EINVAL);
	ck_assert_ptr_null(ebb_uring_sqe(&request->op, EBB_URING_OTHER));
	ck_assert_ptr_null(ebb_uring_sqe_polled(&request->op));
	ebb_uring_cancel(&request->op);
	ck_assert_int_eq(ebb_uring_file_register(0), -EPERM);
	ebb_uring_file_unregister(0);
	ck_assert_uint_eq(log_count("'io_uring, before ebb_uring_open()'"), 5);
	ck_assert_int_eq(ebb_uring_buf_index(request, sizeof(*request)), -1);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_POLLED), -EINVAL);
	ck_assert_ptr_null(ebb_uring_sqe(&request->op, EBB_URING_COMMAND));
	ck_assert_uint_eq(log_count("before ebb_uring_open(EBB_URING_BIG)"), 1);
	ebb_uring_file_unregister(3);
	ebb_uring_file_unregister(-1);
	ebb_uring_file_unregister(EVENT_URING_FILES);
	ck_assert_uint_eq(log_count("a file that is not registered"), 3);
	stepper_leave();
	ck_assert_ptr_null(ebb_uring_sqe(&request->op, EBB_URING_OTHER));
	ck_assert_ptr_null(ebb_uring_sqe_polled(&request->op));
	ebb_uring_cancel(&request->op);
	ck_assert_int_eq(ebb_uring_file_register(0), -EPERM);
	ebb_uring_file_unregister(0);
	ck_assert_uint_eq(log_count("'io_uring, off an ebb thread'"), 5);
	stepper_enter(thread);
	nop(request);
	wait_completed(1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_misuse),
		UNIT_TEST(test_big),
		UNIT_TEST(test_result),
		UNIT_TEST(test_plain_idle),
		UNIT_TEST(test_plain_prepared),
		UNIT_TEST(test_plain_outstanding),
		UNIT_TEST(test_cancel_draining),
		UNIT_TEST(test_arm_draining),
		UNIT_TEST(test_files),
		UNIT_TEST(test_files_closed),
		UNIT_TEST(test_buffers),
		UNIT_TEST(test_early),
		UNIT_TEST(test_pending),
		UNIT_TEST(test_polled),
		UNIT_TEST(test_polled_adaptive),
		UNIT_TEST(test_close_all),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
