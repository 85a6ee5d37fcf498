/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/plots.h"

#include <math.h>

#include <json-c/json.h>

#include "bench/report/page/figure.h"
#include "bench/report/page/html.h"
#include "bench/report/page/load_plots.h"
#include "bench/report/page/write.h"

/* A plot of one metric against the load. */
struct line_plot {
	enum bench_metric metric;
	const char *title;
	const char *axis;
	const char *scale;
	const char *note;
};

static const struct line_plot line_plots[] = {
	{BENCH_LATENCY_P50, "Latency, median", "latency p50, \u00b5s", "log", "lower is better"},
	{BENCH_LATENCY_P99, "Latency, 99th percentile", "latency p99, \u00b5s", "log",
	 "lower is better"},
	{BENCH_IOPS, "Throughput", "I/Os per second", "log", "higher is better"},
	{BENCH_CPU_PERCENT, "CPU", "CPU, % of one core", "linear", "lower is better"},
	{BENCH_IOS_PER_CPU_S, "Efficiency", "I/Os per CPU second", "log", "higher is better"},
	{BENCH_WAKEUPS_PER_IO, "Wakeups", "wakeups per I/O", "linear",
	 "each costs CPU and latency"},
};

/* True if the metric is known of some cell of the group. */
static bool group_has(const struct bench_page_view *view, size_t target, const char *label,
		      enum bench_metric metric)
{
	for (size_t load = 0; load < view->num_loads; load++) {
		if (!bench_page_load_in(view, load, label)) {
			continue;
		}
		for (size_t i = 0; i < view->num_contenders; i++) {
			struct json_object *cell = bench_page_cell(view, target, load, i);

			if (isfinite(bench_page_spread(cell, metric).median)) {
				return true;
			}
		}
	}
	return false;
}

static void line_rows(const struct bench_page_view *view, size_t target, const char *label,
		      enum bench_metric metric, FILE *out)
{
	fputs("<tbody>\n", out);
	for (size_t load = 0; load < view->num_loads; load++) {
		double x = bench_page_load_x(view, load);

		if (!bench_page_load_in(view, load, label)) {
			continue;
		}
		fprintf(out, "<tr data-x=\"%.9g\"><th scope=\"row\">", x);
		bench_page_count_put(out, x);
		fputs("</th>", out);
		for (size_t i = 0; i < view->num_contenders; i++) {
			struct json_object *cell = bench_page_cell(view, target, load, i);

			bench_page_spread_cell(out, bench_page_spread(cell, metric));
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody>\n", out);
}

static void line_plot(const struct bench_page_view *view, size_t target, size_t first,
		      const char *label, const struct line_plot *plot, FILE *out)
{
	bool rate = bench_page_load_has_rate(view, first);
	const char *x = rate                                   ? "offered I/Os per second"
			: bench_page_load_is_open(view, first) ? "I/Os in flight at most"
							       : "I/Os in flight";
	struct bench_page_figure figure = {
		.plot = "line",
		.title = plot->title,
		.note = plot->note,
		.x = x,
		.y = plot->axis,
		.x_scale = rate ? "rate" : "depth",
		.y_scale = plot->scale,
	};
	char caption[2 * BENCH_PAGE_LABEL_MAX];

	bench_page_figure_begin(&figure, out);
	snprintf(caption, sizeof(caption), "%s; %s", plot->axis, label);
	bench_page_table_begin(out, caption);
	fprintf(out, "<thead><tr><th scope=\"col\">%s</th>", x);
	bench_page_contender_heads(view, out);
	fputs("</tr></thead>\n", out);
	line_rows(view, target, label, plot->metric, out);
	bench_page_table_end(out);
	bench_page_figure_end(out);
}

static void group_plots(const struct bench_page_view *view, size_t target, size_t first, FILE *out)
{
	char label[BENCH_PAGE_LABEL_MAX];
	bool any = false;

	bench_page_load_group(view, first, label);
	fputs("<section class=\"group\">\n<h3>", out);
	bench_page_text(out, label);
	fputs("</h3>\n", out);
	if (view->num_targets > 1) {
		fputs("<p class=\"of\">on ", out);
		bench_page_text(out, bench_page_target_name(view, target));
		fputs("</p>\n", out);
	}
	fputs("<h4>Against the load</h4>\n<div class=\"plots\">\n", out);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(line_plots); i++) {
		if (group_has(view, target, label, line_plots[i].metric)) {
			line_plot(view, target, first, label, &line_plots[i], out);
			any = true;
		}
	}
	fputs("</div>\n", out);
	if (!any) {
		fputs("<p class=\"missing\">Nothing of this was measured.</p>\n", out);
	} else {
		fputs("<h4>Load by load</h4>\n", out);
		for (size_t load = first; load < view->num_loads; load++) {
			if (bench_page_load_in(view, load, label)) {
				bench_page_load_plots(view, target, load, load == first, out);
			}
		}
	}
	fputs("</section>\n", out);
}

void bench_page_plots(const struct bench_page_view *view, size_t target, FILE *out)
{
	for (size_t load = 0; load < view->num_loads; load++) {
		if (bench_page_load_is_first(view, load)) {
			group_plots(view, target, load, out);
		}
	}
}
