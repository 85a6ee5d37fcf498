/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/figure.h"

#include <math.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct bench_count count;

static void setup(void)
{
	memset(&count, 0, sizeof(count));
	ebb_histogram_reset(&count.latency);
	count.elapsed_ns = 2 * EBB_NS_PER_S;
	count.io_bytes = 4096;
}

START_TEST(test_sample)
{
	struct bench_sample sample;

	for (unsigned i = 1; i <= 50; i++) {
		ebb_histogram_add(&count.latency, i);
	}
	count.ios = count.latency.count;
	count.cpu_ns = EBB_NS_PER_S;
	count.voluntary = 30;
	count.involuntary = 4;
	count.wakeups = 20;
	bench_sample_make(&count, &sample);
	ck_assert_double_eq_tol(sample.figure[BENCH_IOPS], 25, 1e-9);
	ck_assert_double_eq_tol(sample.figure[BENCH_MIB_PER_S], 25.0 / 256, 1e-9);
	ck_assert_double_eq_tol(sample.figure[BENCH_LATENCY_MEAN], 25.5, 1e-9);
	ck_assert_double_eq(sample.figure[BENCH_LATENCY_MIN], 1);
	ck_assert_double_eq(sample.figure[BENCH_LATENCY_P50], 25);
	ck_assert_double_eq(sample.figure[BENCH_LATENCY_P99], 50);
	ck_assert_double_eq(sample.figure[BENCH_LATENCY_MAX], 50);
	ck_assert_double_eq_tol(sample.figure[BENCH_CPU_PER_MILLION], 20000, 1e-6);
	ck_assert_double_eq_tol(sample.figure[BENCH_CPU_PERCENT], 50, 1e-9);
	ck_assert_double_eq_tol(sample.figure[BENCH_VOLUNTARY], 15, 1e-9);
	ck_assert_double_eq_tol(sample.figure[BENCH_INVOLUNTARY], 2, 1e-9);
	ck_assert_double_eq_tol(sample.figure[BENCH_WAKEUPS], 10, 1e-9);
	ck_assert_double_eq_tol(sample.figure[BENCH_IOS_PER_WAKEUP], 2.5, 1e-9);
}
END_TEST

/* Nothing done: rates are zero, and what cannot be known is not a number. */
START_TEST(test_empty)
{
	struct bench_sample sample;

	count.cpu_ns = 1000;
	bench_sample_make(&count, &sample);
	ck_assert_double_eq(sample.figure[BENCH_IOPS], 0);
	ck_assert_double_eq(sample.figure[BENCH_WAKEUPS], 0);
	for (unsigned i = BENCH_LATENCY_MEAN; i <= BENCH_CPU_PER_MILLION; i++) {
		ck_assert_double_nan(sample.figure[i]);
	}
	ck_assert_double_nan(sample.figure[BENCH_IOS_PER_WAKEUP]);
}
END_TEST

START_TEST(test_median)
{
	double odd[] = {5, 1, 3};
	double even[] = {4, 1, 3, 2};
	double holes[] = {NAN, 7, NAN, 9};

	ck_assert_double_eq(bench_median(odd, 3), 3);
	ck_assert_double_eq(bench_median(even, 4), 2.5);
	ck_assert_double_eq(bench_median(holes, 4), 8);
	ck_assert_double_eq(bench_median(odd, 1), 5);
	ck_assert_double_nan(bench_median(odd, 0));
	ck_assert_double_nan(bench_median(holes, 1));
}
END_TEST

START_TEST(test_sample_median)
{
	struct bench_sample samples[3];
	struct bench_sample median;

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned figure = 0; figure < BENCH_FIGURE_COUNT; figure++) {
			/* each figure has its middle value in another sample */
			samples[i].figure[figure] = (figure + i) % 3 + figure * 10.0;
		}
	}
	bench_sample_median(samples, 3, &median);
	for (unsigned figure = 0; figure < BENCH_FIGURE_COUNT; figure++) {
		ck_assert_double_eq(median.figure[figure], figure * 10.0 + 1);
	}
	bench_sample_median(samples, 0, &median);
	ck_assert_double_nan(median.figure[BENCH_IOPS]);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL), UNIT_TEST(test_sample),        UNIT_TEST(test_empty),
		UNIT_TEST(test_median),    UNIT_TEST(test_sample_median), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
