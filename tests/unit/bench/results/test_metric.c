/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/metric.h"

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
	struct bench_metric_sample sample;

	for (unsigned i = 1; i <= 50; i++) {
		ebb_histogram_add(&count.latency, i);
	}
	count.ios = count.latency.count;
	count.user_ns = EBB_NS_PER_S / 4;
	count.system_ns = 3 * EBB_NS_PER_S / 4;
	count.voluntary = 30;
	count.involuntary = 4;
	count.wakeups = 20;
	count.joules = 7.5;
	count.offered = 80;
	count.backlog = 30;
	count.late_p50_ns = 400;
	count.late_p99_ns = 9000;
	bench_metric_sample_make(&count, &sample);
	ck_assert_double_eq_tol(sample.metric[BENCH_IOPS], 25, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_MIB_PER_S], 25.0 / 256, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_LATENCY_MEAN], 25.5, 1e-9);
	ck_assert_double_eq(sample.metric[BENCH_LATENCY_MIN], 1);
	ck_assert_double_eq(sample.metric[BENCH_LATENCY_P50], 25);
	ck_assert_double_eq(sample.metric[BENCH_LATENCY_P99], 50);
	ck_assert_double_eq(sample.metric[BENCH_LATENCY_MAX], 50);
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_PER_MILLION], 20000, 1e-6);
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_PERCENT], 50, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_USER_PERCENT], 12.5, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_SYSTEM_PERCENT], 37.5, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_IOS_PER_CPU_S], 50, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_WAKEUPS_PER_IO], 0.4, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_SWITCHES_PER_IO], 0.68, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_JOULES_PER_MILLION], 150000, 1e-6);
	ck_assert_double_eq_tol(sample.metric[BENCH_VOLUNTARY], 15, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_INVOLUNTARY], 2, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_WAKEUPS], 10, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_IOS_PER_WAKEUP], 2.5, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_OFFERED], 40, 1e-9);
	ck_assert_double_eq(sample.metric[BENCH_BACKLOG], 30);
	ck_assert_double_eq(sample.metric[BENCH_ARRIVAL_LATE_P50], 400);
	ck_assert_double_eq(sample.metric[BENCH_ARRIVAL_LATE_P99], 9000);
}
END_TEST

/* Nothing done: rates are zero, and what cannot be known is not a number. */
START_TEST(test_empty)
{
	struct bench_metric_sample sample;

	count.user_ns = 1000;
	bench_metric_sample_make(&count, &sample);
	ck_assert_double_eq(sample.metric[BENCH_IOPS], 0);
	ck_assert_double_eq(sample.metric[BENCH_WAKEUPS], 0);
	for (unsigned i = BENCH_LATENCY_MEAN; i <= BENCH_LATENCY_MAX; i++) {
		ck_assert_double_nan(sample.metric[i]);
	}
	ck_assert_double_nan(sample.metric[BENCH_CPU_PER_MILLION]);
	ck_assert_double_nan(sample.metric[BENCH_WAKEUPS_PER_IO]);
	ck_assert_double_nan(sample.metric[BENCH_JOULES_PER_MILLION]);
	ck_assert_double_nan(sample.metric[BENCH_IOS_PER_WAKEUP]);
}
END_TEST

START_TEST(test_median)
{
	double odd[] = {5, 1, 3};
	double even[] = {4, 1, 3, 2};
	double holes[] = {NAN, 7, NAN, 9};

	ck_assert_double_eq(bench_metric_median(odd, 3), 3);
	ck_assert_double_eq(bench_metric_median(even, 4), 2.5);
	ck_assert_double_eq(bench_metric_median(holes, 4), 8);
	ck_assert_double_eq(bench_metric_median(odd, 1), 5);
	ck_assert_double_nan(bench_metric_median(odd, 0));
	ck_assert_double_nan(bench_metric_median(holes, 1));
}
END_TEST

START_TEST(test_sample_median)
{
	struct bench_metric_sample samples[3];
	struct bench_metric_sample median;

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
			/* each metric has its middle value in another sample */
			samples[i].metric[metric] = (metric + i) % 3 + metric * 10.0;
		}
	}
	bench_metric_sample_median(samples, 3, &median);
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		ck_assert_double_eq(median.metric[metric], metric * 10.0 + 1);
	}
	bench_metric_sample_median(samples, 0, &median);
	ck_assert_double_nan(median.metric[BENCH_IOPS]);
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
