/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller.h"
#include "core/event/poller_stats.h"

#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
static struct ebb_poller *poller, *other;
static unsigned runs, other_runs;
static void (*act)(void);

static int run(void *arg)
{
	(void)arg;
	runs++;
	if (act != NULL) {
		act();
	}
	return 0;
}

static int run_other(void *arg)
{
	(void)arg;
	other_runs++;
	return 0;
}

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
	stepper_enter(thread);
}

static void teardown(void)
{
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	ebb_poller_unregister(&other);
	stepper_leave();
	stepper_stop();
}

static void check_turn(unsigned wanted_runs)
{
	runs = 0;
	stepper_leave();
	stepper_turn();
	ck_assert_uint_eq(runs, wanted_runs);
	stepper_enter(thread);
}

static void check_turn_after_us(uint64_t us, unsigned wanted_runs)
{
	stepper_advance_us(us);
	check_turn(wanted_runs);
}

static void check_state(const char *wanted)
{
	struct ebb_poller_stats stats;

	event_poller_describe(poller, &stats);
	ck_assert_str_eq(stats.state, wanted);
}

START_TEST(test_pause_resume)
{
	poller = ebb_poller_register(run, NULL, 0);
	check_turn(1);
	ebb_poller_pause(poller);
	check_state("paused");
	check_turn(0);
	ebb_poller_resume(poller);
	check_state("waiting");
	check_turn(1);
}
END_TEST

START_TEST(test_idempotent)
{
	poller = ebb_poller_register(run, NULL, 0);
	ebb_poller_resume(poller);
	check_turn(1);
	ebb_poller_pause(poller);
	ebb_poller_pause(poller);
	check_turn(0);
	ebb_poller_resume(poller);
	ebb_poller_resume(poller);
	check_turn(1);
}
END_TEST

START_TEST(test_timed)
{
	poller = ebb_poller_register(run, NULL, 100);
	ebb_poller_resume(poller); /* nothing: it was not paused, and its period goes on */
	check_turn_after_us(60, 0);
	ebb_poller_pause(poller);
	ebb_poller_pause(poller);
	ck_assert_uint_eq(event_timer_next_ns(&thread->timers), UINT64_MAX);
	check_turn_after_us(1000, 0);
	/* Resuming restarts the period, and what was missed is gone. */
	ebb_poller_resume(poller);
	ebb_poller_resume(poller);
	check_turn_after_us(99, 0);
	check_turn_after_us(1, 1);
	check_turn_after_us(100, 1);
}
END_TEST

START_TEST(test_before_first_run)
{
	poller = ebb_poller_register(run, NULL, 0);
	ebb_poller_pause(poller);
	check_turn(0);
	ebb_poller_resume(poller);
	check_turn(1);
}
END_TEST

static void act_pause(void)
{
	ebb_poller_pause(poller);
	check_state("pausing");
	ebb_poller_pause(poller);
	check_state("pausing");
}

START_TEST(test_from_inside)
{
	act = act_pause;
	poller = ebb_poller_register(run, NULL, 0);
	check_turn(1);
	check_state("paused");
	check_turn(0);
	ebb_poller_resume(poller);
	check_turn(1);
	check_turn(0);
}
END_TEST

START_TEST(test_from_inside_timed)
{
	act = act_pause;
	poller = ebb_poller_register(run, NULL, 100);
	check_turn_after_us(100, 1);
	check_state("paused");
	check_turn_after_us(1000, 0);
	act = NULL;
	ebb_poller_resume(poller);
	check_turn_after_us(100, 1);
	check_turn_after_us(100, 1);
}
END_TEST

static void act_pause_resume(void)
{
	check_state("running");
	ebb_poller_pause(poller);
	ebb_poller_resume(poller);
	check_state("running");
	ebb_poller_resume(poller);
}

START_TEST(test_pause_resume_inside)
{
	act = act_pause_resume;
	poller = ebb_poller_register(run, NULL, 0);
	check_turn(1);
	check_state("waiting");
	check_turn(1);
}
END_TEST

START_TEST(test_pause_resume_inside_timed)
{
	act = act_pause_resume;
	poller = ebb_poller_register(run, NULL, 100);
	check_turn_after_us(100, 1);
	check_turn_after_us(99, 0);
	check_turn_after_us(1, 1);
}
END_TEST

static void act_pause_unregister(void)
{
	ebb_poller_pause(poller);
	ebb_poller_unregister(&poller);
}

START_TEST(test_pause_unregister_inside)
{
	act = act_pause_unregister;
	poller = ebb_poller_register(run, NULL, 0);
	check_turn(1);
	ck_assert_ptr_null(poller);
	check_turn(0);
	poller = ebb_poller_register(run, NULL, 100);
	check_turn_after_us(100, 1);
	check_turn_after_us(100, 0);
}
END_TEST

static void act_pause_other(void)
{
	ebb_poller_pause(other);
}

/* The next one of the loop, when it is run and when it is not. */
START_TEST(test_pause_next)
{
	act = act_pause_other;
	poller = ebb_poller_register(run, NULL, 0);
	other = ebb_poller_register(run_other, NULL, 0);
	check_turn(1);
	ck_assert_uint_eq(other_runs, 0);
	act = NULL;
	ebb_poller_resume(other);
	check_turn(1);
	ck_assert_uint_eq(other_runs, 1);
}
END_TEST

