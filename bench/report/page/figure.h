/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_FIGURE_H
#define BENCH_PAGE_FIGURE_H

#include <stdio.h>

#include "bench/report/page/view.h"

/* What a plot's figure says of it, beside its table; none of it foreign but the note. */
struct bench_page_figure {
	const char *plot; /* "line", "cdf" or "plane" */
	const char *title;
	const char *note;
	const char *x; /* the axes' titles, with units */
	const char *y;
	const char *x_scale; /* "linear", "log", "depth" or "rate" */
	const char *y_scale; /* "linear", "log" or "nines" */
};

/* What goes before a figure's table, and behind it. */
void bench_page_figure_begin(const struct bench_page_figure *figure, FILE *out);
void bench_page_figure_end(FILE *out);

/* The attributes of a contender's heading in a table, which tell the script its colour and marker. */
void bench_page_contender_attributes(const struct bench_page_view *view, size_t contender,
				     FILE *out);

/* A column's heading for each contender. */
void bench_page_contender_heads(const struct bench_page_view *view, FILE *out);

#endif
