/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/run.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/bdev_module.h>
#include <ebb/reactor.h>

#include "bench/compare/mode_order.h"
#include "bench/harness.h"
#include "bench/load/measurement.h"
#include "bench/signals.h"

/*
 * One measurement is opened, and each run puts the same load on it: the modes by turns. Changing the
 * mode under an open channel is what the service does, too.
 */

struct run {
	const struct bench_run_options *options;
	struct bench_run_result *result;
	struct bench_load load;
	struct bench_measurement *measurement;
	int exit_code;
};

static void EBB_PRINTF(3, 4) run_fail(struct run *run, int exit_code, const char *format, ...)
{
	va_list args;

	if (run->exit_code != 0) {
		return;
	}
	run->exit_code = exit_code;
	va_start(args, format);
	vsnprintf(run->result->error, sizeof(run->result->error), format, args);
	va_end(args);
}

struct names {
	struct bench_harness_call call;
	char text[128];
};

static void names_list(void *arg)
{
	struct names *names = arg;
	size_t used = 0;

	for (struct ebb_bdev *bdev = ebb_bdev_next(NULL);
	     bdev != NULL && used < sizeof(names->text); bdev = ebb_bdev_next(bdev)) {
		used += (size_t)snprintf(names->text + used, sizeof(names->text) - used, "%s%s",
					 used == 0 ? "" : ", ", ebb_bdev_name(bdev));
	}
	bench_harness_call_done(&names->call);
}

static void bdev_missing(struct run *run)
{
	struct names names = {.text = ""};

	bench_harness_call(&names.call, ebb_thread_app(), names_list, &names);
	run_fail(run, BENCH_EXIT_USAGE, "run: --bdev %.60s: no such bdev; %.60s makes %s",
		 run->options->bdev, run->options->bdev_json,
		 names.text[0] == '\0' ? "none" : names.text);
}

static void open_failed(struct run *run, int rc, const char *error)
{
	const struct bench_run_options *options = run->options;

	switch (rc) {
	case -ENODEV:
		bdev_missing(run);
		break;
	case -EROFS:
		run_fail(run, BENCH_EXIT_USAGE,
			 "run: --rw %s: bdev %s is read-only: give read or randread",
			 bench_load_rw_name(options->rw), options->bdev);
		break;
	case -EPERM:
		run_fail(run, BENCH_EXIT_USAGE,
			 "run: --rw %s: another bdev stands on bdev %s and has claimed it: give "
			 "that one, or read or randread",
			 bench_load_rw_name(options->rw), options->bdev);
		break;
	case -EINVAL: /* it begins with the option's name */
		run_fail(run, BENCH_EXIT_USAGE, "run: --%s", error);
		break;
	default:
		run_fail(run, BENCH_EXIT_FAILED, "run: %s", error);
	}
}

static int run_open(struct run *run)
{
	struct bench_run_result *result = run->result;
	struct bench_engine_info info;
	char error[BENCH_TEXT_MAX];
	int rc;

	rc = bench_measurement_open(run->options->bdev, bench_load_writes(run->load.rw), &run->load,
				    &run->measurement, error);
	if (rc < 0) {
		open_failed(run, rc, error);
		return rc;
	}
	bench_measurement_get_info(run->measurement, &info);
	result->block_size = info.block_size;
	result->num_blocks = info.num_blocks;
	result->range_bytes = bench_measurement_range_bytes(run->measurement, &run->load);
	result->num_cores = info.num_cores;
	memcpy(result->cores, info.cores, info.num_cores * sizeof(*info.cores));
	return 0;
}

static void run_mode(struct run *run, unsigned index)
{
	static struct bench_outcome outcome; /* too large for a stack; the harness's only */
	enum ebb_reactor_mode mode = run->options->modes.index[index];
	struct bench_mode_result *result = &run->result->modes[index];
	char error[BENCH_TEXT_MAX];
	int rc;

	rc = bench_harness_try_mode(mode, (uint32_t)run->options->spin_us);
	if (rc < 0) {
		run_fail(run, BENCH_EXIT_FAILED,
			 "run: bdev %s cannot be served in %s mode: %s; measure the other modes "
			 "with --mode",
			 run->options->bdev, ebb_reactor_mode_name(mode), strerror(-rc));
		return;
	}
	memset(&outcome, 0, sizeof(outcome));
	rc = bench_measurement_run(run->measurement, &run->load, &outcome, error);
	result->errors += outcome.errors;
	result->stamps = outcome.stamps;
	if (!isnan(outcome.sample.metric[BENCH_IOPS])) {
		result->samples[result->num_samples++] = outcome.sample;
	}
	if (rc < 0 && rc != -ECANCELED) {
		run_fail(run, BENCH_EXIT_FAILED, "run: %s", error);
	}
}

/* On the harness. */
static int run_script(void *arg)
{
	struct run *run = arg;
	unsigned num_modes = run->options->modes.count;

	if (run_open(run) < 0) {
		return run->exit_code;
	}
	for (unsigned step = 0; step < run->options->runs * num_modes; step++) {
		if (bench_signals_seen() || run->exit_code != 0) {
			break;
		}
		run_mode(run, bench_mode_order(step, num_modes));
	}
	run->result->interrupted = bench_signals_seen();
	bench_measurement_close(run->measurement);
	return run->exit_code;
}

int bench_run(const struct bench_run_options *options, struct bench_run_result *ret_result)
{
	struct run run = {
		.options = options,
		.result = ret_result,
		.load = {.rw = options->rw,
			 .read_percent = options->read_percent,
			 .block_bytes = options->block_bytes,
			 .queue_depth = options->queue_depth,
			 .size_bytes = options->size_bytes,
			 .time_ns = options->time_ns,
			 .warmup_ns = options->warmup_ns,
			 .seed = options->seed},
	};
	struct ebb_app_opts app;
	bool started;

	memset(ret_result, 0, sizeof(*ret_result));
	if (access(options->bdev_json, R_OK) < 0) {
		run_fail(&run, BENCH_EXIT_USAGE, "run: --bdev-json %.160s: %s", options->bdev_json,
			 strerror(errno));
		return run.exit_code;
	}
	ebb_app_opts_init(&app, sizeof(app));
	app.cpumask = options->cpumask;
	app.mode = options->modes.index[0];
	app.spin_us_max = (uint32_t)options->spin_us;
	app.json_file = options->bdev_json;
	run.exit_code = bench_harness_try(&app, run_script, &run, &started);
	if (!started) {
		run.exit_code = 0;
		run_fail(&run, BENCH_EXIT_FAILED,
			 "run: the service did not start with %.120s; its log above says why",
			 options->bdev_json);
	}
	return run.exit_code;
}