/* One that is due in the same turn. */
START_TEST(test_pause_due)
{
	act = act_pause_other;
	poller = ebb_poller_register(run, NULL, 100);
	other = ebb_poller_register(run_other, NULL, 200);
	check_turn_after_us(200, 1);
	ck_assert_uint_eq(other_runs, 0);
	act = NULL;
	ebb_poller_resume(other);
	check_turn_after_us(199, 1);
	ck_assert_uint_eq(other_runs, 0);
	check_turn_after_us(1, 0);
	ck_assert_uint_eq(other_runs, 1);
}
END_TEST

static void act_resume_other(void)
{
	ebb_poller_resume(other);
}

START_TEST(test_resume_other)
{
	poller = ebb_poller_register(run, NULL, 0);
	other = ebb_poller_register(run_other, NULL, 0);
	ebb_poller_pause(other);
	check_turn(1);
	ck_assert_uint_eq(other_runs, 0);
	act = act_resume_other;
	check_turn(1);
	act = NULL;
	check_turn(1);
	ck_assert_uint_ge(other_runs, 1);
	ck_assert_uint_le(other_runs, 2);
}
END_TEST

static void pause_in_message(void *arg)
{
	ebb_poller_pause(arg);
}

static void resume_in_message(void *arg)
{
	ebb_poller_resume(arg);
}

START_TEST(test_from_message)
{
	poller = ebb_poller_register(run, NULL, 0);
	ebb_thread_send_msg(thread, pause_in_message, poller);
	check_turn(0);
	ebb_thread_send_msg(thread, resume_in_message, poller);
	check_turn(1);
}
END_TEST

/* Whatever it had ahead of it: its next run is when it is told, once, and then a period later. */
START_TEST(test_run_at)
{
	act = NULL;
	poller = ebb_poller_register(run, NULL, 1000);
	ebb_poller_run_at(poller, stepper_now_ns() + 300000);
	check_turn_after_us(299, 0);
	check_turn_after_us(1, 1);
	check_turn_after_us(999, 0);
	check_turn_after_us(1, 1);
	ebb_poller_run_at(poller, stepper_now_ns() + 5000000);
	check_turn_after_us(4999, 0);
	check_turn_after_us(1, 1);
	ebb_poller_pause(poller);
	check_turn_after_us(5000, 0);
	ebb_poller_run_at(poller, stepper_now_ns() + 2000);
	check_turn_after_us(1, 0);
	check_turn_after_us(1, 1);
}
END_TEST

static uint64_t act_deadline_ns;

static void act_run_at(void)
{
	ebb_poller_pause(poller);
	ebb_poller_run_at(poller, act_deadline_ns);
}

/* From inside, also when it has paused itself before; a time that is over ends the turn all the same. */
START_TEST(test_run_at_inside)
{
	act = act_run_at;
	poller = ebb_poller_register(run, NULL, 1000);
	act_deadline_ns = stepper_now_ns() + 1300000;
	check_turn_after_us(1000, 1);
	check_turn_after_us(299, 0);
	act_deadline_ns = 0;
	check_turn_after_us(1, 1);
	check_turn(1);
	check_turn(1);
	act = NULL;
}
END_TEST

/* Without a period, by another thread, when it has ended: reported, and nothing has changed. */
START_TEST(test_run_at_misused)
{
	struct ebb_poller *copy;

	act = NULL;
	poller = ebb_poller_register(run, NULL, 0);
	ebb_poller_run_at(poller, stepper_now_ns() + 300000);
	ck_assert_uint_eq(log_count("ebb_poller_run_at (of one without a period)() on 'run'"), 1);
	check_turn(1);
	ebb_poller_unregister(&poller);
	poller = ebb_poller_register(run, NULL, 1000);
	stepper_enter(ebb_thread_app());
	ebb_poller_run_at(poller, stepper_now_ns());
	ck_assert_uint_eq(log_count("ebb_poller_run_at() on 'run'"), 1);
	stepper_enter(thread);
	copy = poller;
	ebb_poller_unregister(&poller);
	ebb_poller_run_at(copy, stepper_now_ns());
	ck_assert_uint_eq(log_count("ebb_poller_run_at (unregistered)() on 'run'"), 1);
	check_turn_after_us(1000, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_pause_resume),
		UNIT_TEST(test_idempotent),
		UNIT_TEST(test_timed),
		UNIT_TEST(test_before_first_run),
		UNIT_TEST(test_from_inside),
		UNIT_TEST(test_from_inside_timed),
		UNIT_TEST(test_pause_resume_inside),
		UNIT_TEST(test_pause_resume_inside_timed),
		UNIT_TEST(test_pause_unregister_inside),
		UNIT_TEST(test_pause_next),
		UNIT_TEST(test_pause_due),
		UNIT_TEST(test_resume_other),
		UNIT_TEST(test_run_at),
		UNIT_TEST(test_run_at_inside),
		UNIT_TEST(test_run_at_misused),
		UNIT_TEST(test_from_message),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
