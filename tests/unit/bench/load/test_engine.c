/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/clock.h>

#include "bench/load/engine_state.h"
#include "bench/load/job.h"
#include "tests/unit/bench/load/engine_stage.h"
#include "tests/unit/unit.h"

#define US EBB_NS_PER_US
#define MS EBB_NS_PER_MS

static void advance(uint64_t ns)
{
	stage_clock_advance(ns);
	stage_turns(4);
}

/* What warms up does not count, and each end of a request has its own time stamp. */
START_TEST(test_closed_loop)
{
	struct bench_load load = engine_load(BENCH_RW_RANDREAD);

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	engine_start(&load);
	ck_assert_uint_eq(engine_fake->num_held, 2);
	advance(100 * US);
	fake_complete_one(engine_fake, 0);
	stage_turns(2);
	advance(900 * US); /* warm: the two in flight began 1 ms and 900 us ago */
	fake_complete_one(engine_fake, 0);
	stage_turns(2);
	advance(300 * US);
	fake_complete_at(engine_fake, 1, 0); /* the newer one */
	stage_turns(2);
	ck_assert_uint_eq(engine_fake->num_held, 2);
	advance(10 * MS);
	ck_assert(!engine_done);
	engine_finish();
	ck_assert_int_eq(engine_result.rc, 0);
	ck_assert_uint_eq(engine_result.ios, 2);
	ck_assert_uint_eq(engine_result.latency.count, 2);
	ck_assert_uint_eq(engine_result.latency.max, MS);
	ck_assert_uint_eq(engine_result.latency.min, 300 * US);
	ck_assert_uint_eq(engine_result.elapsed_ns, 10 * MS + 300 * US);
	ck_assert_int_eq(engine_result.stamps, BENCH_STAMPS_EXACT);
	ck_assert(!engine_result.open_loop);
	engine_close();
	ck_assert_int_eq(engine_closed_rc, 0);
	engine_stage_end(false);
}
END_TEST

/* A turn that submits and completes is not a request that took nothing. */
START_TEST(test_exact_stamps)
{
	struct bench_load load = engine_load(BENCH_RW_READ);

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	load.queue_depth = 1;
	load.warmup_ns = 0;
	engine_start(&load);
	stage_clock_advance(7 * US); /* the turn has not read the clock since */
	fake_complete_one(engine_fake, 0);
	stage_turns(2);
	advance(10 * MS);
	engine_finish();
	ck_assert_uint_eq(engine_result.latency.count, 1);
	ck_assert_uint_eq(engine_result.latency.min, 7 * US);
	engine_close();
	engine_stage_end(false);
}
END_TEST

static uint64_t ticks_ns;

static uint64_t ticking_clock(void)
{
	return ++ticks_ns;
}

/* Requests that one turn submits one after the other did not begin at one moment. */
START_TEST(test_stamps_within_a_turn)
{
	struct bench_load load = engine_load(BENCH_RW_READ);
	const struct bench_job *jobs;

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	ticks_ns = ebb_clock_now_ns();
	ebb_clock_set_source(ticking_clock);
	engine_start(&load);
	ck_assert_uint_eq(engine_fake->num_held, 2);
	jobs = engine->workers[0].jobs;
	ck_assert_uint_ne(jobs[0].submitted_ns, jobs[1].submitted_ns);
	stage_clock_advance(MS);
	stage_clock_restore();
	bench_engine_stop(engine);
	engine_finish();
	engine_close();
	engine_stage_end(false);
}
END_TEST

/* Sequential requests follow one another; random ones differ from run to run, and none leaves the range. */
START_TEST(test_offsets)
{
	struct bench_load load = engine_load(BENCH_RW_WRITE);
	uint64_t first[16];
	unsigned same = 0;

	engine_stage_begin();
	engine_open(true, 2, 2 * FAKE_BLOCK);
	load.queue_depth = 1;
	load.block_bytes = 2 * FAKE_BLOCK;
	engine_start(&load);
	for (unsigned i = 0; i < 16; i++) {
		ck_assert_uint_eq(engine_fake->records[i].offset_blocks, i % 8 * 2);
		ck_assert_int_eq(engine_fake->records[i].type, EBB_BDEV_WRITE);
		ck_assert_uint_eq(engine_fake->records[i].num_blocks, 2);
		fake_complete_one(engine_fake, 0);
		stage_turns(2);
	}
	bench_engine_stop(engine);
	engine_finish();
	load = engine_load(BENCH_RW_RANDREAD);
	load.queue_depth = 1;
	for (unsigned run = 0; run < 2; run++) {
		engine_fake->num_records = 0;
		engine_start(&load);
		for (unsigned i = 0; i < 16; i++) {
			uint64_t offset = engine_fake->records[i].offset_blocks;

			ck_assert_uint_lt(offset, 16);
			same += run == 1 && first[i] == offset;
			first[i] = offset;
			fake_complete_one(engine_fake, 0);
			stage_turns(2);
		}
		bench_engine_stop(engine);
		engine_finish();
	}
	ck_assert_uint_lt(same, 16);
	engine_close();
	engine_stage_end(false);
}
END_TEST

