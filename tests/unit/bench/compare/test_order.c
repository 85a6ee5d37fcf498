/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/order.h"

#include <stdbool.h>
#include <string.h>

#include "tests/unit/unit.h"

#define CELLS_MAX 100

START_TEST(test_each_once)
{
	unsigned order[CELLS_MAX];

	for (unsigned count = 0; count <= CELLS_MAX; count++) {
		for (unsigned round = 0; round < 4; round++) {
			bool seen[CELLS_MAX] = {false};

			bench_order_make(7, round, count, order);
			for (unsigned i = 0; i < count; i++) {
				ck_assert_uint_lt(order[i], count);
				ck_assert(!seen[order[i]]);
				seen[order[i]] = true;
			}
		}
	}
}
END_TEST

/* Over a pair of rounds all cells have the same mean place: a steady drift favours none. */
START_TEST(test_balanced)
{
	unsigned order[CELLS_MAX];

	for (unsigned round = 0; round < 10; round += 2) {
		unsigned place[CELLS_MAX] = {0};

		for (unsigned half = 0; half < 2; half++) {
			bench_order_make(1, round + half, CELLS_MAX, order);
			for (unsigned i = 0; i < CELLS_MAX; i++) {
				place[order[i]] += i;
			}
		}
		for (unsigned i = 0; i < CELLS_MAX; i++) {
			ck_assert_uint_eq(place[i], CELLS_MAX - 1);
		}
	}
}
END_TEST

START_TEST(test_seeds)
{
	unsigned a[CELLS_MAX], b[CELLS_MAX], next_pair[CELLS_MAX], next_seed[CELLS_MAX];

	bench_order_make(1, 0, CELLS_MAX, a);
	bench_order_make(1, 0, CELLS_MAX, b);
	bench_order_make(1, 2, CELLS_MAX, next_pair);
	bench_order_make(2, 0, CELLS_MAX, next_seed);
	ck_assert_mem_eq(a, b, sizeof(a));
	ck_assert_mem_ne(a, next_pair, sizeof(a));
	ck_assert_mem_ne(a, next_seed, sizeof(a));
	ck_assert_mem_ne(next_pair, next_seed, sizeof(a));
}
END_TEST

/* Each cell comes first now and then: the shuffle reaches all places. */
START_TEST(test_shuffled)
{
	unsigned first[8] = {0};
	unsigned order[8];

	for (unsigned round = 0; round < 800; round += 2) {
		bench_order_make(1, round, 8, order);
		first[order[0]]++;
	}
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_uint_gt(first[i], 20);
		ck_assert_uint_lt(first[i], 90);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_each_once),
		UNIT_TEST(test_balanced),
		UNIT_TEST(test_seeds),
		UNIT_TEST(test_shuffled),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
