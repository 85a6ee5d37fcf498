/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/timer.h"

#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define COUNT 200

static struct event_timer_heap heap;
static struct event_timer timers[COUNT];

static void setup(void)
{
	event_timer_init(&heap);
	memset(timers, 0, sizeof(timers));
	ck_assert_int_eq(event_timer_reserve(&heap, COUNT), 0);
}

static void teardown(void)
{
	event_timer_fini(&heap);
}

/* Every parent is due no later than its children, and every timer knows where it stands. */
static void check_heap(void)
{
	for (uint32_t i = 1; i <= heap.count; i++) {
		ck_assert_uint_eq(heap.timers[i]->position, i);
		if (i > 1) {
			ck_assert_uint_le(heap.timers[i / 2]->deadline_ns,
					  heap.timers[i]->deadline_ns);
		}
	}
}

/* A permutation of 0 … COUNT - 1, with neighbours far apart. */
static uint64_t shuffled(unsigned i)
{
	return (i * 83u + 17u) % COUNT;
}

START_TEST(test_empty)
{
	ck_assert_uint_eq(event_timer_next_ns(&heap), UINT64_MAX);
	event_timer_remove(&heap, &timers[0]);
	ck_assert_uint_eq(heap.count, 0);
}
END_TEST

START_TEST(test_sorts)
{
	for (unsigned i = 0; i < COUNT; i++) {
		event_timer_add(&heap, &timers[i], 1000 + shuffled(i));
		check_heap();
	}
	for (unsigned i = 0; i < COUNT; i++) {
		struct event_timer *first = heap.timers[1];

		ck_assert_uint_eq(event_timer_next_ns(&heap), 1000 + i);
		event_timer_remove(&heap, first);
		ck_assert_uint_eq(first->position, 0);
		check_heap();
	}
	ck_assert_uint_eq(event_timer_next_ns(&heap), UINT64_MAX);
}
END_TEST

/* Out of the middle: the one that fills the hole may have to go up as well as down. */
START_TEST(test_remove_any)
{
	for (unsigned i = 0; i < COUNT; i++) {
		event_timer_add(&heap, &timers[i], shuffled(i));
	}
	for (unsigned i = 0; i < COUNT; i++) {
		event_timer_remove(&heap, &timers[(i * 37u) % COUNT]);
		ck_assert_uint_eq(heap.count, COUNT - 1 - i);
		check_heap();
		event_timer_remove(&heap, &timers[(i * 37u) % COUNT]);
		ck_assert_uint_eq(heap.count, COUNT - 1 - i);
	}
}
END_TEST

START_TEST(test_filler_goes_up)
{
	static const uint64_t deadlines[] = {1, 10, 2, 11, 12, 3, 4};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(deadlines); i++) {
		event_timer_add(&heap, &timers[i], deadlines[i]);
	}
	event_timer_remove(&heap, &timers[3]);
	check_heap();
	ck_assert_uint_eq(timers[6].position, 2);
}
END_TEST

START_TEST(test_equal_deadlines)
{
	for (unsigned i = 0; i < COUNT; i++) {
		event_timer_add(&heap, &timers[i], 5);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_uint_eq(event_timer_next_ns(&heap), 5);
		event_timer_remove(&heap, heap.timers[1]);
	}
	ck_assert_uint_eq(heap.count, 0);
}
END_TEST

START_TEST(test_reserve)
{
	struct event_timer_heap other;

	event_timer_init(&other);
	for (uint32_t i = 1; i <= COUNT; i++) {
		ck_assert_int_eq(event_timer_reserve(&other, i), 0);
		ck_assert_uint_ge(other.capacity, i);
		event_timer_add(&other, &timers[i - 1], COUNT - i);
		ck_assert_uint_eq(event_timer_next_ns(&other), COUNT - i);
	}
	event_timer_fini(&other);
	ck_assert_uint_eq(other.capacity, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),  UNIT_TEST(test_empty),
		UNIT_TEST(test_sorts),          UNIT_TEST(test_remove_any),
		UNIT_TEST(test_filler_goes_up), UNIT_TEST(test_equal_deadlines),
		UNIT_TEST(test_reserve),        UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
