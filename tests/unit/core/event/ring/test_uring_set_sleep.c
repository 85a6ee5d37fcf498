/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reactor whose main ring has changed while requests were outstanding: it sleeps in the new ring,
 * or in its epoll set, and what completes in the draining one must wake it each time, as must all
 * else. Real OS threads, really asleep; Check ends a test that hangs, as a lost wakeup would make
 * it.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <ebb/log.h>
#include <ebb/uring.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define ROUNDS 60

struct pipe_read {
	struct ebb_uring_op op;
	int fds[2];
	char byte;
};

static struct pipe_read old_reads[ROUNDS]; /* in the draining ring */
static struct pipe_read main_read, idle_read;
static bool main_is_busy;
static _Atomic unsigned num_old_reads, num_main_reads, num_messages;
static _Atomic bool ready, drained;
static _Atomic int mode_rc = 1;

static void pipe_read_begin(struct pipe_read *read)
{
	io_uring_prep_read(ebb_uring_sqe(&read->op, EBB_URING_OTHER), read->fds[0], &read->byte, 1,
			   0);
}

static void old_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	(void)op;
	(void)flags;
	ck_assert_int_eq(res, 1);
	atomic_fetch_add(&num_old_reads, 1);
}

static void main_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct pipe_read *read = ebb_container_of(op, struct pipe_read, op);

	(void)flags;
	if (res == 1) {
		atomic_fetch_add(&num_main_reads, 1);
		pipe_read_begin(read);
	}
}

static void pipe_read_open(struct pipe_read *read,
			   void (*complete)(struct ebb_uring_op *op, int32_t res, uint32_t flags))
{
	ck_assert_int_eq(pipe(read->fds), 0);
	read->op.complete = complete;
}

static void stop(void *arg)
{
	(void)arg;
	atomic_store(&drained, event_reactors[0].urings.draining == NULL);
	ebb_uring_cancel(&main_read.op);
	ebb_uring_cancel(&idle_read.op);
	event_framework_stop();
}

static void on_message(void *arg)
{
	(void)arg;
	atomic_fetch_add(&num_messages, 1);
}

/* A turn later, so that the old ring has been submitted, and perhaps slept in. */
static void change_main(void *arg)
{
	(void)arg;
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	if (main_is_busy) {
		pipe_read_begin(&main_read);
		pipe_read_begin(&idle_read);
	}
	atomic_store(&ready, true);
}

static void begin(void *arg)
{
	(void)arg;
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pipe_read_begin(&old_reads[i]);
	}
}

static void setup(void)
{
	need_uring(IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
	ebb_log_set_print_level(EBB_LOG_ERROR);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pipe_read_open(&old_reads[i], old_complete);
	}
	pipe_read_open(&main_read, main_complete);
	pipe_read_open(&idle_read, main_complete);
}

static void wait_count(_Atomic unsigned *counter, unsigned wanted)
{
	while (atomic_load(counter) < wanted) {
		sched_yield();
	}
}

static void begin_asleep(void)
{
	ebb_thread_send_msg(ebb_thread_app(), begin, NULL);
	stepper_wait_asleep(0);
	ebb_thread_send_msg(ebb_thread_app(), change_main, NULL);
	while (!atomic_load(&ready)) {
		sched_yield();
	}
}

static void run(enum ebb_reactor_mode mode, bool busy, void *(*waker)(void *))
{
	struct event_framework_opts opts = {.mode = mode, .spin_us_max = 20, .roam = true};
	pthread_t pthread;

	main_is_busy = busy;
	CPU_SET(0, &opts.cpus);
	ck_assert_int_eq(event_framework_init(&opts), 0);
	ck_assert_int_eq(pthread_create(&pthread, NULL, waker, NULL), 0);
	ck_assert_int_eq(event_framework_run(), 0);
	pthread_join(pthread, NULL);
	event_framework_fini();
	ck_assert(atomic_load(&drained));
}

static void end(void)
{
	ebb_thread_send_msg(ebb_thread_app(), stop, NULL);
}

static void *wake_by_old(void *arg)
{
	begin_asleep();
	for (unsigned i = 0; i < ROUNDS; i++) {
		stepper_wait_asleep(0);
		ck_assert_int_eq(write(old_reads[i].fds[1], "x", 1), 1);
		wait_count(&num_old_reads, i + 1);
	}
	end();
	return arg;
}

