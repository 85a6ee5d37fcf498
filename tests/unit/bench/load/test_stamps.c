/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/stamps.h"

#include <ebb/clock.h>

#include "tests/unit/unit.h"

static uint64_t now_ns;
static uint64_t readings;

/* A clock that costs 30 ns, and once far more. */
static uint64_t costly_clock(void)
{
	readings++;
	now_ns += readings == 100 ? 1000000 : 30;
	return now_ns;
}

START_TEST(test_every)
{
	ck_assert_uint_eq(bench_stamps_every(40 * 25, 25), 1);
	ck_assert_uint_eq(bench_stamps_every(40 * 25 - 1, 25), BENCH_STAMPS_SAMPLE);
	ck_assert_uint_eq(bench_stamps_every(UINT64_MAX, 25), 1); /* none were seen: it is slow */
}
END_TEST

START_TEST(test_cost)
{
	ebb_clock_set_source(costly_clock);
	ck_assert_uint_eq(bench_stamps_clock_cost_ns(), 30);
	ebb_clock_set_source(NULL);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_every),
		UNIT_TEST(test_cost),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
