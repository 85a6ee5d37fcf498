/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/load_plots.h"

#include <math.h>

#include <json-c/json.h>

#include "bench/report/page/figure.h"
#include "bench/report/page/html.h"
#include "bench/report/page/write.h"

static const double percents[] = {1,  2,  5,  10,   15,   20,   25,    30,    40,
				  50, 60, 70, 75,   80,   85,   90,    93,    95,
				  97, 98, 99, 99.5, 99.7, 99.9, 99.95, 99.99, 99.999};

/* A plane of CPU against one latency. */
struct plane {
	enum bench_metric latency;
	const char *title;
	const char *axis;
};

static const struct plane planes[] = {
	{BENCH_LATENCY_P50, "CPU against median latency", "latency p50, \u00b5s"},
	{BENCH_LATENCY_P99, "CPU against p99 latency", "latency p99, \u00b5s"},
};

/**
 * histogram_percentile() - the latency that @percent of the I/Os did not exceed, in microseconds
 * NAN: there is no histogram, or none of its I/Os is beyond that.
 */
static double histogram_percentile(struct json_object *histogram, double percent)
{
	struct json_object *buckets = bench_page_get(histogram, "upper_ns_and_count");
	double count = bench_page_number(histogram, "count");
	double seen = 0;

	if (!json_object_is_type(buckets, json_type_array) ||
	    !(count * (100 - percent) / 100 >= 1)) {
		return NAN;
	}
	for (size_t i = 0; i < json_object_array_length(buckets); i++) {
		struct json_object *pair = bench_page_at(buckets, i);

		seen += json_object_get_double(bench_page_at(pair, 1));
		if (seen >= count * percent / 100) {
			return json_object_get_double(bench_page_at(pair, 0)) * 1e-3;
		}
	}
	return NAN;
}

static void cdf_plot(const struct bench_page_view *view, size_t target, size_t load, FILE *out)
{
	static const struct bench_page_figure figure = {
		.plot = "cdf",
		.title = "Distribution of latency",
		.note = "further left is better",
		.x = "latency, \u00b5s",
		.y = "I/Os that took no longer, %",
		.x_scale = "log",
		.y_scale = "nines",
	};
	char caption[BENCH_TEXT_MAX + 64];

	bench_page_figure_begin(&figure, out);
	snprintf(caption, sizeof(caption), "latency in \u00b5s by percentile, all runs; %s",
		 bench_page_load_name(view, load));
	bench_page_table_begin(out, caption);
	fputs("<thead><tr><th scope=\"col\">I/Os, %</th>", out);
	bench_page_contender_heads(view, out);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t row = 0; row < EBB_ARRAY_SIZE(percents); row++) {
		fprintf(out, "<tr data-x=\"%.9g\"><th scope=\"row\">%.9g</th>", percents[row],
			percents[row]);
		for (size_t i = 0; i < view->num_contenders; i++) {
			struct json_object *cell = bench_page_cell(view, target, load, i);
			struct json_object *histogram = bench_page_get(cell, "latency_histogram");

			bench_page_spread_cell(
				out,
				(struct bench_spread){.median = histogram_percentile(histogram,
										     percents[row]),
						      .low = NAN,
						      .high = NAN});
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody>\n", out);
	bench_page_table_end(out);
	bench_page_figure_end(out);
}

static void plane_plot(const struct bench_page_view *view, size_t target, size_t load,
		       const struct plane *plane, FILE *out)
{
	const struct bench_page_figure figure = {
		.plot = "plane",
		.title = plane->title,
		.note = "nearer to the lower left is better; the line joins those that none beats "
			"in both",
		.x = plane->axis,
		.y = "CPU seconds per million I/Os",
		.x_scale = "log",
		.y_scale = "log",
	};
	char caption[BENCH_TEXT_MAX + 64];

	bench_page_figure_begin(&figure, out);
	snprintf(caption, sizeof(caption), "%s; %s", plane->title,
		 bench_page_load_name(view, load));
	bench_page_table_begin(out, caption);
	fprintf(out,
		"<thead><tr><th scope=\"col\">who</th><th scope=\"col\">%s</th>"
		"<th scope=\"col\">%s</th><th scope=\"col\">on the "
		"front</th></tr></thead>\n<tbody>",
		figure.x, figure.y);
	for (size_t i = 0; i < view->num_contenders; i++) {
		struct json_object *cell = bench_page_cell(view, target, load, i);
		struct json_object *front = bench_page_get(bench_page_get(cell, "pareto_front"),
							   bench_metrics[plane->latency].name);
		bool on = json_object_get_boolean(front);

		fprintf(out, "<tr%s><th scope=\"row\"", on ? " data-front=\"\"" : "");
		bench_page_contender_attributes(view, i, out);
		fputs(">", out);
		bench_page_text(out, bench_page_contender_name(view, i));
		fputs("</th>", out);
		bench_page_spread_cell(out, bench_page_spread(cell, plane->latency));
		bench_page_spread_cell(out, bench_page_spread(cell, BENCH_CPU_PER_MILLION));
		fprintf(out, "<td>%s</td></tr>\n", front == NULL ? "" : on ? "yes" : "no");
	}
	fputs("</tbody>\n", out);
	bench_page_table_end(out);
	bench_page_figure_end(out);
}

/* True if a contender's cell has what the test wants. */
static bool load_has(const struct bench_page_view *view, size_t target, size_t load,
		     bool (*test)(struct json_object *cell, enum bench_metric metric),
		     enum bench_metric metric)
{
	for (size_t i = 0; i < view->num_contenders; i++) {
		if (test(bench_page_cell(view, target, load, i), metric)) {
			return true;
		}
	}
	return false;
}

static bool cell_has_histogram(struct json_object *cell, enum bench_metric metric)
{
	(void)metric;
	return bench_page_get(cell, "latency_histogram") != NULL;
}

static bool cell_is_in_plane(struct json_object *cell, enum bench_metric latency)
{
	return isfinite(bench_page_spread(cell, latency).median) &&
	       isfinite(bench_page_spread(cell, BENCH_CPU_PER_MILLION).median);
}

void bench_page_load_plots(const struct bench_page_view *view, size_t target, size_t load,
			   bool open, FILE *out)
{
	bool any = false;

	fprintf(out, "<details class=\"load\"%s><summary>", open ? " open" : "");
	bench_page_text(out, bench_page_load_name(view, load));
	fputs("</summary>\n<div class=\"plots\">\n", out);
	if (load_has(view, target, load, cell_has_histogram, BENCH_LATENCY_P50)) {
		cdf_plot(view, target, load, out);
		any = true;
	}
	for (size_t i = 0; i < EBB_ARRAY_SIZE(planes); i++) {
		if (load_has(view, target, load, cell_is_in_plane, planes[i].latency)) {
			plane_plot(view, target, load, &planes[i], out);
			any = true;
		}
	}
	fprintf(out, "</div>\n%s</details>\n",
		any ? "" : "<p class=\"missing\">Nothing of this was measured.</p>\n");
}
