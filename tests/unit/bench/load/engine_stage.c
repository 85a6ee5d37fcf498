/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bench/load/engine_stage.h"

#include <sched.h>
#include <stdlib.h>

#include <check.h>

#include <ebb/reactor.h>

#include "core/event/reactor_mode.h"

struct fake *engine_fake;
struct bench_engine *engine;
struct bench_engine_result engine_result;
bool engine_done;
bool engine_closed;
int engine_closed_rc;
char engine_error[BENCH_LOAD_ERROR_MAX];

static bool opened;

struct bench_load engine_load(enum bench_rw rw)
{
	return (struct bench_load){
		.rw = rw,
		.read_percent = 50,
		.block_bytes = FAKE_BLOCK,
		.queue_depth = 2,
		.size_bytes = 16 * FAKE_BLOCK,
		.time_ns = 10 * EBB_NS_PER_MS,
		.warmup_ns = EBB_NS_PER_MS,
		.seed = 3,
	};
}

void engine_stage_begin(void)
{
	stage_begin();
	CPU_ZERO(&event_allowed_cpus);
	CPU_SET((unsigned)ebb_reactor_core(0), &event_allowed_cpus);
	engine_fake = fake_create("fake");
	engine_fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_register(&engine_fake->bdev), 0);
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

void engine_stage_end(bool fake_gone)
{
	if (!fake_gone) {
		bool gone = false;

		ck_assert_int_eq(ebb_bdev_unregister(&engine_fake->bdev, set_true, &gone), 0);
		stage_until(&gone);
	}
	stage_turns(4);
	free(engine_fake);
	stage_end();
}

static void engine_opened(void *arg, int rc)
{
	(void)arg;
	ck_assert_int_eq(rc, 0);
	opened = true;
}

void engine_open(bool write, uint64_t queue_depth, uint64_t block_bytes)
{
	struct bench_engine_opts opts = {
		.bdev = "fake",
		.write = write,
		.max = {.block_bytes = block_bytes, .queue_depth = queue_depth},
		.opened = engine_opened,
	};

	opened = false;
	ck_assert_int_eq(bench_engine_open(&opts, &engine, engine_error), 0);
	stage_until(&opened);
}

static void run_done(void *arg, const struct bench_engine_result *result)
{
	(void)arg;
	engine_result = *result;
	engine_done = true;
}

void engine_start(const struct bench_load *load)
{
	engine_done = false;
	ck_assert_int_eq(bench_engine_run(engine, load, run_done, NULL, engine_error), 0);
	stage_turns(4);
}

void engine_finish(void)
{
	stage_turns(8); /* its end is told */
	for (unsigned i = 0; !engine_done && i < 1000; i++) {
		fake_complete_all(engine_fake, 0);
		stage_turn();
	}
	ck_assert(engine_done);
}

static void close_done(void *arg, int rc)
{
	(void)arg;
	engine_closed_rc = rc;
	engine_closed = true;
}

void engine_close(void)
{
	engine_closed = false;
	bench_engine_close(engine, close_done, NULL);
	stage_until(&engine_closed);
	stage_turns(4);
}
