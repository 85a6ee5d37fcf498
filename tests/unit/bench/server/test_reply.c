/* SPDX-License-Identifier: Apache-2.0 */
/* Replies to perform_tests: ebb's, SPDK's, and what is none. */
#include "bench/server/reply.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct bench_outcome outcome;
static char error[BENCH_TEXT_MAX];

static int read_reply(const char *text)
{
	struct json_object *reply = json_tokener_parse(text);
	int rc;

	memset(&outcome, 0, sizeof(outcome));
	error[0] = '\0';
	rc = bench_reply_read(reply, "disk", &outcome, error);
	json_object_put(reply);
	return rc;
}

#define EBB_JOB                                                                               \
	"\"job\": \"disk\", \"iops\": 1000.5, \"mibps\": 3.9, \"io_failed\": 0,"              \
	"\"avg_latency_us\": 20.0, \"min_latency_us\": 10.0, \"max_latency_us\": 40.0,"       \
	"\"stamps\": \"sampled\", \"metrics\": {\"iops\": 1000.5, \"latency_p99_ns\": 39000," \
	"\"latency_mean_ns\": 20000, \"latency_min_ns\": 10000, \"latency_max_ns\": 40000,"   \
	"\"joules_per_million_ios\": null, \"of_a_later_version\": 7},"                       \
	"\"histogram\": [[10000, 3], [39000, 1], [7], \"x\"]"

START_TEST(ebbs_has_all_metrics)
{
	const double *metric = outcome.sample.metric;

	ck_assert_int_eq(read_reply("{\"results\": [{\"status\": \"finished\"," EBB_JOB
				    "}], \"core_count\": 1}"),
			 0);
	ck_assert_double_eq_tol(metric[BENCH_IOPS], 1000.5, 0.001);
	ck_assert_double_eq_tol(metric[BENCH_LATENCY_P99], 39000, 0.001);
	ck_assert_double_eq_tol(metric[BENCH_MIB_PER_S], 3.9, 0.001); /* of an older version */
	ck_assert_double_eq_tol(metric[BENCH_LATENCY_MIN], 10000, 0.001);
	ck_assert(isnan(metric[BENCH_JOULES_PER_MILLION]));
	ck_assert(isnan(metric[BENCH_WAKEUPS]));
	ck_assert_int_eq((int)outcome.stamps, BENCH_STAMPS_SAMPLED);
	ck_assert_uint_eq(outcome.latency.count, 4);
	ck_assert_uint_eq(outcome.latency.max, 40000);
	ck_assert_uint_le(ebb_histogram_percentile(&outcome.latency, 50), 10300);
	ck_assert(isnan(outcome.companion_percent));
}
END_TEST

/* A job of each core, and those of its other bdevs; no percentiles, no CPU. */
START_TEST(spdks_jobs_are_summed)
{
	const double *metric = outcome.sample.metric;

	ck_assert_int_eq(
		read_reply("{\"results\": ["
			   "{\"job\": \"disk\", \"core_mask\": \"0x1\", \"status\": \"finished\","
			   "\"iops\": 1000.0, \"mibps\": 4.0, \"io_failed\": 0, \"io_timeout\": 0,"
			   "\"avg_latency_us\": 10.0, \"min_latency_us\": 5.0,"
			   "\"max_latency_us\": 30.0},"
			   "{\"job\": \"other\", \"status\": \"finished\", \"iops\": 7.0},"
			   "{\"job\": \"disk\", \"core_mask\": \"0x2\", \"status\": \"finished\","
			   "\"iops\": 3000.0, \"mibps\": 12.0, \"io_failed\": 0,"
			   "\"avg_latency_us\": 20.0, \"min_latency_us\": 4.0,"
			   "\"max_latency_us\": 20.0}], \"core_count\": 2}"),
		0);
	ck_assert_double_eq_tol(metric[BENCH_IOPS], 4000, 0.001);
	ck_assert_double_eq_tol(metric[BENCH_MIB_PER_S], 16, 0.001);
	ck_assert_double_eq_tol(metric[BENCH_LATENCY_MEAN], 17500, 0.001);
	ck_assert_double_eq_tol(metric[BENCH_LATENCY_MIN], 4000, 0.001);
	ck_assert_double_eq_tol(metric[BENCH_LATENCY_MAX], 30000, 0.001);
	ck_assert(isnan(metric[BENCH_LATENCY_P99]));
	ck_assert(isnan(metric[BENCH_CPU_PERCENT]));
	ck_assert_int_eq((int)outcome.stamps, BENCH_STAMPS_FOREIGN);
	ck_assert_uint_eq(outcome.latency.count, 0);
}
END_TEST