START_TEST(test_errors)
{
	struct bench_load load = engine_load(BENCH_RW_READ);

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	load.warmup_ns = 0;
	engine_start(&load);
	fake_complete_at(engine_fake, 1, -EIO);
	stage_turns(2);
	fake_complete_one(engine_fake, -ENOSPC);
	stage_turns(2);
	fake_complete_one(engine_fake, 0);
	stage_turns(2);
	advance(10 * MS);
	engine_finish();
	ck_assert_int_eq(engine_result.rc, -EIO);
	ck_assert_str_eq(engine_result.error, "bdev fake: read of 512 bytes at byte 512 failed in "
					      "poll mode: Input/output error");
	ck_assert_uint_eq(engine_result.errors, 2);
	ck_assert_uint_eq(engine_result.ios, 1);
	ck_assert_uint_eq(engine_result.latency.count, 1);
	engine_start(&load); /* the next run begins without them */
	bench_engine_stop(engine);
	engine_finish();
	ck_assert_int_eq(engine_result.rc, 0);
	ck_assert_uint_eq(engine_result.errors, 0);
	engine_close();
	engine_stage_end(false);
}
END_TEST

/* What was counted until then is what there is. */
START_TEST(test_stop)
{
	struct bench_load load = engine_load(BENCH_RW_READ);

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	engine_start(&load);
	bench_engine_stop(engine); /* before it counts */
	engine_finish();
	ck_assert_int_eq(engine_result.rc, 0);
	ck_assert_uint_eq(engine_result.elapsed_ns, 0);
	engine_start(&load);
	advance(MS);
	fake_complete_one(engine_fake, 0);
	advance(4 * MS);
	bench_engine_stop(engine);
	engine_finish();
	ck_assert_uint_eq(engine_result.elapsed_ns, 4 * MS);
	ck_assert_uint_eq(engine_result.ios, 1);
	bench_engine_stop(engine); /* nothing to stop */
	stage_turns(2);
	engine_close();
	engine_stage_end(false);
}
END_TEST

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

/* The bdev goes: the run ends, nobody has to close anything for that, and no other begins. */
START_TEST(test_gone)
{
	struct bench_load load = engine_load(BENCH_RW_READ);
	bool gone = false;

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	engine_start(&load);
	ck_assert_int_eq(ebb_bdev_unregister(&engine_fake->bdev, set_true, &gone), 0);
	stage_turns(4);
	engine_finish();
	ck_assert_int_eq(engine_result.rc, -ENODEV);
	ck_assert_str_eq(engine_result.error, "bdev fake went away meanwhile");
	stage_until(&gone);
	ck_assert_int_eq(bench_engine_run(engine, &load, NULL, NULL, engine_error), -ENODEV);
	ck_assert_str_eq(engine_error, "bdev fake has gone");
	engine_close();
	engine_stage_end(true);
}
END_TEST

/* Requests that nobody answers end the run all the same, and the engine may be left behind. */
START_TEST(test_unanswered)
{
	struct bench_load load = engine_load(BENCH_RW_READ);

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	load.warmup_ns = 0;
	engine_start(&load);
	advance(MS);
	fake_complete_one(engine_fake, 0);
	advance(9 * MS);
	stage_advance_ms(5000);
	fake_complete_one(engine_fake, 0); /* one still comes: that is progress */
	stage_advance_ms(7000);
	ck_assert(!engine_done);
	stage_advance_ms(5000);
	ck_assert(engine_done);
	ck_assert_int_eq(engine_result.rc, -ETIMEDOUT);
	ck_assert_str_eq(engine_result.error,
			 "bdev fake: 1 requests were not answered within 10 s of the end");
	ck_assert_uint_eq(engine_result.ios, 1);
	ck_assert_int_eq(bench_engine_run(engine, &load, NULL, NULL, engine_error), -ETIMEDOUT);
	engine_close();
	ck_assert_int_eq(engine_closed_rc, -ETIMEDOUT);
	ck_assert_uint_eq(engine_fake->num_held, 1);
	fake_complete_all(engine_fake, 0); /* the engine frees itself */
	stage_turns(8);
	engine_stage_end(false);
}
END_TEST

/* If they are answered after all, it is as good as new. */
START_TEST(test_answered_late)
{
	struct bench_load load = engine_load(BENCH_RW_READ);

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	engine_start(&load);
	bench_engine_stop(engine);
	stage_advance_ms(13000);
	ck_assert_int_eq(engine_result.rc, -ETIMEDOUT);
	fake_complete_all(engine_fake, 0);
	stage_turns(4);
	engine_start(&load);
	bench_engine_stop(engine);
	engine_finish();
	ck_assert_int_eq(engine_result.rc, 0);
	engine_close();
	ck_assert_int_eq(engine_closed_rc, 0);
	engine_stage_end(false);
}
END_TEST

