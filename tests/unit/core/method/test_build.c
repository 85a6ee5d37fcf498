/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/build.h"

#include <ebb/clock.h>

#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define STEP_NS 20000 /* of the clock, for each element: three of them are over a turn's time */

struct count {
	struct method_build build;
	unsigned wanted;
	unsigned made;
	unsigned waits_at; /* 0: it never waits */
	bool is_done;
};

static enum method_build_step count_step(struct method_build *build)
{
	struct count *count = ebb_container_of(build, struct count, build);

	if (count->made == count->wanted) {
		return METHOD_BUILD_DONE;
	}
	count->made++;
	stage_clock_advance(STEP_NS);
	return count->made == count->waits_at ? METHOD_BUILD_WAIT : METHOD_BUILD_MORE;
}

static void count_done(struct method_build *build)
{
	struct count *count = ebb_container_of(build, struct count, build);

	ck_assert(!count->is_done);
	ck_assert_uint_eq(count->made, count->wanted);
	count->is_done = true;
}

static struct count count_of(unsigned wanted)
{
	return (struct count){
		.build = {.step = count_step, .done = count_done},
		.wanted = wanted,
	};
}

START_TEST(a_short_one_is_made_at_once)
{
	struct count count = count_of(2);

	method_build_start(&count.build);
	ck_assert(count.is_done);
	ck_assert_uint_eq(method_build_count(), 0);
}
END_TEST

START_TEST(a_long_one_takes_turns)
{
	struct count count = count_of(100);
	unsigned turns = 0;

	method_build_start(&count.build);
	ck_assert_uint_eq(count.made, 3);
	ck_assert_uint_eq(method_build_count(), 1);
	while (!count.is_done) {
		unsigned before = count.made;

		stage_turn();
		turns++;
		ck_assert_uint_le(count.made - before, 3);
		ck_assert_uint_le(turns, 100);
	}
	ck_assert_uint_ge(turns, 32);
	ck_assert_uint_eq(method_build_count(), 0);
}
END_TEST

START_TEST(one_is_made_after_the_other)
{
	struct count first = count_of(10);
	struct count second = count_of(1);

	method_build_start(&first.build);
	method_build_start(&second.build);
	ck_assert_uint_eq(second.made, 0);
	while (!first.is_done) {
		ck_assert(!second.is_done);
		stage_turn();
	}
	stage_turns(2);
	ck_assert(second.is_done);
}
END_TEST

START_TEST(who_waits_is_continued)
{
	struct count count = count_of(4);
	struct count behind = count_of(1);

	count.waits_at = 2;
	method_build_start(&count.build);
	method_build_start(&behind.build);
	stage_turns(10);
	ck_assert_uint_eq(count.made, 2);
	ck_assert_uint_eq(behind.made, 0);
	method_build_continue(&count.build);
	stage_turns(10);
	ck_assert(count.is_done);
	ck_assert(behind.is_done);
}
END_TEST

START_TEST(what_is_begun_is_ended_while_the_next_is_held)
{
	struct count first = count_of(10);
	struct count second = count_of(1);

	method_build_start(&first.build);
	method_build_start(&second.build);
	method_build_hold(true);
	stage_turns(20);
	ck_assert(first.is_done);
	ck_assert_uint_eq(second.made, 0);
	ck_assert_uint_eq(method_build_count(), 1);
	method_build_hold(false);
	stage_turns(2);
	ck_assert(second.is_done);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stage_begin, stage_end),
		UNIT_TEST(a_short_one_is_made_at_once),
		UNIT_TEST(a_long_one_takes_turns),
		UNIT_TEST(one_is_made_after_the_other),
		UNIT_TEST(who_waits_is_continued),
		UNIT_TEST(what_is_begun_is_ended_while_the_next_is_held),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
