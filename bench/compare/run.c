/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/run.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/assert.h>
#include <ebb/bdev_module.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/thread.h>

#include "bench/compare/mode_order.h"
#include "bench/signals.h"
#include "bench/machine/rusage.h"
#include "bench/load/worker.h"

/*
 * The owner of the workers. It lives on the app thread and goes through phases; each is entered by
 * giving all workers a command (or all reactors a mode, or by starting a timer) and left when the
 * last answer is there:
 *
 *   OPEN -> [ SWITCH -> BEGIN -> WARM -> MEASURE -> COUNT -> END ] for each run -> CLOSE
 *
 * The bdev and its channels stay open through all runs: every mode is measured on the very same
 * buffers, files and registrations, and changing the mode under an open channel is what the service
 * does too. While it counts, the owner does nothing at all: a timer ends it.
 */

enum run_phase {
	RUN_OPEN,    /* workers get their channels */
	RUN_SWITCH,  /* reactors change their mode */
	RUN_BEGIN,   /* workers begin */
	RUN_WARM,    /* a timer runs */
	RUN_MEASURE, /* workers forget what was so far */
	RUN_COUNT,   /* a timer runs */
	RUN_END,     /* workers drain */
	RUN_CLOSE,
};

struct run {
	const struct bench_run_options *options;
	struct bench_run_result *result;
	struct ebb_bdev_desc *desc;
	struct bench_workload load;   /* of each worker */
	struct bench_worker *workers; /* one for each core */
	unsigned num_workers;
	unsigned pending; /* answers */
	enum run_phase phase;
	unsigned step; /* runs so far */
	int exit_code;
	bool stop;    /* no further run: a signal came, or the bdev goes */
	bool counted; /* this run got as far as to count */
	struct ebb_poller *timer;
	struct bench_rusage before;
	struct bench_rusage used;
};

static struct run *run_of_signals;

static void run_advance(struct run *run);

static void EBB_PRINTF(3, 4) run_fail(struct run *run, int exit_code, const char *format, ...)
{
	va_list args;

	run->stop = true;
	if (run->exit_code != 0) {
		return;
	}
	run->exit_code = exit_code;
	va_start(args, format);
	vsnprintf(run->result->error, sizeof(run->result->error), format, args);
	va_end(args);
}

static void run_answered(struct run *run)
{
	run->pending--;
	if (run->pending == 0) {
		run_advance(run);
	}
}

static void worker_answered(struct bench_worker *worker)
{
	run_answered(worker->owner);
}

static void workers_run_command(struct run *run, enum run_phase phase,
				enum bench_worker_command command)
{
	run->phase = phase;
	run->pending = run->num_workers;
	for (unsigned i = 0; i < run->num_workers; i++) {
		bench_worker_run_command(&run->workers[i], command);
	}
}

static unsigned run_mode_index(const struct run *run)
{
	return bench_mode_order(run->step, run->options->modes.count);
}

static enum ebb_reactor_mode run_mode(const struct run *run)
{
	return run->options->modes.index[run_mode_index(run)];
}

static void mode_set(void *arg, int rc)
{
	struct run *run = arg;

	if (rc < 0) {
		run_fail(run, BENCH_EXIT_FAILED,
			 "run: bdev %s cannot be served in %s mode: %s; measure the other modes "
			 "with --mode",
			 run->options->bdev, ebb_reactor_mode_name(run_mode(run)), strerror(-rc));
	}
	run_answered(run);
}

static void modes_switch(struct run *run)
{
	run->phase = RUN_SWITCH;
	run->pending = run->num_workers;
	for (unsigned i = 0; i < run->num_workers; i++) {
		ebb_reactor_set_mode(run->result->cores[i], run_mode(run),
				     (uint32_t)run->options->spin_us, mode_set, run);
	}
}

static int timer_fired(void *arg)
{
	struct run *run = arg;

	ebb_poller_unregister(&run->timer);
	run_advance(run);
	return 1;
}

