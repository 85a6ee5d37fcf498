/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/report/page/assets.h"
#include "bench/report/page/view.h"
#include "tests/unit/unit.h"

/* Two modes and a peer under two loads, with what sentences are made of; json-c reads such quotes. */
static const char report_text[] =
	"{'version': '1.2', 'command': 'ebb-bench compare <x>', 'started': 'now', 'rounds': 5,"
	" 'elapsed_ns': 2000000000, 'interrupted': false, 'warnings': ['<w> & more'],"
	" 'machine': {'exit_latency': [1, null, true]},"
	" 'targets': [{'name': '</script><img>', 'kind': 'file', 'driver': null, 'path': '/x',"
	"  'block_size_bytes': 512, 'size_bytes': 1048576, 'sparse': true}],"
	" 'loads': ["
	"  {'name': 'randread 4k qd 1', 'rw': 'randread', 'read_percent': null,"
	"   'block_bytes': 4096, 'queue_depth': 1, 'shape': 'closed', 'rate_iops': null},"
	"  {'name': 'randrw 70/30 4k open', 'rw': 'randrw', 'read_percent': 70,"
	"   'block_bytes': 4096, 'queue_depth': 8, 'shape': 'on-off', 'rate_iops': 500,"
	"   'on_ns': 5000000, 'off_ns': 95000000},"
	"  {'name': 'laptop', 'rw': 'randrw', 'read_percent': 60, 'block_bytes': 512,"
	"   'queue_depth': 16, 'shape': 'trace', 'rate_iops': null}],"
	" 'contenders': [{'name': 'interrupt', 'kind': 'mode', 'command': null},"
	"  {'name': 'poll', 'kind': 'mode', 'command': null},"
	"  {'name': 'fio', 'kind': 'peer', 'command': 'fio --x=\"<y>\"'}],"
	" 'cells': ["
	"  {'target': 0, 'load': 0, 'contender': 0, 'runs': 5, 'errors': 0, 'error': null,"
	"   'stamps': 'exact', 'metrics': {'latency_p50_ns': {'median': 20000, 'low': 19000,"
	"    'high': 21000}, 'cpu_s_per_million_ios': {'median': 3, 'low': 2.9, 'high': 3.1}},"
	"   'latency_histogram': {'count': 200, 'upper_ns_and_count': [[20000, 100], [30000, "
	"100]]},"
	"   'pareto_front': {'latency_p50_ns': true}},"
	"  {'target': 0, 'load': 0, 'contender': 1, 'runs': 5, 'errors': 0, 'error': null,"
	"   'stamps': 'exact', 'metrics': {'latency_p50_ns': {'median': 10000, 'low': 9900,"
	"    'high': 10100}, 'cpu_s_per_million_ios': {'median': 12, 'low': 11, 'high': 13}},"
	"   'latency_histogram': null, 'pareto_front': {'latency_p50_ns': false}},"
	"  {'target': 0, 'load': 0, 'contender': 2, 'runs': 0, 'errors': 2,"
	"   'error': 'no <fio>', 'stamps': 'none', 'metrics': {}},"
	"  null, null, null,"
	"  {'target': 0, 'load': 2, 'contender': 0, 'runs': 1, 'note': '<note>', 'errors': 0,"
	"   'metrics': {'latency_p50_ns': {'median': 70000, 'low': 70000, 'high': 70000}}}],"
	" 'ratios': [{'target': 0, 'load': 0, 'contender': 1, 'over': 0, 'metrics': {"
	"   'latency_p50_ns': {'median': 0.5, 'low': 0.48, 'high': 0.52, 'pairs': 5},"
	"   'latency_p99_ns': {'median': 1.3, 'low': 0.9, 'high': 1.4, 'pairs': 5},"
	"   'iops': {'median': 1.055, 'low': 1.01, 'high': 1.09, 'pairs': 5},"
	"   'cpu_s_per_million_ios': {'median': 4, 'low': 3.9, 'high': 4.1, 'pairs': 5}}}]}";

