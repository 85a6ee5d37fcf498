/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REPORT_JSON_H
#define BENCH_REPORT_JSON_H

#include "bench/results/results.h"

struct json_object;

/**
 * bench_report_results_json() - a comparison for programs
 * report.schema.json beside this says what is in it; names do not change, and what was not measured
 * is null. Its texts are well-formed UTF-8, whatever @results hold.
 * Return: the report, the caller's to put.
 */
struct json_object *bench_report_results_json(const struct bench_results *results);

#endif
