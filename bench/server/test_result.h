/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TEST_RESULT_H
#define BENCH_TEST_RESULT_H

/*
 * A test's result in the JSON that SPDK's bdevperf answers perform_tests with: results[], one object
 * a job, and core_count. What ebb knows beyond that comes beside it: percentiles by the same kind of
 * names, all metrics of bench/results under "metrics", null where there is none.
 */

#include <json-c/json.h>

#include "bench/load/engine.h"

struct bench_test_result_opts {
	const char *bdev;
	const struct bench_load *load;
	const struct bench_engine_info *info;
	bool terminated; /* it was ended before its time */
	bool histogram;  /* wanted */
};

/* @result: it got as far as to count. Return: the caller's to put. Thread: app. */
struct json_object *bench_test_result_json(const struct bench_test_result_opts *opts,
					   const struct bench_engine_result *result);

#endif
