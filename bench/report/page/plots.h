/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_PLOTS_H
#define BENCH_PAGE_PLOTS_H

/*
 * The plots. Each is a figure with a table in it, and the page's script draws it from that table
 * alone: so no plot shows what its table does not, and without scripts the tables are there.
 *
 * What the script reads: of the figure data-plot (line, cdf, plane), data-x and data-y (the axes'
 * titles), data-x-scale and data-y-scale (linear, log, depth); of a column's or row's heading
 * data-style (the contender's colour and marker) and data-kind; of a row data-x, of a cell data-v,
 * data-l and data-h (value, spread).
 */

#include <stdio.h>

#include "bench/report/page/view.h"

/* All plots of one target: for each group of loads its lines, then each load's CDFs and planes. */
void bench_page_plots(const struct bench_page_view *view, size_t target, FILE *out);

#endif
