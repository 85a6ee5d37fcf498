/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/engine_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/reactor.h>

static const uint32_t engine_next[BENCH_ENGINE_STATE_COUNT] = {
	[BENCH_ENGINE_OPENING] = EBB_BIT(BENCH_ENGINE_IDLE),
	[BENCH_ENGINE_IDLE] = EBB_BIT(BENCH_ENGINE_BEGINNING) | EBB_BIT(BENCH_ENGINE_CLOSING),
	[BENCH_ENGINE_BEGINNING] = EBB_BIT(BENCH_ENGINE_WARMING),
	[BENCH_ENGINE_WARMING] = EBB_BIT(BENCH_ENGINE_MEASURING),
	[BENCH_ENGINE_MEASURING] = EBB_BIT(BENCH_ENGINE_COUNTING),
	[BENCH_ENGINE_COUNTING] = EBB_BIT(BENCH_ENGINE_ENDING),
	[BENCH_ENGINE_ENDING] = EBB_BIT(BENCH_ENGINE_DRAINING),
	[BENCH_ENGINE_DRAINING] = EBB_BIT(BENCH_ENGINE_IDLE) | EBB_BIT(BENCH_ENGINE_STUCK),
	[BENCH_ENGINE_STUCK] = EBB_BIT(BENCH_ENGINE_IDLE),
	[BENCH_ENGINE_CLOSING] = EBB_BIT(BENCH_ENGINE_CLOSED),
	[BENCH_ENGINE_CLOSED] = 0,
};

void bench_engine_set_state(struct bench_engine *engine, enum bench_engine_state state)
{
	ebb_assert((engine_next[engine->state] & EBB_BIT(state)) != 0);
	engine->state = state;
}

struct bench_engine *bench_engine_alloc(const struct bench_engine_opts *opts)
{
	struct bench_engine *engine = calloc(1, sizeof(*engine));

	if (engine != NULL) {
		engine->opts = *opts;
		engine->state = BENCH_ENGINE_OPENING;
		snprintf(engine->name, sizeof(engine->name), "%s", opts->bdev);
	}
	return engine;
}

void bench_engine_free(struct bench_engine *engine)
{
	for (unsigned i = 0; engine->verifies != NULL && i < engine->num_workers; i++) {
		bench_verify_fini(&engine->verifies[i]);
	}
	free(engine->verifies);
	free(engine->lines);
	free(engine->workers);
	free(engine);
}

void bench_engine_fail(struct bench_engine *engine, int rc, const char *format, ...)
{
	va_list args;

	engine->stop = true;
	if (engine->result.rc != 0) {
		return;
	}
	engine->result.rc = rc;
	va_start(args, format);
	vsnprintf(engine->result.error, sizeof(engine->result.error), format, args);
	va_end(args);
}

const char *bench_engine_error(const struct bench_engine *engine)
{
	return engine->result.error;
}

int bench_engine_workload(const struct bench_engine *engine, const struct bench_load *load,
			  struct bench_workload *ret_workload, char error[BENCH_LOAD_ERROR_MAX])
{
	return bench_workload_make(load, engine->name, engine->block_size, engine->num_blocks,
				   ret_workload, error);
}

void bench_engine_get_info(const struct bench_engine *engine, struct bench_engine_info *ret_info)
{
	*ret_info = (struct bench_engine_info){
		.block_size = engine->block_size,
		.num_blocks = engine->num_blocks,
		.num_cores = engine->num_workers,
		.cores = engine->cores,
	};
}

uint64_t bench_engine_range_bytes(const struct bench_engine *engine, const struct bench_load *load)
{
	struct bench_workload workload;
	char error[BENCH_LOAD_ERROR_MAX];

	if (bench_engine_workload(engine, load, &workload, error) < 0) {
		return 0;
	}
	return workload.slots * workload.io_bytes;
}

/* The app thread does the I/O of its own core; the other cores get a thread each. */
static int worker_create(struct bench_engine *engine, unsigned index)
{
	struct bench_worker *worker = &engine->workers[index];
	int core = engine->cores[index];
	char name[32];

	worker->desc = engine->desc;
	worker->max_jobs = (uint32_t)engine->opts.max.queue_depth;
	worker->max_bytes = engine->opts.max.block_bytes;
	worker->owner = engine;
	if (core == ebb_reactor_current_core()) {
		worker->thread = ebb_thread_app();
		return 0;
	}
	snprintf(name, sizeof(name), "bench%d", core);
	return ebb_thread_create(name, core, &worker->thread);
}

