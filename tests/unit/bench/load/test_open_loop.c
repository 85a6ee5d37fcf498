/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <ebb/clock.h>

#include "tests/unit/bench/load/engine_stage.h"
#include "tests/unit/unit.h"

#define US EBB_NS_PER_US
#define MS EBB_NS_PER_MS

/* Requests come every millisecond, the first two milliseconds after the beginning (one is the lead). */
static struct bench_load open_load(void)
{
	struct bench_load load = engine_load(BENCH_RW_READ);

	load.shape = BENCH_SHAPE_EVEN;
	load.rate_iops = 1000;
	load.warmup_ns = 0;
	load.time_ns = 20 * MS;
	return load;
}

static void advance(uint64_t ns)
{
	stage_clock_advance(ns);
	stage_turns(4);
}

static void serve(unsigned count)
{
	while (count-- > 0) {
		fake_complete_one(engine_fake, 0);
		stage_turns(2);
	}
}

static void begin(const struct bench_load *load)
{
	engine_stage_begin();
	engine_open(false, 2, FAKE_BLOCK);
	engine_start(load);
}

static void end(void)
{
	engine_finish();
	engine_close();
	engine_stage_end(false);
}

/* Nothing is asked before its time; a latency counts from that time, also where others were served. */
START_TEST(test_intended)
{
	struct bench_load load = open_load();

	load.queue_depth = 1;
	begin(&load);
	advance(2 * MS - 1);
	ck_assert_uint_eq(engine_fake->num_held, 0);
	advance(1);
	ck_assert_uint_eq(engine_fake->num_held, 1);
	advance(2 * MS + 100 * US); /* two more have come, and wait */
	ck_assert_uint_eq(engine_fake->num_held, 1);
	fake_complete_one(engine_fake, 0); /* came 2.1 ms ago */
	stage_turns(2);
	advance(100 * US);
	fake_complete_one(engine_fake, 0); /* came 1.2 ms ago */
	stage_turns(2);
	advance(100 * US);
	fake_complete_one(engine_fake, 0); /* came 0.3 ms ago */
	stage_turns(2);
	ck_assert_uint_eq(engine_fake->num_held, 0);
	advance(15 * MS + 600 * US); /* up to 19.9 ms: 15 more */
	ck_assert_uint_eq(engine_fake->num_held, 1);
	serve(15);
	ck_assert_uint_eq(engine_fake->num_held, 0);
	bench_engine_stop(engine);
	end();
	ck_assert_int_eq(engine_result.rc, 0);
	ck_assert(engine_result.open_loop);
	ck_assert_uint_eq(engine_result.ios, 18);
	ck_assert_uint_eq(engine_result.offered, 18);
	ck_assert_uint_eq(engine_result.backlog, 0);
	ck_assert_uint_eq(engine_result.latency.count, 18);
	ck_assert_uint_eq(engine_result.latency.max, 14 * MS + 900 * US);
	ck_assert_uint_eq(engine_result.latency.min, 300 * US);
}
END_TEST

/* An overloaded run says so: what was not served is counted. */
START_TEST(test_backlog)
{
	struct bench_load load = open_load();

	begin(&load);
	advance(2 * MS);
	advance(MS);
	ck_assert_uint_eq(engine_fake->num_held, 2); /* no more than that at a time */
	advance(2 * MS);
	fake_complete_one(engine_fake, 0);
	stage_turns(2);
	ck_assert_uint_eq(engine_fake->num_held, 2);
	advance(15 * MS);
	end();
	ck_assert_uint_eq(engine_result.ios, 1);
	ck_assert_uint_eq(engine_result.offered, 19);
	ck_assert_uint_eq(engine_result.backlog, 18);
}
END_TEST

/* One that the bdev refuses at once is an error, and those behind it are served. */
START_TEST(test_refused_by_the_bdev)
{
	struct bench_load load = open_load();
	uint64_t num_blocks;

	load.queue_depth = 1;
	begin(&load);
	num_blocks = engine_fake->bdev.num_blocks;
	advance(2 * MS);
	advance(MS);
	engine_fake->bdev.num_blocks = 0;
	serve(1);
	ck_assert_uint_eq(engine_fake->num_held, 0);
	engine_fake->bdev.num_blocks = num_blocks;
	advance(MS);
	ck_assert_uint_eq(engine_fake->num_held, 1);
	serve(1);
	advance(MS);
	serve(1);
	bench_engine_stop(engine);
	end();
	ck_assert_uint_eq(engine_result.ios, 3);
	ck_assert_uint_eq(engine_result.errors, 1);
	ck_assert_int_eq(engine_result.rc, -EINVAL);
}
END_TEST

