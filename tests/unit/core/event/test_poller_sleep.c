/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller.h"
#include "core/event/poller_stats.h"

/*
 * The pollers' other face, run by event_reactor_run() itself. Nothing really sleeps here: what
 * shall end a sleep is brought about in arm(), the last thing before it, so that epoll_wait() finds
 * it. If it did not, the test would hang, and Check would end it.
 */

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

/* A source: an eventfd that the test fires from within arm(). */
struct origin {
	struct ebb_poller *poller;
	int fd;
	unsigned runs;
	unsigned arms;
	unsigned fire_at; /* which arm() fires the fd */
	unsigned busy_at; /* which arm() says that there is work */
	unsigned end_at;  /* which run ends the test */
	int interrupt;    /* what set_interrupt() said last; -1: nothing yet */
	unsigned num_interrupts;
	int interrupt_rc;
	bool drains;
};

static struct origin first, second;
static struct ebb_poller_stats at_end;
static char story[256];

static void tell(char letter)
{
	size_t len = strlen(story);

	ck_assert_uint_lt(len, sizeof(story) - 1);
	story[len] = letter;
	story[len + 1] = '\0';
}

/* Ends event_reactor_run(): the pollers go, then the threads. Runs on the app thread. */
static void end(void)
{
	if (first.poller != NULL) {
		event_poller_describe(first.poller, &at_end);
	}
	ebb_poller_unregister(&first.poller);
	ebb_poller_unregister(&second.poller);
	event_framework_stop();
}

static int run(void *arg)
{
	struct origin *origin = arg;
	uint64_t count;

	tell(origin == &first ? 'f' : 's');
	if (origin->drains && read(origin->fd, &count, sizeof(count)) < 0) {
		ck_assert_int_eq(errno, EAGAIN);
	}
	if (++origin->runs == origin->end_at) {
		end();
	}
	return 0;
}

static void fire(struct origin *origin)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(origin->fd, &one, sizeof(one)), sizeof(one));
}

static int arm(void *arg)
{
	struct origin *origin = arg;

	origin->arms++;
	tell(origin == &first ? '1' : '2');
	if (origin->arms == origin->busy_at) {
		return -EAGAIN;
	}
	if (origin->arms == origin->fire_at) {
		fire(origin);
	}
	return 0;
}

static int set_interrupt(void *arg, bool on)
{
	struct origin *origin = arg;

	origin->num_interrupts++;
	if (origin->interrupt_rc == 0) {
		origin->interrupt = on;
	}
	return origin->interrupt_rc;
}

static void join(struct origin *origin)
{
	struct ebb_poller_wake wake = {
		.fd = origin->fd,
		.set_interrupt = set_interrupt,
		.arm = arm,
	};

	origin->poller = ebb_poller_register_wake(run, origin, &wake);
}

static void setup(void)
{
	struct origin *const origins[] = {&first, &second};

	stepper_start();
	for (unsigned i = 0; i < 2; i++) {
		*origins[i] = (struct origin){
			.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			.interrupt = -1,
			.drains = true,
		};
		ck_assert_int_ge(origins[i]->fd, 0);
	}
	stepper_enter(ebb_thread_app());
}

static void teardown(void)
{
	if (!stepper_has_run()) {
		stepper_enter(ebb_thread_app());
		ebb_poller_unregister(&first.poller);
		ebb_poller_unregister(&second.poller);
		stepper_leave();
	}
	stepper_stop();
	close(first.fd);
	close(second.fd);
}

static void run_reactor(void)
{
	stepper_leave();
	stepper_run();
}

/* The first turn runs everything; after a sleep only that runs which has fired. */
START_TEST(test_only_fired_runs)
{
	first.fire_at = 1;
	first.end_at = 2;
	join(&first);
	join(&second);
	run_reactor();
	ck_assert_str_eq(story, "fs12f");
	ck_assert_uint_eq(second.runs, 1);
}
END_TEST

START_TEST(test_wake_is_counted)
{
	struct ebb_reactor_stats stats;

	first.fire_at = 1;
	first.end_at = 2;
	join(&first);
	run_reactor();
	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	ck_assert_uint_eq(stats.wakeups, 1);
	ck_assert_str_eq(stats.last_wake, "run");
	ck_assert(!stats.asleep);
}
END_TEST

/* arm() finds work: no sleep, and the next turn runs every poller again. */
START_TEST(test_arm_busy)
{
	second.busy_at = 1;
	second.end_at = 2;
	join(&first);
	join(&second);
	run_reactor();
	ck_assert_str_eq(story, "fs12fs");
}
END_TEST

