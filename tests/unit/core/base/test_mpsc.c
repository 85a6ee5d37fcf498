/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/mpsc.h"

#include "tests/unit/unit.h"

#define COUNT 5

static struct base_mpsc mpsc;
static struct ebb_msg msgs[COUNT];

static void setup(void)
{
	atomic_init(&mpsc.head, NULL);
}

static void push_all(void)
{
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(base_mpsc_push(&mpsc, &msgs[i]), 0);
	}
}

/* Checks that @first is all of msgs, first pushed first. */
static void check_all(struct ebb_msg *first)
{
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_ptr_eq(first, &msgs[i]);
		first = first->next;
	}
	ck_assert_ptr_null(first);
}

START_TEST(test_order)
{
	ck_assert(!base_mpsc_waiting(&mpsc));
	ck_assert_ptr_null(base_mpsc_take(&mpsc));
	push_all();
	ck_assert(base_mpsc_waiting(&mpsc));
	check_all(base_mpsc_take(&mpsc));
	ck_assert(!base_mpsc_waiting(&mpsc));
	ck_assert_ptr_null(base_mpsc_take(&mpsc));
}
END_TEST

/* What was taken stays as it is when the next comes in. */
START_TEST(test_again)
{
	struct ebb_msg *taken;

	ck_assert_int_eq(base_mpsc_push(&mpsc, &msgs[0]), 0);
	taken = base_mpsc_take(&mpsc);
	ck_assert_int_eq(base_mpsc_push(&mpsc, &msgs[1]), 0);
	ck_assert_ptr_eq(taken, &msgs[0]);
	ck_assert_ptr_null(taken->next);
	taken = base_mpsc_take(&mpsc);
	ck_assert_ptr_eq(taken, &msgs[1]);
	ck_assert_ptr_null(taken->next);
}
END_TEST

START_TEST(test_close)
{
	struct ebb_msg late = {.next = NULL};

	push_all();
	check_all(base_mpsc_close(&mpsc));
	ck_assert(!base_mpsc_waiting(&mpsc));
	ck_assert_int_eq(base_mpsc_push(&mpsc, &late), -ESRCH);
	ck_assert_ptr_null(late.next);
	ck_assert_ptr_null(base_mpsc_take(&mpsc));
}
END_TEST

START_TEST(test_close_empty)
{
	ck_assert_ptr_null(base_mpsc_close(&mpsc));
	ck_assert_ptr_null(base_mpsc_close(&mpsc));
	ck_assert_ptr_null(base_mpsc_take(&mpsc));
	ck_assert_int_eq(base_mpsc_push(&mpsc, &msgs[0]), -ESRCH);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL), UNIT_TEST(test_order),       UNIT_TEST(test_again),
		UNIT_TEST(test_close),     UNIT_TEST(test_close_empty), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
