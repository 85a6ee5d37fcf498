/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/spdk_report.h"

#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/unit/unit.h"

#define JOB(status, iops, mean, least, most, failed)                                           \
	"{\"job\": \"disk\", \"core_mask\": \"0x1\", \"workload\": \"randread\", \"status\": " \
	"\"" status                                                                            \
	"\", \"queue_depth\": 4, \"io_size\": 4096, \"runtime\": 1.000253, \"iops\": " iops    \
	", \"mibps\": 3.9, \"io_failed\": " failed                                             \
	", \"io_timeout\": 0, \"avg_latency_us\": " mean ", \"min_latency_us\": " least        \
	", \"max_latency_us\": " most "}"

static struct bench_spdk_report report;
static char error[BENCH_TEXT_MAX];

static int parse(const char *text)
{
	struct json_object *result = json_tokener_parse(text);
	int rc;

	ck_assert_ptr_nonnull(result);
	rc = bench_spdk_report_parse(result, &report, error);
	json_object_put(result);
	return rc;
}

START_TEST(test_one_job)
{
	ck_assert_int_eq(parse("{\"results\": [" JOB("finished", "1000.5", "40.5", "20.25", "900",
						     "0") "], \"core_count\": 1}"),
			 0);
	ck_assert_double_eq_tol(report.iops, 1000.5, 1e-9);
	ck_assert_double_eq_tol(report.seconds, 1.000253, 1e-9);
	ck_assert_double_eq_tol(report.mean_ns, 40500, 1e-6);
	ck_assert_double_eq_tol(report.min_ns, 20250, 1e-6);
	ck_assert_double_eq_tol(report.max_ns, 900000, 1e-6);
	ck_assert_uint_eq(report.failed, 0);
}
END_TEST

START_TEST(test_several_jobs)
{
	ck_assert_int_eq(parse("{\"results\": [" JOB("finished", "3000", "10", "5", "100",
						     "1") ", " JOB("finished", "1000", "50", "4",
								   "90", "2") "]}"),
			 0);
	ck_assert_double_eq_tol(report.iops, 4000, 1e-9);
	ck_assert_double_eq_tol(report.mean_ns, 20000, 1e-6);
	ck_assert_double_eq_tol(report.min_ns, 4000, 1e-6);
	ck_assert_double_eq_tol(report.max_ns, 100000, 1e-6);
	ck_assert_uint_eq(report.failed, 3);
}
END_TEST

START_TEST(test_failures)
{
	ck_assert_int_eq(parse("{\"results\": [" JOB("failed", "10", "1", "1", "1", "1") "]}"),
			 -EIO);
	ck_assert_str_eq(error, "bdevperf: its job failed after 1.00 s");
	ck_assert_int_eq(parse("{\"results\": [" JOB("finished", "0", "0", "0", "0", "0") "]}"),
			 -EIO);
	ck_assert_int_eq(parse("{\"results\": []}"), -EPROTO);
	ck_assert_int_eq(parse("{\"results\": 7}"), -EPROTO);
	ck_assert_int_eq(parse("true"), -EPROTO);
	ck_assert_int_eq(parse("{\"results\": [{}]}"), -EIO);
	ck_assert_int_eq(parse("{\"results\": [{\"status\": null}, 7, null]}"), -EIO);
}
END_TEST

/* As print_bucket() of bdevperf.c writes it, with what stands around it. */
START_TEST(test_histogram)
{
	static const char text[] =
		"\n                             Latency(us)\n"
		"\r Device Information          : runtime(s)       IOPS      MiB/s\n"
		"\t disk                :       1.00    1000.50       3.91       0.00     0.00     "
		" "
		"40.50      20.25     900.00\n"
		"\n Latency summary\n\r =============\n"
		"\r Job: disk (Core Mask 0x1)\n  1.00000% :    20.297us\n 50.00000% :    40.109us\n"
		"\r Latency histogram\n\r ============\n\r Job: disk (Core Mask 0x1)\n"
		"   20.200 -    20.300:  10.0000%  (      100)\n"
		"   40.000 -    40.200:  90.0000%  (      800)\n"
		"  899.000 -   901.000: 100.0000%  (      100)\n\n";
	static struct ebb_histogram histogram;
	uint64_t median;

	ebb_histogram_reset(&histogram);
	bench_spdk_report_histogram(text, &histogram);
	ck_assert_uint_eq(histogram.count, 1000);
	ck_assert_uint_eq(histogram.min, 20250);
	ck_assert_uint_eq(histogram.max, 900000);
	median = ebb_histogram_percentile(&histogram, 50);
	ck_assert(median >= 40100 && median < 40800);
}
END_TEST

START_TEST(test_no_histogram)
{
	static struct ebb_histogram histogram;

	ebb_histogram_reset(&histogram);
	bench_spdk_report_histogram("", &histogram);
	bench_spdk_report_histogram("a - b: c% (d)\n1 - 2\n-5.0 - 3.0: 1.0% (9)\n"
				    "9.0 - 3.0: 1.0% (9)\n1.0 - 1e300: 1.0% (9)\n",
				    &histogram);
	ck_assert_uint_eq(histogram.count, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_one_job),   UNIT_TEST(test_several_jobs), UNIT_TEST(test_failures),
		UNIT_TEST(test_histogram), UNIT_TEST(test_no_histogram), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