static struct json_object *report_make(void)
{
	struct json_object *report = json_tokener_parse(report_text);

	ck_assert_ptr_nonnull(report);
	return report;
}

static char *page_of(struct json_object *report)
{
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);

	ck_assert_int_eq(bench_report_page(report, out), 0);
	fclose(out);
	return made;
}

static char *page;

static void setup(void)
{
	struct json_object *report = report_make();

	page = page_of(report);
	json_object_put(report);
}

static void teardown(void)
{
	free(page);
}

static void assert_has(const char *text)
{
	ck_assert_msg(strstr(page, text) != NULL, "not in the page: %s", text);
}

START_TEST(style_and_script_are_in_the_page_and_allowed)
{
	assert_has(bench_page_css);
	assert_has(bench_page_js);
	assert_has(bench_page_css_hash);
	assert_has(bench_page_js_hash);
	assert_has("default-src 'none'");
	ck_assert_ptr_null(strstr(page, "{{"));
	ck_assert_ptr_null(strstr(page, "http://localhost"));
}
END_TEST

START_TEST(foreign_text_is_text)
{
	ck_assert_ptr_null(strstr(page, "<img>"));
	ck_assert_ptr_null(strstr(page, "<w>"));
	ck_assert_ptr_null(strstr(page, "<x>"));
	ck_assert_ptr_null(strstr(page, "<y>"));
	ck_assert_ptr_null(strstr(page, "<fio>"));
	assert_has("&#60;/script&#62;&#60;img&#62;");
	assert_has("<li>&#60;w&#62; &#38; more</li>");
	assert_has("\\u003c/script\\u003e");
}
END_TEST

START_TEST(few_rounds_are_said_to_tell_little)
{
	static const struct {
		int rounds;
		const char *said; /* NULL: nothing */
	} cases[] = {
		{1, NULL},
		{2,
		 "<p>After 2 rounds that is not certain: by chance alone all of them differ in the "
		 "same way in 50 of 100 cases.</p>"},
		{3, "in 25 of 100 cases"},
		{5, NULL},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		struct json_object *report = report_make();
		struct json_object *cells = json_object_object_get(report, "cells");

		json_object_object_add(json_object_array_get_idx(cells, 1), "runs",
				       json_object_new_int(cases[i].rounds));
		free(page);
		page = page_of(report);
		json_object_put(report);
		if (cases[i].said != NULL) {
			assert_has(cases[i].said);
		} else {
			ck_assert_ptr_null(strstr(page, "is not certain"));
		}
	}
}
END_TEST

START_TEST(the_answer_is_in_words)
{
	assert_has(
		"<span class=\"factor\">50 % less</span> <span class=\"figures\">10.0 instead of "
		"20.0 \u00b5s <small>(\u00d7 0.480 to 0.520)</small>");
	assert_has("latency p99</span> <span class=\"factor\">no clear difference<");
	assert_has("I/Os per second</span> <span class=\"factor\">5.5 % more<");
	assert_has("<span class=\"factor\">4.00 times as much</span> <span class=\"figures\">12.0 "
		   "instead of 3.00 <");
}
END_TEST

/* What one run says may be anything. */
START_TEST(one_run_shows_no_difference)
{
	struct json_object *report = report_make();
	struct json_object *ratios = json_object_object_get(report, "ratios");
	struct json_object *metrics =
		json_object_object_get(json_object_array_get_idx(ratios, 0), "metrics");
	struct json_object *p50 = json_object_object_get(metrics, "latency_p50_ns");

	json_object_object_add(p50, "pairs", json_object_new_int(1));
	free(page);
	page = page_of(report);
	assert_has("median latency</span> <span class=\"factor\">one run, no spread<");
	json_object_put(report);
}
END_TEST

