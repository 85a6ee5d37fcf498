/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/line.h"

#include <ebb/clock.h>

#include "tests/unit/unit.h"

#define BASE_NS EBB_NS_PER_S
#define GAP_NS  1000u

static struct bench_line line;
static uint64_t now_ns;

static uint64_t clock_now_ns(void)
{
	return now_ns;
}

/* Requests come every microsecond after the base. */
static void setup(void)
{
	struct bench_load load = {
		.shape = BENCH_SHAPE_EVEN,
		.rate_iops = 1e6,
	};

	ebb_clock_set_source(clock_now_ns);
	bench_line_init(&line, &load, BASE_NS, 0, 1);
	atomic_store(&line.count_ns, 0);
	now_ns = BASE_NS;
}

static void teardown(void)
{
	ebb_clock_set_source(NULL);
}

static void take(uint64_t number)
{
	uint64_t moment_ns;

	ck_assert(bench_line_take(&line, &moment_ns));
	ck_assert_uint_eq(moment_ns, BASE_NS + number * GAP_NS);
}

START_TEST(test_let_in)
{
	uint64_t moment_ns;

	ck_assert_uint_eq(bench_line_let_in(&line), 0);
	ck_assert(!bench_line_take(&line, &moment_ns));
	ck_assert_uint_eq(bench_line_next_ns(&line), BASE_NS + GAP_NS);
	now_ns = BASE_NS + 3 * GAP_NS + 400;
	ck_assert_uint_eq(bench_line_let_in(&line), 3);
	for (uint64_t i = 1; i <= 3; i++) {
		take(i);
	}
	ck_assert(!bench_line_take(&line, &moment_ns));
	ck_assert_uint_eq(line.late.count, 3);
	ck_assert_uint_eq(line.late.min, 400);
	ck_assert_uint_eq(line.late.max, 2 * GAP_NS + 400);
}
END_TEST

/* The counting has its beginning here, too. */
START_TEST(test_late_is_counted)
{
	atomic_store(&line.count_ns, BASE_NS + 2 * GAP_NS);
	now_ns = BASE_NS + 3 * GAP_NS;
	ck_assert_uint_eq(bench_line_let_in(&line), 3);
	ck_assert_uint_eq(line.late.count, 2);
}
END_TEST

/* Nobody is lost before a full ring, and what waits there is not called late. */
START_TEST(test_full)
{
	now_ns = BASE_NS + (BENCH_LINE_ENTRIES + 5) * GAP_NS;
	ck_assert_uint_eq(bench_line_let_in(&line), BENCH_LINE_ENTRIES);
	ck_assert_uint_eq(bench_line_let_in(&line), 0);
	ck_assert_uint_eq(line.late.count, BENCH_LINE_ENTRIES);
	take(1);
	ck_assert_uint_eq(bench_line_let_in(&line), 1);
	for (uint64_t i = 2; i <= BENCH_LINE_ENTRIES + 1; i++) {
		take(i);
	}
	ck_assert_uint_eq(bench_line_let_in(&line), 4);
	ck_assert_uint_eq(line.late.count, BENCH_LINE_ENTRIES);
	now_ns += GAP_NS;
	ck_assert_uint_eq(bench_line_let_in(&line), 1);
	ck_assert_uint_eq(line.late.count, BENCH_LINE_ENTRIES + 1);
	ck_assert_uint_eq(line.late.min, 0);
}
END_TEST

START_TEST(test_take_due)
{
	uint64_t moment_ns;

	ck_assert(!bench_line_take_due(&line, BASE_NS + GAP_NS - 1, true, &moment_ns));
	ck_assert(bench_line_take_due(&line, BASE_NS + 2 * GAP_NS + 50, false, &moment_ns));
	ck_assert_uint_eq(moment_ns, BASE_NS + GAP_NS);
	ck_assert_uint_eq(line.late.count, 0); /* it was waited for by nobody */
	ck_assert(bench_line_take_due(&line, BASE_NS + 2 * GAP_NS + 50, true, &moment_ns));
	ck_assert_uint_eq(line.late.max, 50);
	ck_assert(!bench_line_take_due(&line, BASE_NS + 2 * GAP_NS + 50, true, &moment_ns));
}
END_TEST

/* Left are those in the ring and those who have not been let in, but nobody who came after the end. */
START_TEST(test_rest)
{
	struct bench_line_rest rest = {0};
	uint64_t from_ns = BASE_NS + 3 * GAP_NS;
	uint64_t until_ns = BASE_NS + 10 * GAP_NS;

	now_ns = BASE_NS + 5 * GAP_NS;
	bench_line_let_in(&line);
	take(1);
	ck_assert(!bench_line_rest(&line, from_ns, until_ns, 4, &rest));
	ck_assert(!bench_line_rest(&line, from_ns, until_ns, 4, &rest));
	ck_assert(bench_line_rest(&line, from_ns, until_ns, 4, &rest));
	ck_assert_uint_eq(rest.all, 9);
	ck_assert_uint_eq(rest.counted, 8);
}
END_TEST

START_TEST(test_rest_ends)
{
	struct bench_line_rest rest = {0};

	now_ns = BASE_NS + 5 * GAP_NS;
	bench_line_let_in(&line);
	ck_assert(bench_line_rest(&line, 0, BASE_NS + 2 * GAP_NS, 100, &rest));
	ck_assert_uint_eq(rest.all, 2);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),   UNIT_TEST(test_let_in),
		UNIT_TEST(test_late_is_counted), UNIT_TEST(test_full),
		UNIT_TEST(test_take_due),        UNIT_TEST(test_rest),
		UNIT_TEST(test_rest_ends),       UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
