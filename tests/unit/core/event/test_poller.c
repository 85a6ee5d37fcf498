/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller.h"

#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

/*
 * Pollers that do, when they run, what a test has told them to. Each is a letter of what has run.
 */
struct test_poller {
	struct ebb_poller *poller;
	char letter;
	int rc;
	void (*act)(struct test_poller *self);
	struct test_poller *other;
};

static struct ebb_thread *thread;
static struct test_poller a, b, c;
static char story[256];

static int run(void *arg)
{
	struct test_poller *self = arg;
	size_t len = strlen(story);
	int rc = self->rc;

	ck_assert_uint_lt(len, sizeof(story) - 1);
	story[len] = self->letter;
	story[len + 1] = '\0';
	ck_assert_ptr_eq(ebb_thread_current(), thread);
	if (self->act != NULL) {
		self->act(self);
	}
	return rc;
}

static void join(struct test_poller *poller, uint64_t period_us)
{
	poller->poller = ebb_poller_register(run, poller, period_us);
	ck_assert_ptr_nonnull(poller->poller);
}

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
	a = (struct test_poller){.letter = 'a'};
	b = (struct test_poller){.letter = 'b'};
	c = (struct test_poller){.letter = 'c'};
	stepper_enter(thread);
}

static void teardown(void)
{
	if (event_reactors != NULL) {
		stepper_enter(thread);
		ebb_poller_unregister(&a.poller);
		ebb_poller_unregister(&b.poller);
		ebb_poller_unregister(&c.poller);
		stepper_leave();
	}
	stepper_stop();
}

/* One turn must make @wanted of the story; the test goes on as the thread. */
static void check_turn(const char *wanted)
{
	stepper_leave();
	story[0] = '\0';
	stepper_turn();
	ck_assert_str_eq(story, wanted);
	stepper_enter(thread);
}

static void check_turn_after_us(uint64_t us, const char *wanted)
{
	stepper_advance_us(us);
	check_turn(wanted);
}

START_TEST(test_every_turn)
{
	join(&a, 0);
	join(&b, 0);
	check_turn("ab");
	check_turn("ab");
}
END_TEST

/* By a copy of the pointer, in the turn in which the poller still lies about. */
START_TEST(test_unregister_twice)
{
	struct ebb_poller *copy;

	join(&a, 0);
	join(&b, 0);
	copy = a.poller;
	ebb_poller_unregister(&a.poller);
	ebb_poller_unregister(&copy);
	ck_assert_ptr_null(copy);
	ck_assert_uint_eq(log_count("rule 2"), 1);
	ck_assert_uint_eq(log_count("ebb_poller_unregister (twice)() on 'run'"), 1);
	check_turn("b");
}
END_TEST

START_TEST(test_period)
{
	join(&a, 1000);
	join(&b, 2500);
	check_turn("");
	check_turn_after_us(999, "");
	check_turn_after_us(1, "a");
	check_turn("");
	check_turn_after_us(1000, "a");
	check_turn_after_us(500, "b");
	check_turn_after_us(500, "a");
}
END_TEST

/* Timers run after the pollers of every turn. */
START_TEST(test_order_in_turn)
{
	join(&a, 10);
	join(&b, 0);
	check_turn_after_us(10, "ba");
}
END_TEST

static unsigned told(char letter)
{
	unsigned count = 0;

	for (const char *at = story; *at != '\0'; at++) {
		count += *at == letter;
	}
	return count;
}

/* In the next turn each must run as often as said; the order among equals is nobody's business. */
static void check_turn_has(uint64_t us, unsigned of_a, unsigned of_b, unsigned of_c)
{
	stepper_advance_us(us);
	stepper_leave();
	story[0] = '\0';
	stepper_turn();
	ck_assert_uint_eq(told('a'), of_a);
	ck_assert_uint_eq(told('b'), of_b);
	ck_assert_uint_eq(told('c'), of_c);
	stepper_enter(thread);
}

/* Of several that are due together each runs, once; who leaves or rests takes no other along. */
START_TEST(test_same_deadline)
{
	join(&a, 500);
	join(&b, 500);
	join(&c, 1000);
	check_turn_has(499, 0, 0, 0);
	check_turn_has(1, 1, 1, 0);
	check_turn_has(0, 0, 0, 0);
	check_turn_has(500, 1, 1, 1);
	ebb_poller_unregister(&a.poller);
	check_turn_has(500, 0, 1, 0);
	ebb_poller_pause(b.poller);
	check_turn_has(499, 0, 0, 0);
	check_turn_has(1, 0, 0, 1);
	ebb_poller_resume(b.poller);
	join(&a, 250);
	check_turn_has(250, 1, 0, 0);
	check_turn_has(250, 1, 1, 0);
}
END_TEST

