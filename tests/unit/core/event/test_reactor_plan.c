/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor.h"

/*
 * When a reactor sleeps, looks, and sleeps again by a plan. It runs by its own loop, and really
 * sleeps; what the clock of the test says of a sleep is for the test to say. A poller's arm() is
 * called before each sleep, and the next reading of the clock on this OS thread follows it.
 */

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/event/poller.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define US      EBB_NS_PER_US
#define HOUR_NS (3600 * EBB_NS_PER_S)
#define LOGGED  64

enum what {
	RUN,
	SLEEP,
};

/* What the reactor has done, and when: its time since work last ended. */
static struct {
	enum what what;
	uint64_t waited_ns;
} seen[LOGGED];
static unsigned num_seen, num_sleeps, num_works;

static struct ebb_poller *poller, *timed;
static int source_fd;
static unsigned end_at;    /* in which sleep, counted from 1, it is told to stop */
static unsigned end_run;   /* in which run; 0: in none */
static unsigned work_runs; /* so many runs of the poller do work */
static uint64_t sleep_takes_ns[8];
static uint64_t real_slept_ns[8];
static void (*in_sleep[8])(void); /* between arm() and the sleep itself */

static _Thread_local bool sleeping;
static uint64_t worked_at_ns, real_begin_ns;

static uint64_t real_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* The first reading after arm() is the one after the sleep. */
static uint64_t plan_now_ns(void)
{
	if (sleeping) {
		sleeping = false;
		real_slept_ns[num_sleeps - 1] = real_now_ns() - real_begin_ns;
		stepper_advance_us(sleep_takes_ns[num_sleeps - 1] / US);
	}
	return stepper_now_ns();
}

static void note(enum what what)
{
	ck_assert_uint_lt(num_seen, LOGGED);
	seen[num_seen].what = what;
	seen[num_seen].waited_ns = stepper_now_ns() - worked_at_ns;
	num_seen++;
}

static void stop(void)
{
	ebb_poller_unregister(&poller);
	ebb_poller_unregister(&timed);
	event_framework_stop();
}

static void stop_by_message(void *arg)
{
	(void)arg;
	stop();
}

/* Each run takes a microsecond. */
static int run(void *arg)
{
	static unsigned runs;

	(void)arg;
	runs++;
	stepper_advance_us(1);
	if (runs == end_run) {
		stop();
		return 1;
	}
	if (work_runs > 0) {
		work_runs--;
		worked_at_ns = stepper_now_ns();
		return 1;
	}
	note(RUN);
	return 0;
}

static int arm(void *arg)
{
	(void)arg;
	note(SLEEP);
	ck_assert_uint_lt(num_sleeps, EBB_ARRAY_SIZE(in_sleep));
	if (in_sleep[num_sleeps] != NULL) {
		in_sleep[num_sleeps]();
	}
	num_sleeps++;
	if (num_sleeps == end_at) {
		ebb_thread_send_msg(ebb_thread_app(), stop_by_message, NULL);
	}
	real_begin_ns = real_now_ns();
	sleeping = true;
	return 0;
}

static void setup(void)
{
	struct ebb_poller_wake wake = {.events = EPOLLIN | EPOLLET, .arm = arm};

	stepper_start();
	ebb_clock_set_source(plan_now_ns);
	source_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	wake.fd = source_fd;
	stepper_enter(ebb_thread_app());
	poller = ebb_poller_register_wake(run, NULL, &wake);
	ck_assert_ptr_nonnull(poller);
	worked_at_ns = stepper_now_ns();
	stepper_leave();
	work_runs = 1;
}

static void teardown(void)
{
	stepper_stop();
	close(source_fd);
}

static void start(uint64_t sleep_ns, uint64_t look_ns)
{
	event_reactors[0].mode = EBB_REACTOR_ADAPTIVE;
	event_reactors[0].plan = (struct event_plan){.sleep_ns = sleep_ns, .look_ns = look_ns};
	stepper_run();
}

static unsigned runs_between(unsigned from, unsigned to)
{
	unsigned count = 0;

	for (unsigned i = from; i < to; i++) {
		count += seen[i].what == RUN;
	}
	return count;
}

/* Where sleep @number, from 0, stands in what was seen. */
static unsigned sleep_index(unsigned number)
{
	unsigned i = 0;

	for (;; i++) {
		ck_assert_uint_lt(i, num_seen);
		if (seen[i].what == SLEEP && number-- == 0) {
			return i;
		}
	}
}

static void check_sleep(unsigned number, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t waited_ns = seen[sleep_index(number)].waited_ns;

	ck_assert_uint_ge(waited_ns, from_ns);
	ck_assert_uint_le(waited_ns, to_ns);
}

