/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/matrix.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

static const struct bench_compare_options one = {
	.block_bytes = {1, {4096}},
	.queue_depth = {1, {8}},
	.rw = {1, {BENCH_RW_RANDREAD}},
	.read_percent = {1, {50}},
	.shapes = {1, {BENCH_SHAPE_CLOSED}},
	.burst_ios = 32,
	.on_ns = 1000,
	.off_ns = 4000,
	.time_ns = 5,
	.warmup_ns = 6,
	.seed = 7,
	.size_bytes = 8192,
};

static struct bench_matrix_row *rows;

static int make(const struct bench_compare_options *options)
{
	free(rows);
	return bench_matrix_make(options, &rows);
}

START_TEST(test_one)
{
	ck_assert_int_eq(make(&one), 1);
	ck_assert_uint_eq(rows[0].load.block_bytes, 4096);
	ck_assert_uint_eq(rows[0].load.queue_depth, 8);
	ck_assert_uint_eq(rows[0].load.rw, BENCH_RW_RANDREAD);
	ck_assert_uint_eq(rows[0].load.read_percent, 0);
	ck_assert_uint_eq(rows[0].load.shape, BENCH_SHAPE_CLOSED);
	ck_assert_uint_eq(rows[0].load.time_ns, 5);
	ck_assert_uint_eq(rows[0].load.warmup_ns, 6);
	ck_assert_uint_eq(rows[0].load.seed, 7);
	ck_assert_uint_eq(rows[0].load.size_bytes, 8192);
	ck_assert_double_eq(rows[0].load.rate_iops, 0);
	ck_assert_double_eq(rows[0].percent, 0);
}
END_TEST

/* A mix is a property of randrw alone: no load is there twice. */
START_TEST(test_product)
{
	struct bench_compare_options options = one;

	options.block_bytes = (struct bench_numbers){2, {4096, 65536}};
	options.queue_depth = (struct bench_numbers){3, {1, 8, 32}};
	options.rw = (struct bench_choices){2, {BENCH_RW_RANDREAD, BENCH_RW_RANDRW}};
	options.read_percent = (struct bench_numbers){2, {70, 90}};
	ck_assert_int_eq(make(&options), (1 + 2) * 2 * 3);
	for (unsigned i = 0; i < 18; i++) {
		for (unsigned j = 0; j < i; j++) {
			ck_assert(!bench_matrix_same_capacity(&rows[i].load, &rows[j].load));
		}
	}
	ck_assert_uint_eq(rows[6].load.read_percent, 70);
	ck_assert_uint_eq(rows[17].load.read_percent, 90);
	ck_assert_uint_eq(rows[17].load.block_bytes, 65536);
	ck_assert_uint_eq(rows[17].load.queue_depth, 32);
}
END_TEST

/* An open loop is not one for each depth: the largest one limits it. */
START_TEST(test_open)
{
	struct bench_compare_options options = one;

	options.queue_depth = (struct bench_numbers){3, {1, 32, 8}};
	options.shapes = (struct bench_choices){4,
						{BENCH_SHAPE_CLOSED, BENCH_SHAPE_POISSON,
						 BENCH_SHAPE_BURST, BENCH_SHAPE_ON_OFF}};
	options.rates = (struct bench_rates){2, {{20000, false}, {50, true}}};
	ck_assert_int_eq(make(&options), 3 + 3 * 2);
	ck_assert_uint_eq(rows[2].load.queue_depth, 8);
	for (unsigned i = 3; i < 9; i++) {
		ck_assert_uint_eq(rows[i].load.queue_depth, 32);
	}
	ck_assert_double_eq(rows[3].load.rate_iops, 20000);
	ck_assert_double_eq(rows[3].percent, 0);
	ck_assert_double_eq(rows[4].load.rate_iops, 0);
	ck_assert_double_eq(rows[4].percent, 50);
	ck_assert_uint_eq(rows[3].load.burst_ios, 0);
	ck_assert_uint_eq(rows[5].load.burst_ios, 32);
	ck_assert_uint_eq(rows[5].load.on_ns, 0);
	ck_assert_uint_eq(rows[7].load.on_ns, 1000);
	ck_assert_uint_eq(rows[7].load.off_ns, 4000);
	ck_assert_uint_eq(rows[7].load.burst_ios, 0);
	ck_assert(bench_matrix_same_capacity(&rows[3].load, &rows[8].load));
}
END_TEST

START_TEST(test_rate)
{
	ck_assert_double_eq(bench_matrix_rate(123456, 100), 123000);
	ck_assert_double_eq(bench_matrix_rate(123456, 50), 61700);
	ck_assert_double_eq(bench_matrix_rate(987654321, 10), 98800000);
	ck_assert_double_eq(bench_matrix_rate(1000, 33.3), 333);
	ck_assert_double_eq(bench_matrix_rate(46, 50), 23);
	ck_assert_double_eq(bench_matrix_rate(7, 50), 4);
	ck_assert_double_eq(bench_matrix_rate(3, 10), 1);
}
END_TEST

START_TEST(test_largest)
{
	struct bench_compare_options options = one;
	struct bench_load largest;

	options.block_bytes = (struct bench_numbers){3, {4096, 1 << 20, 8192}};
	options.queue_depth = (struct bench_numbers){2, {64, 1}};
	options.rw = (struct bench_choices){2, {BENCH_RW_RANDWRITE, BENCH_RW_RANDREAD}};
	ck_assert_int_eq(make(&options), 12);
	largest = bench_matrix_largest(rows, 12);
	ck_assert_uint_eq(largest.block_bytes, 1 << 20);
	ck_assert_uint_eq(largest.queue_depth, 64);
	ck_assert(bench_load_writes(largest.rw));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_one),  UNIT_TEST(test_product), UNIT_TEST(test_open),
		UNIT_TEST(test_rate), UNIT_TEST(test_largest), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
