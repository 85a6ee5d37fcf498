/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A thread that moves between two reactors which run on OS threads of their own and really sleep,
 * while others wake it by every means there is. Nothing may be lost, and nothing of it may run on
 * the reactor that it has left. Check bounds the waiting.
 */

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/log.h>
#include <ebb/poller.h>

#include "core/event/framework.h"
#include "core/event/reactor.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define MOVES    100
#define MESSAGES 3000
#define SIGNALS  300

static struct ebb_thread *worker;
static struct ebb_poller *source, *timer;
static int fd;
static _Atomic unsigned num_messages, num_fired;
static unsigned num_moves, num_timer_runs;
static pthread_t senders[2];

/* The OS thread that runs this must be the one whose reactor the worker names. */
static void check_place(void)
{
	ck_assert_ptr_eq(ebb_thread_current(), worker);
	ck_assert_int_eq(ebb_reactor_current_core(), atomic_load(&worker->reactor)->core);
}

static void on_message(void *number)
{
	check_place();
	ck_assert_uint_eq((uintptr_t)number, atomic_load(&num_messages));
	atomic_fetch_add(&num_messages, 1);
}

static int on_source(void *arg)
{
	uint64_t count;

	(void)arg;
	check_place();
	if (read(fd, &count, sizeof(count)) != sizeof(count)) {
		return 0;
	}
	atomic_fetch_add(&num_fired, (unsigned)count);
	return 1;
}

static int on_timer(void *arg)
{
	(void)arg;
	check_place();
	num_timer_runs++;
	return 0;
}

static void *send_messages(void *arg)
{
	(void)arg;
	for (uintptr_t i = 0; i < MESSAGES; i++) {
		ck_assert_int_eq(ebb_thread_send_msg(worker, on_message, (void *)i), 0);
		if (i % 7 == 0) {
			/* Let it fall asleep now and then. */
			while (atomic_load(&num_messages) <= i) {
				sched_yield();
			}
		}
	}
	return NULL;
}

static void *fire_source(void *arg)
{
	uint64_t one = 1;

	(void)arg;
	for (unsigned i = 0; i < SIGNALS; i++) {
		ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
		while (atomic_load(&num_fired) <= i) {
			sched_yield();
		}
	}
	return NULL;
}

static void worker_end(void *arg)
{
	(void)arg;
	ebb_poller_unregister(&source);
	ebb_poller_unregister(&timer);
	ebb_thread_exit();
}

static void stop_when_done(void *arg)
{
	if (atomic_load(&num_messages) < MESSAGES || atomic_load(&num_fired) < SIGNALS) {
		ebb_thread_send_msg(ebb_thread_app(), stop_when_done, arg);
		return;
	}
	ebb_thread_send_msg(worker, worker_end, NULL);
	event_framework_stop();
}

static void moved(void *arg, int rc)
{
	ck_assert_int_eq(rc, 0);
	if (++num_moves < MOVES) {
		ebb_thread_move(worker, (int)(num_moves % 2), moved, arg);
	} else {
		stop_when_done(NULL);
	}
}

static void worker_begin(void *arg)
{
	struct ebb_poller_wake wake = {.fd = fd};

	(void)arg;
	source = ebb_poller_register_wake(on_source, NULL, &wake);
	timer = ebb_poller_register(on_timer, NULL, 300);
	ck_assert_ptr_nonnull(source);
	ck_assert_ptr_nonnull(timer);
}

static void begin(void *arg)
{
	ck_assert_int_eq(ebb_thread_create("worker", 0, &worker), 0);
	ebb_thread_send_msg(worker, worker_begin, NULL);
	ck_assert_int_eq(pthread_create(&senders[0], NULL, send_messages, NULL), 0);
	ck_assert_int_eq(pthread_create(&senders[1], NULL, fire_source, NULL), 0);
	ebb_thread_move(worker, 1, moved, arg);
}

START_TEST(test_moves_under_load)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_INTERRUPT, .roam = true};

	CPU_SET(0, &opts.cpus);
	CPU_SET(1, &opts.cpus);
	ebb_log_set_print_level(EBB_LOG_ERROR);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(event_framework_init(&opts), 0);
	ebb_thread_send_msg(ebb_thread_app(), begin, NULL);
	ck_assert_int_eq(event_framework_run(), 0);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(senders[i], NULL);
	}
	event_framework_fini();
	close(fd);
	ck_assert_uint_eq(num_moves, MOVES);
	ck_assert_uint_eq(atomic_load(&num_messages), MESSAGES);
	ck_assert_uint_eq(atomic_load(&num_fired), SIGNALS);
	ck_assert_uint_gt(num_timer_runs, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_moves_under_load),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