START_TEST(a_job_that_failed_says_so)
{
	ck_assert_int_eq(read_reply("{\"results\": [{\"job\": \"disk\", \"status\": \"failed\","
				    "\"iops\": 10, \"io_failed\": 3,"
				    "\"error\": \"bdev disk: read failed\"}]}"),
			 -EIO);
	ck_assert_str_eq(error, "bdev disk: read failed");
	ck_assert_uint_eq(outcome.errors, 3);
	ck_assert_double_eq_tol(outcome.sample.metric[BENCH_IOPS], 10, 0.001);
	ck_assert_int_eq(read_reply("{\"results\": [{\"job\": \"disk\", \"status\": \"terminated\","
				    "\"iops\": 10}]}"),
			 -EIO);
	ck_assert_str_eq(error, "the job on bdev disk has the status \"terminated\"");
}
END_TEST

/* A number that no figure can be is none: it is not told as one, and not made whole. */
START_TEST(numbers_that_no_figure_can_be_are_missing)
{
	const double *metric = outcome.sample.metric;

	ck_assert_int_eq(
		read_reply(
			"{\"results\": [{\"job\": \"disk\", \"status\": \"finished\", \"iops\": 10,"
			"\"avg_latency_us\": -5, \"min_latency_us\": 1e300,"
			"\"max_latency_us\": Infinity, \"io_failed\": 1e300,"
			"\"metrics\": {\"cpu_percent\": -1, \"latency_p50_ns\": 1e19},"
			"\"histogram\": [[10, 3]]}]}"),
		0);
	ck_assert_double_eq_tol(metric[BENCH_IOPS], 10, 0.001);
	ck_assert(isnan(metric[BENCH_LATENCY_MEAN]));
	ck_assert(isnan(metric[BENCH_LATENCY_MIN]));
	ck_assert(isnan(metric[BENCH_LATENCY_MAX]));
	ck_assert(isnan(metric[BENCH_LATENCY_P50]));
	ck_assert(isnan(metric[BENCH_CPU_PERCENT]));
	ck_assert_uint_eq(outcome.errors, 0);
	ck_assert_uint_eq(outcome.latency.count, 0);
}
END_TEST

static const char *const others[] = {
	"true",
	"{}",
	"[]",
	"{\"results\": null}",
	"{\"results\": []}",
	"{\"results\": [1, null, \"x\", []]}",
	"{\"results\": [{\"job\": \"other\", \"status\": \"finished\", \"iops\": 1}]}",
	"{\"results\": [{\"job\": \"disk\", \"status\": \"finished\", \"iops\": \"fast\"}]}",
	"{\"results\": [{\"job\": 7, \"status\": 8, \"iops\": 1, \"metrics\": []}]}",
};

START_TEST(what_is_no_reply_is_refused)
{
	ck_assert_int_eq(read_reply(others[_i]), -EPROTO);
	ck_assert_ptr_nonnull(strstr(error, "no results of bdev disk"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(ebbs_has_all_metrics),
		UNIT_TEST(spdks_jobs_are_summed),
		UNIT_TEST(a_job_that_failed_says_so),
		UNIT_TEST(numbers_that_no_figure_can_be_are_missing),
		UNIT_LOOP(what_is_no_reply_is_refused, 0, EBB_ARRAY_SIZE(others)),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
