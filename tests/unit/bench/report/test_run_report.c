/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/run_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <ebb/reactor.h>

#include "bench/json.h"
#include "tests/unit/unit.h"

static struct bench_run_result result;
static struct bench_run_options options;

/* Two modes, of which the second was never reached. */
static void setup(void)
{
	struct bench_mode_result *mode = &result.modes[0];

	memset(&result, 0, sizeof(result));
	memset(&options, 0, sizeof(options));
	options.bdev = "Null0";
	options.rw = BENCH_RW_RANDRW;
	options.read_percent = 70;
	options.block_bytes = 4096;
	options.queue_depth = 32;
	options.runs = 2;
	options.modes.count = 2;
	options.modes.index[0] = EBB_REACTOR_POLL;
	options.modes.index[1] = EBB_REACTOR_ADAPTIVE;
	result.block_size = 512;
	result.num_blocks = 1000;
	result.num_cores = 1;
	result.cores[0] = 3;
	mode->num_samples = 2;
	mode->errors = 5;
	mode->stamps = BENCH_STAMPS_SAMPLED;
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		mode->samples[0].metric[metric] = 1000000;
		mode->samples[1].metric[metric] = 2000000;
	}
	mode->samples[0].metric[BENCH_LATENCY_P99] = NAN;
	mode->samples[1].metric[BENCH_LATENCY_P99] = NAN;
}

static struct json_object *get(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(object, name, &value), "no field %s", name);
	return value;
}

/* These names are what other programs read: they stay. */
START_TEST(test_json_names)
{
	static const char *const names[] = {"mode",
					    "runs",
					    "errors",
					    "stamps",
					    "iops",
					    "bandwidth_mib_per_s",
					    "latency_mean_ns",
					    "latency_min_ns",
					    "latency_p50_ns",
					    "latency_p90_ns",
					    "latency_p99_ns",
					    "latency_p99_9_ns",
					    "latency_max_ns",
					    "cpu_s_per_million_ios",
					    "cpu_percent",
					    "cpu_user_percent",
					    "cpu_system_percent",
					    "ios_per_cpu_s",
					    "wakeups_per_io",
					    "context_switches_per_io",
					    "joules_per_million_ios",
					    "voluntary_switches_per_s",
					    "involuntary_switches_per_s",
					    "wakeups_per_s",
					    "ios_per_wakeup",
					    "samples"};
	struct json_object *report = bench_run_report_json(&options, &result);
	struct json_object *modes = get(report, "modes");
	struct json_object *mode = json_object_array_get_idx(modes, 0);

	for (size_t i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		get(mode, names[i]);
	}
	ck_assert_uint_eq((unsigned)json_object_object_length(mode), EBB_ARRAY_SIZE(names));
	json_object_put(report);
}
END_TEST

START_TEST(test_json_values)
{
	struct json_object *report = bench_run_report_json(&options, &result);
	struct json_object *modes = get(report, "modes");
	struct json_object *poll = json_object_array_get_idx(modes, 0);
	struct json_object *adaptive = json_object_array_get_idx(modes, 1);
	struct json_object *workload = get(report, "workload");

	ck_assert_double_eq(json_object_get_double(get(poll, "iops")), 1500000);
	ck_assert_ptr_null(get(poll, "latency_p99_ns"));
	ck_assert_int_eq(json_object_get_int(get(poll, "errors")), 5);
	ck_assert_uint_eq(json_object_array_length(get(poll, "samples")), 2);
	ck_assert_str_eq(json_object_get_string(get(adaptive, "mode")), "adaptive");
	ck_assert_int_eq(json_object_get_int(get(adaptive, "runs")), 0);
	ck_assert_ptr_null(get(adaptive, "iops"));
	ck_assert_str_eq(json_object_get_string(get(poll, "stamps")), "sampled");
	ck_assert_ptr_null(get(adaptive, "stamps"));
	ck_assert_int_eq(json_object_get_int(get(workload, "read_percent")), 70);
	ck_assert_ptr_null(get(report, "error"));
	json_object_put(report);
}
END_TEST

/* What is printed must parse again: a NAN, for one, would not. */
START_TEST(test_json_parses)
{
	struct json_object *parsed;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	snprintf(result.error, sizeof(result.error), "say \"why\"\n");
	bench_json_print(bench_run_report_json(&options, &result), out);
	fclose(out);
	parsed = json_tokener_parse(text);
	ck_assert_ptr_nonnull(parsed);
	ck_assert_str_eq(json_object_get_string(get(parsed, "error")), "say \"why\"\n");
	json_object_put(parsed);
	free(text);
}
END_TEST

START_TEST(test_text)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	bench_run_report_text(&options, &result, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "bdev Null0: 1000 blocks of 512 bytes; randrw of 4096 "
					   "bytes, 70% reads"));
	ck_assert_ptr_nonnull(strstr(text, "queue depth 32 on CPU 3; 2 runs"));
	ck_assert_ptr_nonnull(strstr(text, "          poll      adaptive\n"));
	ck_assert_ptr_nonnull(strstr(text, "     1,500,000             -\n"));
	ck_assert_ptr_nonnull(strstr(text, "     1,500.000             -\n"));
	ck_assert_ptr_nonnull(strstr(text, "poll: 5 errors\n"));
	ck_assert_ptr_nonnull(strstr(text, "\npoll: requests are so quick"));
	ck_assert_ptr_null(strstr(text, "adaptive: requests"));
	free(text);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),   UNIT_TEST(test_json_names),
		UNIT_TEST(test_json_values), UNIT_TEST(test_json_parses),
		UNIT_TEST(test_text),        UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
