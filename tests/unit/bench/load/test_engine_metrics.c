/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/engine_metrics.h"

#include <math.h>

#include "tests/unit/unit.h"

static struct bench_engine_result result;
static struct bench_metric_sample sample;

static void setup(void)
{
	result = (struct bench_engine_result){
		.elapsed_ns = EBB_NS_PER_S / 2,
		.ios = 1000,
		.io_bytes = 1 << 20,
		.used = {.user_ns = EBB_NS_PER_S / 4, .wakeups = 500},
	};
	ebb_histogram_reset(&result.latency);
	ebb_histogram_reset(&result.lateness);
	ebb_histogram_add(&result.latency, 40);
}

START_TEST(a_closed_loop_has_no_arrivals)
{
	result.offered = 7; /* nothing that counts */
	bench_engine_metrics_make(&result, &sample);
	ck_assert_double_eq(sample.metric[BENCH_IOPS], 2000);
	ck_assert_double_eq(sample.metric[BENCH_MIB_PER_S], 2000);
	ck_assert_double_eq(sample.metric[BENCH_CPU_PERCENT], 50);
	ck_assert_double_eq(sample.metric[BENCH_WAKEUPS_PER_IO], 0.5);
	ck_assert_double_eq(sample.metric[BENCH_LATENCY_P50], 40);
	ck_assert_double_nan(sample.metric[BENCH_JOULES_PER_MILLION]);
	ck_assert_double_nan(sample.metric[BENCH_OFFERED]);
	ck_assert_double_nan(sample.metric[BENCH_BACKLOG]);
	ck_assert_double_nan(sample.metric[BENCH_ARRIVAL_LATE_P50]);
}
END_TEST

/* Also where none came: that they were to come is known. */
START_TEST(an_open_loop_has_them)
{
	result.open_loop = true;
	bench_engine_metrics_make(&result, &sample);
	ck_assert_double_eq(sample.metric[BENCH_OFFERED], 0);
	ck_assert_double_nan(sample.metric[BENCH_ARRIVAL_LATE_P99]);
	result.offered = 1500;
	result.backlog = 500;
	ebb_histogram_add(&result.lateness, 60);
	bench_engine_metrics_make(&result, &sample);
	ck_assert_double_eq(sample.metric[BENCH_OFFERED], 3000);
	ck_assert_double_eq(sample.metric[BENCH_BACKLOG], 500);
	ck_assert_double_eq(sample.metric[BENCH_ARRIVAL_LATE_P50], 60);
	ck_assert_double_eq(sample.metric[BENCH_ARRIVAL_LATE_P99], 60);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(a_closed_loop_has_no_arrivals),
		UNIT_TEST(an_open_loop_has_them),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
