/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static char error[BENCH_ERROR_MAX];

static struct bench_run_options options_make(enum bench_rw rw)
{
	return (struct bench_run_options){
		.bdev = "disk0",
		.rw = rw,
		.block_bytes = 4096,
		.queue_depth = 8,
		.read_percent = 25,
	};
}

START_TEST(test_range)
{
	struct bench_run_options options = options_make(BENCH_RW_READ);
	struct bench_workload load;

	ck_assert_int_eq(bench_workload_make(&options, 512, 1001, &load, error), 0);
	ck_assert_uint_eq(load.io_blocks, 8);
	ck_assert_uint_eq(load.slots, 125); /* the last 512 bytes hold no whole request */
	ck_assert_uint_eq(load.queue_depth, 8);
	options.size_bytes = 3 * 4096 + 512;
	ck_assert_int_eq(bench_workload_make(&options, 512, 1001, &load, error), 0);
	ck_assert_uint_eq(load.slots, 3);
	options.size_bytes = 0;
	ck_assert_int_eq(bench_workload_make(&options, 4096, 1, &load, error), 0);
	ck_assert_uint_eq(load.slots, 1);
}
END_TEST

START_TEST(test_directions)
{
	static const struct {
		enum bench_rw rw;
		bool random;
		uint64_t read_below;
	} expected[] = {
		{BENCH_RW_READ, false, UINT64_C(1) << 32},    {BENCH_RW_WRITE, false, 0},
		{BENCH_RW_RANDREAD, true, UINT64_C(1) << 32}, {BENCH_RW_RANDWRITE, true, 0},
		{BENCH_RW_RANDRW, true, UINT64_C(1) << 30},
	};
	struct bench_workload load;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(expected); i++) {
		struct bench_run_options options = options_make(expected[i].rw);

		ck_assert_int_eq(bench_workload_make(&options, 4096, 100, &load, error), 0);
		ck_assert_int_eq(load.random, expected[i].random);
		ck_assert_uint_eq(load.read_below, expected[i].read_below);
	}
}
END_TEST

START_TEST(test_misfits)
{
	struct bench_run_options options = options_make(BENCH_RW_READ);
	struct bench_workload load;

	ck_assert_int_eq(bench_workload_make(&options, 8192, 100, &load, error), -EINVAL);
	ck_assert_str_eq(error, "run: --bs 4096: give a multiple of 8192, the block size of bdev "
				"disk0");
	ck_assert_int_eq(bench_workload_make(&options, 512, 7, &load, error), -EINVAL);
	ck_assert_str_eq(error, "run: --bs 4096: give at most 3584, the size of bdev disk0");
	options.size_bytes = 4096 * 101;
	ck_assert_int_eq(bench_workload_make(&options, 4096, 100, &load, error), -EINVAL);
	ck_assert_str_eq(error, "run: --size 413696: give at most 409600, the size of bdev disk0");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_range),
		UNIT_TEST(test_directions),
		UNIT_TEST(test_misfits),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
