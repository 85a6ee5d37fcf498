/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench/compare/mode_order.h"
#include "tests/unit/unit.h"

#define DRAWS 1000000u

/*
 * Chi-square over @buckets with a fixed seed: the expected value is @buckets - 1, the standard
 * deviation sqrt(2 (@buckets - 1)); five deviations are far beyond chance.
 */
static void check_uniform(uint64_t below, unsigned buckets)
{
	struct bench_random random = {1};
	double expected = (double)DRAWS / buckets;
	double freedom = buckets - 1;
	double chi_square = 0;
	unsigned outside = 0;
	unsigned *hits = calloc(buckets, sizeof(*hits));

	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t number = bench_random_below(&random, below);

		outside += number >= below;
		hits[(__uint128_t)number * buckets / below % buckets]++;
	}
	for (unsigned i = 0; i < buckets; i++) {
		chi_square += (hits[i] - expected) * (hits[i] - expected) / expected;
	}
	free(hits);
	ck_assert_uint_eq(outside, 0);
	ck_assert_double_lt(fabs(chi_square - freedom), 5 * sqrt(2 * freedom));
}

START_TEST(test_uniform)
{
	check_uniform(1000, 1000);
	check_uniform(262144, 4096);
	check_uniform(3, 3);
	check_uniform(UINT64_C(3) << 60, 999);
}
END_TEST

START_TEST(test_bits)
{
	struct bench_random random = {42};
	unsigned set[64] = {0};

	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t number = bench_random_next(&random);

		for (unsigned bit = 0; bit < 64; bit++) {
			set[bit] += (unsigned)(number >> bit & 1);
		}
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		/* deviation: sqrt(DRAWS) / 2 = 500 */
		ck_assert_double_lt(fabs(set[bit] - DRAWS / 2.0), 2500);
	}
}
END_TEST

/* Neighbours in the sequence must not lean on each other: a disk would see it as a pattern. */
START_TEST(test_neighbours)
{
	struct bench_random random = {7};
	unsigned hits[64][64] = {{0}};
	uint64_t previous = bench_random_below(&random, 64);
	double expected = (double)DRAWS / (64 * 64);
	double freedom = 64 * 64 - 1;
	double chi_square = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t number = bench_random_below(&random, 64);

		hits[previous][number]++;
		previous = number;
	}
	for (unsigned i = 0; i < 64; i++) {
		for (unsigned j = 0; j < 64; j++) {
			chi_square += (hits[i][j] - expected) * (hits[i][j] - expected) / expected;
		}
	}
	ck_assert_double_lt(fabs(chi_square - freedom), 5 * sqrt(2 * freedom));
}
END_TEST

START_TEST(test_seeds)
{
	struct bench_random a = {1};
	struct bench_random b = {1};
	struct bench_random c = {2};
	unsigned same = 0;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t number = bench_random_next(&a);

		ck_assert_uint_eq(number, bench_random_next(&b));
		same += number == bench_random_next(&c);
	}
	ck_assert_uint_eq(same, 0);
}
END_TEST

/* Over an even number of rounds each mode stands early as often as late. */
START_TEST(test_order)
{
	static const unsigned expected[] = {0, 1, 2, 2, 1, 0, 0, 1, 2};
	unsigned place_sum[3] = {0};

	for (unsigned step = 0; step < 9; step++) {
		ck_assert_uint_eq(bench_mode_order(step, 3), expected[step]);
	}
	for (unsigned step = 0; step < 6; step++) {
		place_sum[bench_mode_order(step, 3)] += step;
	}
	ck_assert_uint_eq(place_sum[0], place_sum[1]);
	ck_assert_uint_eq(place_sum[1], place_sum[2]);
	ck_assert_uint_eq(bench_mode_order(5, 1), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_uniform), UNIT_TEST(test_bits),  UNIT_TEST(test_neighbours),
		UNIT_TEST(test_seeds),   UNIT_TEST(test_order), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
