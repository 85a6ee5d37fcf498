/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reactor that sleeps with a request outstanding in its io_uring, one that never completes by
 * itself: whatever wakes a reactor must wake this one, each time. Real OS threads, really asleep;
 * Check ends a test that hangs, as a lost wakeup would make it.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/log.h>
#include <ebb/uring.h>

#include "core/event/poller.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define ROUNDS 60

static struct ebb_uring_op idle_op, busy_op;
static int idle_pipe[2], busy_pipe[2], wake_fd;
static char idle_byte, busy_byte;
static struct ebb_poller *source, *timer;
static _Atomic unsigned num_messages, num_reads, num_fired, num_ticks;
static int idle_res;
static _Atomic bool ready;
static uint64_t plan_sleep_ns, plan_look_ns; /* of the tests with a plan */

static void stop(void *arg)
{
	(void)arg;
	ebb_poller_unregister(&source);
	ebb_poller_unregister(&timer);
	ebb_uring_cancel(&idle_op);
	ebb_uring_cancel(&busy_op);
	event_framework_stop();
}

static void on_message(void *arg)
{
	(void)arg;
	atomic_fetch_add(&num_messages, 1);
}

static int on_source(void *arg)
{
	uint64_t count;

	(void)arg;
	if (read(wake_fd, &count, sizeof(count)) != sizeof(count)) {
		return 0;
	}
	atomic_fetch_add(&num_fired, (unsigned)count);
	return 1;
}

static int on_tick(void *arg)
{
	(void)arg;
	atomic_fetch_add(&num_ticks, 1);
	return 0;
}

static void idle_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	(void)op;
	(void)flags;
	idle_res = res;
}

static void busy_read(void)
{
	io_uring_prep_read(ebb_uring_sqe(&busy_op, EBB_URING_OTHER), busy_pipe[0], &busy_byte, 1,
			   0);
}

static void busy_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	(void)op;
	(void)flags;
	if (res == 1) {
		atomic_fetch_add(&num_reads, 1);
		busy_read();
	}
}

static void plan_set(void *arg, int rc)
{
	(void)arg;
	ck_assert_int_eq(rc, 0);
	atomic_store(&ready, true);
}

static void begin(void *arg)
{
	struct ebb_poller_wake wake = {.fd = wake_fd};
	const uint64_t *period_us = arg;

	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	idle_op.complete = idle_complete;
	busy_op.complete = busy_complete;
	io_uring_prep_read(ebb_uring_sqe(&idle_op, EBB_URING_OTHER), idle_pipe[0], &idle_byte, 1,
			   0);
	busy_read();
	source = ebb_poller_register_wake(on_source, NULL, &wake);
	if (*period_us != 0) {
		timer = ebb_poller_register(on_tick, NULL, *period_us);
	}
	if (plan_look_ns != 0) {
		ebb_reactor_set_plan(0, plan_sleep_ns, plan_look_ns, plan_set, NULL);
	} else {
		atomic_store(&ready, true);
	}
}

static void setup(void)
{
	need_uring(0);
	ebb_log_set_print_level(EBB_LOG_ERROR);
	ck_assert_int_eq(pipe(idle_pipe), 0);
	ck_assert_int_eq(pipe(busy_pipe), 0);
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(wake_fd, 0);
}

static void wait_count(_Atomic unsigned *counter, unsigned wanted)
{
	while (atomic_load(counter) < wanted) {
		sched_yield();
	}
}

static void wait_ready(void)
{
	while (!atomic_load(&ready)) {
		sched_yield();
	}
}

/* Runs a reactor in @mode with requests outstanding, while @waker does what it does. */
static void run(enum ebb_reactor_mode mode, uint64_t period_us, void *(*waker)(void *))
{
	struct event_framework_opts opts = {.mode = mode, .spin_us_max = 20, .roam = true};
	pthread_t pthread;

	CPU_SET(0, &opts.cpus);
	ck_assert_int_eq(event_framework_init(&opts), 0);
	ebb_thread_send_msg(ebb_thread_app(), begin, &period_us);
	ck_assert_int_eq(pthread_create(&pthread, NULL, waker, NULL), 0);
	ck_assert_int_eq(event_framework_run(), 0);
	pthread_join(pthread, NULL);
	event_framework_fini();
	ck_assert_int_eq(idle_res, -ECANCELED);
}

static void end(void)
{
	ebb_thread_send_msg(ebb_thread_app(), stop, NULL);
}

static void *wake_by_messages(void *arg)
{
	wait_ready();
	for (unsigned i = 1; i <= ROUNDS; i++) {
		stepper_wait_asleep(0);
		ebb_thread_send_msg(ebb_thread_app(), on_message, NULL);
		wait_count(&num_messages, i);
	}
	end();
	return arg;
}

START_TEST(test_messages)
{
	run(EBB_REACTOR_INTERRUPT, 0, wake_by_messages);
}
END_TEST

static void *wake_by_source(void *arg)
{
	uint64_t one = 1;

	wait_ready();
	for (unsigned i = 1; i <= ROUNDS; i++) {
		stepper_wait_asleep(0);
		ck_assert_int_eq(write(wake_fd, &one, sizeof(one)), sizeof(one));
		wait_count(&num_fired, i);
	}
	end();
	return arg;
}

