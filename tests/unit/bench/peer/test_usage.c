/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/usage.h"

#include <math.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static struct bench_metric_sample sample;

static struct bench_count count_of(uint64_t ios)
{
	struct bench_count count = {.ios = ios, .io_bytes = 4096, .elapsed_ns = EBB_NS_PER_S};

	ebb_histogram_reset(&count.latency);
	return count;
}

START_TEST(test_all_known)
{
	struct bench_usage used = {
		.cpu_ns = 5e8,
		.user_ns = 1e8,
		.system_ns = 3e8,
		.voluntary = 100,
		.involuntary = 50,
		.wakeups = 20,
	};
	struct bench_count count = count_of(10);

	bench_usage_sample(&count, &used, &sample);
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_PERCENT], 50, 1e-9);
	/* The parts are ticks: they divide the sum, which is exact. */
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_USER_PERCENT], 12.5, 1e-6);
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_SYSTEM_PERCENT], 37.5, 1e-6);
	ck_assert_double_eq_tol(sample.metric[BENCH_SWITCHES_PER_IO], 15, 1e-9);
	ck_assert_double_eq_tol(sample.metric[BENCH_WAKEUPS_PER_IO], 2, 1e-9);
}
END_TEST

START_TEST(test_unknown_is_missing)
{
	static const enum bench_metric missing[] = {
		BENCH_CPU_PERCENT,     BENCH_CPU_USER_PERCENT, BENCH_CPU_SYSTEM_PERCENT,
		BENCH_CPU_PER_MILLION, BENCH_IOS_PER_CPU_S,    BENCH_VOLUNTARY,
		BENCH_INVOLUNTARY,     BENCH_SWITCHES_PER_IO,  BENCH_WAKEUPS,
		BENCH_WAKEUPS_PER_IO,  BENCH_IOS_PER_WAKEUP,
	};
	struct bench_count count = count_of(10);

	bench_usage_sample(&count, &bench_usage_unknown, &sample);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(missing); i++) {
		ck_assert_msg(isnan(sample.metric[missing[i]]), "%s",
			      bench_metrics[missing[i]].name);
	}
	ck_assert_double_eq_tol(sample.metric[BENCH_IOPS], 10, 1e-9);
}
END_TEST

/* Less than a tick was used: nobody knows which part of it is whose. */
START_TEST(test_no_ticks)
{
	struct bench_usage used = {.cpu_ns = 1e6, .wakeups = NAN};
	struct bench_count count = count_of(10);

	bench_usage_sample(&count, &used, &sample);
	ck_assert_double_eq_tol(sample.metric[BENCH_CPU_PERCENT], 0.1, 1e-9);
	ck_assert(isnan(sample.metric[BENCH_CPU_USER_PERCENT]));
	ck_assert(isnan(sample.metric[BENCH_WAKEUPS]));
	ck_assert_double_eq(sample.metric[BENCH_VOLUNTARY], 0);
}
END_TEST

START_TEST(test_a_process)
{
	struct bench_usage from;
	struct bench_usage to;
	struct bench_usage used;

	bench_usage_get_process(getpid(), &from);
	do {
		bench_usage_get_process(getpid(), &to);
		used = bench_usage_subtract(&to, &from);
	} while (used.cpu_ns < 1e6);
	ck_assert(isnan(used.wakeups));
	ck_assert(used.voluntary >= 0);
	/* No process has this number. */
	bench_usage_get_process(0x7fffffff, &from);
	ck_assert(isnan(from.cpu_ns));
	ck_assert(isnan(from.voluntary));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_all_known),
		UNIT_TEST(test_unknown_is_missing),
		UNIT_TEST(test_no_ticks),
		UNIT_TEST(test_a_process),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