static void worker_leave(void *arg)
{
	(void)arg;
	ebb_thread_exit();
}

int bench_engine_make_workers(struct bench_engine *engine,
			      void (*answered)(struct bench_worker *worker),
			      char error[BENCH_LOAD_ERROR_MAX])
{
	unsigned count = 0;
	int core;
	int rc = 0;

	for (unsigned i = 0; count < BENCH_ENGINE_CORES_MAX && (core = ebb_reactor_core(i)) >= 0;
	     i++) {
		if (engine->opts.cpus == NULL || CPU_ISSET((size_t)core, engine->opts.cpus)) {
			engine->cores[count++] = core;
		}
	}
	ebb_assert(count > 0);
	engine->workers = aligned_alloc(2 * EBB_CACHE_LINE, count * sizeof(*engine->workers));
	engine->verifies = calloc(count, sizeof(*engine->verifies));
	if (engine->workers != NULL && engine->verifies != NULL) {
		memset(engine->workers, 0, count * sizeof(*engine->workers));
	} else {
		rc = -ENOMEM;
	}
	for (unsigned i = 0; rc == 0 && i < count; i++) {
		engine->workers[i].answered = answered;
		rc = worker_create(engine, i);
		engine->num_workers += rc == 0;
	}
	if (rc == 0) {
		return 0;
	}
	snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s: the workers cannot be made: %s",
		 engine->name, strerror(-rc));
	for (unsigned i = 0; i < engine->num_workers; i++) {
		if (engine->workers[i].thread != ebb_thread_app()) {
			ebb_thread_send_msg(engine->workers[i].thread, worker_leave, NULL);
		}
	}
	return rc;
}

static int load_check(const struct bench_engine *engine, const struct bench_load *load,
		      char error[BENCH_LOAD_ERROR_MAX])
{
	const struct bench_load *max = &engine->opts.max;

	if (load->block_bytes > max->block_bytes || load->queue_depth > max->queue_depth ||
	    load->queue_depth == 0) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bdev %s: %llu requests of %llu bytes: it was opened for 1 to %llu of at "
			 "most %llu bytes",
			 engine->name, (unsigned long long)load->queue_depth,
			 (unsigned long long)load->block_bytes,
			 (unsigned long long)max->queue_depth,
			 (unsigned long long)max->block_bytes);
		return -EINVAL;
	}
	if (load->shape != BENCH_SHAPE_CLOSED && bench_arrivals_check(load) != NULL) {
		snprintf(error, BENCH_LOAD_ERROR_MAX, "requests that come as \"%s\" need %s",
			 bench_load_shape_names[load->shape], bench_arrivals_check(load));
		return -EINVAL;
	}
	if (load->verify && !engine->opts.write) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bdev %s: verification writes what it will read: it was opened for "
			 "reading only",
			 engine->name);
		return -EINVAL;
	}
	if (bench_load_writes(load->rw) && !engine->opts.write) {
		snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s: %s: it was opened for reading only",
			 engine->name, bench_load_rw_name(load->rw));
		return -EINVAL;
	}
	return 0;
}

/* Each run has offsets of its own: what the last one has put into caches must not be met again. */
static void worker_prepare(struct bench_engine *engine, unsigned index,
			   const struct bench_workload *workload)
{
	struct bench_worker *worker = &engine->workers[index];

	worker->load = *workload;
	worker->random.state = engine->load.seed + index + (engine->run << 32);
	bench_random_next(&worker->random);
	worker->cursor = workload->slots / engine->num_workers * index;
}

/* Differs from that of any other run, of this process or another, so far as clocks are right. */
static uint64_t run_number(const struct bench_engine *engine)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec + engine->run) ^
	       (uint64_t)getpid() << 40;
}

/* Each worker has a part of the range for itself: what is in a block then has one who knows. */
static int verify_prepare(struct bench_engine *engine, unsigned index,
			  char error[BENCH_LOAD_ERROR_MAX])
{
	struct bench_verify *verify = &engine->verifies[index];
	struct bench_worker *worker = &engine->workers[index];
	struct bench_workload *part = &worker->load;
	int rc;

	bench_verify_fini(verify);
	worker->verify = engine->load.verify ? verify : NULL;
	if (worker->verify == NULL) {
		return 0;
	}
	part->slots /= engine->num_workers;
	if (part->slots == 0) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bdev %s: a range of %llu bytes has no part for each of %u cores",
			 engine->name, (unsigned long long)engine->load.size_bytes,
			 engine->num_workers);
		return -EINVAL;
	}
	if (part->queue_depth > part->slots) {
		part->queue_depth = (uint32_t)part->slots;
	}
	worker->cursor = 0;
	rc = bench_verify_init(verify, part->slots * index, part->slots, part->io_blocks,
			       engine->block_size, engine->load.seed, run_number(engine));
	if (rc < 0) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bdev %s: no memory to remember what is written: verify a smaller part of "
			 "it",
			 engine->name);
	}
	return rc;
}

