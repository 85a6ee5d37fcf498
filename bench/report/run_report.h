/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RUN_REPORT_H
#define BENCH_RUN_REPORT_H

/*
 * What "ebb-bench run" prints. The JSON form is for programs: field names do not change, units are
 * in the names, a metric that has no value is null.
 */

#include <stdio.h>

#include "bench/compare/run.h"

struct json_object;

/* A table: one row for each metric, one column for each mode. */
void bench_run_report_text(const struct bench_run_options *options,
			   const struct bench_run_result *result, FILE *out);

/* Return: the report, the caller's to put. */
struct json_object *bench_run_report_json(const struct bench_run_options *options,
					  const struct bench_run_result *result);

#endif
