/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/framework.h"

/*
 * Reactors that run by themselves, really asleep on OS threads of their own. What is waited for
 * here is bounded by Check, which ends a test that hangs, as a lost wakeup would make it.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/log.h>
#include <ebb/uring.h>

#include "core/event/poller.h"
#include "core/event/reactor.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct event_framework_opts opts;

static void setup(void)
{
	ebb_log_set_print_level(EBB_LOG_ERROR);
	memset(&opts, 0, sizeof(opts));
	opts.mode = EBB_REACTOR_INTERRUPT;
	opts.roam = true;
	/* Two reactors, even on a single CPU: they may roam. */
	CPU_SET(0, &opts.cpus);
	CPU_SET(1, &opts.cpus);
}

static void init(void)
{
	ck_assert_int_eq(event_framework_init(&opts), 0);
	ck_assert_ptr_nonnull(ebb_thread_app());
}

static void stop(void *arg)
{
	(void)arg;
	event_framework_stop();
}

static void drop_line(enum ebb_log_level level, const char *component, const char *text)
{
	(void)level;
	(void)component;
	(void)text;
}

static unsigned open_fds(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	return count;
}

/* Again and again in one process, and nothing is left behind. */
START_TEST(test_start_stop_start)
{
	unsigned before = open_fds();

	for (unsigned i = 0; i < 20; i++) {
		init();
		ebb_thread_send_msg(ebb_thread_app(), stop, NULL);
		ck_assert_int_eq(event_framework_run(), 0);
		event_framework_fini();
		ck_assert_ptr_null(ebb_thread_app());
		ck_assert_int_eq(ebb_reactor_core(0), -1);
	}
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

/* Initialised and given up before it ran. */
START_TEST(test_init_fini)
{
	unsigned before = open_fds();

	for (unsigned i = 0; i < 3; i++) {
		init();
		event_framework_fini();
	}
	init();
	ebb_thread_send_msg(ebb_thread_app(), stop, NULL);
	ck_assert_int_eq(event_framework_run(), 0);
	event_framework_fini();
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

/* Every fd that making the reactors takes may be the one that is not to be had. */
START_TEST(test_no_fds)
{
	unsigned before = open_fds(), failures = 0;
	struct rlimit limit, low;

	ebb_log_set_print_level(EBB_LOG_ERROR);
	ebb_log_set_sink(drop_line);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	for (unsigned fds = 0; fds < 100; fds++) {
		int rc;

		low.rlim_cur = fds;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
		rc = event_framework_init(&opts);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		if (rc == 0) {
			event_framework_fini();
			break;
		}
		ck_assert_int_eq(rc, -EMFILE);
		failures++;
		ck_assert_uint_eq(open_fds(), before);
		ck_assert_ptr_null(ebb_thread_app());
	}
	ebb_log_set_sink(NULL);
	ck_assert_uint_ge(failures, 5);
	ck_assert_uint_lt(failures, 100);
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

static struct ebb_thread *workers[6];
static _Atomic unsigned num_messages;

static void note_message(void *arg)
{
	(void)arg;
	atomic_fetch_add(&num_messages, 1);
}

static void create_workers(void *arg)
{
	char name[16];

	(void)arg;
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "worker%u", i);
		ck_assert_int_eq(ebb_thread_create(name, EBB_CORE_ANY, &workers[i]), 0);
		ck_assert_int_eq(ebb_thread_send_msg(workers[i], note_message, NULL), 0);
	}
}

static char left_names[512];

static void note_left(enum ebb_log_level level, const char *component, const char *text)
{
	(void)component;
	if (level == EBB_LOG_WARN && strstr(text, "still lives at shutdown") != NULL) {
		size_t len = strlen(left_names);

		snprintf(left_names + len, sizeof(left_names) - len, "%s\n", text);
	}
}

static void stop_and_create(void *arg)
{
	struct ebb_thread *late;

	event_framework_stop();
	*(int *)arg = ebb_thread_create("late", EBB_CORE_ANY, &late);
}

/* Threads still alive at shutdown are named, told to exit, and the process ends all the same. */
START_TEST(test_left_threads)
{
	int create_rc = 0;

	init();
	ebb_log_set_print_level(EBB_LOG_WARN);
	ebb_log_set_sink(note_left);
	ebb_thread_send_msg(ebb_thread_app(), create_workers, NULL);
	ebb_thread_send_msg(ebb_thread_app(), stop_and_create, &create_rc);
	ck_assert_int_eq(event_framework_run(), 0);
	event_framework_fini();
	ebb_log_set_sink(NULL);
	ck_assert_uint_eq(atomic_load(&num_messages), 6);
	ck_assert_int_eq(create_rc, -ESHUTDOWN);
	for (unsigned i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "'worker%u'", i);
		ck_assert_msg(strstr(left_names, name) != NULL, "%s is not named", name);
	}
}
END_TEST

/* Asleep, a reactor is woken by whatever is sent to it, from any OS thread, each time. */
static void *send_to_sleepers(void *arg)
{
	(void)arg;
	while (atomic_load(&num_messages) < 6) {
		sched_yield(); /* they are being created */
	}
	for (unsigned i = 0; i < 50; i++) {
		struct ebb_thread *worker = workers[i % 2];

		stepper_wait_asleep(atomic_load(&worker->reactor)->core);
		ck_assert_int_eq(ebb_thread_send_msg(worker, note_message, NULL), 0);
		while (atomic_load(&num_messages) < 7 + i) {
			sched_yield();
		}
	}
	ebb_thread_send_msg(ebb_thread_app(), stop, NULL);
	return NULL;
}