/* What came during the warm-up and still waits is backlog, but was not offered while it counted. */
START_TEST(test_backlog_of_the_warm_up)
{
	struct bench_load load = open_load();

	load.warmup_ns = 10 * MS;
	begin(&load);
	advance(10 * MS);
	ck_assert_uint_eq(engine_fake->num_held, 2);
	serve(1); /* one more of those is taken */
	advance(20 * MS);
	end();
	ck_assert_uint_eq(engine_result.ios, 1);
	ck_assert_uint_eq(engine_result.offered, 21); /* of both its ends */
	ck_assert_uint_eq(engine_result.backlog, 28);
}
END_TEST

/* How late somebody looked whether a request has come. */
START_TEST(test_lateness)
{
	struct bench_load load = open_load();

	begin(&load);
	advance(2 * MS + 50 * US);
	advance(MS);
	engine_fake->mode = FAKE_AT_ONCE;
	fake_complete_all(engine_fake, 0);
	advance(17 * MS);
	end();
	ck_assert_uint_ge(engine_result.lateness.count, 2);
	ck_assert_uint_eq(engine_result.lateness.min, 50 * US);
	ck_assert_uint_eq(engine_result.companion_ns, 0); /* there is no CPU for one */
	ck_assert(!engine_result.companion);
}
END_TEST

/* A request that is refused or fails is counted, and its place serves the next one. */
START_TEST(test_errors)
{
	struct bench_load load = open_load();

	load.queue_depth = 1;
	begin(&load);
	for (unsigned i = 0; i < 5; i++) {
		advance(i == 0 ? 2 * MS : MS);
		ck_assert_uint_eq(engine_fake->num_held, 1);
		fake_complete_one(engine_fake, i == 1 ? -EIO : 0);
		stage_turns(2);
	}
	advance(MS - 1); /* none has come since */
	bench_engine_stop(engine);
	end();
	ck_assert_int_eq(engine_result.rc, -EIO);
	ck_assert_uint_eq(engine_result.errors, 1);
	ck_assert_uint_eq(engine_result.ios, 4);
	ck_assert_uint_eq(engine_result.backlog, 0);
}
END_TEST

/* Also one that is not even taken: the bdev has become smaller. */
START_TEST(test_refused)
{
	struct bench_load load = open_load();

	load.queue_depth = 1;
	begin(&load);
	engine_fake->bdev.num_blocks = 0;
	advance(2 * MS);
	ck_assert_uint_eq(engine_fake->num_held, 0);
	engine_fake->bdev.num_blocks = FAKE_BLOCKS;
	advance(MS);
	ck_assert_uint_eq(engine_fake->num_held, 1);
	serve(1);
	bench_engine_stop(engine);
	end();
	ck_assert_int_eq(engine_result.rc, -EINVAL);
	ck_assert_uint_eq(engine_result.errors, 1);
	ck_assert_uint_eq(engine_result.ios, 1);
}
END_TEST

static uint64_t costly_ns;

static uint64_t costly_clock(void)
{
	costly_ns += 30;
	return costly_ns;
}

/* A device quicker than the clock: of all requests some are stamped, and the result says so. */
START_TEST(test_sample)
{
	struct bench_load load = engine_load(BENCH_RW_RANDREAD);

	engine_stage_begin();
	costly_ns = ebb_clock_now_ns();
	ebb_clock_set_source(costly_clock);
	engine_open(false, 2, FAKE_BLOCK);
	stage_clock_restore();
	stage_clock_advance(MS);
	load.warmup_ns = 10 * US;
	engine_start(&load);
	serve(1000);
	advance(10 * US);
	serve(4000);
	stage_turns(2);
	advance(10 * MS);
	engine_finish();
	ck_assert_int_eq(engine_result.stamps, BENCH_STAMPS_SAMPLED);
	ck_assert_uint_eq(engine_result.ios, 4000);
	ck_assert_uint_ge(engine_result.latency.count, 4000 / 64 / 2);
	ck_assert_uint_le(engine_result.latency.count, 4000 / 64 * 2);
	engine_fake->num_records = 0;
	load.warmup_ns = MS; /* the same device, slower: every request is stamped again */
	engine_start(&load);
	serve(50);
	advance(MS);
	serve(50);
	stage_turns(2);
	advance(10 * MS);
	engine_finish();
	ck_assert_int_eq(engine_result.stamps, BENCH_STAMPS_EXACT);
	ck_assert_uint_eq(engine_result.latency.count, 50);
	engine_close();
	engine_stage_end(false);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_intended),
		UNIT_TEST(test_backlog),
		UNIT_TEST(test_refused_by_the_bdev),
		UNIT_TEST(test_backlog_of_the_warm_up),
		UNIT_TEST(test_lateness),
		UNIT_TEST(test_errors),
		UNIT_TEST(test_refused),
		UNIT_TEST(test_sample),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