START_TEST(test_old_in_epoll)
{
	run(EBB_REACTOR_INTERRUPT, false, wake_by_old);
}
END_TEST

START_TEST(test_old_in_main)
{
	run(EBB_REACTOR_INTERRUPT, true, wake_by_old);
}
END_TEST

static void *wake_by_turns(void *arg)
{
	static const unsigned order[] = {0, 1, 2, 0, 2, 1, 1, 0, 0, 2, 2};
	unsigned done[3] = {0};

	begin_asleep();
	for (unsigned i = 0; done[0] < ROUNDS; i++) {
		unsigned what = order[i % EBB_ARRAY_SIZE(order)];

		if (i % 3 == 0) {
			stepper_wait_asleep(0);
		}
		done[what]++;
		if (what == 0) {
			ck_assert_int_eq(write(old_reads[done[0] - 1].fds[1], "x", 1), 1);
			wait_count(&num_old_reads, done[0]);
		} else if (what == 1) {
			ck_assert_int_eq(write(main_read.fds[1], "x", 1), 1);
			wait_count(&num_main_reads, done[1]);
		} else {
			ebb_thread_send_msg(ebb_thread_app(), on_message, NULL);
			wait_count(&num_messages, done[2]);
		}
	}
	end();
	return arg;
}

START_TEST(test_by_turns)
{
	run(EBB_REACTOR_INTERRUPT, true, wake_by_turns);
}
END_TEST

START_TEST(test_by_turns_adaptive)
{
	run(EBB_REACTOR_ADAPTIVE, true, wake_by_turns);
}
END_TEST

static void mode_done(void *arg, int rc)
{
	(void)arg;
	atomic_store(&mode_rc, rc);
}

static void change_mode(void *arg)
{
	ebb_reactor_set_mode(0, *(enum ebb_reactor_mode *)arg, 0, mode_done, NULL);
}

static void *wake_with_mode_changes(void *arg)
{
	begin_asleep();
	for (unsigned i = 0; i < ROUNDS; i++) {
		enum ebb_reactor_mode mode = (enum ebb_reactor_mode)(i % EBB_REACTOR_MODE_COUNT);

		atomic_store(&mode_rc, 1);
		ebb_thread_send_msg(ebb_thread_app(), change_mode, &mode);
		ck_assert_int_eq(write(old_reads[i].fds[1], "x", 1), 1);
		ck_assert_int_eq(write(main_read.fds[1], "x", 1), 1);
		wait_count(&num_old_reads, i + 1);
		wait_count(&num_main_reads, i + 1);
		while (atomic_load(&mode_rc) == 1) {
			sched_yield();
		}
		ck_assert_int_eq(atomic_load(&mode_rc), 0);
	}
	end();
	return arg;
}

START_TEST(test_mode_changes)
{
	run(EBB_REACTOR_INTERRUPT, true, wake_with_mode_changes);
}
END_TEST

static uint64_t idle_turns = UINT64_MAX;

static void *watch_idle(void *arg)
{
	struct ebb_reactor_stats before, after;

	begin_asleep();
	ck_assert_int_eq(write(old_reads[0].fds[1], "x", 1), 1);
	wait_count(&num_old_reads, 1);
	stepper_wait_asleep(0);
	ck_assert_int_eq(ebb_reactor_get_stats(0, &before), 0);
	usleep(20000);
	ck_assert_int_eq(ebb_reactor_get_stats(0, &after), 0);
	idle_turns = after.turns - before.turns;
	for (unsigned i = 1; i < ROUNDS; i++) {
		ck_assert_int_eq(write(old_reads[i].fds[1], "x", 1), 1);
	}
	wait_count(&num_old_reads, ROUNDS);
	end();
	return arg;
}

/* With requests outstanding in both rings, and nothing to do, it is really asleep. */
START_TEST(test_idle)
{
	run(EBB_REACTOR_INTERRUPT, true, watch_idle);
	ck_assert_uint_le(idle_turns, 5);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(test_old_in_epoll),
		UNIT_TEST(test_old_in_main),
		UNIT_TEST(test_by_turns),
		UNIT_TEST(test_by_turns_adaptive),
		UNIT_TEST(test_mode_changes),
		UNIT_TEST(test_idle),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