/* What comes shall come to workers that are there. */
#define LEAD_NS EBB_NS_PER_MS

static int lines_prepare(struct bench_engine *engine, char error[BENCH_LOAD_ERROR_MAX])
{
	const struct bench_load *load = &engine->load;
	uint64_t base_ns = ebb_clock_now_ns() + LEAD_NS;
	bool open = load->shape != BENCH_SHAPE_CLOSED;

	if (open && engine->lines == NULL) {
		engine->lines =
			aligned_alloc(EBB_CACHE_LINE, engine->num_workers * sizeof(*engine->lines));
		if (engine->lines == NULL) {
			snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s: out of memory",
				 engine->name);
			return -ENOMEM;
		}
	}
	for (unsigned i = 0; i < engine->num_workers; i++) {
		struct bench_worker *worker = &engine->workers[i];

		worker->timed = open && !bench_companion_has_cpu();
		worker->line = open ? &engine->lines[i] : NULL;
		worker->trace = load->shape == BENCH_SHAPE_TRACE ? load->trace : NULL;
		worker->trace_next = i;
		worker->trace_stride = engine->num_workers;
		worker->block_shift = (unsigned)__builtin_ctz(engine->block_size);
		if (open) {
			bench_line_init(worker->line, load, base_ns, i, engine->num_workers);
		}
	}
	return 0;
}

int bench_engine_begin(struct bench_engine *engine, const struct bench_load *load,
		       char error[BENCH_LOAD_ERROR_MAX])
{
	struct bench_engine_result *result = &engine->result;
	struct bench_workload workload;
	int rc = load_check(engine, load, error);

	if (rc == 0) {
		rc = bench_engine_workload(engine, load, &workload, error);
	}
	if (rc < 0) {
		return rc;
	}
	memset(result, 0, sizeof(*result));
	ebb_histogram_reset(&result->latency);
	ebb_histogram_reset(&result->lateness);
	result->io_bytes = load->block_bytes;
	engine->load = *load;
	engine->run++;
	engine->stop = false;
	engine->counted = false;
	engine->num_finished = 0;
	engine->rest_worker = 0;
	memset(&engine->rest, 0, sizeof(engine->rest));
	for (unsigned i = 0; i < engine->num_workers; i++) {
		worker_prepare(engine, i, &workload);
		rc = verify_prepare(engine, i, error);
		if (rc < 0) {
			return rc;
		}
	}
	return lines_prepare(engine, error);
}

/* So many a turn: a long line must not hold up the reactor (rule 5). */
#define REST_TURN 20000

bool bench_engine_count_rest(struct bench_engine *engine)
{
	struct bench_worker *worker = &engine->workers[engine->rest_worker];

	if (!bench_line_rest(worker->line, worker->from_ns, worker->until_ns, REST_TURN,
			     &engine->rest)) {
		return false;
	}
	engine->rest_worker++;
	return engine->rest_worker == engine->num_workers;
}

static void usage_less(uint64_t *used, uint64_t less)
{
	*used = *used > less ? *used - less : 0;
}

void bench_engine_result_use(struct bench_engine *engine, const struct bench_rusage *now,
			     const struct bench_companion_usage *companion)
{
	const struct bench_companion_usage *before = &engine->companion_before;
	struct bench_engine_result *result = &engine->result;
	struct bench_rusage *used = &result->used;

	if (!engine->counted) {
		return;
	}
	bench_rusage_subtract(now, &engine->before, used);
	result->elapsed_ns = used->now_ns;
	result->companion = companion->running || before->running;
	result->companion_ns = companion->cpu_ns - before->cpu_ns;
	usage_less(&used->cpu_ns, companion->cpu_ns - before->cpu_ns);
	usage_less(&used->user_ns, companion->user_ns - before->user_ns);
	usage_less(&used->system_ns, companion->system_ns - before->system_ns);
	usage_less(&used->voluntary, companion->voluntary - before->voluntary);
	usage_less(&used->involuntary, companion->involuntary - before->involuntary);
}