START_TEST(test_missed_periods)
{
	join(&a, 100);
	check_turn_after_us(1000000, "a");
	check_turn("");
	check_turn_after_us(99, "");
	check_turn_after_us(1, "a");
}
END_TEST

/* As "never" there is only a period that is long enough. */
START_TEST(test_huge_period)
{
	join(&a, UINT64_MAX);
	join(&b, UINT64_MAX / 1000);
	check_turn("");
	check_turn_after_us(1000000000, "");
	ck_assert_uint_gt(event_timer_next_ns(&thread->timers), stepper_now_ns());
}
END_TEST

START_TEST(test_return_codes)
{
	const struct ebb_poller *poller;

	a.rc = 1;
	join(&a, 0);
	poller = a.poller;
	stepper_leave();
	ck_assert(stepper_turn());
	a.rc = 0;
	ck_assert(!stepper_turn());
	a.rc = -5;
	ck_assert(!stepper_turn());
	ck_assert(!stepper_turn());
	a.rc = 7;
	ck_assert(stepper_turn());
	ck_assert_uint_eq(poller->run_count, 5);
	ck_assert_uint_eq(poller->busy_count, 2);
	ck_assert_uint_eq(poller->error_count, 2);
	ck_assert_uint_eq(poller->wake_count, 0);
}
END_TEST

static void act_unregister_self(struct test_poller *self)
{
	ebb_poller_unregister(&self->poller);
	ck_assert_ptr_null(self->poller);
}

static void act_unregister_other(struct test_poller *self)
{
	ebb_poller_unregister(&self->other->poller);
	ck_assert_ptr_null(self->other->poller);
}

START_TEST(test_unregister_before_first_run)
{
	join(&a, 0);
	join(&b, 100);
	ebb_poller_unregister(&a.poller);
	ebb_poller_unregister(&b.poller);
	ck_assert_ptr_null(a.poller);
	ck_assert_uint_eq(thread->num_timed, 0);
	check_turn_after_us(100, "");
}
END_TEST

START_TEST(test_unregister_null)
{
	ebb_poller_unregister(&a.poller);
	ck_assert_ptr_null(a.poller);
}
END_TEST

START_TEST(test_unregister_self)
{
	a.act = act_unregister_self;
	b.act = act_unregister_self;
	join(&a, 0);
	join(&b, 100);
	join(&c, 0);
	check_turn_after_us(100, "acb");
	check_turn_after_us(100, "c");
}
END_TEST

/* The one that would be run next, which the loop holds already. */
START_TEST(test_unregister_next)
{
	a.act = act_unregister_other;
	a.other = &b;
	join(&a, 0);
	join(&b, 0);
	join(&c, 0);
	check_turn("ac");
	check_turn("ac");
}
END_TEST

START_TEST(test_unregister_last_and_previous)
{
	b.act = act_unregister_other;
	b.other = &c;
	join(&a, 0);
	join(&b, 0);
	join(&c, 0);
	check_turn("ab");
	b.other = &a;
	check_turn("ab");
	check_turn("b");
}
END_TEST

static void act_unregister_both(struct test_poller *self)
{
	act_unregister_self(self);
	act_unregister_other(self);
}

START_TEST(test_unregister_self_and_next)
{
	a.act = act_unregister_both;
	a.other = &b;
	join(&a, 0);
	join(&b, 0);
	join(&c, 0);
	check_turn("ac");
	check_turn("c");
}
END_TEST

/* One that is due in the same turn, and one that is every turn's. */
START_TEST(test_unregister_from_timed)
{
	a.act = act_unregister_other;
	a.other = &b;
	join(&a, 10);
	join(&b, 20);
	check_turn_after_us(20, "a");
	c.act = act_unregister_other;
	c.other = &a;
	join(&c, 0);
	check_turn_after_us(20, "c");
}
END_TEST

START_TEST(test_unregister_paused)
{
	join(&a, 0);
	join(&b, 100);
	ebb_poller_pause(a.poller);
	ebb_poller_pause(b.poller);
	ebb_poller_unregister(&a.poller);
	ebb_poller_unregister(&b.poller);
	check_turn_after_us(100, "");
}
END_TEST

static void unregister_in_message(void *arg)
{
	ebb_poller_unregister(&((struct test_poller *)arg)->poller);
}

START_TEST(test_unregister_from_message)
{
	join(&a, 0);
	check_turn("a");
	ebb_thread_send_msg(thread, unregister_in_message, &a);
	check_turn("");
	ck_assert_ptr_null(a.poller);
}
END_TEST

