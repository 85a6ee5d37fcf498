/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/poller.h>
#include <ebb/thread.h>

#include "bench/load/engine_state.h"
#include "bench/load/stamps.h"

/*
 * A state is entered by giving all workers a command, or by starting a timer, and left when the
 * last answer is there or the timer runs:
 *
 *	OPENING -> IDLE -> [ BEGINNING -> WARMING -> MEASURING -> COUNTING -> ENDING ->
 *	DRAINING ] -> IDLE ... -> CLOSING -> CLOSED
 *
 * While it counts, the engine does nothing at all. What ends a run early (a signal, the bdev's going,
 * a block that is not what it should be) only cuts the two waits for a timer short.
 *
 * A run ends when nothing is in flight any more. Requests that make no progress for as long as patience
 * lasts make the engine STUCK: the run is reported, and the engine waits on, as they own its buffers.
 */

#define PATIENCE_LOOKS 10

static void engine_advance(struct bench_engine *engine);

static void engine_answered(struct bench_engine *engine)
{
	engine->pending--;
	if (engine->pending == 0) {
		engine_advance(engine);
	}
}

static void worker_answered(struct bench_worker *worker)
{
	engine_answered(worker->owner);
}

static void workers_run_command(struct bench_engine *engine, enum bench_engine_state state,
				enum bench_worker_command command)
{
	bench_engine_set_state(engine, state);
	engine->pending = engine->num_workers;
	for (unsigned i = 0; i < engine->num_workers; i++) {
		bench_worker_run_command(&engine->workers[i], command);
	}
}

static void timer_set(struct bench_engine *engine, uint64_t time_ns)
{
	ebb_poller_run_at(engine->timer, ebb_clock_now_ns() + time_ns);
	engine->timing = true;
}

static void timer_cancel(struct bench_engine *engine)
{
	ebb_poller_pause(engine->timer);
	engine->timing = false;
}

static void timer_start(struct bench_engine *engine, enum bench_engine_state state,
			uint64_t time_ns)
{
	bench_engine_set_state(engine, state);
	if (engine->stop || time_ns == 0) {
		engine_advance(engine);
		return;
	}
	timer_set(engine, time_ns);
}

/* Ends the present wait, if the state is one that waits for time; others end by themselves. */
static void run_end_early(struct bench_engine *engine)
{
	engine->stop = true;
	if (engine->timing && engine->state != BENCH_ENGINE_DRAINING) {
		timer_cancel(engine);
		engine_advance(engine);
	}
}

void bench_engine_stop(struct bench_engine *engine)
{
	ebb_assert(ebb_thread_is_app());
	run_end_early(engine);
}

static uint64_t requests_left(const struct bench_engine *engine)
{
	uint64_t left = 0;

	for (unsigned i = 0; i < engine->num_workers; i++) {
		left += atomic_load_explicit(&engine->workers[i].left, memory_order_relaxed);
	}
	return left;
}

static void run_report(struct bench_engine *engine)
{
	void (*done)(void *arg, const struct bench_engine_result *result) = engine->done;

	engine->done = NULL;
	done(engine->done_arg, &engine->result);
}

/* Runs now and then while the last requests are waited for. */
static void patience_look(struct bench_engine *engine)
{
	uint64_t left = requests_left(engine);

	engine->looks = left == engine->left ? engine->looks + 1 : 0;
	engine->left = left;
	if (engine->looks < PATIENCE_LOOKS) {
		timer_set(engine, BENCH_ENGINE_PATIENCE_NS / PATIENCE_LOOKS);
		return;
	}
	bench_engine_fail(engine, -ETIMEDOUT,
			  "bdev %s: %llu requests were not answered within %u s of the end",
			  engine->name, (unsigned long long)left,
			  (unsigned)(BENCH_ENGINE_PATIENCE_NS / EBB_NS_PER_S));
	bench_engine_set_state(engine, BENCH_ENGINE_STUCK);
	run_report(engine);
}

/*
 * Who stands in line at the end is counted, while the last requests are waited for: when nobody lets
 * anyone in any more.
 */