/* A turn finds nothing; it sleeps to 30 us; looks to 65 us; sleeps until it is woken. */
START_TEST(it_sleeps_then_looks_then_sleeps)
{
	sleep_takes_ns[0] = 29 * US;
	end_at = 2;
	start(30 * US, 65 * US);
	ck_assert_uint_eq(num_sleeps, 2);
	check_sleep(0, 1 * US, 1 * US);
	check_sleep(1, 65 * US, 66 * US);
	ck_assert_uint_ge(runs_between(sleep_index(0), sleep_index(1)), 34);
}
END_TEST

/* The bounded sleep really has that end. */
START_TEST(the_bound_ends_the_sleep)
{
	sleep_takes_ns[0] = 2000 * US;
	end_at = 2;
	start(2000 * US, 2001 * US);
	ck_assert_uint_ge(real_slept_ns[0], 2000 * US - 2 * US);
}
END_TEST

static const char *wake_seen;

static void note_wake(void)
{
	wake_seen = atomic_load(&event_reactors[0].last_wake);
}

START_TEST(a_sleep_that_its_bound_has_ended_is_a_wakeup)
{
	sleep_takes_ns[0] = 1000 * US;
	in_sleep[1] = note_wake;
	end_at = 2;
	start(1000 * US, 1001 * US);
	ck_assert_str_eq(wake_seen, "timeout");
	ck_assert_uint_eq(atomic_load(&event_reactors[0].wakeups), 2);
}
END_TEST

static void count_work(void *arg)
{
	(void)arg;
	num_works++;
	worked_at_ns = stepper_now_ns();
}

static void send_work(void)
{
	ebb_thread_send_msg(ebb_thread_app(), count_work, NULL);
}

/* Work in the first sleep ends it, and with its end another wait begins. */
START_TEST(work_ends_the_first_sleep)
{
	in_sleep[0] = send_work;
	sleep_takes_ns[0] = 10 * US;
	sleep_takes_ns[1] = 1 * US;
	end_at = 2;
	start(HOUR_NS, 2 * HOUR_NS);
	ck_assert_uint_eq(num_works, 1);
	ck_assert_uint_eq(num_sleeps, 2);
	check_sleep(1, 1 * US, 1 * US);
}
END_TEST

static void write_source(void)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(source_fd, &one, sizeof(one)), sizeof(one));
}

/* An edge for what was done before ends the sleep early: the rest of it is slept nevertheless. */
START_TEST(a_stale_edge_does_not_end_the_first_sleep)
{
	in_sleep[0] = write_source;
	sleep_takes_ns[0] = 1 * US;
	sleep_takes_ns[1] = 27 * US;
	end_at = 3;
	start(30 * US, 65 * US);
	ck_assert_uint_eq(num_sleeps, 3);
	check_sleep(0, 1 * US, 1 * US);
	check_sleep(1, 3 * US, 3 * US);
	check_sleep(2, 65 * US, 66 * US);
	ck_assert_uint_ge(runs_between(sleep_index(1), sleep_index(2)), 34);
}
END_TEST

/* Nor does a wakeup for nothing after the look make it look again. */
START_TEST(the_look_counts_from_the_end_of_work)
{
	in_sleep[0] = write_source;
	sleep_takes_ns[0] = 5 * US;
	end_at = 2;
	start(0, 20 * US);
	check_sleep(0, 20 * US, 21 * US);
	ck_assert_uint_eq(runs_between(sleep_index(0), sleep_index(1)), 1); /* that of the source */
}
END_TEST

static int timed_run(void *arg)
{
	(void)arg;
	num_works++;
	return 0;
}

static void start_timed(uint64_t period_us)
{
	stepper_enter(ebb_thread_app());
	timed = ebb_poller_register(timed_run, NULL, period_us);
	ck_assert_ptr_nonnull(timed);
	stepper_leave();
}

static uint64_t armed_ns;

static void note_armed(void)
{
	struct ebb_thread *app = ebb_thread_app();

	if (app->timer_armed_ns > armed_ns) {
		armed_ns = app->timer_armed_ns;
	}
}

/* The next deadline of its own ends a bounded sleep, without a timerfd, and is no work by itself. */
START_TEST(a_deadline_ends_a_bounded_sleep)
{
	start_timed(3000);
	in_sleep[0] = note_armed;
	in_sleep[1] = note_armed;
	sleep_takes_ns[0] = 3000 * US;
	end_at = 2;
	start(HOUR_NS, 2 * HOUR_NS);
	ck_assert_uint_ge(real_slept_ns[0], 2900 * US);
	ck_assert_uint_eq(num_works, 1);
	ck_assert_uint_eq(armed_ns, 0);
	check_sleep(1, 3000 * US, 3003 * US);
}
END_TEST

