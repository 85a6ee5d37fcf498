/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/fio_report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

/* What fio 3.33 printed, without the fields that nobody reads. */
#define HEAD "{\"fio version\": \"fio-3.33\", \"jobs\": [{\"jobname\": \"ebb\", "
#define READ                                                                                    \
	"\"read\": {\"iops\": 1333.333333, \"runtime\": 21, \"total_ios\": 28, \"clat_ns\": "   \
	"{\"min\": 23685, \"max\": 8727343, \"mean\": 694116.107143, \"N\": 28}, \"lat_ns\": "  \
	"{\"min\": 27872, \"max\": 8740903, \"mean\": 709367.357143, \"stddev\": "              \
	"2268028.750318, \"N\": 28, \"bins\": {\"27776\": 1, \"33024\": 1, \"37632\": 1, "      \
	"\"39168\": 1, \"44800\": 2, \"45824\": 1, \"46336\": 1, \"50944\": 1, \"51456\": 1, "  \
	"\"52480\": 1, \"61696\": 1, \"63232\": 1, \"87552\": 1, \"92672\": 1, \"104960\": 1, " \
	"\"120320\": 1, \"126464\": 2, \"127488\": 1, \"132096\": 1, \"142336\": 2, "           \
	"\"171008\": 1, \"181248\": 1, \"234496\": 1, \"8716288\": 2}}}, "
#define WRITE                                                                                   \
	"\"write\": {\"iops\": 571.428571, \"runtime\": 20, \"total_ios\": 12, \"lat_ns\": "    \
	"{\"min\": 33790, \"max\": 3268874, \"mean\": 375611.0, \"N\": 12, \"bins\": "          \
	"{\"33536\": 1, \"41728\": 1, \"44288\": 1, \"63744\": 1, \"66048\": 1, \"68096\": 1, " \
	"\"110080\": 1, \"132096\": 1, \"177152\": 1, \"238592\": 1, \"264192\": 1, "           \
	"\"3260416\": 1}}}, "
#define TAIL "\"job_runtime\": 20, \"usr_cpu\": 5.0, \"sys_cpu\": 15.0, \"ctx\": 36}]}"

static struct bench_outcome outcome;
static char error[BENCH_TEXT_MAX];

static double metric(enum bench_metric which)
{
	return outcome.sample.metric[which];
}

START_TEST(test_reads)
{
	int rc = bench_fio_report_parse(HEAD "\"error\": 0, " READ TAIL, 4096, &outcome, error);

	ck_assert_int_eq(rc, 0);
	ck_assert_double_eq_tol(metric(BENCH_IOPS), 1333.333, 0.001);
	ck_assert_double_eq_tol(metric(BENCH_MIB_PER_S), 1333.333 / 256, 0.001);
	ck_assert_double_eq(metric(BENCH_LATENCY_MIN), 27872);
	ck_assert_double_eq(metric(BENCH_LATENCY_MAX), 8740903);
	ck_assert_double_eq_tol(metric(BENCH_LATENCY_MEAN), 709367, 1);
	/* The fourteenth of 28: its bin begins at 87040 and ends at 88063. */
	ck_assert_double_eq(metric(BENCH_LATENCY_P50), 88063);
	ck_assert_uint_eq(outcome.latency.count, 28);
	ck_assert_int_eq(outcome.stamps, BENCH_STAMPS_FOREIGN);
}
END_TEST

/* The CPU is in percent of the job's own time, 20 ms, of 21 in which it did I/O. */
START_TEST(test_cpu_and_switches)
{
	int rc = bench_fio_report_parse(HEAD "\"error\": 0, " READ TAIL, 4096, &outcome, error);

	ck_assert_int_eq(rc, 0);
	ck_assert_double_eq_tol(metric(BENCH_CPU_USER_PERCENT), 100.0 / 21, 0.01);
	ck_assert_double_eq_tol(metric(BENCH_CPU_SYSTEM_PERCENT), 300.0 / 21, 0.01);
	ck_assert_double_eq_tol(metric(BENCH_SWITCHES_PER_IO), 36.0 / 28, 0.001);
}
END_TEST

START_TEST(test_what_fio_does_not_tell_is_missing)
{
	static const enum bench_metric missing[] = {
		BENCH_VOLUNTARY,      BENCH_INVOLUNTARY,    BENCH_WAKEUPS,
		BENCH_WAKEUPS_PER_IO, BENCH_IOS_PER_WAKEUP, BENCH_JOULES_PER_MILLION,
	};
	int rc = bench_fio_report_parse(HEAD "\"error\": 0, " READ TAIL, 4096, &outcome, error);

	ck_assert_int_eq(rc, 0);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(missing); i++) {
		ck_assert_msg(isnan(metric(missing[i])), "%s", bench_metrics[missing[i]].name);
	}
	ck_assert(isnan(outcome.companion_percent));
}
END_TEST