static void rest_count(void *arg)
{
	struct bench_engine *engine = arg;
	int rc;

	if (engine->generating && bench_companion_has_left(&engine->generator.duty)) {
		engine->generating = false;
	}
	if (!engine->generating && (!engine->counted || bench_engine_count_rest(engine))) {
		bench_engine_result_sum(engine);
		engine_answered(engine);
		return;
	}
	rc = ebb_thread_send(ebb_thread_app(), &engine->rest_msg);
	ebb_assert(rc == 0);
}

/* If some are never answered, what was counted till here is what there is. */
static void run_drain(struct bench_engine *engine)
{
	bench_engine_result_set_window(engine);
	bench_engine_result_sum(engine);
	engine->left = 0;
	engine->looks = 0;
	workers_run_command(engine, BENCH_ENGINE_DRAINING, BENCH_WORKER_DRAIN);
	if (engine->load.shape != BENCH_SHAPE_CLOSED) {
		if (engine->generating) {
			bench_generator_stop(&engine->generator);
		}
		engine->pending++;
		ebb_msg_init(&engine->rest_msg, rest_count, engine);
		rest_count(engine);
	}
	timer_set(engine, BENCH_ENGINE_PATIENCE_NS / PATIENCE_LOOKS);
}

static void generator_start(struct bench_engine *engine)
{
	int rc = bench_generator_start(&engine->generator, engine->workers, engine->num_workers);

	if (rc < 0) {
		bench_engine_fail(engine, rc, "no OS thread to let requests come: %s",
				  strerror(-rc));
		return;
	}
	engine->generating = true;
}

static int timer_fired(void *arg)
{
	struct bench_engine *engine = arg;

	timer_cancel(engine);
	if (engine->state == BENCH_ENGINE_DRAINING) {
		patience_look(engine);
	} else {
		engine_advance(engine);
	}
	return 1;
}

static void count_begin(struct bench_engine *engine)
{
	engine->counted = !engine->stop;
	for (unsigned i = 0; engine->load.shape != BENCH_SHAPE_CLOSED && i < engine->num_workers;
	     i++) {
		atomic_store(&engine->lines[i].count_ns, ebb_clock_now_ns());
	}
	bench_companion_get_usage(&engine->companion_before);
	bench_rusage_get(&engine->before);
	timer_start(engine, BENCH_ENGINE_COUNTING,
		    engine->num_finished == engine->num_workers ? 0 : engine->load.time_ns);
}

static void count_end(struct bench_engine *engine)
{
	struct bench_rusage now;
	struct bench_companion_usage companion;

	bench_rusage_get(&now);
	bench_companion_get_usage(&companion);
	bench_engine_result_use(engine, &now, &companion);
	workers_run_command(engine, BENCH_ENGINE_ENDING, BENCH_WORKER_END);
}

static void run_ended(struct bench_engine *engine)
{
	timer_cancel(engine);
	bench_engine_result_sum(engine);
	bench_engine_set_state(engine, BENCH_ENGINE_IDLE);
	run_report(engine);
}

static void engine_close_bdev(struct bench_engine *engine)
{
	workers_run_command(engine, BENCH_ENGINE_CLOSING, BENCH_WORKER_CLOSE);
}

/* What was put off until the engine has nothing to do. */
static void engine_idle(struct bench_engine *engine)
{
	if (engine->state == BENCH_ENGINE_IDLE &&
	    (engine->gone || engine->closed != NULL || engine->abandoned)) {
		engine_close_bdev(engine);
	}
}

static void engine_opened(struct bench_engine *engine)
{
	int rc = 0;

	for (unsigned i = 0; i < engine->num_workers; i++) {
		if (engine->workers[i].rc < 0) {
			rc = engine->workers[i].rc;
			bench_engine_fail(
				engine, rc,
				"bdev %s: no channel with %u buffers of %llu bytes on CPU "
				"%d: %s",
				engine->name, engine->workers[i].max_jobs,
				(unsigned long long)engine->workers[i].max_bytes, engine->cores[i],
				strerror(-rc));
		}
	}
	if (rc == 0 && engine->gone) {
		rc = -ENODEV;
	}
	bench_engine_set_state(engine, BENCH_ENGINE_IDLE);
	engine->opts.opened(engine->opts.arg, rc);
	engine_idle(engine);
}

