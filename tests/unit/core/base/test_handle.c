/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/handle.h"

#include <signal.h>
#include <string.h>

#include "tests/unit/unit.h"

#define COUNT 40 /* more than a table begins with */

static struct base_handle_table table;
static int objects[COUNT];

static void setup(void)
{
	memset(&table, 0, sizeof(table));
}

static void teardown(void)
{
	base_handle_table_fini(&table);
}

START_TEST(each_stands_for_its_own_object)
{
	uint64_t handles[COUNT];

	for (unsigned i = 0; i < COUNT; i++) {
		handles[i] = base_handle_add(&table, &objects[i]);
		ck_assert_uint_ne(handles[i], 0);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_ptr_eq(base_handle_find(&table, handles[i]), &objects[i]);
		ck_assert(base_handle_given(&table, handles[i]));
	}
}
END_TEST

START_TEST(a_spent_one_meets_nothing)
{
	uint64_t first = base_handle_add(&table, &objects[0]);
	uint64_t second;

	base_handle_remove(&table, first);
	ck_assert_ptr_null(base_handle_find(&table, first));
	/* Nor what has its slot now, were it the same object. */
	second = base_handle_add(&table, &objects[0]);
	ck_assert_uint_eq(base_handle_index(second), base_handle_index(first));
	ck_assert_ptr_null(base_handle_find(&table, first));
	ck_assert_ptr_eq(base_handle_find(&table, second), &objects[0]);
	ck_assert(base_handle_given(&table, first));
}
END_TEST

START_TEST(one_that_was_made_up_is_recognised)
{
	uint64_t handle;

	ck_assert(!base_handle_given(&table, 0));
	handle = base_handle_add(&table, &objects[0]);
	ck_assert(!base_handle_given(&table, 0));
	ck_assert(!base_handle_given(&table, base_handle_index(handle)));
	ck_assert(!base_handle_given(&table, handle + (1ull << 32)));
	ck_assert(!base_handle_given(&table, handle + table.num_slots));
	/* The next one of a slot that is free has not been given either. */
	ck_assert(!base_handle_given(&table, handle + 1));
	base_handle_remove(&table, handle);
	ck_assert(!base_handle_given(&table, handle + (1ull << 32)));
}
END_TEST

START_TEST(slots_are_used_again)
{
	uint64_t handles[10];

	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 10; i++) {
			handles[i] = base_handle_add(&table, &objects[i]);
		}
		for (unsigned i = 0; i < 10; i++) {
			base_handle_remove(&table, handles[(i * 3) % 10]);
		}
	}
	ck_assert_uint_le(table.num_slots, 16);
}
END_TEST

START_TEST(there_is_a_limit_if_it_is_set)
{
	uint64_t last = 0;

	table.max_slots = 20;
	for (unsigned i = 0; i < 20; i++) {
		last = base_handle_add(&table, &objects[i]);
		ck_assert_uint_ne(last, 0);
	}
	ck_assert_uint_eq(base_handle_add(&table, &objects[20]), 0);
	base_handle_remove(&table, last);
	ck_assert_uint_ne(base_handle_add(&table, &objects[20]), 0);
}
END_TEST

/* Four thousand million objects later; 0 stays none. */
START_TEST(generations_begin_again)
{
	uint64_t last, next;

	base_handle_remove(&table, base_handle_add(&table, &objects[0]));
	table.slots[0].generation = UINT32_MAX;
	last = base_handle_add(&table, &objects[0]);
	base_handle_remove(&table, last);
	next = base_handle_add(&table, &objects[1]);
	ck_assert_uint_ne(next, 0);
	ck_assert_ptr_null(base_handle_find(&table, last));
	ck_assert_ptr_eq(base_handle_find(&table, next), &objects[1]);
}
END_TEST

START_TEST(removing_twice_asserts)
{
	uint64_t handle = base_handle_add(&table, &objects[0]);

	base_handle_remove(&table, handle);
	base_handle_remove(&table, handle);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(each_stands_for_its_own_object),
		UNIT_TEST(a_spent_one_meets_nothing),
		UNIT_TEST(one_that_was_made_up_is_recognised),
		UNIT_TEST(slots_are_used_again),
		UNIT_TEST(there_is_a_limit_if_it_is_set),
		UNIT_TEST(generations_begin_again),
		UNIT_SIGNAL(removing_twice_asserts, SIGABRT),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
