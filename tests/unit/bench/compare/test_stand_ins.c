/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/stand_ins.h"

#include <errno.h>

#include "tests/unit/unit.h"

static struct bench_stand_in_opts opts;

START_TEST(test_good)
{
	ck_assert_int_eq(bench_stand_ins_read("10us", &opts), 0);
	ck_assert_uint_eq(opts.service_ns, 10000);
	ck_assert_uint_eq(opts.jitter_ns, 0);
	ck_assert_uint_eq(opts.distribution, BENCH_JITTER_NONE);
	ck_assert(opts.interrupt);
	ck_assert_int_eq(bench_stand_ins_read("1ms,200us", &opts), 0);
	ck_assert_uint_eq(opts.service_ns, 1000000);
	ck_assert_uint_eq(opts.jitter_ns, 200000);
	ck_assert_uint_ne(opts.distribution, BENCH_JITTER_NONE);
	ck_assert_int_eq(bench_stand_ins_read("10us,polled", &opts), 0);
	ck_assert(!opts.interrupt);
	ck_assert_int_eq(bench_stand_ins_read("10us,2us,polled", &opts), 0);
	ck_assert(!opts.interrupt);
	ck_assert_uint_eq(opts.jitter_ns, 2000);
	ck_assert_int_eq(bench_stand_ins_read("0", &opts), 0);
}
END_TEST

START_TEST(test_bad)
{
	static const char *const bad[] = {"",
					  ",",
					  "10us,",
					  ",10us",
					  "fast",
					  "10us,x",
					  "10us,1us,1us",
					  "polled",
					  "10us,polled,1us",
					  "10us,0",
					  "10us,polled,",
					  "10us,polled,polled"};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(bad); i++) {
		ck_assert_msg(bench_stand_ins_read(bad[i], &opts) == -EINVAL, "%s", bad[i]);
	}
	ck_assert_int_eq(bench_stand_ins_read("2s", &opts), -ERANGE);
	ck_assert_int_eq(bench_stand_ins_read("10us,11us", &opts), -ERANGE);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_good),
		UNIT_TEST(test_bad),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
