/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/server/test_result.h"

#include <math.h>
#include <stdio.h>

#include <ebb/reactor.h>

#include "bench/load/engine_metrics.h"

#define MASK_MAX 260 /* "0x", a digit for four CPUs of 1,024 */

static void add_text(struct json_object *into, const char *name, const char *text)
{
	json_object_object_add(into, name, json_object_new_string(text));
}

static void add_count(struct json_object *into, const char *name, uint64_t count)
{
	json_object_object_add(into, name, json_object_new_uint64(count));
}

/* NAN becomes null, not a word that no JSON has. */
static void add_number(struct json_object *into, const char *name, double number)
{
	json_object_object_add(into, name, isnan(number) ? NULL : json_object_new_double(number));
}

/* "0x3": the highest CPU first. */
static void mask_make(const struct bench_engine_info *info, char mask[MASK_MAX])
{
	unsigned digits[(MASK_MAX - 4)] = {0};
	unsigned highest = 0;
	int len;

	for (unsigned i = 0; i < info->num_cores; i++) {
		unsigned core = (unsigned)info->cores[i];

		if (core / 4 < EBB_ARRAY_SIZE(digits)) {
			digits[core / 4] |= 1u << core % 4;
			highest = core / 4 > highest ? core / 4 : highest;
		}
	}
	len = snprintf(mask, MASK_MAX, "0x");
	for (unsigned i = highest + 1; i > 0; i--) {
		len += snprintf(mask + len, (size_t)(MASK_MAX - len), "%x", digits[i - 1]);
	}
}

/* [[lower edge in ns, count], ...] of the buckets that hold something. */
static struct json_object *histogram_json(const struct ebb_histogram *histogram)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < EBB_HISTOGRAM_BUCKETS; i++) {
		struct json_object *pair;
		unsigned shift = i < EBB_HISTOGRAM_SUB ? 0 : (i >> EBB_HISTOGRAM_SUB_BITS) - 1;
		uint64_t edge = i < EBB_HISTOGRAM_SUB
					? i
					: (uint64_t)(EBB_HISTOGRAM_SUB | i % EBB_HISTOGRAM_SUB)
						  << shift;

		if (histogram->buckets[i] == 0) {
			continue;
		}
		pair = json_object_new_array();
		json_object_array_add(pair, json_object_new_uint64(edge));
		json_object_array_add(pair, json_object_new_uint64(histogram->buckets[i]));
		json_object_array_add(array, pair);
	}
	return array;
}

static void add_metrics(struct json_object *job, const struct bench_metric_sample *sample)
{
	struct json_object *metrics = json_object_new_object();

	add_number(job, "p50_latency_us", sample->metric[BENCH_LATENCY_P50] / 1000);
	add_number(job, "p90_latency_us", sample->metric[BENCH_LATENCY_P90] / 1000);
	add_number(job, "p99_latency_us", sample->metric[BENCH_LATENCY_P99] / 1000);
	add_number(job, "p99_9_latency_us", sample->metric[BENCH_LATENCY_P99_9] / 1000);
	for (unsigned i = 0; i < BENCH_METRIC_COUNT; i++) {
		add_number(metrics, bench_metrics[i].name, sample->metric[i]);
	}
	json_object_object_add(job, "metrics", metrics);
}

static const char *status_of(const struct bench_test_result_opts *opts,
			     const struct bench_engine_result *result)
{
	if (opts->terminated) {
		return "terminated";
	}
	return result->rc < 0 ? "failed" : "finished";
}

/* The fields of SPDK's, in its order and units. */
static void add_job(struct json_object *job, const struct bench_test_result_opts *opts,
		    const struct bench_engine_result *result,
		    const struct bench_metric_sample *sample)
{
	const struct bench_load *load = opts->load;
	char mask[MASK_MAX];

	mask_make(opts->info, mask);
	add_text(job, "job", opts->bdev);
	add_text(job, "core_mask", mask);
	add_text(job, "workload", bench_load_rw_name(load->rw));
	if (load->rw == BENCH_RW_RANDRW) {
		add_count(job, "percentage", load->read_percent);
	}
	add_text(job, "status", status_of(opts, result));
	add_count(job, "queue_depth", load->queue_depth);
	add_count(job, "io_size", load->block_bytes);
	add_number(job, "runtime", (double)result->elapsed_ns / (double)EBB_NS_PER_S);
	add_number(job, "iops", sample->metric[BENCH_IOPS]);
	add_number(job, "mibps", sample->metric[BENCH_MIB_PER_S]);
	add_count(job, "io_failed", result->errors);
	add_count(job, "io_timeout", 0);
	add_number(job, "avg_latency_us", sample->metric[BENCH_LATENCY_MEAN] / 1000);
	add_number(job, "min_latency_us", sample->metric[BENCH_LATENCY_MIN] / 1000);
	add_number(job, "max_latency_us", sample->metric[BENCH_LATENCY_MAX] / 1000);
}

/* Which mode the reactors were in, if it was one. */
static const char *mode_name(const struct bench_engine_info *info)
{
	const char *name = NULL;

	for (unsigned i = 0; i < info->num_cores; i++) {
		struct ebb_reactor_stats stats;

		if (ebb_reactor_get_stats(info->cores[i], &stats) < 0) {
			continue;
		}
		if (name != NULL && name != ebb_reactor_mode_name(stats.mode)) {
			return "mixed";
		}
		name = ebb_reactor_mode_name(stats.mode);
	}
	return name != NULL ? name : "none";
}

struct json_object *bench_test_result_json(const struct bench_test_result_opts *opts,
					   const struct bench_engine_result *result)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *results = json_object_new_array();
	struct json_object *job = json_object_new_object();
	struct bench_metric_sample sample;

	bench_engine_metrics_make(result, &sample);
	add_job(job, opts, result, &sample);
	add_text(job, "mode", mode_name(opts->info));
	add_text(job, "stamps", bench_load_stamps_name(result->stamps));
	if (result->rc < 0) {
		add_text(job, "error", result->error);
	}
	add_metrics(job, &sample);
	if (opts->histogram) {
		json_object_object_add(job, "histogram", histogram_json(&result->latency));
	}
	json_object_array_add(results, job);
	json_object_object_add(answer, "results", results);
	add_count(answer, "core_count", opts->info->num_cores);
	return answer;
}
