/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_SECTIONS_H
#define BENCH_PAGE_SECTIONS_H

/* The parts of the page around its plots; each writes a section with a heading of its own. */

#include <stdio.h>

#include "bench/report/page/view.h"

/* What spoils the figures: warnings, an early end, holes in a file, errors of cells. */
void bench_page_warnings(const struct bench_page_view *view, FILE *out);

/* What was measured, and when. */
void bench_page_targets(const struct bench_page_view *view, FILE *out);

/* Who did the I/O: peers with their exact commands. */
void bench_page_contenders(const struct bench_page_view *view, FILE *out);

/* Every metric of every cell, a table for each target. */
void bench_page_figures(const struct bench_page_view *view, FILE *out);

/* The facts of the machine, whatever there are. */
void bench_page_machine(const struct bench_page_view *view, FILE *out);

#endif