START_TEST(test_source)
{
	run(EBB_REACTOR_INTERRUPT, 0, wake_by_source);
}
END_TEST

static void *wake_by_completion(void *arg)
{
	wait_ready();
	for (unsigned i = 1; i <= ROUNDS; i++) {
		stepper_wait_asleep(0);
		ck_assert_int_eq(write(busy_pipe[1], "x", 1), 1);
		wait_count(&num_reads, i);
	}
	end();
	return arg;
}

START_TEST(test_completion)
{
	run(EBB_REACTOR_INTERRUPT, 0, wake_by_completion);
}
END_TEST

static void *wait_for_ticks(void *arg)
{
	wait_ready();
	wait_count(&num_ticks, ROUNDS);
	end();
	return arg;
}

START_TEST(test_timer)
{
	run(EBB_REACTOR_INTERRUPT, 1000, wait_for_ticks);
}
END_TEST

/* Each by turns, so that every way of waking follows every other. */
static void *wake_by_turns(void *arg)
{
	static const unsigned order[] = {0, 1, 2, 0, 2, 1, 1, 0, 0, 2, 2};
	unsigned done[3] = {0};
	uint64_t one = 1;

	wait_ready();
	for (unsigned i = 0; i < 3 * ROUNDS; i++) {
		unsigned what = order[i % EBB_ARRAY_SIZE(order)];

		if (i % 3 == 0) {
			stepper_wait_asleep(0);
		}
		done[what]++;
		if (what == 0) {
			ebb_thread_send_msg(ebb_thread_app(), on_message, NULL);
			wait_count(&num_messages, done[0]);
		} else if (what == 1) {
			ck_assert_int_eq(write(wake_fd, &one, sizeof(one)), sizeof(one));
			wait_count(&num_fired, done[1]);
		} else {
			ck_assert_int_eq(write(busy_pipe[1], "x", 1), 1);
			wait_count(&num_reads, done[2]);
		}
	}
	end();
	return arg;
}

START_TEST(test_by_turns)
{
	run(EBB_REACTOR_INTERRUPT, 300, wake_by_turns);
}
END_TEST

START_TEST(test_by_turns_adaptive)
{
	run(EBB_REACTOR_ADAPTIVE, 300, wake_by_turns);
}
END_TEST

static void run_plan(uint64_t sleep_ns, uint64_t look_ns, void *(*waker)(void *))
{
	plan_sleep_ns = sleep_ns;
	plan_look_ns = look_ns;
	run(EBB_REACTOR_INTERRUPT, waker == wake_by_turns ? 300 : 0, waker);
}

/* A sleep with a bound is ended by all that ends one without. */
START_TEST(test_by_turns_bounded)
{
	run_plan(3600 * EBB_NS_PER_S, 7200 * EBB_NS_PER_S, wake_by_turns);
}
END_TEST

START_TEST(test_by_turns_plan)
{
	run_plan(30 * EBB_NS_PER_US, 60 * EBB_NS_PER_US, wake_by_turns);
}
END_TEST

/*
 * And by its bound, where nothing else comes. A reactor that was kept from running meanwhile may find
 * that the bound, or the look too, has passed before it could sleep: then it is given another wait.
 */
static void *wait_for_bound(void *arg)
{
	struct ebb_reactor_stats stats;
	unsigned sent = 0;

	wait_ready();
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned looks = 0;

		do {
			if (looks++ % 20 == 0) {
				ebb_thread_send_msg(ebb_thread_app(), on_message, NULL);
				wait_count(&num_messages, ++sent);
			}
			usleep(500);
			ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
		} while (strcmp(stats.last_wake, "timeout") != 0);
	}
	end();
	return arg;
}

START_TEST(test_bound)
{
	run_plan(200 * EBB_NS_PER_US, 210 * EBB_NS_PER_US, wait_for_bound);
}
END_TEST

static uint64_t idle_turns = UINT64_MAX;

static void *watch_idle(void *arg)
{
	struct ebb_reactor_stats before, after;

	wait_ready();
	ck_assert_int_eq(write(busy_pipe[1], "x", 1), 1);
	wait_count(&num_reads, 1);
	ebb_thread_send_msg(ebb_thread_app(), on_message, NULL);
	wait_count(&num_messages, 1);
	stepper_wait_asleep(0);
	ck_assert_int_eq(ebb_reactor_get_stats(0, &before), 0);
	usleep(20000);
	ck_assert_int_eq(ebb_reactor_get_stats(0, &after), 0);
	idle_turns = after.turns - before.turns;
	end();
	return arg;
}

/* With nothing to do it is really asleep: its turns do not go on, but for the last one or two. */
START_TEST(test_idle)
{
	run(EBB_REACTOR_INTERRUPT, 0, watch_idle);
	ck_assert_uint_le(idle_turns, 5);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(test_messages),
		UNIT_TEST(test_source),
		UNIT_TEST(test_completion),
		UNIT_TEST(test_timer),
		UNIT_TEST(test_by_turns),
		UNIT_TEST(test_by_turns_adaptive),
		UNIT_TEST(test_by_turns_bounded),
		UNIT_TEST(test_by_turns_plan),
		UNIT_TEST(test_bound),
		UNIT_TEST(test_idle),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
