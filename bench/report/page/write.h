/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_WRITE_H
#define BENCH_PAGE_WRITE_H

/* Numbers as people read them, and what every table of the page is made of. */

#include <stdio.h>

#include "bench/results/results.h"

/* As much of a number as it tells: 1,234,567, 12.3, 0.0123; "-" for a NAN. */
void bench_page_number_text(double number, char text[64]);

/* The same into the page. */
void bench_page_number_put(FILE *out, double number);

/* What was chosen or counted, and is exact: 1, 20,000, 7.5. */
void bench_page_count_put(FILE *out, double number);

/**
 * bench_page_spread_cell() - a td with a median and its spread
 * The exact numbers are in data-v, data-l and data-h, from which the script draws.
 */
void bench_page_spread_cell(FILE *out, struct bench_spread spread);

/* The opening tags of a table that may be wider than the page, with its caption, and the closing. */
void bench_page_table_begin(FILE *out, const char *caption);
void bench_page_table_end(FILE *out);

#endif
