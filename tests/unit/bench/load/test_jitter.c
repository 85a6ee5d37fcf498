/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/jitter.h"

#include <errno.h>
#include <math.h>

#include "tests/unit/unit.h"

#define DRAWS   200000
#define SERVICE 10000
#define JITTER  5000

/* The same numbers each time: the seed is. */
static void draw(enum bench_jitter distribution, double *ret_mean, double *ret_deviation,
		 uint64_t *ret_min, uint64_t *ret_max)
{
	struct bench_jitter_draw draw;
	double sum = 0, squares = 0;

	ck_assert_int_eq(bench_jitter_draw_init(&draw, distribution, SERVICE, JITTER, 42), 0);
	*ret_min = UINT64_MAX;
	*ret_max = 0;
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t ns = bench_jitter_draw_next(&draw);

		sum += (double)ns;
		squares += (double)ns * (double)ns;
		*ret_min = ns < *ret_min ? ns : *ret_min;
		*ret_max = ns > *ret_max ? ns : *ret_max;
	}
	*ret_mean = sum / DRAWS;
	*ret_deviation = sqrt(squares / DRAWS - *ret_mean * *ret_mean);
}

START_TEST(without_a_jitter_each_takes_the_same)
{
	struct bench_jitter_draw draw;

	for (unsigned i = 0; i < BENCH_JITTER_COUNT; i++) {
		ck_assert_int_eq(bench_jitter_draw_init(&draw, (enum bench_jitter)i, SERVICE, 0, 1),
				 0);
		for (unsigned k = 0; k < 100; k++) {
			ck_assert_uint_eq(bench_jitter_draw_next(&draw), SERVICE);
		}
	}
	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_NONE, 0, 0, 1), 0);
	ck_assert_uint_eq(bench_jitter_draw_next(&draw), 0);
}
END_TEST

START_TEST(uniform_is_so_much_less_or_more)
{
	double mean, deviation;
	uint64_t min, max;

	draw(BENCH_JITTER_UNIFORM, &mean, &deviation, &min, &max);
	ck_assert_uint_ge(min, SERVICE - JITTER);
	ck_assert_uint_le(min, SERVICE - JITTER + 10);
	ck_assert_uint_le(max, SERVICE + JITTER);
	ck_assert_uint_ge(max, SERVICE + JITTER - 10);
	ck_assert_double_eq_tol(mean, SERVICE, SERVICE * 0.01);
	ck_assert_double_eq_tol(deviation, JITTER / sqrt(3), JITTER * 0.01);
}
END_TEST

START_TEST(log_normal_has_its_mean_and_its_deviation)
{
	double mean, deviation;
	uint64_t min, max;

	draw(BENCH_JITTER_LOG_NORMAL, &mean, &deviation, &min, &max);
	ck_assert_double_eq_tol(mean, SERVICE, SERVICE * 0.01);
	ck_assert_double_eq_tol(deviation, JITTER, JITTER * 0.03);
	ck_assert_uint_lt(min, SERVICE / 4);
	ck_assert_uint_gt(max, SERVICE * 5);
}
END_TEST

/* The tail is so long that its deviation is not seen in so few. Its least value is exact. */
START_TEST(pareto_has_its_mean_and_its_least_value)
{
	double mean, deviation, alpha = 1 + sqrt(1 + 4);
	uint64_t min, max;

	draw(BENCH_JITTER_PARETO, &mean, &deviation, &min, &max);
	ck_assert_double_eq_tol(mean, SERVICE, SERVICE * 0.02);
	ck_assert_double_eq_tol((double)min, SERVICE * (alpha - 1) / alpha, SERVICE * 0.001);
	ck_assert_double_ge(deviation, JITTER * 0.7);
	ck_assert_uint_gt(max, SERVICE * 10);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	struct bench_jitter_draw draw;

	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_UNIFORM, 10, 11, 1), -EINVAL);
	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_UNIFORM, 10, 10, 1), 0);
	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_LOG_NORMAL, 10, 101, 1),
			 -EINVAL);
	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_PARETO, 10, 101, 1), -EINVAL);
	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_PARETO, 10, 100, 1), 0);
	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_LOG_NORMAL, 0, 1, 1), -EINVAL);
}
END_TEST

START_TEST(none_takes_for_ever)
{
	struct bench_jitter_draw draw;

	ck_assert_int_eq(bench_jitter_draw_init(&draw, BENCH_JITTER_PARETO,
						BENCH_JITTER_TIME_MAX_NS,
						10 * BENCH_JITTER_TIME_MAX_NS, 1),
			 0);
	for (unsigned i = 0; i < 10000; i++) {
		ck_assert_uint_le(bench_jitter_draw_next(&draw), BENCH_JITTER_TIME_MAX_NS);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(without_a_jitter_each_takes_the_same),
		UNIT_TEST(uniform_is_so_much_less_or_more),
		UNIT_TEST(log_normal_has_its_mean_and_its_deviation),
		UNIT_TEST(pareto_has_its_mean_and_its_least_value),
		UNIT_TEST(what_cannot_be_is_refused),
		UNIT_TEST(none_takes_for_ever),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