static void engine_finish(void *arg)
{
	struct bench_engine *engine = arg;

	if (engine->closed != NULL) {
		engine->closed(engine->closed_arg, 0);
	}
	bench_engine_free(engine);
}

static void engine_closed(struct bench_engine *engine)
{
	bench_engine_set_state(engine, BENCH_ENGINE_CLOSED);
	ebb_poller_unregister(&engine->timer);
	ebb_bdev_close(engine->desc);
	engine->desc = NULL;
	if (engine->closed != NULL || engine->abandoned) {
		engine_finish(engine);
	}
}

/* The state has ended: enter the next. */
static void engine_advance(struct bench_engine *engine)
{
	switch (engine->state) {
	case BENCH_ENGINE_OPENING:
		engine_opened(engine);
		break;
	case BENCH_ENGINE_BEGINNING:
		timer_start(engine, BENCH_ENGINE_WARMING, engine->load.warmup_ns);
		break;
	case BENCH_ENGINE_WARMING:
		workers_run_command(engine, BENCH_ENGINE_MEASURING, BENCH_WORKER_MEASURE);
		break;
	case BENCH_ENGINE_MEASURING:
		count_begin(engine);
		break;
	case BENCH_ENGINE_COUNTING:
		count_end(engine);
		break;
	case BENCH_ENGINE_ENDING:
		run_drain(engine);
		break;
	case BENCH_ENGINE_DRAINING:
		run_ended(engine);
		engine_idle(engine);
		break;
	case BENCH_ENGINE_STUCK: /* they have been answered after all */
		bench_engine_set_state(engine, BENCH_ENGINE_IDLE);
		engine_idle(engine);
		break;
	case BENCH_ENGINE_CLOSING:
		engine_closed(engine);
		break;
	case BENCH_ENGINE_IDLE:
	case BENCH_ENGINE_CLOSED:
	case BENCH_ENGINE_STATE_COUNT:
		ebb_assert(false);
	}
}

static void bdev_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct bench_engine *engine = arg;

	if (event == EBB_BDEV_EVENT_RESIZE) {
		engine->num_blocks = ebb_bdev_num_blocks(bdev);
		return;
	}
	engine->gone = true;
	bench_engine_fail(engine, -ENODEV, "bdev %s went away meanwhile", ebb_bdev_name(bdev));
	run_end_early(engine);
	engine_idle(engine);
}

static void worker_alarmed(struct bench_worker *worker)
{
	struct bench_engine *engine = worker->owner;

	bench_engine_fail(engine, -EILSEQ, "bdev %s: %s", engine->name, worker->alarm_error);
	run_end_early(engine);
}

/* A trace has ended: the run does, if it has begun to count; else as soon as it has. */
static void worker_finished(struct bench_worker *worker)
{
	struct bench_engine *engine = worker->owner;

	engine->num_finished++;
	if (engine->num_finished == engine->num_workers && engine->state == BENCH_ENGINE_COUNTING) {
		run_end_early(engine);
	}
}

static int bdev_open(struct bench_engine *engine, char error[BENCH_LOAD_ERROR_MAX])
{
	int rc = ebb_bdev_open(engine->name, engine->opts.write, bdev_event, engine, &engine->desc);

	if (rc == -ENODEV) {
		snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s: there is no such bdev",
			 engine->name);
	} else if (rc == -EROFS) {
		snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s is read-only: it can only be read",
			 engine->name);
	} else if (rc == -EPERM) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bdev %s: another bdev stands on it and has claimed it: write to that one",
			 engine->name);
	} else if (rc < 0) {
		snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s cannot be opened: %s", engine->name,
			 strerror(-rc));
	}
	if (rc == 0) {
		engine->block_size = ebb_bdev_block_size(ebb_bdev_desc_bdev(engine->desc));
		engine->num_blocks = ebb_bdev_num_blocks(ebb_bdev_desc_bdev(engine->desc));
	}
	return rc;
}

