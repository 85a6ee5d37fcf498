/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/uring.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/memory.h>

#include "core/event/uring.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

struct request {
	struct ebb_uring_op op;
	int32_t res;
	unsigned completions;
};

#define MANY 3000

static struct ebb_thread *thread;
static struct request requests[MANY];
static unsigned num_completed;

static void complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct request *request = ebb_container_of(op, struct request, op);

	(void)flags;
	ck_assert_ptr_eq(ebb_thread_current(), op->thread);
	request->res = res;
	request->completions++;
	num_completed++;
}

static void setup(void)
{
	need_uring(0);
	stepper_start();
	thread = stepper_thread("worker", 0);
	for (unsigned i = 0; i < MANY; i++) {
		requests[i] = (struct request){.op = {.complete = complete}};
	}
	stepper_enter(thread);
	ck_assert_int_eq(ebb_uring_open(), 0);
}

static void teardown(void)
{
	stepper_leave();
	stepper_stop_forced();
}

/* Turns until @count requests have completed; Check ends a test in which they never do. */
static void wait_completed(unsigned count)
{
	stepper_leave();
	while (num_completed < count) {
		stepper_turn();
	}
	stepper_turn();
	ck_assert_uint_eq(num_completed, count);
	stepper_enter(thread);
}

static void turns(unsigned count)
{
	stepper_leave();
	for (unsigned i = 0; i < count; i++) {
		stepper_turn();
	}
	stepper_enter(thread);
}

START_TEST(test_open_twice)
{
	ck_assert_int_eq(ebb_uring_open(), 0);
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_uring_open(), 0);
	stepper_enter(thread);
}
END_TEST

START_TEST(test_nop)
{
	io_uring_prep_nop(ebb_uring_sqe(&requests[0].op));
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
	for (unsigned i = 0; i < MANY; i++) {
		io_uring_prep_nop(ebb_uring_sqe(&requests[i].op));
	}
	wait_completed(MANY);
	for (unsigned i = 0; i < MANY; i++) {
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
		io_uring_prep_write(ebb_uring_sqe(&requests[i].op), fd, &one, sizeof(one), 0);
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
		flood[i].op.complete = complete;
		io_uring_prep_nop(ebb_uring_sqe(&flood[i].op));
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
		io_uring_prep_nop(ebb_uring_sqe(&requests[i].op));
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
	complete(op, res, flags);
	if (num_completed < 10) {
		io_uring_prep_nop(ebb_uring_sqe(op));
	}
}

/* A completion may prepare the next request, with the same memory. */
START_TEST(test_from_completion)
{
	followed.op.complete = complete_and_follow;
	io_uring_prep_nop(ebb_uring_sqe(&followed.op));
	wait_completed(10);
	ck_assert_uint_eq(followed.completions, 10);
}
END_TEST

START_TEST(test_error)
{
	char byte;

	io_uring_prep_read(ebb_uring_sqe(&requests[0].op), -1, &byte, 1, 0);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, -EBADF);
}
END_TEST

START_TEST(test_cancel)
{
	int fds[2];
	char byte;

	ck_assert_int_eq(pipe(fds), 0);
	io_uring_prep_read(ebb_uring_sqe(&requests[0].op), fds[0], &byte, 1, 0);
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
	io_uring_prep_read(ebb_uring_sqe(&requests[0].op), fds[0], &byte, 1, 0);
	ebb_uring_cancel(&requests[0].op);
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, -ECANCELED);
	/* Too late is harmless. */
	io_uring_prep_nop(ebb_uring_sqe(&requests[1].op));
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
	io_uring_prep_nop(ebb_uring_sqe(&requests[0].op));
	stepper_enter(ebb_thread_app());
	io_uring_prep_nop(ebb_uring_sqe(&requests[1].op));
	io_uring_prep_nop(ebb_uring_sqe(&requests[2].op));
	stepper_enter(thread);
	io_uring_prep_nop(ebb_uring_sqe(&requests[3].op));
	ck_assert_uint_eq(thread->uring_ops, 2);
	ck_assert_uint_eq(ebb_thread_app()->uring_ops, 2);
	wait_completed(4);
	ck_assert_ptr_eq(requests[1].op.thread, ebb_thread_app());
	ck_assert_uint_eq(thread->uring_ops + ebb_thread_app()->uring_ops, 0);
}
END_TEST

static int make_file(const char *text)
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
	sqe = ebb_uring_sqe(&requests[0].op);
	io_uring_prep_read(sqe, second, text, 6, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	wait_completed(1);
	ck_assert_int_eq(requests[0].res, 6);
	ck_assert_str_eq(text, "second");

	/* Its place is free again, and empty until then. */
	ebb_uring_file_unregister(first);
	sqe = ebb_uring_sqe(&requests[1].op);
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

/* Reads the first bytes of @fd into @buf, by its registered buffer. */
static void read_fixed(struct request *request, int fd, void *buf, unsigned len)
{
	int index = ebb_uring_buf_index(buf, len);
	struct io_uring_sqe *sqe = ebb_uring_sqe(&request->op);

	ck_assert_int_ge(index, 0);
	io_uring_prep_read_fixed(sqe, fd, buf, len, 0, index);
	wait_completed(num_completed + 1);
	ck_assert_int_eq(request->res, (int)len);
}

START_TEST(test_registered_buffers)
{
	char on_stack[16];
	char *buf = ebb_mem_alloc(8192);
	int fd = make_file("fixed text");

	ck_assert_ptr_nonnull(buf);
	turns(1); /* the region that has come is registered by a message */
	ck_assert_int_eq(ebb_uring_buf_index(on_stack, sizeof(on_stack)), -1);
	ck_assert_int_eq(ebb_uring_buf_index(buf, EBB_MEM_REGION_SIZE + 1), -1);
	memset(buf, 0, 8192);
	read_fixed(&requests[0], fd, buf, 10);
	ck_assert_str_eq(buf, "fixed text");
	ebb_mem_free(buf, 8192);
	close(fd);
}
END_TEST

static void alloc_buffers(void **bufs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		bufs[i] = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
		ck_assert_ptr_nonnull(bufs[i]);
	}
}

