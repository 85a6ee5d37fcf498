/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/pareto.h"

#include <math.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct bench_results results;

static void setup(void)
{
	ck_assert_int_eq(bench_results_init(&results, 1, 2, 5), 0);
}

static void teardown(void)
{
	bench_results_fini(&results);
}

static void point_put(unsigned load, unsigned contender, double cpu, double latency)
{
	static struct bench_outcome outcome;

	memset(&outcome, 0, sizeof(outcome));
	outcome.sample.metric[BENCH_CPU_PER_MILLION] = cpu;
	outcome.sample.metric[BENCH_LATENCY_P50] = latency;
	outcome.sample.metric[BENCH_LATENCY_P99] = NAN;
	bench_results_add(bench_results_cell(&results, 0, load, contender), &outcome);
}

static enum bench_pareto place(unsigned load, unsigned contender)
{
	return bench_pareto_of(&results, bench_results_cell(&results, 0, load, contender),
			       BENCH_LATENCY_P50);
}

START_TEST(the_front)
{
	point_put(0, 0, 10, 5); /* the fastest */
	point_put(0, 1, 2, 9);  /* the cheapest */
	point_put(0, 2, 5, 6);  /* between them, on the front */
	point_put(0, 3, 5, 7);  /* as cheap as the last, and slower */
	point_put(1, 4, 1, 1);  /* under another load: no rival of theirs */
	ck_assert_int_eq(place(0, 0), BENCH_PARETO_ON);
	ck_assert_int_eq(place(0, 1), BENCH_PARETO_ON);
	ck_assert_int_eq(place(0, 2), BENCH_PARETO_ON);
	ck_assert_int_eq(place(0, 3), BENCH_PARETO_BEHIND);
	ck_assert_int_eq(place(0, 4), BENCH_PARETO_UNKNOWN);
	ck_assert_int_eq(place(1, 4), BENCH_PARETO_ON);
}
END_TEST

/* Two that are the same hide neither. */
START_TEST(equals_are_both_on_it)
{
	point_put(0, 0, 3, 3);
	point_put(0, 1, 3, 3);
	point_put(0, 2, 3, 2);
	ck_assert_int_eq(place(0, 0), BENCH_PARETO_BEHIND);
	ck_assert_int_eq(place(0, 2), BENCH_PARETO_ON);
	point_put(1, 0, 3, 3);
	point_put(1, 1, 3, 3);
	ck_assert_int_eq(place(1, 0), BENCH_PARETO_ON);
	ck_assert_int_eq(place(1, 1), BENCH_PARETO_ON);
}
END_TEST

START_TEST(without_a_latency_there_is_no_place)
{
	point_put(0, 0, 3, 3);
	ck_assert_int_eq(bench_pareto_of(&results, &results.cells[0], BENCH_LATENCY_P99),
			 BENCH_PARETO_UNKNOWN);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(the_front),
		UNIT_TEST(equals_are_both_on_it),
		UNIT_TEST(without_a_latency_there_is_no_place),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
