/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/fit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

static char error[BENCH_TEXT_MAX];
static struct bench_trace out;
static struct bench_fit_notes notes;
static struct bench_fit_opts opts;

static void setup(void)
{
	opts = (struct bench_fit_opts){.block_size = 4096,
				       .size_bytes = MIB,
				       .piece_bytes = 65536,
				       .speed = 1,
				       .loops = 1};
}

static void teardown(void)
{
	free(out.ios);
	out = (struct bench_trace){0};
}

static int fit(const struct bench_trace_io *ios, size_t num)
{
	struct bench_trace trace = {.name = "T",
				    .ios = (struct bench_trace_io *)ios,
				    .num_ios = num};

	free(out.ios);
	out = (struct bench_trace){0};
	return bench_fit(&trace, &opts, &out, &notes, error);
}

static void check_io(size_t index, uint64_t at_ns, uint64_t offset, uint32_t len)
{
	ck_assert_uint_lt(index, out.num_ios);
	ck_assert_uint_eq(out.ios[index].at_ns, at_ns);
	ck_assert_uint_eq(out.ios[index].offset_bytes, offset);
	ck_assert_uint_eq(out.ios[index].len_bytes, len);
}

START_TEST(what_fits_stays)
{
	const struct bench_trace_io ios[] = {{0, 4096, 8192, false}, {7, MIB - 4096, 4096, true}};

	ck_assert_int_eq(fit(ios, 2), 0);
	ck_assert_uint_eq(out.num_ios, 2);
	check_io(0, 0, 4096, 8192);
	check_io(1, 7, MIB - 4096, 4096);
	ck_assert(out.ios[1].write && !out.ios[0].write);
	ck_assert_uint_eq(notes.moved + notes.rounded + notes.cut, 0);
}
END_TEST

START_TEST(parts_of_blocks_become_blocks)
{
	const struct bench_trace_io ios[] = {{0, 512, 512, false}, {0, 4095, 2, false}};

	ck_assert_int_eq(fit(ios, 2), 0);
	check_io(0, 0, 0, 4096);
	check_io(1, 0, 0, 8192);
	ck_assert_uint_eq(notes.rounded, 2);
}
END_TEST

START_TEST(beyond_the_end_is_wrapped)
{
	const struct bench_trace_io ios[] = {{0, 3 * MIB + 8192, 4096, false},
					     {0, MIB - 4096, 8192, false}};

	ck_assert_int_eq(fit(ios, 2), 0);
	check_io(0, 0, 8192, 4096);
	check_io(1, 0, MIB - 8192, 8192); /* not in two */
	ck_assert_uint_eq(notes.moved, 2);
}
END_TEST

START_TEST(all_is_scaled)
{
	const struct bench_trace_io ios[] = {{0, 0, 4096, false},
					     {0, 2 * MIB, 4096, false},
					     {0, 4 * MIB - 4096, 4096, false}};

	opts.offsets = BENCH_FIT_SCALE;
	ck_assert_int_eq(fit(ios, 3), 0);
	check_io(0, 0, 0, 4096);
	check_io(1, 0, MIB / 2, 4096);
	check_io(2, 0, MIB - 4096, 4096);
	ck_assert_uint_eq(notes.moved, 2);
}
END_TEST

START_TEST(beyond_the_end_is_refused_when_asked)
{
	const struct bench_trace_io ios[] = {{0, MIB, 4096, false}};

	opts.offsets = BENCH_FIT_REFUSE;
	ck_assert_int_eq(fit(ios, 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "T: a request of 4096 bytes at 1048576"));
	ck_assert_ptr_nonnull(strstr(error, "--offsets wrap or scale"));
}
END_TEST

START_TEST(long_requests_are_cut)
{
	const struct bench_trace_io ios[] = {{5, 4096, 131072 + 4096, true},
					     {6, 0, 4 * MIB, false}};

	ck_assert_int_eq(fit(ios, 1), 0);
	ck_assert_uint_eq(out.num_ios, 3);
	check_io(0, 5, 4096, 65536);
	check_io(1, 5, 4096 + 65536, 65536);
	check_io(2, 5, 4096 + 131072, 4096);
	ck_assert(out.ios[2].write);
	ck_assert_uint_eq(notes.cut, 1);
	/* One that is longer than the device becomes the device. */
	ck_assert_int_eq(fit(ios + 1, 1), 0);
	ck_assert_uint_eq(out.num_ios, 16);
	check_io(15, 6, MIB - 65536, 65536);
}
END_TEST

START_TEST(writes_are_left_out_when_asked)
{
	const struct bench_trace_io ios[] = {{0, 0, 4096, true}, {9, 0, 4096, false}};

	opts.reads_only = true;
	ck_assert_int_eq(fit(ios, 2), 0);
	ck_assert_uint_eq(out.num_ios, 1);
	check_io(0, 9, 0, 4096); /* at its own time all the same */
	ck_assert_uint_eq(notes.writes_left_out, 1);
	ck_assert_int_eq(fit(ios, 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no request is left"));
}
END_TEST

START_TEST(faster_and_more_often)
{
	const struct bench_trace_io ios[] = {{0, 0, 4096, false},
					     {1000, 4096, 4096, false},
					     {2000, 8192, 4096, false}};

	opts.speed = 2;
	opts.loops = 3;
	ck_assert_int_eq(fit(ios, 3), 0);
	ck_assert_uint_eq(out.num_ios, 9);
	check_io(2, 1000, 8192, 4096);
	check_io(3, 1500, 0, 4096); /* one mean distance after the last */
	check_io(8, 4000, 8192, 4096);
	opts.time_ns = 1001;
	ck_assert_int_eq(fit(ios, 3), 0);
	ck_assert_uint_eq(out.num_ios, 3);
	opts.time_ns = 0;
	opts.speed = 1e-18;
	ck_assert_int_eq(fit(ios, 3), -E2BIG);
	ck_assert_ptr_nonnull(strstr(error, "--speed"));
}
END_TEST

START_TEST(requests_of_one_moment_can_be_repeated)
{
	const struct bench_trace_io ios[] = {{0, 0, 4096, false}};

	opts.loops = 2;
	ck_assert_int_eq(fit(ios, 1), 0);
	check_io(1, EBB_NS_PER_MS, 0, 4096);
}
END_TEST

START_TEST(too_many_loops_are_refused)
{
	const struct bench_trace_io ios[] = {{0, 0, 4096, false}};

	opts.loops = UINT64_MAX;
	ck_assert_int_eq(fit(ios, 1), -E2BIG);
	ck_assert_ptr_nonnull(strstr(error, "smaller --loop"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(what_fits_stays),
		UNIT_TEST(parts_of_blocks_become_blocks),
		UNIT_TEST(beyond_the_end_is_wrapped),
		UNIT_TEST(all_is_scaled),
		UNIT_TEST(beyond_the_end_is_refused_when_asked),
		UNIT_TEST(long_requests_are_cut),
		UNIT_TEST(writes_are_left_out_when_asked),
		UNIT_TEST(faster_and_more_often),
		UNIT_TEST(requests_of_one_moment_can_be_repeated),
		UNIT_TEST(too_many_loops_are_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
