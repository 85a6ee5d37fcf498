/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/uring.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/event/ring/uring.h"
#include "tests/unit/core/event/ring/requests.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

static void setup(void)
{
	need_uring(0);
	requests_start();
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
}

static void teardown(void)
{
	stepper_leave();
	stepper_stop_forced();
}

START_TEST(test_open_twice)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	stepper_enter(thread);
}
END_TEST

START_TEST(test_nop)
{
	io_uring_prep_nop(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER));
	ck_assert_ptr_eq(requests[0].op.thread, thread);
	ck_assert_uint_eq(thread->uring_ops, 1);
	ck_assert_uint_eq(num_completed, 0);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, 0);
	ck_assert_uint_eq(thread->uring_ops, 0);
}
END_TEST

/* More in one turn than the queue holds: a full queue is submitted first, and none is lost. */
START_TEST(test_many_in_one_turn)
{
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		io_uring_prep_nop(ebb_uring_sqe(&requests[i].op, EBB_URING_OTHER));
	}
	wait_completed(REQUESTS_MAX);
	for (unsigned i = 0; i < REQUESTS_MAX; i++) {
		ck_assert_uint_eq(requests[i].completions, 1);
		ck_assert_int_eq(requests[i].res, 0);
	}
}
END_TEST

/* More than even the completion queue holds. */
/* A device does not wait for the end of a turn that prepares much. */
START_TEST(test_pieces)
{
	static const uint64_t one = 1;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t count = 0;

	ck_assert_int_ge(fd, 0);
	for (unsigned i = 0; i < 64; i++) {
		io_uring_prep_write(ebb_uring_sqe(&requests[i].op, EBB_URING_OTHER), fd, &one,
				    sizeof(one), 0);
	}
	ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
	ck_assert_uint_ge(count, 32);
	ck_assert_uint_lt(count, 64);
	ck_assert_uint_eq(num_completed, 0);
	wait_completed(64);
	ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
	close(fd);
}
END_TEST

START_TEST(test_overflow)
{
	struct request *flood = calloc(10000, sizeof(*flood));

	ck_assert_ptr_nonnull(flood);
	for (unsigned i = 0; i < 10000; i++) {
		flood[i].op.complete = request_complete;
		io_uring_prep_nop(ebb_uring_sqe(&flood[i].op, EBB_URING_OTHER));
	}
	wait_completed(10000);
	for (unsigned i = 0; i < 10000; i++) {
		ck_assert_uint_eq(flood[i].completions, 1);
	}
	free(flood);
}
END_TEST

/* Many complete at once; a turn runs a bounded number of them. */
START_TEST(test_reap_bound)
{
	for (unsigned i = 0; i < 500; i++) {
		io_uring_prep_nop(ebb_uring_sqe(&requests[i].op, EBB_URING_OTHER));
	}
	for (unsigned seen = 0; num_completed < 500; seen = num_completed) {
		turns(1);
		ck_assert_uint_le(num_completed - seen, 256);
	}
	wait_completed(500);
}
END_TEST

static struct request followed;

static void complete_and_follow(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	request_complete(op, res, flags);
	if (num_completed < 10) {
		io_uring_prep_nop(ebb_uring_sqe(op, EBB_URING_OTHER));
	}
}

/* A completion may prepare the next request, with the same memory. */
START_TEST(test_from_completion)
{
	followed.op.complete = complete_and_follow;
	io_uring_prep_nop(ebb_uring_sqe(&followed.op, EBB_URING_OTHER));
	wait_completed(10);
	ck_assert_uint_eq(followed.completions, 10);
}
END_TEST

START_TEST(test_error)
{
	char byte;

	io_uring_prep_read(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER), -1, &byte, 1, 0);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, -EBADF);
}
END_TEST

START_TEST(test_cancel)
{
	int fds[2];
	char byte;

	ck_assert_int_eq(pipe(fds), 0);
	io_uring_prep_read(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER), fds[0], &byte, 1, 0);
	turns(5);
	ck_assert_uint_eq(num_completed, 0);
	ebb_uring_cancel(&requests[0].op);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, -ECANCELED);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* Prepared and cancelled in the same turn: it completes once, either way. */
START_TEST(test_cancel_at_once)
{
	int fds[2];
	char byte;

	ck_assert_int_eq(pipe(fds), 0);
	io_uring_prep_read(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER), fds[0], &byte, 1, 0);
	ebb_uring_cancel(&requests[0].op);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, -ECANCELED);
	/* Too late is harmless. */
	io_uring_prep_nop(ebb_uring_sqe(&requests[1].op, EBB_URING_OTHER));
	wait_completed(2);
	ebb_uring_cancel(&requests[1].op);
	turns(3);
	ck_assert_uint_eq(requests[1].completions, 1);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(test_two_threads)
{
	io_uring_prep_nop(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER));
	stepper_enter(ebb_thread_app());
	io_uring_prep_nop(ebb_uring_sqe(&requests[1].op, EBB_URING_OTHER));
	io_uring_prep_nop(ebb_uring_sqe(&requests[2].op, EBB_URING_OTHER));
	stepper_enter(thread);
	io_uring_prep_nop(ebb_uring_sqe(&requests[3].op, EBB_URING_OTHER));
	ck_assert_uint_eq(thread->uring_ops, 2);
	ck_assert_uint_eq(ebb_thread_app()->uring_ops, 2);
	wait_completed(4);
	ck_assert_ptr_eq(requests[1].op.thread, ebb_thread_app());
	ck_assert_uint_eq(thread->uring_ops + ebb_thread_app()->uring_ops, 0);
}
END_TEST

