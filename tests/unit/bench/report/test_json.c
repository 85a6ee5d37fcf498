/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/json.h"
#include "bench/load/trace.h"
#include "tests/unit/bench/report/made_up.h"
#include "tests/unit/unit.h"

static struct bench_results results;

static void teardown(void)
{
	bench_results_fini(&results);
}

static struct json_object *get(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(object, name, &value), "no field %s", name);
	return value;
}

static struct json_object *at(struct json_object *object, const char *name, size_t index)
{
	struct json_object *array = get(object, name);

	ck_assert_uint_lt(index, json_object_array_length(array));
	return json_object_array_get_idx(array, index);
}

static double number(struct json_object *object, const char *name)
{
	return json_object_get_double(get(object, name));
}

static const char *text(struct json_object *object, const char *name)
{
	return json_object_get_string(get(object, name));
}

START_TEST(what_was_measured_is_there)
{
	struct json_object *report;
	struct json_object *cell;
	struct json_object *iops;

	made_up_plain(&results);
	report = bench_report_results_json(&results);
	cell = at(report, "cells", 1);
	iops = get(get(at(report, "cells", 0), "metrics"), "iops");
	ck_assert_str_eq(text(report, "benchmark"), "compare");
	ck_assert_str_eq(text(at(report, "loads", 1), "name"),
			 "randread 4k open 20k/s poisson qd 128");
	ck_assert_str_eq(text(at(report, "contenders", 2), "name"), "adaptive");
	ck_assert_str_eq(text(at(report, "targets", 0), "path"), "/srv/disk.img");
	ck_assert_str_eq(text(get(get(report, "machine"), "cpu"), "model"), "a CPU");
	ck_assert_int_eq(json_object_get_int(get(cell, "contender")), 1);
	ck_assert_int_eq(json_object_get_int(get(cell, "runs")), 7);
	ck_assert_str_eq(text(cell, "stamps"), "exact");
	ck_assert_ptr_null(get(cell, "companion_percent"));
	ck_assert_double_eq(number(at(report, "cells", 4), "companion_percent"), 100);
	ck_assert_double_eq(number(iops, "median"), 95000);
	ck_assert_double_eq(number(iops, "low"), 93137);
	ck_assert_double_eq(number(iops, "high"), 96938);
	ck_assert_double_eq(number(at(at(report, "cells", 0), "samples", 2), "iops"), 93137);
	json_object_put(report);
}
END_TEST

/* The distribution of all rounds: its counts are the total's, its last edge is the largest value. */
START_TEST(the_histogram_is_whole)
{
	struct json_object *report;
	struct json_object *histogram;
	struct json_object *pairs;
	uint64_t sum = 0;
	uint64_t last = 0;

	made_up_plain(&results);
	report = bench_report_results_json(&results);
	histogram = get(at(report, "cells", 0), "latency_histogram");
	pairs = get(histogram, "upper_ns_and_count");
	for (size_t i = 0; i < json_object_array_length(pairs); i++) {
		struct json_object *pair = json_object_array_get_idx(pairs, i);
		uint64_t upper = json_object_get_uint64(json_object_array_get_idx(pair, 0));

		ck_assert_uint_gt(upper, last);
		last = upper;
		sum += json_object_get_uint64(json_object_array_get_idx(pair, 1));
	}
	ck_assert_uint_eq(sum, 7000);
	ck_assert_uint_eq(sum, json_object_get_uint64(get(histogram, "count")));
	ck_assert_uint_eq(last, 204000);
	ck_assert_uint_eq(last, json_object_get_uint64(get(histogram, "max_ns")));
	ck_assert_ptr_null(
		strchr(json_object_to_json_string_ext(pairs, JSON_C_TO_STRING_PRETTY), '\n'));
	json_object_put(report);
}
END_TEST

