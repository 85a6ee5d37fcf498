/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static char error[BENCH_LOAD_ERROR_MAX];

static struct bench_load load_make(enum bench_rw rw)
{
	return (struct bench_load){
		.rw = rw,
		.block_bytes = 4096,
		.queue_depth = 8,
		.read_percent = 25,
	};
}

START_TEST(test_range)
{
	struct bench_load load = load_make(BENCH_RW_READ);
	struct bench_workload workload;

	ck_assert_int_eq(bench_workload_make(&load, "disk0", 512, 1001, &workload, error), 0);
	ck_assert_uint_eq(workload.io_blocks, 8);
	ck_assert_uint_eq(workload.slots, 125); /* the last 512 bytes hold no whole request */
	ck_assert_uint_eq(workload.queue_depth, 8);
	load.size_bytes = 3 * 4096 + 512;
	ck_assert_int_eq(bench_workload_make(&load, "disk0", 512, 1001, &workload, error), 0);
	ck_assert_uint_eq(workload.slots, 3);
	load.size_bytes = 0;
	ck_assert_int_eq(bench_workload_make(&load, "disk0", 4096, 1, &workload, error), 0);
	ck_assert_uint_eq(workload.slots, 1);
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
	struct bench_workload workload;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(expected); i++) {
		struct bench_load load = load_make(expected[i].rw);

		ck_assert_int_eq(bench_workload_make(&load, "disk0", 4096, 100, &workload, error),
				 0);
		ck_assert_int_eq(workload.random, expected[i].random);
		ck_assert_uint_eq(workload.read_below, expected[i].read_below);
	}
}
END_TEST

START_TEST(test_misfits)
{
	struct bench_load load = load_make(BENCH_RW_READ);
	struct bench_workload workload;

	ck_assert_int_eq(bench_workload_make(&load, "disk0", 8192, 100, &workload, error), -EINVAL);
	ck_assert_str_eq(error, "bs 4096: give a multiple of 8192, the block size of bdev "
				"disk0");
	ck_assert_int_eq(bench_workload_make(&load, "disk0", 512, 7, &workload, error), -EINVAL);
	ck_assert_str_eq(error, "bs 4096: give at most 3584, the size of bdev disk0");
	load.size_bytes = 512;
	ck_assert_int_eq(bench_workload_make(&load, "disk0", 512, 100, &workload, error), -EINVAL);
	ck_assert_str_eq(error, "bs 4096: give at most 512, the size to be used of bdev disk0");
	load.size_bytes = 4096 * 101;
	ck_assert_int_eq(bench_workload_make(&load, "disk0", 4096, 100, &workload, error), -EINVAL);
	ck_assert_str_eq(error, "size 413696: give at most 409600, the size of bdev disk0");
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
