/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CSV_H
#define BENCH_CSV_H

#include <stdio.h>

#include "bench/results/results.h"

/*
 * A comparison for spreadsheets and data frames, after RFC 4180: a heading, lines that end with CR LF,
 * quotes where a text needs them. Headings have the unit in them and do not change; new columns come
 * at the end. A field is empty where nothing was measured.
 */

/* A row for each cell: of each metric the median, and the ends of its interval in _low and _high. */
void bench_report_csv(const struct bench_results *results, FILE *out);

/* A row for each run of each cell. */
void bench_report_csv_runs(const struct bench_results *results, FILE *out);

#endif