/* The first that has work ends the arming. */
START_TEST(test_arm_busy_first)
{
	first.busy_at = 1;
	first.end_at = 2;
	join(&first);
	join(&second);
	run_reactor();
	ck_assert_str_eq(story, "fs1f");
}
END_TEST

static void unregister_first(void *arg)
{
	(void)arg;
	tell('u');
	ebb_poller_unregister(&first.poller);
	close(first.fd);
	first.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int arm_fire_and_send(void *arg)
{
	tell('!');
	fire(arg);
	ebb_thread_send_msg(ebb_thread_app(), unregister_first, NULL);
	fire(&second);
	return 0;
}

/* Fired, but unregistered by a message before it could run: it does not run any more. */
START_TEST(test_unregister_fired)
{
	struct ebb_poller_wake wake = {.fd = first.fd, .arm = arm_fire_and_send};

	second.end_at = 2;
	first.poller = ebb_poller_register_wake(run, &first, &wake);
	join(&second);
	run_reactor();
	ck_assert_uint_eq(first.runs, 1);
	ck_assert_str_eq(story, "fs!2us");
}
END_TEST

/* A source that is not drained keeps firing, and each wake runs it again. */
START_TEST(test_level_triggered)
{
	first.fire_at = 1;
	first.end_at = 4;
	first.drains = false;
	join(&first);
	run_reactor();
	ck_assert_uint_eq(first.runs, 4);
	ck_assert_uint_eq(first.arms, 3);
}
END_TEST

/* A paused poller neither fires nor arms; its source is out of the set. */
START_TEST(test_paused_does_not_fire)
{
	second.fire_at = 1;
	second.end_at = 2;
	join(&first);
	join(&second);
	ebb_poller_pause(first.poller);
	fire(&first);
	run_reactor();
	ck_assert_str_eq(story, "s2s");
}
END_TEST

/* Resumed, it fires for what came meanwhile. */
START_TEST(test_resumed_fires)
{
	second.fire_at = 1;
	first.end_at = 1;
	join(&first);
	ebb_poller_pause(first.poller);
	fire(&first);
	ebb_poller_resume(first.poller);
	run_reactor();
	ck_assert_uint_eq(first.runs, 1);
}
END_TEST

/* Counters keep running while the reactor sleeps between. */
START_TEST(test_counters)
{
	first.fire_at = 1;
	first.drains = false;
	first.end_at = 5;
	join(&first);
	run_reactor();
	ck_assert_uint_eq(at_end.run_count, 4); /* the fifth was under way */
	ck_assert_uint_eq(at_end.wake_count, 4);
	ck_assert(!at_end.blocks_sleep);
}
END_TEST

/* In a reactor that may sleep the source is told so at once, and only then. */
START_TEST(test_register_interrupt)
{
	join(&first);
	ck_assert_ptr_nonnull(first.poller);
	ck_assert_int_eq(first.interrupt, true);
	ck_assert_uint_eq(first.num_interrupts, 1);
	ebb_poller_pause(first.poller);
	ebb_poller_resume(first.poller);
	ck_assert_uint_eq(first.num_interrupts, 1);
}
END_TEST

START_TEST(test_register_refused)
{
	struct ebb_poller_wake wake = {.fd = 12345};

	first.interrupt_rc = -EIO;
	join(&first);
	ck_assert_ptr_null(first.poller);
	ck_assert_uint_eq(log_count("'run' of thread 'app_thread' cannot be registered"), 1);
	ck_assert_ptr_null(ebb_poller_register_wake(run, &first, &wake));
	/* Nothing is left of it: the fd may be watched by another. */
	first.interrupt_rc = 0;
	join(&first);
	ck_assert_ptr_nonnull(first.poller);
}
END_TEST

/* A period and a wake source are two answers to one question. */
START_TEST(test_register_both)
{
	struct ebb_poller_wake wake = {.fd = first.fd};

	ck_assert_ptr_null(ebb_poller_register_named(run, &first, 1000, &wake, "both"));
	ck_assert_uint_eq(log_count("'both'"), 1);
	ck_assert_uint_eq(ebb_thread_app()->num_timed, 0);
}
END_TEST

/* Whoever unregisters may close the fd at once, and the next may have its number. */
START_TEST(test_fd_reused)
{
	int fd = first.fd;

	join(&first);
	ebb_poller_unregister(&first.poller);
	close(fd);
	ck_assert_int_eq(dup2(second.fd, fd), fd);
	join(&first);
	ck_assert_ptr_nonnull(first.poller);
}
END_TEST

/* A source without an fd: something else wakes the reactor for it, and it does not block. */
START_TEST(test_no_fd)
{
	close(first.fd);
	first.fd = -1;
	first.drains = false;
	join(&first);
	second.fire_at = 1;
	second.end_at = 2;
	join(&second);
	run_reactor();
	ck_assert_str_eq(story, "fs12s");
	first.fd = eventfd(0, EFD_CLOEXEC);
}
END_TEST

static int run_plain(void *arg)
{
	(void)arg;
	tell('p');
	if (strlen(story) == 6) {
		ebb_poller_unregister(&second.poller);
		end();
	}
	return 0;
}

static unsigned num_blockers;

static void check_blocker(const char *thread, const char *poller, const char *reason, void *arg)
{
	(void)arg;
	num_blockers++;
	ck_assert_str_eq(thread, "app_thread");
	ck_assert_str_eq(poller, "run_plain");
	ck_assert_ptr_nonnull(strstr(reason, "no wake source"));
}

/* One without any source keeps the reactor awake, by name. */
START_TEST(test_blocker)
{
	join(&first);
	second.poller = ebb_poller_register(run_plain, NULL, 0);
	ebb_reactor_for_each_blocker(check_blocker, NULL);
	ck_assert_uint_eq(num_blockers, 1);
	ck_assert_uint_eq(ebb_thread_app()->num_blocking, 1);
	run_reactor();
	ck_assert_str_eq(story, "fpfpfp");
}
END_TEST

/* … as long as it runs. */
START_TEST(test_blocker_rests)
{
	join(&first);
	second.poller = ebb_poller_register(run_plain, NULL, 0);
	ebb_poller_pause(second.poller);
	ck_assert_uint_eq(ebb_thread_app()->num_blocking, 0);
	ebb_poller_resume(second.poller);
	ck_assert_uint_eq(ebb_thread_app()->num_blocking, 1);
	ebb_poller_unregister(&second.poller);
	ck_assert_uint_eq(ebb_thread_app()->num_blocking, 0);
}
END_TEST

static void paused_blocker_end(void *arg)
{
	(void)arg;
	end();
}

/* Paused, it does not; the reactor sleeps until the message that arm() sends. */
static int arm_send_end(void *arg)
{
	(void)arg;
	tell('!');
	ebb_thread_send_msg(ebb_thread_app(), paused_blocker_end, NULL);
	return 0;
}

START_TEST(test_paused_blocker)
{
	struct ebb_poller_wake wake = {.fd = first.fd, .arm = arm_send_end};
	struct ebb_reactor_stats stats;

	first.poller = ebb_poller_register_wake(run, &first, &wake);
	second.poller = ebb_poller_register(run_plain, NULL, 0);
	ebb_poller_pause(second.poller);
	run_reactor();
	ck_assert_str_eq(story, "f!");
	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	ck_assert_str_eq(stats.last_wake, "message");
}
END_TEST

static _Atomic unsigned readings;

static int run_timed(void *arg)
{
	(void)arg;
	end();
	return 1;
}

static uint64_t lagging_clock(void)
{
	/* Behind for as many readings as it takes to sleep and wake a few times in vain. */
	return atomic_fetch_add(&readings, 1) < 39 ? EBB_NS_PER_S : 2 * EBB_NS_PER_S;
}

/*
 * The timerfd expires when by the reactor's clock nothing is due yet: it must be armed again, or
 * the timer is lost. (These tests' clock is in the kernel's past, so every timerfd expires at
 * once.)
 */
START_TEST(test_clock_lags)
{
	struct ebb_reactor_stats stats;

	ebb_clock_set_source(lagging_clock);
	first.poller = ebb_poller_register(run_timed, NULL, 500000);
	run_reactor();
	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	ck_assert_uint_ge(stats.wakeups, 2);
	ck_assert_str_eq(stats.last_wake, "timer");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_only_fired_runs),
		UNIT_TEST(test_wake_is_counted),
		UNIT_TEST(test_arm_busy),
		UNIT_TEST(test_arm_busy_first),
		UNIT_TEST(test_unregister_fired),
		UNIT_TEST(test_level_triggered),
		UNIT_TEST(test_paused_does_not_fire),
		UNIT_TEST(test_resumed_fires),
		UNIT_TEST(test_counters),
		UNIT_TEST(test_register_interrupt),
		UNIT_TEST(test_register_refused),
		UNIT_TEST(test_register_both),
		UNIT_TEST(test_fd_reused),
		UNIT_TEST(test_no_fd),
		UNIT_TEST(test_blocker),
		UNIT_TEST(test_blocker_rests),
		UNIT_TEST(test_paused_blocker),
		UNIT_TEST(test_clock_lags),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