/* Not 0, which is a figure. */
START_TEST(test_what_another_fio_leaves_out_is_missing)
{
	static const char read[] = "\"read\": {\"runtime\": 10, \"total_ios\": 5, \"lat_ns\": "
				   "{\"bins\": {\"100\": 5}}}, \"job_runtime\": 10}]}";
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s", HEAD, "\"error\": 0, ", read);
	ck_assert_int_eq(bench_fio_report_parse(text, 4096, &outcome, error), 0);
	ck_assert_double_eq(metric(BENCH_IOPS), 500);
	ck_assert(isnan(metric(BENCH_CPU_PERCENT)));
	ck_assert(isnan(metric(BENCH_CPU_PER_MILLION)));
	ck_assert(isnan(metric(BENCH_SWITCHES_PER_IO)));
	ck_assert(isnan(metric(BENCH_LATENCY_P50)));
}
END_TEST

START_TEST(test_a_mix_is_one)
{
	int rc = bench_fio_report_parse(HEAD "\"error\": 0, " READ WRITE TAIL, 4096, &outcome,
					error);

	ck_assert_int_eq(rc, 0);
	ck_assert_double_eq_tol(metric(BENCH_IOPS), 40 / 0.021, 0.001);
	ck_assert_uint_eq(outcome.latency.count, 40);
	ck_assert_double_eq(metric(BENCH_LATENCY_MIN), 27872);
	ck_assert_double_eq_tol(metric(BENCH_LATENCY_MEAN),
				(709367.357143 * 28 + 375611.0 * 12) / 40, 1);
}
END_TEST

/* fio says what it thinks of its options before. */
START_TEST(test_what_stands_before_is_passed_over)
{
	int rc = bench_fio_report_parse("note: both iodepth >= 1 {\nfio: hm\n" HEAD
					"\"error\": 0, " READ TAIL,
					4096, &outcome, error);

	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(outcome.latency.count, 28);
}
END_TEST

START_TEST(test_without_bins_latencies_are_missing)
{
	int rc = bench_fio_report_parse(
		HEAD "\"error\": 0, \"read\": {\"runtime\": 10, \"total_ios\": 5, \"lat_ns\": "
		     "{\"min\": 0, \"max\": 0, \"mean\": 0.0, \"N\": 0}}, " TAIL,
		512, &outcome, error);

	ck_assert_int_eq(rc, 0);
	ck_assert_double_eq(metric(BENCH_IOPS), 500);
	ck_assert(isnan(metric(BENCH_LATENCY_P50)));
	ck_assert_int_eq(outcome.stamps, BENCH_STAMPS_NONE);
}
END_TEST

START_TEST(test_failed_io)
{
	int rc = bench_fio_report_parse(HEAD "\"error\": 5, " READ TAIL, 4096, &outcome, error);

	ck_assert_int_eq(rc, -EIO);
	ck_assert_str_eq(error, "fio: its I/O failed: Input/output error");
}
END_TEST

START_TEST(test_no_io)
{
	int rc = bench_fio_report_parse(HEAD "\"error\": 0, " TAIL, 4096, &outcome, error);

	ck_assert_int_eq(rc, -EIO);
	ck_assert_str_eq(error, "fio: it did no I/O: give a longer --time");
}
END_TEST

START_TEST(test_no_report)
{
	static const char *const texts[] = {
		"",     "fio: failed\n",   "{", "{}\n", "[]", "{\"jobs\": 1}", "{\"jobs\": []}",
		"null", "{\"jobs\": [1]}",
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(texts); i++) {
		int rc = bench_fio_report_parse(texts[i], 4096, &outcome, error);

		ck_assert_msg(rc < 0, "%s", texts[i]);
	}
	ck_assert_int_eq(bench_fio_report_parse("fio: hm\n", 4096, &outcome, error), -EPROTO);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_reads),
		UNIT_TEST(test_cpu_and_switches),
		UNIT_TEST(test_what_fio_does_not_tell_is_missing),
		UNIT_TEST(test_what_another_fio_leaves_out_is_missing),
		UNIT_TEST(test_a_mix_is_one),
		UNIT_TEST(test_what_stands_before_is_passed_over),
		UNIT_TEST(test_without_bins_latencies_are_missing),
		UNIT_TEST(test_failed_io),
		UNIT_TEST(test_no_io),
		UNIT_TEST(test_no_report),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