static void use_scale(uint64_t *used, uint64_t by, uint64_t of)
{
	*used = (uint64_t)((__uint128_t)*used * by / of);
}

void bench_engine_result_set_window(struct bench_engine *engine)
{
	struct bench_engine_result *result = &engine->result;
	struct bench_rusage *used = &result->used;
	uint64_t was_ns = result->elapsed_ns;
	uint64_t window_ns = 0;

	ebb_assert(engine->num_workers > 0);
	for (unsigned i = 0; i < engine->num_workers; i++) {
		window_ns += engine->workers[i].until_ns - engine->workers[i].from_ns;
	}
	window_ns /= engine->num_workers;
	if (was_ns == 0 || window_ns == 0) {
		return;
	}
	result->elapsed_ns = window_ns;
	use_scale(&result->companion_ns, window_ns, was_ns);
	use_scale(&used->now_ns, window_ns, was_ns);
	use_scale(&used->cpu_ns, window_ns, was_ns);
	use_scale(&used->user_ns, window_ns, was_ns);
	use_scale(&used->system_ns, window_ns, was_ns);
	use_scale(&used->voluntary, window_ns, was_ns);
	use_scale(&used->involuntary, window_ns, was_ns);
	use_scale(&used->wakeups, window_ns, was_ns);
}

static const char *mode_text(int core)
{
	static const char *const texts[EBB_REACTOR_MODE_COUNT] = {
		[EBB_REACTOR_POLL] = " in poll mode",
		[EBB_REACTOR_INTERRUPT] = " in interrupt mode",
		[EBB_REACTOR_ADAPTIVE] = " in adaptive mode",
	};
	struct ebb_reactor_stats stats;

	return ebb_reactor_get_stats(core, &stats) == 0 ? texts[stats.mode] : "";
}

/*
 * Where one worker has stamped all requests and another a sample, each of the sample stands for so many:
 * the slower one's would outweigh the others.
 */
static void latency_sum(struct bench_engine *engine)
{
	uint32_t least = UINT32_MAX;

	for (unsigned i = 0; i < engine->num_workers; i++) {
		uint32_t every = engine->workers[i].stamp_every;

		least = every < least ? every : least;
	}
	for (unsigned i = 0; i < engine->num_workers; i++) {
		const struct bench_worker *worker = &engine->workers[i];

		for (uint32_t times = 0; times < worker->stamp_every; times += least) {
			ebb_histogram_merge(&engine->result.latency, &worker->latency);
		}
	}
}

static void worker_sum(struct bench_engine *engine, const struct bench_worker *worker)
{
	struct bench_engine_result *result = &engine->result;

	result->ios += worker->ios;
	result->trace_bytes += worker->trace_bytes;
	if (worker->line != NULL) {
		result->open_loop = true;
		result->offered += worker->offered;
		result->backlog += worker->unanswered;
		if (!engine->generating) { /* the companion has done with it */
			ebb_histogram_merge(&result->lateness, &worker->line->late);
		}
	}
	if (worker->stamp_every > 1) {
		result->stamps = BENCH_STAMPS_SAMPLED;
	}
	if (worker->errors == 0) {
		return;
	}
	result->errors += worker->errors;
	bench_engine_fail(engine, worker->first_error,
			  "bdev %s: %s of %llu bytes at byte %llu failed%s: %s", engine->name,
			  worker->first_error_write ? "write" : "read",
			  (unsigned long long)worker->load.io_bytes,
			  (unsigned long long)(worker->first_error_block * engine->block_size),
			  mode_text(engine->cores[0]), strerror(-worker->first_error));
}

void bench_engine_result_sum(struct bench_engine *engine)
{
	struct bench_engine_result *result = &engine->result;

	ebb_histogram_reset(&result->latency);
	ebb_histogram_reset(&result->lateness);
	result->ios = 0;
	result->errors = 0;
	result->offered = engine->rest.counted;
	result->backlog = engine->rest.all;
	result->trace_bytes = 0;
	latency_sum(engine);
	for (unsigned i = 0; i < engine->num_workers; i++) {
		worker_sum(engine, &engine->workers[i]);
	}
	if (result->trace_bytes > 0) {
		result->io_bytes = (result->trace_bytes + result->ios / 2) / result->ios;
	}
}
