/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor.h"

/*
 * When a reactor spins and when it sleeps. It runs by its own loop; a poller's arm(), which is
 * called before each sleep and never while it spins, notes the time of each try to sleep.
 */

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include <ebb/helper.h>

#include "core/event/poller.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define POLL_US 5 /* what one run of the poller costs on the test's clock */

static struct ebb_poller *poller;
static unsigned runs, end_at, arms;
static uint64_t work_at_ns, armed_at_ns;
static unsigned work_at;           /* which run does work */
static uint64_t armed_after_ns[8]; /* the work, or the last try to sleep */

/* In which run so many jobs go to the helper, where they wait for the last run. */
static unsigned jobs_at, num_jobs;
static struct ebb_work jobs[2];
static _Atomic bool jobs_may_end;
static unsigned jobs_done;

static void job_run(struct ebb_work *work)
{
	(void)work;
	while (!atomic_load(&jobs_may_end)) {
		sched_yield();
	}
}

static void job_done(struct ebb_work *work)
{
	(void)work;
	jobs_done++;
}

static void submit_jobs(void)
{
	for (unsigned i = 0; i < num_jobs; i++) {
		ebb_work_init(&jobs[i], job_run, job_done);
		ck_assert_int_eq(ebb_helper_submit(&jobs[i]), 0);
	}
}

static int run(void *arg)
{
	(void)arg;
	runs++;
	stepper_advance_us(POLL_US);
	if (runs == end_at) {
		ebb_poller_unregister(&poller);
		event_framework_stop();
		atomic_store(&jobs_may_end, true);
	}
	if (runs == jobs_at) {
		submit_jobs();
		work_at_ns = stepper_now_ns();
		return 1;
	}
	if (runs == work_at) {
		work_at_ns = stepper_now_ns();
		return 1;
	}
	return 0;
}

/* There is always something that keeps the reactor from really sleeping. */
static int arm(void *arg)
{
	(void)arg;
	ck_assert_uint_lt(arms, EBB_ARRAY_SIZE(armed_after_ns));
	armed_at_ns = stepper_now_ns();
	armed_after_ns[arms++] = armed_at_ns - work_at_ns;
	return -EAGAIN;
}

static void start(enum ebb_reactor_mode mode, uint32_t spin_us_max)
{
	struct ebb_poller_wake wake = {.fd = -1, .arm = arm};
	struct event_reactor *reactor = &event_reactors[0];

	reactor->mode = mode;
	reactor->spin_us_max = spin_us_max;
	reactor->plan = event_plan_of_mode(mode, spin_us_max);
	stepper_enter(ebb_thread_app());
	poller = ebb_poller_register_wake(run, NULL, &wake);
	ck_assert_ptr_nonnull(poller);
	work_at_ns = stepper_now_ns();
	stepper_leave();
	stepper_run();
}

START_TEST(test_poll_never_sleeps)
{
	end_at = 1000;
	start(EBB_REACTOR_POLL, 50);
	ck_assert_uint_eq(arms, 0);
	ck_assert_uint_eq(runs, 1000);
}
END_TEST

START_TEST(test_interrupt_sleeps_at_once)
{
	end_at = 5;
	start(EBB_REACTOR_INTERRUPT, 50);
	ck_assert_uint_ge(arms, 4);
	ck_assert_uint_eq(armed_after_ns[0], POLL_US * EBB_NS_PER_US);
}
END_TEST

/* It spins for its budget, and not much longer. */
START_TEST(test_adaptive_budget)
{
	end_at = 23;
	start(EBB_REACTOR_ADAPTIVE, 100);
	ck_assert_uint_ge(arms, 1);
	ck_assert_uint_ge(armed_after_ns[0], 100 * EBB_NS_PER_US);
	ck_assert_uint_le(armed_after_ns[0], (100 + 2 * POLL_US) * EBB_NS_PER_US);
	ck_assert_uint_ge(runs, 20);
}
END_TEST

/* Useful work makes it begin again; a poller that found nothing does not. */
START_TEST(test_adaptive_work)
{
	work_at = 15;
	end_at = 40;
	start(EBB_REACTOR_ADAPTIVE, 100);
	ck_assert_uint_ge(arms, 1);
	ck_assert_uint_ge(runs, 15 + 20);
	ck_assert_uint_ge(armed_after_ns[0], 100 * EBB_NS_PER_US);
	ck_assert_uint_le(armed_after_ns[0], (100 + 2 * POLL_US) * EBB_NS_PER_US);
}
END_TEST

/* A budget of nothing is interrupt mode. */
START_TEST(test_adaptive_no_budget)
{
	end_at = 3;
	start(EBB_REACTOR_ADAPTIVE, 0);
	ck_assert_uint_ge(arms, 2);
}
END_TEST

/* A single job on the helper ends soon. */
START_TEST(test_adaptive_one_job)
{
	jobs_at = 15;
	num_jobs = 1;
	end_at = 40;
	start(EBB_REACTOR_ADAPTIVE, 100);
	ck_assert_uint_ge(arms, 1);
	ck_assert_uint_ge(armed_after_ns[0], 100 * EBB_NS_PER_US);
	ck_assert_uint_eq(jobs_done, 1);
}
END_TEST

/* It does not take the CPU from several. */
START_TEST(test_adaptive_jobs)
{
	jobs_at = 15;
	num_jobs = 2;
	end_at = 18;
	start(EBB_REACTOR_ADAPTIVE, 100);
	ck_assert_uint_ge(arms, 3);
	ck_assert_uint_eq(armed_after_ns[0], 0);
	ck_assert_uint_eq(armed_after_ns[1], POLL_US * EBB_NS_PER_US);
	ck_assert_uint_eq(jobs_done, 2);
	ck_assert_uint_eq(event_reactors[0].helper_jobs, 0);
}
END_TEST

/* What else is under way is spun for, however long they take. */
START_TEST(test_adaptive_work_beside_jobs)
{
	jobs_at = 5;
	num_jobs = 2;
	work_at = 9;
	end_at = 12;
	start(EBB_REACTOR_ADAPTIVE, 20);
	ck_assert_uint_ge(arms, 2);
	ck_assert_uint_le(armed_at_ns, work_at_ns);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stepper_start, stepper_stop),
		UNIT_TEST(test_poll_never_sleeps),
		UNIT_TEST(test_interrupt_sleeps_at_once),
		UNIT_TEST(test_adaptive_budget),
		UNIT_TEST(test_adaptive_work),
		UNIT_TEST(test_adaptive_no_budget),
		UNIT_TEST(test_adaptive_one_job),
		UNIT_TEST(test_adaptive_jobs),
		UNIT_TEST(test_adaptive_work_beside_jobs),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