START_TEST(test_wakes_sleepers)
{
	pthread_t sender;

	init();
	ebb_thread_send_msg(ebb_thread_app(), create_workers, NULL);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_to_sleepers, NULL), 0);
	ck_assert_int_eq(event_framework_run(), 0);
	pthread_join(sender, NULL);
	event_framework_fini();
	ck_assert_uint_eq(atomic_load(&num_messages), 56);
}
END_TEST

static sigset_t blocked[2];

static void note_blocked(void *set)
{
	pthread_sigmask(SIG_SETMASK, NULL, set);
}

static void note_blocked_all(void *arg)
{
	struct ebb_thread *second;

	(void)arg;
	note_blocked(&blocked[0]);
	ck_assert_int_eq(ebb_thread_create("second", 1, &second), 0);
	ck_assert_int_eq(ebb_thread_send_msg(second, note_blocked, &blocked[1]), 0);
	event_framework_stop();
}

/* Signals find the OS thread that called event_framework_run(), and no other. */
START_TEST(test_signals)
{
	init();
	ebb_thread_send_msg(ebb_thread_app(), note_blocked_all, NULL);
	ck_assert_int_eq(event_framework_run(), 0);
	event_framework_fini();
	ck_assert_int_eq(sigismember(&blocked[0], SIGTERM), 0);
	ck_assert_int_eq(sigismember(&blocked[1], SIGTERM), 1);
	ck_assert_int_eq(sigismember(&blocked[1], SIGINT), 1);
}
END_TEST

static struct ebb_poller *tick;
static unsigned num_ticks;

static int run_tick(void *arg)
{
	(void)arg;
	if (++num_ticks == 20) {
		ebb_poller_unregister(&tick);
		event_framework_stop();
	}
	return 0;
}

static void begin_ticks(void *arg)
{
	(void)arg;
	tick = ebb_poller_register(run_tick, NULL, 2000);
}

/* Timers by the kernel's clock and a real timerfd. */
START_TEST(test_timer)
{
	struct ebb_reactor_stats stats;
	uint64_t begun_ns;

	init();
	ebb_thread_send_msg(ebb_thread_app(), begin_ticks, NULL);
	begun_ns = ebb_clock_now_ns();
	ck_assert_int_eq(event_framework_run(), 0);
	ck_assert_uint_ge(ebb_clock_now_ns() - begun_ns, 20 * 2 * EBB_NS_PER_MS);
	ck_assert_int_eq(ebb_reactor_get_stats(ebb_reactor_core(0), &stats), 0);
	ck_assert_uint_ge(stats.wakeups, 10); /* one may find it just awake */
	event_framework_fini();
	ck_assert_uint_eq(num_ticks, 20);
}
END_TEST

static struct ebb_uring_op ring_op;
static int ring_pipe[2];
static char ring_byte;
static _Atomic unsigned ring_completions;
static int uring_rc;

static void ring_read(void)
{
	io_uring_prep_read(ebb_uring_sqe(&ring_op, EBB_URING_OTHER), ring_pipe[0], &ring_byte, 1,
			   0);
}

static void ring_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	(void)op;
	(void)flags;
	ck_assert_int_eq(res, 1);
	if (atomic_fetch_add(&ring_completions, 1) == 19) {
		event_framework_stop();
	} else {
		ring_read();
	}
}

static void begin_ring(void *arg)
{
	(void)arg;
	uring_rc = ebb_uring_open(EBB_URING_PLAIN);
	if (uring_rc != 0) {
		event_framework_stop();
		return;
	}
	ring_op.complete = ring_complete;
	ring_read();
}

static void *write_to_sleeper(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 20; i++) {
		stepper_wait_asleep(0);
		ck_assert_int_eq(write(ring_pipe[1], "x", 1), 1);
		while (atomic_load(&ring_completions) <= i) {
			sched_yield();
		}
	}
	return NULL;
}

/* A completion wakes a reactor that sleeps, by the ring's eventfd. */
START_TEST(test_uring_wakes)
{
	struct ebb_reactor_stats stats;
	pthread_t writer;

	ck_assert_int_eq(pipe(ring_pipe), 0);
	init();
	ebb_thread_send_msg(ebb_thread_app(), begin_ring, NULL);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_to_sleeper, NULL), 0);
	ck_assert_int_eq(event_framework_run(), 0);
	pthread_join(writer, NULL);
	ck_assert_int_eq(uring_rc, 0);
	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	ck_assert_uint_ge(stats.wakeups, 10); /* one may find it just awake */
	event_framework_fini();
	ck_assert_uint_eq(atomic_load(&ring_completions), 20);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),    UNIT_TEST(test_start_stop_start),
		UNIT_TEST(test_init_fini),    UNIT_TEST(test_no_fds),
		UNIT_TEST(test_left_threads), UNIT_TEST(test_wakes_sleepers),
		UNIT_TEST(test_signals),      UNIT_TEST(test_timer),
		UNIT_TEST(test_uring_wakes),  UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