START_TEST(what_was_not_measured_is_null)
{
	struct json_object *report;
	struct json_object *cell;
	struct json_object *metrics;

	made_up_odd(&results);
	report = bench_report_results_json(&results);
	ck_assert(json_object_get_boolean(get(report, "interrupted")));
	cell = at(report, "cells", 4);
	metrics = get(cell, "metrics");
	ck_assert_str_eq(text(cell, "error"), results.cells[4].error);
	ck_assert_ptr_null(get(cell, "latency_histogram"));
	ck_assert_ptr_null(get(get(metrics, "iops"), "median"));
	ck_assert_ptr_null(get(get(cell, "pareto_front"), "latency_p50_ns"));
	cell = at(report, "cells", 2);
	ck_assert_ptr_null(get(get(get(cell, "metrics"), "latency_p99_ns"), "low"));
	ck_assert_ptr_null(get(at(cell, "samples", 0), "latency_p99_ns"));
	ck_assert_ptr_null(get(get(cell, "pareto_front"), "latency_p99_ns"));
	ck_assert_ptr_null(get(at(report, "targets", 0), "path"));
	ck_assert_ptr_null(get(at(report, "contenders", 0), "command"));
	ck_assert_double_eq(number(at(report, "loads", 1), "offered_iops"), 2000);
	json_object_put(report);
}
END_TEST

/* A mode in the same cell over another: by pairs of rounds. */
START_TEST(ratios_are_over_modes)
{
	struct json_object *report;
	struct json_object *ratio;
	struct json_object *cpu;

	made_up_plain(&results);
	report = bench_report_results_json(&results);
	ck_assert_uint_eq(json_object_array_length(get(report, "ratios")), 12);
	ratio = at(report, "ratios", 4); /* of the first load, adaptive over poll */
	ck_assert_int_eq(json_object_get_int(get(ratio, "contender")), 2);
	ck_assert_int_eq(json_object_get_int(get(ratio, "over")), 0);
	cpu = get(get(ratio, "metrics"), "cpu_s_per_million_ios");
	ck_assert_double_eq_tol(number(cpu, "median"), 5500.0 / 10500, 1e-5);
	ck_assert_int_eq(json_object_get_int(get(cpu, "pairs")), 7);
	json_object_put(report);
}
END_TEST

/* A trace has no rate: each of its requests has its own time. */
START_TEST(a_rate_is_of_those_that_have_one)
{
	const struct bench_trace trace = {.name = "day.log"};
	struct json_object *report;

	made_up_plain(&results);
	results.loads[0].shape = BENCH_SHAPE_TRACE;
	results.loads[0].trace = &trace;
	report = bench_report_results_json(&results);
	ck_assert_str_eq(text(at(report, "loads", 0), "name"), "trace day.log qd 1");
	ck_assert_ptr_null(get(at(report, "loads", 0), "rate_iops"));
	ck_assert_double_eq(number(at(report, "loads", 1), "rate_iops"), 20000);
	json_object_put(report);
}
END_TEST

START_TEST(a_rate_in_percent_says_of_what)
{
	struct json_object *report;
	struct json_object *sustained;

	made_up_odd(&results);
	report = bench_report_results_json(&results);
	ck_assert_ptr_null(get(at(report, "loads", 0), "sustained"));
	sustained = get(at(report, "loads", 1), "sustained");
	ck_assert_double_eq(number(sustained, "percent"), 50);
	ck_assert_str_eq(text(sustained, "by"), "poll mode");
	ck_assert_str_eq(text(sustained, "target"), "disk.img");
	ck_assert_double_eq(number(sustained, "runs"), 5);
	ck_assert_double_eq(number(get(sustained, "iops"), "median"), 40000);
	json_object_put(report);
}
END_TEST

START_TEST(ratios_are_of_what_was_measured)
{
	struct json_object *report;

	made_up_odd(&results);
	report = bench_report_results_json(&results);
	/* Two modes, a plan and a peer over the two modes; then a peer over one. */
	ck_assert_uint_eq(json_object_array_length(get(report, "ratios")), 6 + 1);
	json_object_put(report);
}
END_TEST

