/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/spdk_report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

static double number_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_double(value) : NAN;
}

static void job_add(struct json_object *job, struct bench_spdk_report *report)
{
	double iops = number_of(job, "iops");
	double min_ns = number_of(job, "min_latency_us") * 1000;
	double max_ns = number_of(job, "max_latency_us") * 1000;

	/* The mean of all requests: each job's weighs as much as it has done. */
	report->mean_ns =
		(report->mean_ns * report->iops + number_of(job, "avg_latency_us") * 1000 * iops) /
		(report->iops + iops);
	report->iops += iops;
	report->seconds = fmax(report->seconds, number_of(job, "runtime"));
	report->min_ns = report->min_ns > 0 ? fmin(report->min_ns, min_ns) : min_ns;
	report->max_ns = fmax(report->max_ns, max_ns);
	report->failed +=
		number_of(job, "io_failed") > 0 ? (uint64_t)number_of(job, "io_failed") : 0;
}

static bool job_finished(struct json_object *job)
{
	struct json_object *status;

	return json_object_object_get_ex(job, "status", &status) &&
	       json_object_is_type(status, json_type_string) &&
	       strcmp(json_object_get_string(status), "finished") == 0;
}

int bench_spdk_report_parse(struct json_object *result, struct bench_spdk_report *ret_report,
			    char error[BENCH_TEXT_MAX])
{
	struct bench_spdk_report report = {0};
	struct json_object *jobs;

	if (!json_object_object_get_ex(result, "results", &jobs) ||
	    !json_object_is_type(jobs, json_type_array) || json_object_array_length(jobs) == 0) {
		snprintf(error, BENCH_TEXT_MAX, "bdevperf: its answer has no results");
		return -EPROTO;
	}
	for (size_t i = 0; i < json_object_array_length(jobs); i++) {
		struct json_object *job = json_object_array_get_idx(jobs, i);

		if (!job_finished(job)) {
			snprintf(error, BENCH_TEXT_MAX, "bdevperf: its job failed after %.2f s",
				 number_of(job, "runtime"));
			return -EIO;
		}
		job_add(job, &report);
	}
	if (!(report.iops > 0) || !(report.seconds > 0)) {
		snprintf(error, BENCH_TEXT_MAX, "bdevperf: it did no I/O");
		return -EIO;
	}
	*ret_report = report;
	return 0;
}

void bench_spdk_report_histogram(const char *text, struct ebb_histogram *histogram)
{
	while (text != NULL) {
		unsigned long long count;
		double from_us;
		double to_us;
		double percent;

		text += strspn(text, "\r\n ");
		if (sscanf(text, "%lf - %lf: %lf%% (%llu)", &from_us, &to_us, &percent, &count) ==
			    4 &&
		    from_us >= 0 && to_us < 1e12 && from_us <= to_us) {
			uint64_t middle_ns = (uint64_t)((from_us + to_us) * 1000 / 2);

			histogram->buckets[ebb_histogram_index(middle_ns)] += count;
			histogram->count += count;
			histogram->sum += middle_ns * count;
			histogram->min = middle_ns < histogram->min ? middle_ns : histogram->min;
			histogram->max = middle_ns > histogram->max ? middle_ns : histogram->max;
		}
		text = strchr(text, '\n');
	}
}