START_TEST(test_registered_files)
{
	int first_fd = make_file("first"), second_fd = make_file("second");
	int first = ebb_uring_file_register(first_fd);
	int second = ebb_uring_file_register(second_fd);
	char text[8] = "";
	struct io_uring_sqe *sqe;

	ck_assert_int_ge(first, 0);
	ck_assert_int_ge(second, 0);
	ck_assert_int_ne(first, second);
	sqe = ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER);
	io_uring_prep_read(sqe, second, text, 6, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, 6);
	ck_assert_str_eq(text, "second");

	/* Its place is free again, and empty until then. */
	ebb_uring_file_unregister(first);
	sqe = ebb_uring_sqe(&requests[1].op, EBB_URING_OTHER);
	io_uring_prep_read(sqe, first, text, 6, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	wait_completed(2);
	ck_assert_int_eq(requests[1].res, -EBADF);
	ck_assert_int_eq(ebb_uring_file_register(first_fd), first);
	ck_assert_int_eq(ebb_uring_file_register(-7), -EBADF);
	ebb_uring_file_unregister(first);
	ebb_uring_file_unregister(second);
	close(first_fd);
	close(second_fd);
}
END_TEST

/* Prepared in the turn in which its file is unregistered, a request has it all the same. */
START_TEST(test_registered_files_prepared)
{
	int fd = make_file("whole"), other_fd = make_file("other");
	int index = ebb_uring_file_register(fd);
	char text[8] = "";
	struct io_uring_sqe *sqe;

	ck_assert_int_ge(index, 0);
	sqe = ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER);
	io_uring_prep_read(sqe, index, text, 5, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	ebb_uring_file_unregister(index);
	ck_assert_int_eq(ebb_uring_file_register(other_fd), index);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, 5);
	ck_assert_str_eq(text, "whole");
	ebb_uring_file_unregister(index);
	close(fd);
	close(other_fd);
}
END_TEST

START_TEST(test_registered_files_full)
{
	int fd = make_file("x"), index;
	unsigned count = 0;

	while ((index = ebb_uring_file_register(fd)) >= 0) {
		ck_assert_int_eq(index, (int)count);
		ck_assert_uint_le(++count, 1024);
	}
	ck_assert_int_eq(index, -ENFILE);
	ebb_uring_file_unregister(500);
	ck_assert_int_eq(ebb_uring_file_register(fd), 500);
	close(fd);
}
END_TEST

/* Outstanding requests keep a thread from exiting. */
START_TEST(test_exit_waits)
{
	uint64_t one = 1, value;
	int fd = eventfd(0, EFD_CLOEXEC);

	io_uring_prep_read(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER), fd, &value,
			   sizeof(value), 0);
	ebb_thread_exit();
	turns(10);
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITING);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	stepper_leave();
	while (atomic_load(&thread->state) != EVENT_THREAD_EXITED) {
		stepper_turn();
	}
	ck_assert_uint_eq(num_completed, 1);
	ck_assert_uint_eq(log_count("is forced"), 0);
	close(fd);
}
END_TEST

START_TEST(test_forced_exit)
{
	static uint64_t value;
	int fd = eventfd(0, EFD_CLOEXEC);

	io_uring_prep_read(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER), fd, &value,
			   sizeof(value), 0);
	turns(2);
	ebb_thread_exit();
	stepper_advance_us(6000000);
	turns(3);
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITED);
	ck_assert_uint_eq(log_count("1 io_uring requests"), 1);
	close(fd);
}
END_TEST

static uint16_t tags[3];

static void tag_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct request *request = ebb_container_of(op, struct request, op);

	tags[request - requests] = ebb_uring_tag();
	request_complete(op, res, flags);
}

/* The tag is the entry's, whatever its operation has by then. */
START_TEST(test_tag)
{
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	for (unsigned i = 0; i < 3; i++) {
		requests[i].op.complete = tag_complete;
	}
	requests[0].op.tag = 0xffff;
	requests[1].op.tag = 1;
	for (unsigned i = 0; i < 3; i++) {
		nop(&requests[i]);
	}
	requests[0].op.tag = 7;
	wait_completed(3);
	ck_assert_uint_eq(tags[0], 0xffff);
	ck_assert_uint_eq(tags[1], 1);
	ck_assert_uint_eq(tags[2], 0);
}
END_TEST

/* It is found by its tag, too. */
START_TEST(test_cancel_with_a_tag)
{
	int fds[2];
	char byte;

	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	ck_assert_int_eq(pipe(fds), 0);
	requests[0].op.complete = tag_complete;
	requests[0].op.tag = 0x8001;
	io_uring_prep_read(ebb_uring_sqe(&requests[0].op, EBB_URING_OTHER), fds[0], &byte, 1, 0);
	turns(1);
	ebb_uring_cancel(&requests[0].op);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, -ECANCELED);
	ck_assert_uint_eq(tags[0], 0x8001);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_tag),
		UNIT_TEST(test_cancel_with_a_tag),
		UNIT_TEST(test_open_twice),
		UNIT_TEST(test_nop),
		UNIT_TEST(test_many_in_one_turn),
		UNIT_TEST(test_pieces),
		UNIT_TEST(test_overflow),
		UNIT_TEST(test_reap_bound),
		UNIT_TEST(test_from_completion),
		UNIT_TEST(test_error),
		UNIT_TEST(test_cancel),
		UNIT_TEST(test_cancel_at_once),
		UNIT_TEST(test_two_threads),
		UNIT_TEST(test_registered_files),
		UNIT_TEST(test_registered_files_prepared),
		UNIT_TEST(test_registered_files_full),
		UNIT_TEST(test_exit_waits),
		UNIT_TEST(test_forced_exit),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