/* After the look there is no bound, so that a timer has to wake it. */
START_TEST(a_deadline_wakes_from_an_unbounded_sleep)
{
	start_timed(3000);
	in_sleep[0] = note_armed;
	sleep_takes_ns[0] = 3000 * US;
	end_at = 2;
	start(0, 20 * US);
	ck_assert_uint_ge(num_works, 1);
	ck_assert_uint_ne(armed_ns, 0);
}
END_TEST

/* What is due before a sleep could begin is looked for. */
START_TEST(a_sleep_that_would_be_too_short_is_not_begun)
{
	end_at = 1;
	start(EVENT_PLAN_SLEEP_MIN_NS, 20 * US);
	check_sleep(0, 20 * US, 21 * US);
}
END_TEST

START_TEST(a_plan_of_nothing_sleeps_at_once)
{
	end_at = 1;
	start(0, 0);
	check_sleep(0, 0, 0);
	ck_assert_uint_eq(num_seen, 1); /* no look after the work */
}
END_TEST

START_TEST(a_look_without_an_end_never_sleeps)
{
	end_run = 40;
	start(0, EBB_REACTOR_FOREVER);
	ck_assert_uint_eq(num_sleeps, 0);
	ck_assert_uint_eq(num_seen, 38);
}
END_TEST

/* It is woken as it sleeps first, and told to wait otherwise; and once more while it looks. */
static void plan_set(void *arg, int rc)
{
	(void)arg;
	ck_assert_int_eq(rc, 0);
	num_works++;
	worked_at_ns = stepper_now_ns();
}

static void set_plan(uint64_t sleep_ns, uint64_t look_ns)
{
	struct ebb_thread *outer = event_turn.thread;

	event_thread_enter(ebb_thread_app());
	ebb_reactor_set_plan(0, sleep_ns, look_ns, plan_set, NULL);
	event_thread_enter(outer);
}

static void set_short_plan(void)
{
	set_plan(50 * US, 70 * US);
}

static void set_spin(void)
{
	set_plan(0, 30 * US);
}

START_TEST(plans_change_under_way)
{
	in_sleep[0] = set_short_plan; /* in the first sleep of an hour */
	sleep_takes_ns[0] = 7 * US;
	sleep_takes_ns[1] = 49 * US; /* the first sleep of 50 us */
	in_sleep[2] = set_spin;      /* in the last sleep of that plan */
	sleep_takes_ns[2] = 7 * US;
	end_at = 4;
	start(HOUR_NS, 2 * HOUR_NS);
	ck_assert_uint_eq(num_works, 2);
	check_sleep(0, 1 * US, 1 * US);
	check_sleep(1, 1 * US, 2 * US);
	check_sleep(2, 70 * US, 71 * US);
	check_sleep(3, 30 * US, 31 * US);
}
END_TEST

static int slack_of_first, slack_of_second;

static void set_bounded_noting(void)
{
	slack_of_first = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	set_plan(10 * US, 20 * US);
}

static void set_spin_noting(void)
{
	slack_of_second = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	set_spin();
}

/* A timer of the kernel may be late by its slack: not where a plan counts microseconds. */
START_TEST(timers_have_no_slack_where_a_plan_has_a_bound)
{
	int usual = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

	in_sleep[0] = set_bounded_noting;
	in_sleep[1] = set_spin_noting;
	sleep_takes_ns[1] = 10 * US;
	end_at = 3;
	start(0, 20 * US);
	ck_assert_int_eq(slack_of_first, usual);
	ck_assert_int_eq(slack_of_second, 1);
	ck_assert_int_eq(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), usual);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(it_sleeps_then_looks_then_sleeps),
		UNIT_TEST(the_bound_ends_the_sleep),
		UNIT_TEST(a_sleep_that_its_bound_has_ended_is_a_wakeup),
		UNIT_TEST(work_ends_the_first_sleep),
		UNIT_TEST(a_stale_edge_does_not_end_the_first_sleep),
		UNIT_TEST(the_look_counts_from_the_end_of_work),
		UNIT_TEST(a_deadline_ends_a_bounded_sleep),
		UNIT_TEST(a_deadline_wakes_from_an_unbounded_sleep),
		UNIT_TEST(a_sleep_that_would_be_too_short_is_not_begun),
		UNIT_TEST(a_plan_of_nothing_sleeps_at_once),
		UNIT_TEST(a_look_without_an_end_never_sleeps),
		UNIT_TEST(plans_change_under_way),
		UNIT_TEST(timers_have_no_slack_where_a_plan_has_a_bound),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
