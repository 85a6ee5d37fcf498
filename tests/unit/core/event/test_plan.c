/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/plan.h"

#include "tests/unit/unit.h"

#define SINCE 1000000ull
#define US    EBB_NS_PER_US

/* What a plan says after @waited_ns. */
static uint64_t until(uint64_t sleep_ns, uint64_t look_ns, uint64_t waited_ns)
{
	const struct event_plan plan = {.sleep_ns = sleep_ns, .look_ns = look_ns};

	return event_plan_sleep_until_ns(&plan, SINCE, SINCE + waited_ns);
}

START_TEST(first_it_sleeps_then_it_looks_then_it_sleeps_until_woken)
{
	ck_assert_uint_eq(until(30 * US, 65 * US, 0), SINCE + 30 * US);
	ck_assert_uint_eq(until(30 * US, 65 * US, 1), SINCE + 30 * US);
	ck_assert_uint_eq(until(30 * US, 65 * US, 30 * US - 1), SINCE + 30 * US);
	ck_assert_uint_eq(until(30 * US, 65 * US, 30 * US), 0);
	ck_assert_uint_eq(until(30 * US, 65 * US, 65 * US - 1), 0);
	ck_assert_uint_eq(until(30 * US, 65 * US, 65 * US), EBB_REACTOR_FOREVER);
	ck_assert_uint_eq(until(30 * US, 65 * US, 1000000 * US), EBB_REACTOR_FOREVER);
}
END_TEST

START_TEST(a_spin_is_a_plan_without_a_first_sleep)
{
	ck_assert_uint_eq(until(0, 50 * US, 0), 0);
	ck_assert_uint_eq(until(0, 50 * US, 50 * US - 1), 0);
	ck_assert_uint_eq(until(0, 50 * US, 50 * US), EBB_REACTOR_FOREVER);
}
END_TEST

START_TEST(a_look_may_have_no_end)
{
	ck_assert_uint_eq(until(0, EBB_REACTOR_FOREVER, 0), 0);
	ck_assert_uint_eq(until(0, EBB_REACTOR_FOREVER, UINT64_MAX / 2), 0);
	ck_assert_uint_eq(until(30 * US, EBB_REACTOR_FOREVER, 0), SINCE + 30 * US);
	ck_assert_uint_eq(until(30 * US, EBB_REACTOR_FOREVER, 31 * US), 0);
	/* nor may the first sleep, as far as the clock goes */
	ck_assert_uint_eq(until(EBB_REACTOR_FOREVER - SINCE, EBB_REACTOR_FOREVER, 0),
			  EBB_REACTOR_FOREVER);
	ck_assert_uint_eq(until(EBB_REACTOR_FOREVER - 1, EBB_REACTOR_FOREVER, 0),
			  EBB_REACTOR_FOREVER);
}
END_TEST

/* Then the first sleep need not end. */
START_TEST(a_look_that_ends_before_the_first_sleep_does_is_none)
{
	ck_assert_uint_eq(until(0, 0, 0), EBB_REACTOR_FOREVER);
	ck_assert_uint_eq(until(30 * US, 30 * US, 0), EBB_REACTOR_FOREVER);
	ck_assert_uint_eq(until(30 * US, 20 * US, 0), EBB_REACTOR_FOREVER);
	ck_assert_uint_eq(until(30 * US, 0, 0), EBB_REACTOR_FOREVER);
	ck_assert_uint_eq(until(EBB_REACTOR_FOREVER, EBB_REACTOR_FOREVER, 0), EBB_REACTOR_FOREVER);
}
END_TEST

START_TEST(each_mode_is_a_plan)
{
	struct event_plan plan = event_plan_of_mode(EBB_REACTOR_POLL, 50);

	ck_assert_uint_eq(plan.sleep_ns, 0);
	ck_assert_uint_eq(plan.look_ns, EBB_REACTOR_FOREVER);
	plan = event_plan_of_mode(EBB_REACTOR_INTERRUPT, 50);
	ck_assert_uint_eq(plan.sleep_ns, 0);
	ck_assert_uint_eq(plan.look_ns, 0);
	plan = event_plan_of_mode(EBB_REACTOR_ADAPTIVE, 50);
	ck_assert_uint_eq(plan.sleep_ns, 0);
	ck_assert_uint_eq(plan.look_ns, 50 * US);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(first_it_sleeps_then_it_looks_then_it_sleeps_until_woken),
		UNIT_TEST(a_spin_is_a_plan_without_a_first_sleep),
		UNIT_TEST(a_look_may_have_no_end),
		UNIT_TEST(a_look_that_ends_before_the_first_sleep_does_is_none),
		UNIT_TEST(each_mode_is_a_plan),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