/* Bytes that are no UTF-8 would make it no JSON. */
START_TEST(texts_are_utf8)
{
	struct json_object *report;

	made_up_odd(&results);
	report = bench_report_results_json(&results);
	ck_assert_str_eq(text(at(report, "targets", 1), "name"),
			 "sp\xc3\xa4rlich\n\xef\xbf\xbd\xe2\x80\xae.img");
	ck_assert_str_eq(text(at(report, "targets", 0), "name"), results.targets[0].name);
	json_object_put(report);
}
END_TEST

/* Facts are free in form, so whatever is not there, or is something else, is no text. */
START_TEST(a_text_is_found_by_its_path)
{
	struct json_object *facts =
		json_tokener_parse("{\"a\": {\"b\": \"c\", \"n\": 1}, \"t\": \"u\"}");

	made_up_plain(&results);
	ck_assert_str_eq(bench_json_find_text(facts, "a.b"), "c");
	ck_assert_str_eq(bench_json_find_text(facts, "t"), "u");
	ck_assert_str_eq(bench_json_find_text(facts, "a"), "");
	ck_assert_str_eq(bench_json_find_text(facts, "a.n"), "");
	ck_assert_str_eq(bench_json_find_text(facts, "a.b.c"), "");
	ck_assert_str_eq(bench_json_find_text(facts, "x.b"), "");
	ck_assert_str_eq(bench_json_find_text(NULL, "a"), "");
	json_object_put(facts);
}
END_TEST

static void no_results(struct bench_results *ret_results)
{
	ck_assert_int_eq(bench_results_init(ret_results, 0, 0, 0), 0);
}

/* Whatever the results, the report is what report.schema.json says; a wrong one is found. */
START_TEST(it_is_as_the_schema_says)
{
	static void (*const make[])(struct bench_results *) = {made_up_plain, made_up_odd,
							       no_results};
	static const char script[] =
		"import json, sys\n"
		"try:\n"
		"    import jsonschema\n"
		"except ImportError:\n"
		"    sys.exit(77)\n"
		"schema = json.load(open(sys.argv[1]))\n"
		"kind = jsonschema.validators.validator_for(schema)\n"
		"kind.check_schema(schema)\n"
		"for error in kind(schema).iter_errors(json.load(sys.stdin)):\n"
		"    sys.exit('%s: %s' % (list(error.absolute_path), error.message))\n";
	bool spoil = _i >= (int)EBB_ARRAY_SIZE(make);
	struct json_object *report;
	char schema[1200];
	char command[4096];
	FILE *pipe;
	int status;

	make[_i % (int)EBB_ARRAY_SIZE(make)](&results);
	report = bench_report_results_json(&results);
	if (spoil) {
		json_object_object_add(report, "elapsed", json_object_new_int(1));
	}
	made_up_path("../../../../bench/report/report.schema.json", schema, sizeof(schema));
	snprintf(command, sizeof(command), "exec python3 -c \"%s\" '%s' %s", script, schema,
		 spoil ? "2>/dev/null" : "");
	pipe = popen(command, "w");
	ck_assert_ptr_nonnull(pipe);
	bench_json_print(report, pipe);
	status = pclose(pipe);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		unit_skip("python3-jsonschema is needed");
	}
	ck_assert_int_eq(status != 0, spoil);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(NULL, teardown),
		UNIT_TEST(what_was_measured_is_there),
		UNIT_TEST(the_histogram_is_whole),
		UNIT_TEST(what_was_not_measured_is_null),
		UNIT_TEST(ratios_are_over_modes),
		UNIT_TEST(a_rate_is_of_those_that_have_one),
		UNIT_TEST(a_rate_in_percent_says_of_what),
		UNIT_TEST(ratios_are_of_what_was_measured),
		UNIT_TEST(texts_are_utf8),
		UNIT_TEST(a_text_is_found_by_its_path),
		UNIT_LOOP(it_is_as_the_schema_says, 0, 4),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