START_TEST(loads_are_grouped_by_what_differs)
{
	assert_has("<h3>randread of 4 KiB, closed loop</h3>");
	assert_has(
		"<h3>randrw 70/30 of 4 KiB, open loop, on-off 5/95 ms, at most 8 in flight</h3>");
}
END_TEST

/* A cell that was not reached is null: no plot has it, and no figure is made up for it. */
START_TEST(what_was_not_measured_is_missing)
{
	const char *group = strstr(page, "<h3>randrw 70/30");
	const char *end = strstr(group, "</section>");

	ck_assert_ptr_null(memmem(group, (size_t)(end - group), "data-v", 6));
	ck_assert_ptr_nonnull(
		memmem(group, (size_t)(end - group), "Nothing of this was measured", 28));
	assert_has(
		"<ul class=\"warnings\">\n<li>interrupt, laptop, &#60;/script&#62;&#60;img&#62;<br>"
		"&#60;note&#62;</li>");
	assert_has("no &#60;fio&#62;; 2 requests failed");
	assert_has("has holes");
}
END_TEST

START_TEST(colours_are_those_of_the_modes)
{
	assert_has("data-style=\"1\" data-kind=\"mode\">interrupt<");
	assert_has("data-style=\"0\" data-kind=\"mode\">poll<");
	assert_has("data-style=\"3\" data-kind=\"peer\">fio<");
}
END_TEST

/* Half of the I/Os took 20 us: so at 50 %, and 30 us beyond; of 200, 99.9 % is nobody's. */
START_TEST(percentiles_are_of_the_histogram)
{
	assert_has("<tr data-x=\"50\"><th scope=\"row\">50</th><td data-v=\"20\">20.0</td>");
	assert_has("<tr data-x=\"60\"><th scope=\"row\">60</th><td data-v=\"30\">30.0</td>");
	assert_has("<tr data-x=\"99.9\"><th scope=\"row\">99.9</th><td class=\"none\">");
}
END_TEST

START_TEST(facts_are_shown_whatever_they_are)
{
	assert_has("<dt>exit latency</dt><dd><ul>\n<li>1</li>\n<li><i>unknown</i></li>\n"
		   "<li>true</li>");
}
END_TEST

/* Each member of the report at a time is missing, and is of another type: a page all the same. */
START_TEST(any_report_makes_a_page)
{
	static const char *const names[] = {"version",    "command",    "started", "rounds",
					    "elapsed_ns", "warnings",   "machine", "targets",
					    "loads",      "contenders", "cells",   "ratios"};
	static const char *const others[] = {"null", "7", "[[[]]]", "{\"a\": {}}",
					     "[null, 3, \"x\"]"};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		for (size_t j = 0; j < EBB_ARRAY_SIZE(others); j++) {
			struct json_object *report = report_make();

			json_object_object_add(report, names[i], json_tokener_parse(others[j]));
			free(page_of(report));
			json_object_object_del(report, names[i]);
			free(page_of(report));
			json_object_put(report);
		}
	}
	free(page_of(NULL));
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	struct json_object *report = report_make();
	FILE *out = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(bench_report_page(report, out), -ENOSPC);
	fclose(out);
	json_object_put(report);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(style_and_script_are_in_the_page_and_allowed),
		UNIT_TEST(foreign_text_is_text),
		UNIT_TEST(the_answer_is_in_words),
		UNIT_TEST(few_rounds_are_said_to_tell_little),
		UNIT_TEST(one_run_shows_no_difference),
		UNIT_TEST(loads_are_grouped_by_what_differs),
		UNIT_TEST(what_was_not_measured_is_missing),
		UNIT_TEST(colours_are_those_of_the_modes),
		UNIT_TEST(percentiles_are_of_the_histogram),
		UNIT_TEST(facts_are_shown_whatever_they_are),
		UNIT_TEST(any_report_makes_a_page),
		UNIT_TEST(a_full_disk_is_told),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
