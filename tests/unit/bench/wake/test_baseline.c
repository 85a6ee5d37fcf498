/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/baseline.h"

#include <math.h>

#include "bench/wake/baseline_rpc.h"
#include "bench/machine/pin.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define TIME_NS (20 * EBB_NS_PER_MS)

/* A wakeup takes longer than a cache miss and, even on a machine that is busy, not a second. */
static void check_plausible(double one_way_ns)
{
	ck_assert_double_gt(one_way_ns, 50);
	ck_assert_double_lt(one_way_ns, (double)EBB_NS_PER_S);
}

START_TEST(test_wake)
{
	int a = bench_pin_cpu(0);
	int b = bench_pin_cpu(1) >= 0 ? bench_pin_cpu(1) : a;

	check_plausible(bench_baseline_wake(a, a, TIME_NS, false));
	check_plausible(bench_baseline_wake(a, b, TIME_NS, false));
	check_plausible(bench_baseline_wake(a, b, TIME_NS, true));
}
END_TEST

START_TEST(test_rpc)
{
	int a = bench_pin_cpu(0);

	check_plausible(bench_baseline_rpc(a, a, "{}", TIME_NS));
}
END_TEST

START_TEST(test_hop)
{
	double one_way_ns;

	/* Two spinning threads on one CPU only wait for each other's time slice. */
	need_two_cpus();
	one_way_ns = bench_baseline_hop(bench_pin_cpu(0), bench_pin_cpu(1), TIME_NS);
	ck_assert_double_gt(one_way_ns, 1);
	ck_assert_double_lt(one_way_ns, (double)EBB_NS_PER_S);
}
END_TEST

/* A CPU that is not there: a line on stderr and no result, and no thread is left waiting. */
START_TEST(test_no_such_cpu)
{
	int a = bench_pin_cpu(0);

	ck_assert_double_nan(bench_baseline_hop(a, 1023, TIME_NS));
	ck_assert_double_nan(bench_baseline_hop(1023, a, TIME_NS));
	ck_assert_double_nan(bench_baseline_wake(a, 1023, TIME_NS, false));
	ck_assert_double_nan(bench_baseline_wake(1023, a, TIME_NS, false));
	ck_assert_double_nan(bench_baseline_rpc(1023, a, "{}", TIME_NS));
	ck_assert_double_nan(bench_baseline_rpc(a, 1023, "{}", TIME_NS));
}
END_TEST

START_TEST(test_cpus)
{
	ck_assert_int_ge(bench_pin_cpu(0), 0);
	ck_assert_int_lt(bench_pin_cpu(0), 1024);
	ck_assert(bench_pin_cpu(1) < 0 || bench_pin_cpu(1) > bench_pin_cpu(0));
	ck_assert_int_eq(bench_pin_cpu(4096), -1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_cpus), UNIT_TEST(test_wake),        UNIT_TEST(test_rpc),
		UNIT_TEST(test_hop),  UNIT_TEST(test_no_such_cpu), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
