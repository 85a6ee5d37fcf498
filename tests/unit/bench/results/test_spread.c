/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/spread.h"

#include <math.h>

#include <ebb/base.h>

#include "bench/results/metric.h"
#include "tests/unit/unit.h"

/* From the tables of the binomial distribution (sign test, two-sided, 5 %). */
static const struct {
	unsigned count;
	unsigned rank;
} ranks[] = {{1, 1},  {2, 1},  {5, 1},  {6, 1},  {8, 1},   {9, 2},   {11, 2},  {12, 3}, {14, 3},
	     {15, 4}, {17, 5}, {20, 6}, {25, 8}, {30, 10}, {41, 14}, {50, 18}, {99, 40}};

START_TEST(ranks_are_those_of_the_tables)
{
	ck_assert_uint_eq(bench_spread_rank(ranks[_i].count), ranks[_i].rank);
}
END_TEST

/* The interval misses the median in at most 5 of 100 cases, and one rank further in would not. */
START_TEST(the_interval_is_the_narrowest_that_is_sure)
{
	unsigned count = (unsigned)_i;
	unsigned rank = bench_spread_rank(count);
	double below = 0;

	for (unsigned i = 0; i <= rank; i++) {
		if (i == rank) {
			ck_assert_double_le(below, 0.025);
		}
		below += exp(lgamma(count + 1.0) - lgamma(i + 1.0) - lgamma(count - i + 1.0) -
			     count * log(2));
	}
	ck_assert_double_gt(below, 0.025);
}
END_TEST

static void spread_is(struct bench_spread spread, double low, double median, double high)
{
	ck_assert_double_eq(spread.low, low);
	ck_assert_double_eq(spread.median, median);
	ck_assert_double_eq(spread.high, high);
}

START_TEST(few_samples_have_smallest_and_largest)
{
	const double values[] = {3, 9, 1, 5};

	spread_is(bench_spread_of(values, 1), 3, 3, 3);
	spread_is(bench_spread_of(values, 2), 3, 6, 9);
	spread_is(bench_spread_of(values, 3), 1, 3, 9);
	spread_is(bench_spread_of(values, 4), 1, 4, 9);
}
END_TEST

START_TEST(many_samples_have_an_interval)
{
	double values[25];

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(values); i++) {
		values[i] = (double)(i * 7 % 25) + 1;
	}
	spread_is(bench_spread_of(values, 25), 8, 13, 18);
	values[3] = 1e9; /* 22: one that is far away moves nothing */
	spread_is(bench_spread_of(values, 25), 8, 13, 18);
}
END_TEST

START_TEST(what_was_not_measured_is_left_out)
{
	const double values[] = {NAN, 2, NAN, 4};
	const struct bench_spread none = bench_spread_of(values, 0);

	spread_is(bench_spread_of(values, 4), 2, 3, 4);
	ck_assert(isnan(none.median) && isnan(none.low) && isnan(none.high));
	ck_assert(isnan(bench_spread_of(values, 1).median));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(ranks_are_those_of_the_tables, 0, (int)EBB_ARRAY_SIZE(ranks)),
		UNIT_LOOP(the_interval_is_the_narrowest_that_is_sure, BENCH_SPREAD_SAMPLES_MIN,
			  BENCH_SAMPLES_MAX + 1),
		UNIT_TEST(few_samples_have_smallest_and_largest),
		UNIT_TEST(many_samples_have_an_interval),
		UNIT_TEST(what_was_not_measured_is_left_out),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