static void expect_refused(const struct bench_load *load, int rc, const char *text)
{
	ck_assert_int_eq(bench_engine_run(engine, load, NULL, NULL, engine_error), rc);
	ck_assert_str_eq(engine_error, text);
}

START_TEST(test_refused)
{
	struct bench_load load = engine_load(BENCH_RW_READ);

	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	load.queue_depth = 3;
	expect_refused(&load, -EINVAL,
		       "bdev fake: 3 requests of 512 bytes: it was opened for 1 to 2 of at most "
		       "512 bytes");
	load = engine_load(BENCH_RW_RANDRW);
	expect_refused(&load, -EINVAL, "bdev fake: randrw: it was opened for reading only");
	load = engine_load(BENCH_RW_READ);
	load.verify = true;
	expect_refused(&load, -EINVAL,
		       "bdev fake: verification writes what it will read: it was opened for "
		       "reading only");
	load = engine_load(BENCH_RW_READ);
	load.shape = BENCH_SHAPE_POISSON;
	expect_refused(&load, -EINVAL, "requests that come as \"poisson\" need a rate");
	load = engine_load(BENCH_RW_READ);
	load.block_bytes = 100;
	expect_refused(&load, -EINVAL,
		       "bs 100: give a multiple of 512, the block size of bdev fake");
	engine_close();
	engine_stage_end(false);
}
END_TEST

START_TEST(test_open_refused)
{
	struct bench_engine_opts opts = {
		.bdev = "other",
		.max = {.block_bytes = FAKE_BLOCK, .queue_depth = 1},
	};

	engine_stage_begin();
	ck_assert_int_eq(bench_engine_open(&opts, &engine, engine_error), -ENODEV);
	ck_assert_str_eq(engine_error, "bdev other: there is no such bdev");
	opts.bdev = "fake";
	opts.max.block_bytes = 100;
	ck_assert_int_eq(bench_engine_open(&opts, &engine, engine_error), -EINVAL);
	engine_fake->bdev.read_only = true;
	opts.write = true;
	ck_assert_int_eq(bench_engine_open(&opts, &engine, engine_error), -EROFS);
	engine_stage_end(false);
}
END_TEST

/* All or nothing, one after the other: no request is on a place that another one is on. */
START_TEST(test_verify)
{
	struct bench_load load = engine_load(BENCH_RW_RANDRW);

	engine_stage_begin();
	engine_open(true, 32, FAKE_BLOCK);
	load.verify = true;
	load.queue_depth = 32; /* more than there are places */
	engine_start(&load);
	ck_assert_uint_eq(engine_fake->num_held, 16);
	for (unsigned i = 0; i < 300; i++) {
		fake_complete_at(engine_fake, i % engine_fake->num_held, 0);
		stage_turns(2);
	}
	ck_assert_uint_eq(engine_fake->num_held, 16);
	advance(MS);
	advance(10 * MS);
	engine_finish();
	ck_assert_int_eq(engine_result.rc, 0);
	engine_close();
	engine_stage_end(false);
}
END_TEST

START_TEST(test_verify_finds)
{
	struct bench_load load = engine_load(BENCH_RW_READ);
	unsigned records;

	engine_stage_begin();
	engine_open(true, 2, FAKE_BLOCK);
	load.verify = true;
	load.queue_depth = 1;
	engine_start(&load);
	for (unsigned i = 0; i < 16; i++) { /* nothing is known of them */
		ck_assert_int_eq(engine_fake->records[i].type, EBB_BDEV_WRITE);
		fake_complete_one(engine_fake, 0);
		stage_turns(2);
	}
	ck_assert_int_eq(engine_fake->records[16].type, EBB_BDEV_READ);
	engine_fake->memory[2 * FAKE_BLOCK + 100] ^= 4;
	for (unsigned i = 0; i < 3; i++) {
		fake_complete_one(engine_fake, 0);
		stage_turns(4);
	}
	records = engine_fake->num_records;
	stage_turns(8);
	ck_assert(engine_done);
	ck_assert_int_eq(engine_result.rc, -EILSEQ);
	ck_assert_ptr_nonnull(strstr(engine_result.error,
				     "bdev fake: block 2: expected its generation 1 of seed 3; "
				     "found this with another byte 100, "));
	ck_assert_uint_eq(engine_fake->num_records, records); /* and nothing more was done */
	ck_assert_uint_eq(records, 19);
	engine_close();
	engine_stage_end(false);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_closed_loop),
		UNIT_TEST(test_exact_stamps),
		UNIT_TEST(test_stamps_within_a_turn),
		UNIT_TEST(test_offsets),
		UNIT_TEST(test_errors),
		UNIT_TEST(test_stop),
		UNIT_TEST(test_gone),
		UNIT_TEST(test_unanswered),
		UNIT_TEST(test_answered_late),
		UNIT_TEST(test_refused),
		UNIT_TEST(test_open_refused),
		UNIT_TEST(test_verify),
		UNIT_TEST(test_verify_finds),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
