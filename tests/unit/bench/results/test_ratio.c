/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/ratio.h"

#include <math.h>
#include <string.h>

#include "tests/unit/unit.h"

#define ROUNDS 9

static struct bench_metric_sample one_samples[ROUNDS];
static struct bench_metric_sample other_samples[ROUNDS];
static struct bench_cell one = {.samples = one_samples, .num_samples = ROUNDS};
static struct bench_cell other = {.samples = other_samples, .num_samples = ROUNDS};

/* Each round is disturbed by a factor of its own, up to 9, that hits both; one is half of the other. */
static void setup(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		one_samples[i].metric[BENCH_CPU_PER_MILLION] = 1 + i * 5 % ROUNDS;
		other_samples[i].metric[BENCH_CPU_PER_MILLION] = 2 * (1 + i * 5 % ROUNDS);
	}
}

START_TEST(what_disturbs_a_round_disturbs_no_ratio)
{
	struct bench_ratio ratio = bench_ratio_paired(&one, &other, BENCH_CPU_PER_MILLION);

	ck_assert_uint_eq(ratio.pairs, ROUNDS);
	ck_assert_double_eq(ratio.spread.low, 0.5);
	ck_assert_double_eq(ratio.spread.median, 0.5);
	ck_assert_double_eq(ratio.spread.high, 0.5);
	ck_assert(bench_ratio_differs(&ratio));
}
END_TEST

START_TEST(rounds_without_a_pair_are_left_out)
{
	struct bench_ratio ratio;

	one.num_samples = 5;
	one_samples[0].metric[BENCH_CPU_PER_MILLION] = NAN;
	other_samples[1].metric[BENCH_CPU_PER_MILLION] = 0;
	ratio = bench_ratio_paired(&one, &other, BENCH_CPU_PER_MILLION);
	ck_assert_uint_eq(ratio.pairs, 3);
	ck_assert_double_eq(ratio.spread.median, 0.5);
	one.num_samples = 0;
	ratio = bench_ratio_paired(&one, &other, BENCH_CPU_PER_MILLION);
	ck_assert_uint_eq(ratio.pairs, 0);
	ck_assert(isnan(ratio.spread.median));
	ck_assert(!bench_ratio_differs(&ratio));
}
END_TEST

START_TEST(an_interval_with_one_in_it_is_no_difference)
{
	struct bench_ratio ratio;

	ratio = bench_ratio_paired(&one, &one, BENCH_CPU_PER_MILLION);
	ck_assert(!bench_ratio_differs(&ratio));
	ratio = (struct bench_ratio){.spread = {0.9, 0.8, 1.01}, .pairs = ROUNDS};
	ck_assert(!bench_ratio_differs(&ratio));
	ratio.spread.high = 0.99;
	ck_assert(bench_ratio_differs(&ratio));
	ratio.spread = (struct bench_spread){1.2, 1.1, 1.3};
	ck_assert(bench_ratio_differs(&ratio));
	ratio.pairs = 1; /* of one pair nothing is known */
	ck_assert(!bench_ratio_differs(&ratio));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(what_disturbs_a_round_disturbs_no_ratio),
		UNIT_TEST(rounds_without_a_pair_are_left_out),
		UNIT_TEST(an_interval_with_one_in_it_is_no_difference),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
