/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/server/reply.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* No figure of a report is less than 0, or as much as that. */
#define NUMBER_MAX 1e18

/* NAN: there is none, or it is no number that a figure can be. */
static double number_get(struct json_object *object, const char *name)
{
	struct json_object *value;
	double number;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !(json_object_is_type(value, json_type_double) ||
	      json_object_is_type(value, json_type_int))) {
		return NAN;
	}
	number = json_object_get_double(value);
	return number >= 0 && number < NUMBER_MAX ? number : NAN;
}

/* "": there is none. */
static const char *text_get(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string)) {
		return "";
	}
	return json_object_get_string(value);
}

static double sum(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : a + b;
}

/* SPDK's own fields, of which a job of each core has some. */
static void job_add(struct json_object *job, double metric[BENCH_METRIC_COUNT])
{
	double iops = number_get(job, "iops");
	double before = metric[BENCH_IOPS];
	double mean = number_get(job, "avg_latency_us") * 1e3;

	metric[BENCH_LATENCY_MEAN] =
		isnan(metric[BENCH_LATENCY_MEAN]) || before <= 0
			? mean
			: (metric[BENCH_LATENCY_MEAN] * before + mean * iops) / (before + iops);
	metric[BENCH_IOPS] = sum(before, iops);
	metric[BENCH_MIB_PER_S] = sum(metric[BENCH_MIB_PER_S], number_get(job, "mibps"));
	metric[BENCH_LATENCY_MIN] =
		fmin(metric[BENCH_LATENCY_MIN], number_get(job, "min_latency_us") * 1e3);
	metric[BENCH_LATENCY_MAX] =
		fmax(metric[BENCH_LATENCY_MAX], number_get(job, "max_latency_us") * 1e3);
}

/* ebb's: all of them, by the names that they have in a report. */
static void metrics_read(struct json_object *job, double metric[BENCH_METRIC_COUNT])
{
	struct json_object *metrics;

	if (!json_object_object_get_ex(job, "metrics", &metrics) ||
	    !json_object_is_type(metrics, json_type_object)) {
		return;
	}
	for (unsigned i = 0; i < BENCH_METRIC_COUNT; i++) {
		double value = number_get(metrics, bench_metrics[i].name);

		metric[i] = isnan(value) ? metric[i] : value;
	}
}

/* [[lower edge, count], ...]; what is not like that is left out. */
static void histogram_read(struct json_object *job, struct bench_outcome *outcome)
{
	struct ebb_histogram *histogram = &outcome->latency;
	const double *metric = outcome->sample.metric;
	struct json_object *array;

	if (!json_object_object_get_ex(job, "histogram", &array) ||
	    !json_object_is_type(array, json_type_array)) {
		return;
	}
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *pair = json_object_array_get_idx(array, i);
		uint64_t count;

		if (!json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2) {
			continue;
		}
		count = json_object_get_uint64(json_object_array_get_idx(pair, 1));
		histogram->buckets[ebb_histogram_index(
			json_object_get_uint64(json_object_array_get_idx(pair, 0)))] += count;
		histogram->count += count;
	}
	if (histogram->count == 0 || isnan(metric[BENCH_LATENCY_MEAN]) ||
	    isnan(metric[BENCH_LATENCY_MIN]) || isnan(metric[BENCH_LATENCY_MAX])) {
		ebb_histogram_reset(histogram);
		return;
	}
	histogram->sum = (uint64_t)(metric[BENCH_LATENCY_MEAN] * (double)histogram->count);
	histogram->min = (uint64_t)metric[BENCH_LATENCY_MIN];
	histogram->max = (uint64_t)metric[BENCH_LATENCY_MAX];
}

static enum bench_stamps stamps_read(struct json_object *job)
{
	const char *name = text_get(job, "stamps");

	for (int i = 0; i < BENCH_STAMPS_COUNT; i++) {
		if (strcmp(bench_load_stamps_name((enum bench_stamps)i), name) == 0) {
			return (enum bench_stamps)i;
		}
	}
	return BENCH_STAMPS_FOREIGN;
}

/* Return: 0; -EIO: it has not come to its end. */
static int job_read(struct json_object *job, struct bench_outcome *outcome,
		    char error[BENCH_TEXT_MAX])
{
	double failed = number_get(job, "io_failed");
	const char *status = text_get(job, "status");

	job_add(job, outcome->sample.metric);
	metrics_read(job, outcome->sample.metric);
	histogram_read(job, outcome);
	outcome->stamps = stamps_read(job);
	outcome->errors += failed > 0 ? (uint64_t)failed : 0;
	if (strcmp(status, "finished") == 0) {
		return 0;
	}
	if (text_get(job, "error")[0] != '\0') {
		snprintf(error, BENCH_TEXT_MAX, "%s", text_get(job, "error"));
	} else {
		snprintf(error, BENCH_TEXT_MAX, "the job on bdev %.80s has the status \"%.40s\"",
			 text_get(job, "job"), status);
	}
	return -EIO;
}

int bench_reply_read(struct json_object *reply, const char *bdev, struct bench_outcome *ret_outcome,
		     char error[BENCH_TEXT_MAX])
{
	struct json_object *results = NULL;
	unsigned count = 0;
	int rc = 0;

	for (unsigned i = 0; i < BENCH_METRIC_COUNT; i++) {
		ret_outcome->sample.metric[i] = NAN;
	}
	ebb_histogram_reset(&ret_outcome->latency);
	ret_outcome->companion_percent = NAN;
	json_object_object_get_ex(reply, "results", &results);
	for (size_t i = 0;
	     json_object_is_type(results, json_type_array) && i < json_object_array_length(results);
	     i++) {
		struct json_object *job = json_object_array_get_idx(results, i);
		int job_rc;

		if (!json_object_is_type(job, json_type_object) ||
		    strcmp(text_get(job, "job"), bdev) != 0) {
			continue;
		}
		count++;
		job_rc = job_read(job, ret_outcome, error);
		rc = rc == 0 ? job_rc : rc;
	}
	if (count == 0 || isnan(ret_outcome->sample.metric[BENCH_IOPS])) {
		snprintf(error, BENCH_TEXT_MAX,
			 "the answer to perform_tests has no results of bdev %.80s; is it another "
			 "program?",
			 bdev);
		return -EPROTO;
	}
	return rc;
}
