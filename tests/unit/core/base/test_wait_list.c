/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/wait_list.h"

#include "tests/unit/unit.h"

#define COUNT 4

static struct base_wait_list list;
static struct ebb_list waiters[COUNT];

static void setup(void)
{
	base_wait_list_init(&list);
	for (unsigned i = 0; i < COUNT; i++) {
		base_wait_list_add(&list, &waiters[i]);
	}
}

static void assert_next(unsigned i)
{
	ck_assert_ptr_eq(base_wait_list_next(&list), &waiters[i]);
}

/* All that is there is a turn in this order, and nobody is left. */
static void assert_turn(const unsigned *order, unsigned count)
{
	ck_assert(base_wait_list_begin(&list));
	for (unsigned i = 0; i < count; i++) {
		assert_next(order[i]);
	}
	ck_assert_ptr_null(base_wait_list_next(&list));
	base_wait_list_end(&list);
	ck_assert(base_wait_list_empty(&list));
}

START_TEST(first_come_first_served)
{
	static const unsigned order[] = {0, 1, 2, 3};

	ck_assert(!base_wait_list_empty(&list));
	assert_turn(order, COUNT);
	assert_turn(order, 0);
}
END_TEST

START_TEST(who_waits_again_is_woken_in_the_next_turn)
{
	static const unsigned again[] = {1, 0};

	ck_assert(base_wait_list_begin(&list));
	assert_next(0);
	assert_next(1);
	base_wait_list_add(&list, &waiters[1]);
	base_wait_list_add(&list, &waiters[0]);
	assert_next(2);
	assert_next(3);
	ck_assert_ptr_null(base_wait_list_next(&list));
	base_wait_list_end(&list);
	assert_turn(again, 2);
}
END_TEST

START_TEST(who_was_not_woken_comes_first_in_the_next_turn)
{
	static const unsigned order[] = {2, 3, 0};

	ck_assert(base_wait_list_begin(&list));
	assert_next(0);
	base_wait_list_add(&list, &waiters[0]);
	assert_next(1);
	base_wait_list_end(&list);
	ck_assert(!base_wait_list_empty(&list));
	assert_turn(order, 3);
}
END_TEST

START_TEST(a_turn_does_not_begin_within_a_turn)
{
	static const unsigned order[] = {1, 2, 3};

	ck_assert(base_wait_list_begin(&list));
	ck_assert(!base_wait_list_begin(&list));
	assert_next(0);
	base_wait_list_end(&list);
	assert_turn(order, 3);
}
END_TEST

START_TEST(anybody_may_leave_at_any_time)
{
	static const unsigned order[] = {0};

	ebb_list_remove(&waiters[0]);
	ck_assert(base_wait_list_begin(&list));
	assert_next(1);
	ebb_list_remove(&waiters[2]); /* its turn was to come */
	base_wait_list_add(&list, &waiters[0]);
	base_wait_list_add(&list, &waiters[1]);
	ebb_list_remove(&waiters[1]); /* it waits again */
	assert_next(3);
	ck_assert_ptr_null(base_wait_list_next(&list));
	base_wait_list_end(&list);
	assert_turn(order, 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(first_come_first_served),
		UNIT_TEST(who_waits_again_is_woken_in_the_next_turn),
		UNIT_TEST(who_was_not_woken_comes_first_in_the_next_turn),
		UNIT_TEST(a_turn_does_not_begin_within_a_turn),
		UNIT_TEST(anybody_may_leave_at_any_time),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