static void free_buffers(void **bufs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ebb_mem_free(bufs[i], EBB_MEM_ALLOC_MAX);
	}
}

static unsigned regions_mapped(void)
{
	struct ebb_mem_stats stats;

	ebb_mem_get_stats(&stats);
	return (unsigned)(stats.mapped_bytes / EBB_MEM_REGION_SIZE);
}

/*
 * Regions go and come back at the same address with other memory behind: what the ring has
 * registered must be what the buffer is, or it reads into memory that is nobody's.
 */
START_TEST(test_buffers_after_trim)
{
	void *bufs[8];
	int fd = make_file("fixed text");

	for (unsigned round = 0; round < 3; round++) {
		alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
		turns(2);
		for (unsigned i = 0; i < EBB_ARRAY_SIZE(bufs); i++) {
			char *buf = bufs[i];

			memset(buf, 0, 16);
			read_fixed(&requests[round * 8 + i], fd, buf, 10);
			ck_assert_str_eq(buf, "fixed text");
		}
		free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
		ebb_mem_trim();
		ck_assert_uint_eq(regions_mapped(), 4); /* the ring has them */
		turns(2);
		ck_assert_uint_eq(regions_mapped(), 1);
	}
	close(fd);
}
END_TEST

/* Regions that come and go without a turn between: told twice before the ring has looked once. */
START_TEST(test_buffers_trimmed_at_once)
{
	void *bufs[6];
	int fd = make_file("fixed text");

	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	ebb_mem_trim();
	/* Those that leave are still there: others come. */
	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	ck_assert_uint_eq(regions_mapped(), 5);
	turns(3);
	ck_assert_uint_eq(regions_mapped(), 3);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(bufs); i++) {
		read_fixed(&requests[i], fd, bufs[i], 10);
	}
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	close(fd);
}
END_TEST

static unsigned buffers_registered(void **bufs, unsigned count)
{
	unsigned registered = 0;

	for (unsigned i = 0; i < count; i++) {
		registered += ebb_uring_buf_index(bufs[i], 16) >= 0;
	}
	return registered;
}

/* What leaves is released though the ring never had it; and then there may be room again. */
START_TEST(test_buffers_without_room)
{
	struct rlimit limit;
	void *bufs[4];

	need_root_to_lock(4 * EBB_MEM_REGION_SIZE);
	/* The limit is for others than root. */
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 0), 0);
	ebb_urings_close(&ebb_reactors[0].urings);
	ck_assert_int_eq(ebb_uring_open(), 0);
	limit.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	turns(3);
	ck_assert_uint_eq(buffers_registered(bufs, EBB_ARRAY_SIZE(bufs)), 0);
	ck_assert_uint_eq(log_count("I/O memory stays unregistered"), 1);
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	ebb_mem_trim();
	turns(2);
	ck_assert_uint_eq(regions_mapped(), 1);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	turns(3);
	ck_assert_uint_eq(buffers_registered(bufs, EBB_ARRAY_SIZE(bufs)), 4);
	ck_assert_uint_eq(log_count("I/O memory stays unregistered"), 1);
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	/* Or the leak checker may not look at its own process. */
	ck_assert_int_eq(setresuid(0, 0, 0), 0);
	prctl(PR_SET_DUMPABLE, 1);
}
END_TEST

/* Outstanding requests keep a thread from exiting. */
START_TEST(test_exit_waits)
{
	uint64_t one = 1, value;
	int fd = eventfd(0, EFD_CLOEXEC);

	io_uring_prep_read(ebb_uring_sqe(&requests[0].op), fd, &value, sizeof(value), 0);
	ebb_thread_exit();
	turns(10);
	ck_assert_int_eq(atomic_load(&thread->state), EBB_THREAD_EXITING);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	stepper_leave();
	while (atomic_load(&thread->state) != EBB_THREAD_EXITED) {
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

	io_uring_prep_read(ebb_uring_sqe(&requests[0].op), fd, &value, sizeof(value), 0);
	turns(2);
	ebb_thread_exit();
	stepper_advance_us(6000000);
	turns(3);
	ck_assert_int_eq(atomic_load(&thread->state), EBB_THREAD_EXITED);
	ck_assert_uint_eq(log_count("1 io_uring requests"), 1);
	close(fd);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
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
		UNIT_TEST(test_registered_files_full),
		UNIT_TEST(test_registered_buffers),
		UNIT_TEST(test_buffers_after_trim),
		UNIT_TEST(test_buffers_trimmed_at_once),
		UNIT_TEST(test_exit_waits),
		UNIT_TEST(test_forced_exit),
		UNIT_TEST(test_buffers_without_room),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
