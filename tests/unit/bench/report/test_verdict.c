/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/bench/report/made_up.h"
#include "tests/unit/unit.h"

#define POLL      0
#define INTERRUPT 1
#define ADAPTIVE  2
#define PEER      3

static struct bench_results results;
static char text[BENCH_VERDICT_MAX];

/* A closed and an open load, nothing measured. */
static void setup(void)
{
	static const char *const names[] = {"poll", "interrupt", "adaptive", "fio"};

	ck_assert_int_eq(bench_results_init(&results, 1, 2, 4), 0);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		snprintf(results.contenders[i].name, sizeof(results.contenders[i].name), "%s",
			 names[i]);
	}
	results.contenders[PEER].kind = BENCH_CONTENDER_PEER;
	results.loads[1].shape = BENCH_SHAPE_POISSON;
	results.loads[1].rate_iops = 1000;
}

static void teardown(void)
{
	bench_results_fini(&results);
}

static struct bench_cell *cell_of(unsigned load, unsigned contender)
{
	return bench_results_cell(&results, 0, load, contender);
}

/* One run of a cell: IOPS, p50 and CPU time of a million I/Os. */
static void measure(unsigned load, unsigned contender, double iops, double p50_us, double cpu_s)
{
	static struct bench_outcome outcome;

	memset(&outcome, 0, sizeof(outcome));
	outcome.sample.metric[BENCH_IOPS] = iops;
	outcome.sample.metric[BENCH_LATENCY_P50] = p50_us * 1000;
	outcome.sample.metric[BENCH_CPU_PER_MILLION] = cpu_s;
	ck_assert_int_eq(bench_results_add(cell_of(load, contender), &outcome), 0);
}

static void polling_is(unsigned load, const char *expected)
{
	ck_assert_int_eq(bench_verdict_polling(&results, 0, load, text), expected[0] != '\0');
	ck_assert_str_eq(text, expected);
}

static void contender_is(unsigned load, unsigned contender, const char *expected)
{
	ck_assert_int_eq(bench_verdict_contender(&results, cell_of(load, contender), text),
			 expected[0] != '\0');
	ck_assert_str_eq(text, expected);
}

START_TEST(polling_buys_latency)
{
	measure(0, POLL, 100000, 10, 10);
	measure(0, POLL, 100000, 10, 10);
	measure(0, INTERRUPT, 80000, 12, 4);
	measure(0, INTERRUPT, 80000, 12, 5);
	polling_is(
		0,
		"p50 2.00us shorter (10.0us, not 12.0us), 25% more IOPS, for 2.25 (2.00 to 2.50) "
		"times the CPU of an I/O");
	contender_is(0, INTERRUPT,
		     "interrupt: 2.00us slower at p50 for 0.45 (0.40 to 0.50) of the CPU of "
		     "poll, 20% fewer IOPS");
	contender_is(0, POLL, "");
}
END_TEST

/* As on a machine with one CPU, or in a guest whose vCPU halts. */
START_TEST(polling_may_cost_latency)
{
	measure(0, POLL, 10000, 30, 100);
	measure(0, INTERRUPT, 40000, 12, 5);
	polling_is(0, "p50 18.0us longer (30.0us, not 12.0us), 75% fewer IOPS, for 20.0 times the "
		      "CPU of an "
		      "I/O");
	contender_is(0, INTERRUPT,
		     "interrupt: 18.0us faster at p50 for 0.050 of the CPU of poll, 4.00 times "
		     "the IOPS");
}
END_TEST

/* An interval that reaches over 1 shows nothing, whatever the medians are. */
START_TEST(no_difference_is_told_that_was_not_seen)
{
	measure(0, POLL, 100, 10, 10);
	measure(0, POLL, 110, 11, 10);
	measure(0, INTERRUPT, 110, 11, 10);
	measure(0, INTERRUPT, 105, 10.5, 10);
	polling_is(0, "no difference of p50 seen (10.5us, 10.8us), for 1.00 (1.00 to 1.00) times "
		      "the CPU of an I/O");
	contender_is(
		0, INTERRUPT,
		"interrupt: no difference seen at p50 for 1.00 (1.00 to 1.00) of the CPU of poll");
}
END_TEST

/* In an open loop the rate is given, and says nothing of whom it is offered to. */
START_TEST(an_open_loop_has_no_speed)
{
	measure(1, POLL, 1000, 10, 1000);
	measure(1, INTERRUPT, 990, 14, 10);
	polling_is(1, "p50 4.00us shorter (10.0us, not 14.0us), for 100 times the CPU of an I/O");
}
END_TEST

START_TEST(adaptive_is_held_against_both)
{
	measure(0, POLL, 100, 10, 10);
	measure(0, INTERRUPT, 100, 12, 4);
	measure(0, ADAPTIVE, 100, 11, 5);
	contender_is(0, ADAPTIVE,
		     "adaptive: 1.00us slower at p50 for 0.50 of the CPU of poll; 1.00us faster at "
		     "p50 for 1.25 of the CPU of interrupt");
}
END_TEST