static void timer_start(struct run *run, enum run_phase phase, uint64_t time_ns)
{
	run->phase = phase;
	if (run->stop || time_ns < EBB_NS_PER_US) {
		run_advance(run);
		return;
	}
	run->timer = ebb_poller_register(timer_fired, run, time_ns / EBB_NS_PER_US);
	if (run->timer == NULL) {
		run_fail(run, BENCH_EXIT_FAILED,
			 "run: no timer could be had: out of memory or of "
			 "file descriptors");
		run_advance(run);
	}
}

/* Ends the present wait, if the phase is one that waits for time; other phases end by themselves.
 */
static void run_end_early(struct run *run)
{
	run->stop = true;
	if (run->timer != NULL) {
		ebb_poller_unregister(&run->timer);
		run_advance(run);
	}
}

static void worker_sum(struct run *run, struct bench_worker *worker, struct bench_count *count,
		       struct bench_mode_result *mode)
{
	ebb_histogram_merge(&count->latency, &worker->latency);
	if (worker->errors == 0) {
		return;
	}
	if (run->exit_code == 0) {
		run_fail(run, BENCH_EXIT_FAILED,
			 "run: bdev %s: %s of %llu bytes at byte %llu failed in %s mode: %s",
			 run->options->bdev, worker->first_error_write ? "write" : "read",
			 (unsigned long long)run->options->block_bytes,
			 (unsigned long long)(worker->first_error_block * run->result->block_size),
			 ebb_reactor_mode_name(run_mode(run)), strerror(-worker->first_error));
	}
	mode->errors += worker->errors;
	worker->errors = 0;
}

/* One run has ended: its workers' counts become a sample of its mode. */
static void run_record(struct run *run)
{
	struct bench_mode_result *mode = &run->result->modes[run_mode_index(run)];
	static struct bench_count count; /* too large for a stack; the app thread's only */

	memset(&count, 0, sizeof(count));
	ebb_histogram_reset(&count.latency);
	for (unsigned i = 0; i < run->num_workers; i++) {
		worker_sum(run, &run->workers[i], &count, mode);
	}
	if (!run->counted || run->used.now_ns == 0) {
		return;
	}
	count.ios = count.latency.count;
	count.io_bytes = run->options->block_bytes;
	count.elapsed_ns = run->used.now_ns;
	count.user_ns = run->used.user_ns;
	count.system_ns = run->used.system_ns;
	count.joules = NAN;
	count.voluntary = run->used.voluntary;
	count.involuntary = run->used.involuntary;
	count.wakeups = run->used.wakeups;
	bench_metric_sample_make(&count, &mode->samples[mode->num_samples]);
	mode->num_samples++;
}

static void run_next(struct run *run)
{
	if (run->stop || run->step == run->options->runs * run->options->modes.count) {
		workers_run_command(run, RUN_CLOSE, BENCH_WORKER_CLOSE);
		return;
	}
	run->counted = false;
	modes_switch(run);
}

static void run_opened(struct run *run)
{
	for (unsigned i = 0; i < run->num_workers; i++) {
		if (run->workers[i].rc < 0) {
			run_fail(run, BENCH_EXIT_FAILED,
				 "run: bdev %s: no channel with %u buffers of %llu bytes on CPU "
				 "%d: %s",
				 run->options->bdev, (unsigned)run->options->queue_depth,
				 (unsigned long long)run->options->block_bytes,
				 run->result->cores[i], strerror(-run->workers[i].rc));
		}
	}
	run_next(run);
}

static void run_closed(struct run *run)
{
	ebb_bdev_close(run->desc);
	run->desc = NULL;
	ebb_app_stop(run->exit_code);
}

