/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdio.h>

#include "bench/results/results.h"

/**
 * bench_report_columns() - how wide a report on @out may be
 * Return: the width of the terminal that @out is; else what COLUMNS says; else 80. At least 40.
 */
unsigned bench_report_columns(FILE *out);

/**
 * bench_report_table() - a comparison for people
 * First the answer: what polling buys and what it costs. Then a block for each target and load, a
 * row for each contender. Then how it was measured, and what spoils it. Names and errors, whatever
 * bytes are in them, are made harmless for a terminal.
 * @columns: no table is wider, but by the names; what does not fit follows below
 */
void bench_report_table(const struct bench_results *results, unsigned columns, FILE *out);

#endif