START_TEST(without_poll_it_is_the_first)
{
	measure(0, INTERRUPT, 100, 12, 4);
	measure(0, PEER, 100, 12, 8);
	contender_is(0, PEER, "fio: no difference seen at p50 for 2.00 of the CPU of interrupt");
	contender_is(0, INTERRUPT, "");
	contender_is(0, ADAPTIVE, ""); /* not measured */
	polling_is(0, "");
	ck_assert(!bench_verdict_overall(&results, text));
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(what_is_not_known_is_not_compared)
{
	measure(0, POLL, 100, 10, 10);
	measure(0, PEER, 100, NAN, NAN);
	contender_is(0, PEER,
		     "fio: no latency to compare, no CPU time to compare with that of poll");
	measure(0, INTERRUPT, 100, NAN, 5);
	polling_is(0, "no latencies, for 2.00 times the CPU of an I/O");
}
END_TEST

/* Figures that do not mean the same are not set side by side without a word. */
START_TEST(a_note_is_pointed_at)
{
	snprintf(results.contenders[PEER].note, sizeof(results.contenders[PEER].note),
		 "other clock");
	measure(1, POLL, 100, 10, 10);
	measure(1, PEER, 100, 9, 10);
	contender_is(1, PEER,
		     "fio: 1.00us faster at p50 for 1.00 of the CPU of poll (see its note)");
}
END_TEST

START_TEST(over_all_loads_it_is_a_range)
{
	measure(0, POLL, 100, 10, 10);
	measure(0, INTERRUPT, 100, 12, 4);
	ck_assert(bench_verdict_overall(&results, text));
	ck_assert_str_eq(
		text,
		"With poll instead of interrupt, p50 is 2.00us shorter, and an I/O takes 2.50 "
		"times the CPU.");
	measure(1, POLL, 100, 10, 80);
	measure(1, INTERRUPT, 100, 9, 4);
	ck_assert(bench_verdict_overall(&results, text));
	ck_assert_str_eq(
		text,
		"With poll instead of interrupt, p50 is 1.00us longer to 2.00us shorter, and an "
		"I/O takes 2.50 to 20.0 times the CPU.");
}
END_TEST

/* What was not seen in a load is not in the range either, whatever its medians are. */
START_TEST(a_range_of_what_was_not_seen)
{
	measure(0, POLL, 100, 10, 10);
	measure(0, POLL, 100, 14, 10);
	measure(0, INTERRUPT, 100, 12, 4);
	measure(0, INTERRUPT, 100, 13, 4);
	ck_assert(bench_verdict_overall(&results, text));
	ck_assert_ptr_nonnull(strstr(text, "p50 is not seen to differ, and"));
	measure(1, POLL, 100, 12, 80);
	measure(1, INTERRUPT, 100, 9, 4);
	ck_assert(bench_verdict_overall(&results, text));
	ck_assert_ptr_nonnull(strstr(text, "p50 is up to 3.00us longer, and"));
	cell_of(1, POLL)->samples[0].metric[BENCH_LATENCY_P50] = 5000;
	ck_assert(bench_verdict_overall(&results, text));
	ck_assert_ptr_nonnull(strstr(text, "p50 is up to 4.00us shorter, and"));
}
END_TEST

START_TEST(a_range_of_what_is_longer)
{
	measure(0, POLL, 100, 13, 10);
	measure(0, INTERRUPT, 100, 12, 4);
	measure(1, POLL, 100, 12, 80);
	measure(1, INTERRUPT, 100, 9, 4);
	ck_assert(bench_verdict_overall(&results, text));
	ck_assert_str_eq(
		text,
		"With poll instead of interrupt, p50 is 1.00us to 3.00us longer, and an I/O takes "
		"2.50 to 20.0 times the CPU.");
}
END_TEST

START_TEST(the_front_is_named)
{
	measure(0, POLL, 100, 10, 10);
	ck_assert(!bench_verdict_front(&results, 0, 0, text));
	ck_assert_str_eq(text, "");
	measure(0, INTERRUPT, 100, 12, 4);
	measure(0, PEER, 100, 13, 5);
	ck_assert(bench_verdict_front(&results, 0, 0, text));
	ck_assert_str_eq(text, "on the Pareto front of CPU and p50: poll; interrupt");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(polling_buys_latency),
		UNIT_TEST(polling_may_cost_latency),
		UNIT_TEST(no_difference_is_told_that_was_not_seen),
		UNIT_TEST(an_open_loop_has_no_speed),
		UNIT_TEST(adaptive_is_held_against_both),
		UNIT_TEST(without_poll_it_is_the_first),
		UNIT_TEST(what_is_not_known_is_not_compared),
		UNIT_TEST(a_note_is_pointed_at),
		UNIT_TEST(over_all_loads_it_is_a_range),
		UNIT_TEST(a_range_of_what_was_not_seen),
		UNIT_TEST(a_range_of_what_is_longer),
		UNIT_TEST(the_front_is_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