/* The phase has ended: enter the next. */
static void run_advance(struct run *run)
{
	struct bench_rusage now;

	switch (run->phase) {
	case RUN_OPEN:
		run_opened(run);
		break;
	case RUN_SWITCH:
		if (run->stop) {
			run_next(run);
			break;
		}
		workers_run_command(run, RUN_BEGIN, BENCH_WORKER_BEGIN);
		break;
	case RUN_BEGIN:
		timer_start(run, RUN_WARM, run->options->warmup_ns);
		break;
	case RUN_WARM:
		workers_run_command(run, RUN_MEASURE, BENCH_WORKER_MEASURE);
		break;
	case RUN_MEASURE:
		run->counted = !run->stop;
		bench_rusage_get(&run->before);
		timer_start(run, RUN_COUNT, run->options->time_ns);
		break;
	case RUN_COUNT:
		bench_rusage_get(&now);
		bench_rusage_subtract(&now, &run->before, &run->used);
		workers_run_command(run, RUN_END, BENCH_WORKER_END);
		break;
	case RUN_END:
		run_record(run);
		run->step++;
		run_next(run);
		break;
	case RUN_CLOSE:
		run_closed(run);
		break;
	}
}

static void bdev_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct run *run = arg;

	if (event == EBB_BDEV_EVENT_REMOVE) {
		run_fail(run, BENCH_EXIT_FAILED, "run: bdev %s went away meanwhile",
			 ebb_bdev_name(bdev));
		run_end_early(run);
	}
}

static void run_interrupt(void *arg)
{
	struct run *run = arg;

	run->result->interrupted = true;
	run_end_early(run);
}

/* In a signal handler. Before the framework is up, run_start() looks whether a signal came. */
static void run_signal(void)
{
	struct ebb_thread *app = ebb_thread_app();

	if (app != NULL) {
		ebb_thread_send_critical(app, run_interrupt, run_of_signals);
	}
}

static int bdev_missing(struct run *run)
{
	char names[128] = "";
	size_t used = 0;

	for (struct ebb_bdev *bdev = ebb_bdev_next(NULL); bdev != NULL && used < sizeof(names);
	     bdev = ebb_bdev_next(bdev)) {
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 used == 0 ? "" : ", ", ebb_bdev_name(bdev));
	}
	run_fail(run, BENCH_EXIT_USAGE, "run: --bdev %.60s: no such bdev; %.60s makes %s",
		 run->options->bdev, run->options->bdev_json, used == 0 ? "none" : names);
	return -ENODEV;
}

static int bdev_open(struct run *run)
{
	const struct bench_run_options *options = run->options;
	bool write = options->rw != BENCH_RW_READ && options->rw != BENCH_RW_RANDREAD;
	int rc;

	rc = ebb_bdev_open(options->bdev, write, bdev_event, run, &run->desc);
	if (rc == -ENODEV) {
		return bdev_missing(run);
	}
	if (rc == -EROFS) {
		run_fail(run, BENCH_EXIT_USAGE,
			 "run: --rw %s: bdev %s is read-only: give read or randread",
			 bench_load_rw_name(options->rw), options->bdev);
	} else if (rc == -EPERM) {
		run_fail(run, BENCH_EXIT_USAGE,
			 "run: --rw %s: another bdev stands on bdev %s and has claimed it: give "
			 "that one, or read or randread",
			 bench_load_rw_name(options->rw), options->bdev);
	} else if (rc < 0) {
		run_fail(run, BENCH_EXIT_FAILED, "run: bdev %s cannot be opened: %s", options->bdev,
			 strerror(-rc));
	}
	return rc;
}

static int workload_make(struct run *run)
{
	const struct ebb_bdev *bdev = ebb_bdev_desc_bdev(run->desc);
	struct bench_run_result *result = run->result;
	char error[BENCH_ERROR_MAX];
	int rc;

	result->block_size = ebb_bdev_block_size(bdev);
	result->num_blocks = ebb_bdev_num_blocks(bdev);
	rc = bench_workload_make(run->options, result->block_size, result->num_blocks, &run->load,
				 error);
	if (rc < 0) {
		run_fail(run, BENCH_EXIT_USAGE, "%s", error);
		return rc;
	}
	result->range_bytes = run->load.slots * run->load.io_bytes;
	return 0;
}