/* What cannot be had half way. */
static int engine_prepare(struct bench_engine *engine, char error[BENCH_LOAD_ERROR_MAX])
{
	struct bench_workload workload;
	int rc = bench_engine_workload(engine, &engine->opts.max, &workload, error);

	if (rc < 0) {
		return rc;
	}
	engine->timer = ebb_poller_register(timer_fired, engine, EBB_NS_PER_S / EBB_NS_PER_US);
	if (engine->timer == NULL) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "no timer could be had: out of memory or of file descriptors");
		return -ENOMEM;
	}
	timer_cancel(engine);
	rc = bench_engine_make_workers(engine, worker_answered, error);
	if (rc < 0) {
		ebb_poller_unregister(&engine->timer);
	}
	return rc;
}

int bench_engine_open(const struct bench_engine_opts *opts, struct bench_engine **ret_engine,
		      char error[BENCH_LOAD_ERROR_MAX])
{
	struct bench_engine *engine;
	int rc;

	ebb_assert(ebb_thread_is_app());
	engine = bench_engine_alloc(opts);
	if (engine == NULL) {
		snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s: out of memory", opts->bdev);
		return -ENOMEM;
	}
	rc = bdev_open(engine, error);
	if (rc < 0) {
		bench_engine_free(engine);
		return rc;
	}
	rc = engine_prepare(engine, error);
	if (rc < 0) {
		ebb_bdev_close(engine->desc);
		bench_engine_free(engine);
		return rc;
	}
	engine->clock_cost_ns = bench_stamps_clock_cost_ns();
	engine->pending = engine->num_workers;
	for (unsigned i = 0; i < engine->num_workers; i++) {
		engine->workers[i].alarmed = worker_alarmed;
		engine->workers[i].finished = worker_finished;
		engine->workers[i].clock_cost_ns = engine->clock_cost_ns;
		bench_worker_run_command(&engine->workers[i], BENCH_WORKER_OPEN);
	}
	*ret_engine = engine;
	return 0;
}

int bench_engine_run(struct bench_engine *engine, const struct bench_load *load,
		     void (*done)(void *arg, const struct bench_engine_result *result), void *arg,
		     char error[BENCH_LOAD_ERROR_MAX])
{
	int rc;

	ebb_assert(ebb_thread_is_app() && engine->done == NULL);
	if (engine->gone) {
		snprintf(error, BENCH_LOAD_ERROR_MAX, "bdev %s has gone", engine->name);
		return -ENODEV;
	}
	if (engine->state == BENCH_ENGINE_STUCK) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bdev %s: requests of an earlier run are still not answered",
			 engine->name);
		return -ETIMEDOUT;
	}
	rc = bench_engine_begin(engine, load, error);
	if (rc < 0) {
		return rc;
	}
	engine->done = done;
	engine->done_arg = arg;
	workers_run_command(engine, BENCH_ENGINE_BEGINNING, BENCH_WORKER_BEGIN);
	if (load->shape != BENCH_SHAPE_CLOSED && !engine->workers[0].timed) {
		generator_start(engine);
	}
	return 0;
}

static void engine_give_up(void *arg)
{
	struct bench_engine *engine = arg;
	void (*closed)(void *arg, int rc) = engine->closed;

	if (engine->state != BENCH_ENGINE_STUCK) {
		return; /* they were answered just now, and it closes as it should */
	}
	engine->closed = NULL;
	engine->abandoned = true;
	closed(engine->closed_arg, -ETIMEDOUT);
}

void bench_engine_close(struct bench_engine *engine, void (*closed)(void *arg, int rc), void *arg)
{
	ebb_assert(ebb_thread_is_app() && engine->done == NULL && engine->closed == NULL);
	engine->closed = closed;
	engine->closed_arg = arg;
	if (engine->state == BENCH_ENGINE_STUCK) {
		ebb_thread_send_msg(ebb_thread_app(), engine_give_up, engine);
	} else if (engine->state == BENCH_ENGINE_CLOSED) {
		ebb_thread_send_msg(ebb_thread_app(), engine_finish, engine);
	} else {
		engine_idle(engine);
	}
}
