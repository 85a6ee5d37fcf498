/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/measurement.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "bench/load/engine_metrics.h"
#include "bench/signals.h"

#define NEARLY     0.95
#define LATE_SHARE 0.1

struct bench_measurement {
	struct bench_harness_call call;
	struct bench_engine *engine;
	const struct bench_engine_opts *opts;
	const struct bench_load *load;
	struct bench_outcome *outcome;
	struct bench_engine_info *info;
	uint64_t range_bytes;
	char *error;
	int rc;
};

static void call_finish(struct bench_measurement *measurement, int rc)
{
	measurement->rc = rc;
	bench_harness_call_done(&measurement->call);
}

static void engine_opened(void *arg, int rc)
{
	struct bench_measurement *measurement = arg;

	if (rc < 0) {
		snprintf(measurement->error, BENCH_TEXT_MAX, "%s",
			 bench_engine_error(measurement->engine));
	}
	call_finish(measurement, rc);
}

static void engine_closed(void *arg, int rc)
{
	call_finish(arg, rc);
}

static void open_on_app(void *arg)
{
	struct bench_measurement *measurement = arg;
	int rc = bench_engine_open(measurement->opts, &measurement->engine, measurement->error);

	if (rc < 0) {
		call_finish(measurement, rc);
	}
}

static void close_on_app(void *arg)
{
	struct bench_measurement *measurement = arg;

	bench_engine_close(measurement->engine, engine_closed, measurement);
}

int bench_measurement_open(const char *bdev, bool write, const struct bench_load *max,
			   struct bench_measurement **ret_measurement, char error[BENCH_TEXT_MAX])
{
	struct bench_measurement *measurement = calloc(1, sizeof(*measurement));
	struct bench_engine_opts opts = {
		.bdev = bdev,
		.write = write,
		.max = *max,
		.opened = engine_opened,
		.arg = measurement,
	};
	int rc;

	if (measurement == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "bdev %s: out of memory", bdev);
		return -ENOMEM;
	}
	measurement->opts = &opts;
	measurement->error = error;
	bench_harness_call(&measurement->call, ebb_thread_app(), open_on_app, measurement);
	rc = measurement->rc;
	if (rc == 0) {
		*ret_measurement = measurement;
		return 0;
	}
	if (measurement->engine != NULL) {
		bench_harness_call(&measurement->call, ebb_thread_app(), close_on_app, measurement);
	}
	free(measurement);
	return rc;
}

static void outcome_make(const struct bench_engine_result *result,
			 struct bench_outcome *ret_outcome)
{
	ret_outcome->latency = result->latency;
	ret_outcome->stamps = result->stamps;
	ret_outcome->errors = result->errors;
	ret_outcome->companion_percent = NAN;
	if (result->elapsed_ns == 0) {
		return;
	}
	bench_engine_metrics_make(result, &ret_outcome->sample);
	if (result->companion) {
		ret_outcome->companion_percent =
			(double)result->companion_ns * 100 / (double)result->elapsed_ns;
	}
}

/*
 * What spoils this run. A line that grows has no latency to speak of; and what is made to come late
 * waits in no device.
 */
static void note_make(const struct bench_engine_result *result, const struct bench_load *load,
		      const struct bench_outcome *outcome, char note[BENCH_TEXT_MAX])
{
	const double *metric = outcome->sample.metric;

	if (!result->open_loop || result->elapsed_ns == 0) {
		return;
	}
	if (metric[BENCH_IOPS] < NEARLY * metric[BENCH_OFFERED] &&
	    result->backlog > 2 * load->queue_depth) {
		snprintf(note, BENCH_TEXT_MAX,
			 "of %.0f I/Os a second that were to come %.0f were done; %llu waited at "
			 "the "
			 "end, and the latencies are of a line that grows",
			 metric[BENCH_OFFERED], metric[BENCH_IOPS],
			 (unsigned long long)result->backlog);
	} else if (metric[BENCH_ARRIVAL_LATE_P99] > LATE_SHARE * metric[BENCH_LATENCY_P99] ||
		   metric[BENCH_ARRIVAL_LATE_P50] > LATE_SHARE * metric[BENCH_LATENCY_P50]) {
		snprintf(note, BENCH_TEXT_MAX,
			 "requests were made to come late, by %.1f us (p50) and %.1f us (p99); "
			 "this is "
			 "in the latencies",
			 metric[BENCH_ARRIVAL_LATE_P50] / 1000,
			 metric[BENCH_ARRIVAL_LATE_P99] / 1000);
	}
}

static void run_done(void *arg, const struct bench_engine_result *result)
{
	struct bench_measurement *measurement = arg;
	int rc = result->rc;

	bench_harness_on_signal(NULL, NULL);
	outcome_make(result, measurement->outcome);
	note_make(result, measurement->load, measurement->outcome, measurement->outcome->note);
	if (rc < 0) {
		snprintf(measurement->error, BENCH_TEXT_MAX, "%s", result->error);
	} else if (result->elapsed_ns == 0) {
		rc = -ECANCELED;
		snprintf(measurement->error, BENCH_TEXT_MAX, "a signal came before it counted");
	}
	call_finish(measurement, rc);
}

static void signal_came(void *arg)
{
	bench_engine_stop(arg);
}

static void run_on_app(void *arg)
{
	struct bench_measurement *measurement = arg;
	int rc = bench_engine_run(measurement->engine, measurement->load, run_done, measurement,
				  measurement->error);

	if (rc < 0) {
		call_finish(measurement, rc);
		return;
	}
	bench_harness_on_signal(signal_came, measurement->engine);
}

int bench_measurement_run(struct bench_measurement *measurement, const struct bench_load *load,
			  struct bench_outcome *ret_outcome, char error[BENCH_TEXT_MAX])
{
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		ret_outcome->sample.metric[metric] = NAN;
	}
	measurement->load = load;
	measurement->outcome = ret_outcome;
	measurement->error = error;
	bench_harness_call(&measurement->call, ebb_thread_app(), run_on_app, measurement);
	return measurement->rc;
}

static void info_on_app(void *arg)
{
	struct bench_measurement *measurement = arg;

	bench_engine_get_info(measurement->engine, measurement->info);
	call_finish(measurement, 0);
}

void bench_measurement_get_info(struct bench_measurement *measurement,
				struct bench_engine_info *ret_info)
{
	measurement->info = ret_info;
	bench_harness_call(&measurement->call, ebb_thread_app(), info_on_app, measurement);
}

static void range_on_app(void *arg)
{
	struct bench_measurement *measurement = arg;

	measurement->range_bytes = bench_engine_range_bytes(measurement->engine, measurement->load);
	call_finish(measurement, 0);
}

uint64_t bench_measurement_range_bytes(struct bench_measurement *measurement,
				       const struct bench_load *load)
{
	measurement->load = load;
	bench_harness_call(&measurement->call, ebb_thread_app(), range_on_app, measurement);
	return measurement->range_bytes;
}

int bench_measurement_close(struct bench_measurement *measurement)
{
	int rc;

	if (measurement == NULL) {
		return 0;
	}
	bench_harness_call(&measurement->call, ebb_thread_app(), close_on_app, measurement);
	rc = measurement->rc;
	free(measurement);
	return rc;
}