static void act_register_other(struct test_poller *self)
{
	if (self->other->poller == NULL) {
		join(self->other, 0);
	}
}

START_TEST(test_register_from_poller)
{
	a.act = act_register_other;
	a.other = &b;
	join(&a, 0);
	check_turn("a");
	check_turn("ab");
}
END_TEST

static void act_replace_self(struct test_poller *self)
{
	ebb_poller_unregister(&self->poller);
	join(self, 0);
}

/* Pollers that begin anew each time they run do so once a turn: a turn ends. */
START_TEST(test_replace_self)
{
	a.act = act_replace_self;
	b.act = act_replace_self;
	join(&a, 0);
	join(&b, 0);
	join(&c, 0);
	check_turn("abc");
	check_turn("cab");
}
END_TEST

static void act_toggle_other(struct test_poller *self)
{
	ebb_poller_pause(self->other->poller);
	ebb_poller_resume(self->other->poller);
}

/* Two that put each other at the end of the list run once a turn, too. */
START_TEST(test_toggle_each_other)
{
	a.act = act_toggle_other;
	a.other = &b;
	b.act = act_toggle_other;
	b.other = &a;
	join(&a, 0);
	join(&b, 0);
	stepper_leave();
	stepper_turn();
	ck_assert_uint_le(strlen(story), 3);
	stepper_turn();
	ck_assert_uint_le(strlen(story), 6);
	ck_assert_uint_ge(strlen(story), 2);
	stepper_enter(thread);
}
END_TEST

START_TEST(test_foreign_thread)
{
	struct ebb_poller *poller;

	join(&a, 0);
	poller = a.poller;
	stepper_enter(ebb_thread_app());
	ebb_poller_unregister(&a.poller);
	ck_assert_ptr_eq(a.poller, poller);
	ebb_poller_pause(poller);
	ck_assert_uint_eq(log_count("rule 2"), 2);
	stepper_enter(thread);
	check_turn("a");
	ebb_poller_pause(poller);
	stepper_enter(ebb_thread_app());
	ebb_poller_resume(poller);
	ck_assert_uint_eq(log_count("rule 2"), 3);
	stepper_enter(thread);
	check_turn("");
}
END_TEST

START_TEST(test_no_thread)
{
	stepper_leave();
	ck_assert_ptr_null(ebb_poller_register(run, &a, 0));
	ck_assert_uint_eq(log_count("rule 4"), 1);
	stepper_stop();
}
END_TEST

static unsigned num_described;

static void check_described(const struct ebb_poller_stats *stats, void *arg)
{
	(void)arg;
	num_described++;
	ck_assert_str_eq(stats->name, "run");
	if (stats->id == 1) {
		ck_assert_str_eq(stats->state, "waiting");
		ck_assert_uint_eq(stats->period_ns, 0);
		ck_assert_uint_eq(stats->run_count, 1);
		ck_assert(stats->blocks_sleep);
		ck_assert(!stats->paused);
	} else if (stats->id == 2) {
		ck_assert_str_eq(stats->state, "waiting");
		ck_assert_uint_eq(stats->period_ns, 100000);
		ck_assert(!stats->blocks_sleep);
	} else {
		ck_assert_str_eq(stats->state, "paused");
		ck_assert(stats->paused);
		ck_assert(!stats->blocks_sleep);
	}
}

START_TEST(test_for_each)
{
	join(&a, 0);
	join(&b, 100);
	join(&c, 0);
	ebb_poller_pause(c.poller);
	check_turn("a");
	ebb_poller_for_each(check_described, NULL);
	ck_assert_uint_eq(num_described, 3);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_every_turn),
		UNIT_TEST(test_unregister_twice),
		UNIT_TEST(test_period),
		UNIT_TEST(test_order_in_turn),
		UNIT_TEST(test_same_deadline),
		UNIT_TEST(test_missed_periods),
		UNIT_TEST(test_huge_period),
		UNIT_TEST(test_return_codes),
		UNIT_TEST(test_unregister_before_first_run),
		UNIT_TEST(test_unregister_null),
		UNIT_TEST(test_unregister_self),
		UNIT_TEST(test_unregister_next),
		UNIT_TEST(test_unregister_last_and_previous),
		UNIT_TEST(test_unregister_self_and_next),
		UNIT_TEST(test_unregister_from_timed),
		UNIT_TEST(test_unregister_paused),
		UNIT_TEST(test_unregister_from_message),
		UNIT_TEST(test_register_from_poller),
		UNIT_TEST(test_replace_self),
		UNIT_TEST(test_toggle_each_other),
		UNIT_TEST(test_foreign_thread),
		UNIT_TEST(test_no_thread),
		UNIT_TEST(test_for_each),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