static void worker_prepare(struct run *run, unsigned index)
{
	struct bench_worker *worker = &run->workers[index];

	worker->load = run->load;
	worker->desc = run->desc;
	worker->random.state = run->options->seed + index;
	bench_random_next(&worker->random);
	worker->cursor = run->load.slots / run->num_workers * index;
	worker->answered = worker_answered;
	worker->owner = run;
}

/* The app thread does the I/O of its own core; the other cores get a thread each. */
static int workers_create(struct run *run)
{
	int app_core = ebb_reactor_current_core();
	int core;

	while (run->num_workers < BENCH_CORES_MAX &&
	       (core = ebb_reactor_core(run->num_workers)) >= 0) {
		run->result->cores[run->num_workers++] = core;
	}
	run->result->num_cores = run->num_workers;
	run->workers = aligned_alloc(2 * EBB_CACHE_LINE, run->num_workers * sizeof(*run->workers));
	if (run->workers == NULL) {
		run->num_workers = 0;
		return -ENOMEM;
	}
	memset(run->workers, 0, run->num_workers * sizeof(*run->workers));
	for (unsigned i = 0; i < run->num_workers; i++) {
		char name[32];
		int rc;

		worker_prepare(run, i);
		core = run->result->cores[i];
		if (core == app_core) {
			run->workers[i].thread = ebb_thread_app();
			continue;
		}
		snprintf(name, sizeof(name), "bench%d", core);
		rc = ebb_thread_create(name, core, &run->workers[i].thread);
		if (rc < 0) {
			run->num_workers = i; /* these are there, and can be closed */
			return rc;
		}
	}
	return 0;
}

static void run_start(void *arg)
{
	struct run *run = arg;
	int rc;

	if (bench_signals_seen()) {
		run->result->interrupted = true;
		run->stop = true;
	}
	rc = bdev_open(run);
	if (rc < 0) {
		ebb_app_stop(run->exit_code);
		return;
	}
	rc = workload_make(run);
	if (rc < 0) {
		run_closed(run);
		return;
	}
	rc = workers_create(run);
	if (rc < 0) {
		run_fail(run, BENCH_EXIT_FAILED, "run: the workers cannot be made: %s",
			 strerror(-rc));
	}
	if (run->num_workers == 0) {
		run_closed(run);
		return;
	}
	workers_run_command(run, RUN_OPEN, BENCH_WORKER_OPEN);
}

int bench_run(const struct bench_run_options *options, struct bench_run_result *ret_result)
{
	struct run run = {.options = options, .result = ret_result};
	struct ebb_app_opts app;
	int rc;

	memset(ret_result, 0, sizeof(*ret_result));
	if (access(options->bdev_json, R_OK) < 0) {
		run_fail(&run, BENCH_EXIT_USAGE, "run: --bdev-json %.160s: %s", options->bdev_json,
			 strerror(errno));
		return run.exit_code;
	}
	ebb_log_set_print_level(EBB_LOG_WARN);
	ebb_app_opts_init(&app, sizeof(app));
	app.name = "ebb-bench";
	app.cpumask = options->cpumask;
	app.mode = options->modes.index[0];
	app.spin_us_max = (uint32_t)options->spin_us;
	app.json_file = options->bdev_json;
	app.handle_signals = false;
	run_of_signals = &run;
	bench_signals_install(run_signal);
	rc = ebb_app_start(&app, run_start, &run);
	free(run.workers);
	if (rc < 0) {
		run_fail(&run, BENCH_EXIT_FAILED,
			 "run: the service did not start with %.120s; its log above says why",
			 options->bdev_json);
	}
	return run.exit_code;
}
