/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as a load: each request at its own time, where and as long as it says. */
#include "bench/load/trace.h"

#include <errno.h>
#include <string.h>

#include "bench/load/arrivals.h"
#include "tests/unit/bench/load/engine_stage.h"
#include "tests/unit/unit.h"

#define US EBB_NS_PER_US
#define MS EBB_NS_PER_MS

static struct bench_trace_io ios[] = {
	{0, 4 * FAKE_BLOCK, FAKE_BLOCK, false},
	{2 * MS, 0, 3 * FAKE_BLOCK, false},
	{2 * MS, 100 * FAKE_BLOCK, 2 * FAKE_BLOCK, true},
	{7 * MS, 8 * FAKE_BLOCK, FAKE_BLOCK, false},
};
static const struct bench_trace trace = {.name = "t", .ios = ios, .num_ios = EBB_ARRAY_SIZE(ios)};

static struct bench_load trace_load(void)
{
	struct bench_load load = engine_load(BENCH_RW_RANDRW);

	load.shape = BENCH_SHAPE_TRACE;
	load.trace = &trace;
	load.block_bytes = 3 * FAKE_BLOCK;
	load.size_bytes = 0;
	load.queue_depth = 2;
	load.warmup_ns = 0;
	load.time_ns = 1000 * MS;
	return load;
}

static void advance(uint64_t ns)
{
	stage_clock_advance(ns);
	stage_turns(4);
}

static void begin(const struct bench_load *load)
{
	engine_stage_begin();
	engine_open(true, 2, 3 * FAKE_BLOCK);
	engine_start(load);
}

static void end(void)
{
	engine_finish();
	engine_close();
	engine_stage_end(false);
}

static void check_record(unsigned index, enum ebb_bdev_io_type type, uint64_t offset_blocks,
			 uint64_t num_blocks)
{
	const struct fake_record *record = &engine_fake->records[index];

	ck_assert_uint_lt(index, engine_fake->num_records);
	ck_assert_int_eq((int)record->type, (int)type);
	ck_assert_uint_eq(record->offset_blocks, offset_blocks);
	ck_assert_uint_eq(record->num_blocks, num_blocks);
}

static void serve_one(void)
{
	fake_complete_one(engine_fake, 0);
	stage_turns(4);
}

/* There is a lead of a millisecond. The run ends with the last answer, long before its time. */
START_TEST(each_at_its_time_and_the_end_is_the_last_answer)
{
	struct bench_load load = trace_load();

	begin(&load);
	advance(MS - 1);
	ck_assert_uint_eq(engine_fake->num_held, 0);
	advance(1);
	ck_assert_uint_eq(engine_fake->num_held, 1);
	check_record(0, EBB_BDEV_READ, 4, 1);
	advance(100 * US);
	serve_one();
	advance(2 * MS - 100 * US - 1);
	ck_assert_uint_eq(engine_fake->num_records, 1);
	advance(1);
	ck_assert_uint_eq(engine_fake->num_held, 2);
	check_record(1, EBB_BDEV_READ, 0, 3);
	check_record(2, EBB_BDEV_WRITE, 100, 2);
	advance(300 * US);
	serve_one();
	serve_one();
	advance(5 * MS - 300 * US);
	ck_assert_uint_eq(engine_fake->num_held, 1);
	check_record(3, EBB_BDEV_READ, 8, 1);
	ck_assert(!engine_done);
	advance(200 * US);
	serve_one();
	stage_turns(20);
	ck_assert(engine_done);
	end();
	ck_assert_int_eq(engine_result.rc, 0);
	ck_assert_uint_eq(engine_result.ios, 4);
	ck_assert_uint_eq(engine_result.offered, 4);
	ck_assert_uint_eq(engine_result.backlog, 0);
	ck_assert_uint_eq(engine_result.latency.min, 100 * US);
	ck_assert_uint_eq(engine_result.latency.max, 300 * US);
	ck_assert_uint_eq(engine_result.trace_bytes, 7 * FAKE_BLOCK);
	ck_assert_uint_eq(engine_result.io_bytes, 7 * FAKE_BLOCK / 4);
	ck_assert_uint_eq(engine_result.elapsed_ns, 8 * MS + 200 * US);
}
END_TEST

/* Who finds all places taken waits, and counts from his own time. */
START_TEST(a_slow_device_is_waited_for)
{
	struct bench_load load = trace_load();

	load.queue_depth = 1;
	begin(&load);
	advance(MS);
	advance(9 * MS); /* all have come; one is on its way */
	ck_assert_uint_eq(engine_fake->num_held, 1);
	for (unsigned i = 0; i < 4; i++) {
		serve_one();
	}
	stage_turns(20);
	ck_assert(engine_done);
	end();
	ck_assert_uint_eq(engine_result.ios, 4);
	ck_assert_uint_eq(engine_result.latency.max, 9 * MS);
	ck_assert_uint_eq(engine_result.latency.min, 2 * MS);
}
END_TEST

/* A device that fails does not keep the run from its end. */
START_TEST(what_fails_ends_it_too)
{
	struct bench_load load = trace_load();

	begin(&load);
	for (unsigned i = 0; i < 10; i++) {
		advance(MS);
		while (engine_fake->num_held > 0) {
			fake_complete_one(engine_fake, -EIO);
			stage_turns(2);
		}
	}
	stage_turns(20);
	ck_assert(engine_done);
	end();
	ck_assert_int_eq(engine_result.rc, -EIO);
	ck_assert_uint_eq(engine_result.errors, 4);
	ck_assert_ptr_nonnull(strstr(engine_result.error, "at byte 2048 failed"));
}
END_TEST

START_TEST(a_device_that_cannot_keep_up_ends_by_the_time)
{
	struct bench_load load = trace_load();

	load.time_ns = 20 * MS;
	begin(&load);
	advance(MS);
	advance(25 * MS);
	end();
	ck_assert_uint_eq(engine_result.ios, 0);
	ck_assert_uint_eq(engine_result.backlog, 4);
}
END_TEST

/* Several workers share it by turns; after the last one nothing comes. */
START_TEST(its_moments_are_shared)
{
	struct bench_load load = trace_load();
	struct bench_arrivals arrivals;

	bench_arrivals_init(&arrivals, &load, 1, 2);
	ck_assert_uint_eq(bench_arrivals_next(&arrivals), 2 * MS);
	ck_assert_uint_eq(bench_arrivals_next(&arrivals), 7 * MS);
	ck_assert_uint_eq(bench_arrivals_next(&arrivals), BENCH_ARRIVALS_NEVER_NS);
	ck_assert_uint_eq(bench_arrivals_next(&arrivals), BENCH_ARRIVALS_NEVER_NS);
	load.warmup_ns = 3 * MS;
	bench_arrivals_init(&arrivals, &load, 0, 2);
	ck_assert_uint_eq(bench_arrivals_next(&arrivals), 3 * MS);
	ck_assert_uint_eq(bench_arrivals_next(&arrivals), 5 * MS);
	ck_assert_ptr_null(bench_arrivals_check(&load));
	load.trace = NULL;
	ck_assert_str_eq(bench_arrivals_check(&load), "a trace");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(each_at_its_time_and_the_end_is_the_last_answer),
		UNIT_TEST(a_slow_device_is_waited_for),
		UNIT_TEST(what_fails_ends_it_too),
		UNIT_TEST(a_device_that_cannot_keep_up_ends_by_the_time),
		UNIT_TEST(its_moments_are_shared),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
