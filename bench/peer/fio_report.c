/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/fio_report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/peer/usage.h"

static double number_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_double(value) : NAN;
}

static uint64_t count_of(struct json_object *object, const char *key)
{
	double number = number_of(object, key);

	return number > 0 ? (uint64_t)number : 0;
}

static struct json_object *report_job(struct json_object *report)
{
	struct json_object *jobs;

	if (!json_object_object_get_ex(report, "jobs", &jobs) ||
	    !json_object_is_type(jobs, json_type_array) || json_object_array_length(jobs) != 1) {
		return NULL;
	}
	return json_object_array_get_idx(jobs, 0);
}

/*
 * A bin's name is the middle of its values. fio cuts a power of two into as many parts as our
 * histogram does, so each of its bins is one of ours.
 */
static void histogram_read(struct json_object *lat, struct ebb_histogram *histogram)
{
	struct json_object *bins;
	uint64_t counted = 0;

	if (!json_object_object_get_ex(lat, "bins", &bins) ||
	    !json_object_is_type(bins, json_type_object) || isnan(number_of(lat, "mean"))) {
		return;
	}
	json_object_object_foreach(bins, name, value)
	{
		uint64_t count = json_object_get_uint64(value);

		histogram->buckets[ebb_histogram_index(strtoull(name, NULL, 10))] += count;
		counted += count;
	}
	if (counted == 0) {
		return;
	}
	histogram->count += counted;
	histogram->sum += (uint64_t)(number_of(lat, "mean") * (double)counted);
	if (count_of(lat, "min") < histogram->min) {
		histogram->min = count_of(lat, "min");
	}
	if (count_of(lat, "max") > histogram->max) {
		histogram->max = count_of(lat, "max");
	}
}

static void direction_read(struct json_object *job, const char *direction,
			   struct bench_count *count)
{
	struct json_object *side;
	struct json_object *lat;
	uint64_t elapsed_ns;

	if (!json_object_object_get_ex(job, direction, &side)) {
		return;
	}
	count->ios += count_of(side, "total_ios");
	elapsed_ns = count_of(side, "runtime") * EBB_NS_PER_MS;
	if (elapsed_ns > count->elapsed_ns) {
		count->elapsed_ns = elapsed_ns;
	}
	if (json_object_object_get_ex(side, "lat_ns", &lat)) {
		histogram_read(lat, &count->latency);
	}
}

static void outcome_make(struct json_object *job, struct bench_count *count,
			 struct bench_outcome *ret_outcome)
{
	double runtime_ns = number_of(job, "job_runtime") * (double)EBB_NS_PER_MS;
	struct bench_usage used = {
		.user_ns = number_of(job, "usr_cpu") / 100 * runtime_ns,
		.system_ns = number_of(job, "sys_cpu") / 100 * runtime_ns,
		.voluntary = number_of(job, "ctx"), /* of both kinds together */
		.involuntary = NAN,
		.wakeups = NAN,
	};

	used.cpu_ns = used.user_ns + used.system_ns;
	bench_usage_sample(count, &used, &ret_outcome->sample);
	ret_outcome->sample.metric[BENCH_VOLUNTARY] = NAN;
	ret_outcome->sample.metric[BENCH_INVOLUNTARY] = NAN;
	ret_outcome->latency = count->latency;
	ret_outcome->stamps = count->latency.count > 0 ? BENCH_STAMPS_FOREIGN : BENCH_STAMPS_NONE;
	ret_outcome->companion_percent = NAN;
}

static int job_parse(struct json_object *job, uint64_t io_bytes, struct bench_outcome *ret_outcome,
		     char error[BENCH_TEXT_MAX])
{
	struct bench_count count = {
		.io_bytes = io_bytes,
		.joules = NAN,
		.offered = NAN,
		.backlog = NAN,
		.late_p50_ns = NAN,
		.late_p99_ns = NAN,
	};
	int fault = (int)count_of(job, "error");

	if (fault != 0) {
		snprintf(error, BENCH_TEXT_MAX, "fio: its I/O failed: %s", strerror(fault));
		return -EIO;
	}
	ebb_histogram_reset(&count.latency);
	direction_read(job, "read", &count);
	direction_read(job, "write", &count);
	if (count.elapsed_ns == 0 || count.ios == 0) {
		snprintf(error, BENCH_TEXT_MAX, "fio: it did no I/O: give a longer --time");
		return -EIO;
	}
	outcome_make(job, &count, ret_outcome);
	ret_outcome->errors = count_of(job, "total_err");
	return 0;
}

int bench_fio_report_parse(const char *text, uint64_t io_bytes, struct bench_outcome *ret_outcome,
			   char error[BENCH_TEXT_MAX])
{
	const char *begin = text;
	struct json_object *report;
	struct json_object *job;
	int rc = -EPROTO;

	while (begin != NULL && *begin != '{') {
		begin = strchr(begin, '\n');
		begin = begin != NULL ? begin + 1 : NULL;
	}
	report = begin != NULL ? json_tokener_parse(begin) : NULL;
	job = report != NULL ? report_job(report) : NULL;
	if (job != NULL) {
		rc = job_parse(job, io_bytes, ret_outcome, error);
	} else {
		snprintf(error, BENCH_TEXT_MAX, "fio: what it printed is no report: \"%.60s\"",
			 text);
	}
	json_object_put(report);
	return rc;
}
