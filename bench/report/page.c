/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <json-c/json.h>

#include <ebb/assert.h>

#include "bench/report/page/answer.h"
#include "bench/report/page/assets.h"
#include "bench/report/page/html.h"
#include "bench/report/page/plots.h"
#include "bench/report/page/sections.h"
#include "bench/report/page/write.h"

static void part_title(const struct bench_page_view *view, FILE *out)
{
	fputs("Polling against interrupts", out);
	for (size_t i = 0; i < view->num_targets; i++) {
		fputs(i == 0 ? ": " : ", ", out);
		bench_page_text(out, bench_page_target_name(view, i));
	}
}

static void part_lead(const struct bench_page_view *view, FILE *out)
{
	double seconds = bench_page_number(view->report, "elapsed_ns") * 1e-9;

	for (size_t i = 0; i < view->num_targets; i++) {
		fputs(i == 0 ? "<b>" : ", <b>", out);
		bench_page_text(out, bench_page_target_name(view, i));
		fputs("</b>", out);
	}
	bench_page_textf(out, ". %zu load%s, %zu contender%s, %.0f rounds, started %s",
			 view->num_loads, view->num_loads == 1 ? "" : "s", view->num_contenders,
			 view->num_contenders == 1 ? "" : "s",
			 bench_page_number(view->report, "rounds"),
			 bench_page_string(view->report, "started"));
	fputs(", took ", out);
	bench_page_number_put(out, seconds);
	fputs(" s.", out);
}

static void part_command(const struct bench_page_view *view, FILE *out)
{
	bench_page_text(out, bench_page_string(view->report, "command"));
}

static void part_plots(const struct bench_page_view *view, FILE *out)
{
	for (size_t target = 0; target < view->num_targets; target++) {
		fputs("<section class=\"target\">\n<h2>Plots: ", out);
		bench_page_text(out, bench_page_target_name(view, target));
		fputs("</h2>\n", out);
		bench_page_plots(view, target, out);
		fputs("</section>\n", out);
	}
}

static void part_version(const struct bench_page_view *view, FILE *out)
{
	bench_page_text(out, bench_page_string(view->report, "version"));
}

static void part_footer(const struct bench_page_view *view, FILE *out)
{
	bench_page_textf(out, "ebb-bench %s", bench_page_string(view->report, "version"));
}

static void part_json(const struct bench_page_view *view, FILE *out)
{
	bench_page_json(out, view->report);
}

/* What stands for each {{name}} of the frame: a function's output, or a text as it is. */
static const struct part {
	const char *name;
	void (*write)(const struct bench_page_view *view, FILE *out);
	const char *text;
} parts[] = {
	{"answer", bench_page_answer, NULL},
	{"command", part_command, NULL},
	{"contenders", bench_page_contenders, NULL},
	{"css", NULL, bench_page_css},
	{"css-hash", NULL, bench_page_css_hash},
	{"figures", bench_page_figures, NULL},
	{"footer", part_footer, NULL},
	{"js", NULL, bench_page_js},
	{"js-hash", NULL, bench_page_js_hash},
	{"json", part_json, NULL},
	{"lead", part_lead, NULL},
	{"machine", bench_page_machine, NULL},
	{"plots", part_plots, NULL},
	{"targets", bench_page_targets, NULL},
	{"title", part_title, NULL},
	{"version", part_version, NULL},
	{"warnings", bench_page_warnings, NULL},
};

static void part_put(const struct bench_page_view *view, const char *name, size_t len, FILE *out)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(parts); i++) {
		if (strlen(parts[i].name) == len && memcmp(parts[i].name, name, len) == 0) {
			if (parts[i].write != NULL) {
				parts[i].write(view, out);
			} else {
				fputs(parts[i].text, out);
			}
			return;
		}
	}
	ebb_assert(false); /* the frame names what there is not */
}

int bench_report_page(struct json_object *report, FILE *out)
{
	const char *at = bench_page_html;
	struct bench_page_view view;
	const char *begin;

	bench_page_view_init(&view, report);
	errno = 0;
	while ((begin = strstr(at, "{{")) != NULL) {
		const char *end = strstr(begin, "}}");

		ebb_assert(end != NULL);
		fwrite(at, 1, (size_t)(begin - at), out);
		part_put(&view, begin + 2, (size_t)(end - begin - 2), out);
		at = end + 2;
	}
	fputs(at, out);
	if (fflush(out) != 0 || ferror(out)) {
		return errno > 0 ? -errno : -EIO;
	}
	return 0;
}
