/* SPDX-License-Identifier: Apache-2.0 */
/* Rates in percent, of devices that are made up: what one bad run, or a slow target, does to them. */
#include "bench/compare/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare/rounds.h"
#include "tests/unit/unit.h"

#define RUNS_MAX 16

static struct bench_entries entries;
static struct bench_modes modes;
static struct bench_matrix_row rows[3];
static char error[BENCH_TEXT_MAX];

static double seen_iops[RUNS_MAX]; /* of each run, by turns */
static unsigned num_seen;
static unsigned num_runs;
static int failure;

bool bench_rounds_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	(void)contender;
	(void)target;
	return true;
}

int bench_modes_make(struct bench_modes *made, enum ebb_reactor_mode mode,
		     struct bench_contender *ret_contender)
{
	ck_assert_ptr_eq(made, &modes);
	ck_assert_int_eq(mode, EBB_REACTOR_POLL);
	*ret_contender = (struct bench_contender){.name = "poll"};
	return 0;
}

int bench_rounds_measure(struct bench_modes *used, struct bench_contender *contender,
			 const struct bench_target *target, const struct bench_load *load,
			 struct bench_outcome *ret_outcome, char ret_error[BENCH_TEXT_MAX])
{
	(void)used;
	(void)contender;
	(void)target;
	(void)ret_error;
	ck_assert_int_eq(load->shape, BENCH_SHAPE_CLOSED);
	ck_assert_uint_eq(load->queue_depth, 32);
	ck_assert_uint_le(load->time_ns, 200 * EBB_NS_PER_MS);
	ret_outcome->sample.metric[BENCH_IOPS] = seen_iops[num_runs++ % num_seen];
	return failure;
}

/* A closed loop, and two rates in percent. */
static void setup(void)
{
	memset(&entries, 0, sizeof(entries));
	memset(rows, 0, sizeof(rows));
	entries.num_targets = 1;
	snprintf(entries.targets[0].name, sizeof(entries.targets[0].name), "disk");
	snprintf(entries.targets[1].name, sizeof(entries.targets[1].name), "slow");
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		rows[i].load = (struct bench_load){
			.rw = BENCH_RW_RANDREAD,
			.block_bytes = 4096,
			.queue_depth = 32,
			.shape = i == 0 ? BENCH_SHAPE_CLOSED : BENCH_SHAPE_POISSON,
			.time_ns = EBB_NS_PER_S,
			.warmup_ns = 100 * EBB_NS_PER_MS,
		};
	}
	rows[1].percent = 50;
	rows[2].percent = 10;
	num_runs = 0;
	failure = 0;
}

static int calibrate(const double *iops, unsigned count)
{
	memcpy(seen_iops, iops, count * sizeof(*iops));
	num_seen = count;
	return bench_calibrate_rows(&entries, &modes, rows, EBB_ARRAY_SIZE(rows), error);
}

START_TEST(runs_that_agree_are_enough)
{
	static const double iops[] = {16500, 17000, 16800, 16700, 17200};

	ck_assert_int_eq(calibrate(iops, 5), 0);
	ck_assert_uint_eq(num_runs, 5); /* for both rates */
	ck_assert_double_eq(rows[1].load.rate_iops, 8400);
}
END_TEST

START_TEST(one_bad_run_changes_nothing)
{
	static const double iops[] = {832,   17000, 16800, 16500, 17200,
				      16800, 17000, 16800, 16500, 17200};

	ck_assert_int_eq(calibrate(iops, 10), 0);
	ck_assert_uint_eq(num_runs, 10); /* five, and then those that settle it */
	ck_assert_double_eq(rows[0].load.rate_iops, 0);
	ck_assert_double_eq(rows[0].sustained.percent, 0);
	ck_assert_double_eq(rows[1].load.rate_iops, 8400);
	ck_assert_double_eq(rows[2].load.rate_iops, 1680);
	ck_assert_double_eq(rows[2].sustained.percent, 10);
	ck_assert_double_eq(rows[2].sustained.iops.median, 16800);
	ck_assert_double_eq(rows[2].sustained.iops.low, 16500);
	ck_assert_double_eq(rows[2].sustained.iops.high, 17200);
	ck_assert_uint_eq(rows[2].sustained.runs, 10);
	ck_assert_str_eq(rows[2].sustained.by, "poll mode");
	ck_assert_str_eq(rows[2].sustained.target, "disk");
}
END_TEST

START_TEST(the_slowest_target_counts)
{
	static const double iops[] = {900, 900, 900, 900, 900, 300, 300, 300, 300, 300};

	entries.num_targets = 2;
	ck_assert_int_eq(calibrate(iops, 10), 0);
	ck_assert_double_eq(rows[1].load.rate_iops, 150);
	ck_assert_str_eq(rows[1].sustained.target, "slow");
	ck_assert_uint_eq(bench_calibrate_time_ns(rows, EBB_ARRAY_SIZE(rows), 2),
			  (uint64_t)10 * 300 * EBB_NS_PER_MS);
}
END_TEST

START_TEST(of_nothing_there_are_no_percents)
{
	static const double iops[] = {0, 0, 0, 500, 600};

	ck_assert_int_eq(calibrate(iops, 5), -EIO);
	ck_assert_ptr_nonnull(strstr(error, "disk did nothing in 15 runs of poll mode"));
	failure = -ECANCELED;
	ck_assert_int_eq(calibrate(iops, 5), -ECANCELED);
}
END_TEST

/* What the rounds saw of the same closed loop in poll mode; NAN: it was not among them. */
static unsigned warnings(const double calibrated[5], double in_rounds)
{
	struct bench_results results;
	struct bench_outcome outcome = {.errors = 0};
	unsigned count;

	num_runs = 0;
	ck_assert_int_eq(calibrate(calibrated, 5), 0);
	ck_assert_int_eq(bench_results_init(&results, 1, EBB_ARRAY_SIZE(rows), 1), 0);
	results.targets[0] = entries.targets[0];
	snprintf(results.contenders[0].name, sizeof(results.contenders[0].name), "poll");
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		results.loads[i] = rows[i].load;
		results.sustained[i] = rows[i].sustained;
	}
	outcome.sample.metric[BENCH_IOPS] = in_rounds;
	ck_assert_int_eq(bench_results_add(&results.cells[0], &outcome), 0);
	outcome.sample.metric[BENCH_IOPS] =
		1; /* an open loop's says nothing of what is sustained */
	ck_assert_int_eq(bench_results_add(&results.cells[1], &outcome), 0);
	bench_calibrate_warn(&results);
	count = results.num_warnings;
	snprintf(error, sizeof(error), "%s", results.warnings[0]);
	bench_results_fini(&results);
	return count;
}

START_TEST(what_contradicts_it_is_warned_of)
{
	static const double steady[] = {1000, 1100, 1000, 900, 1000};
	static const double shaken[] = {1000, 1100, 1000, 100, 120};

	ck_assert_uint_eq(warnings(steady, 1200), 0);
	ck_assert_uint_eq(warnings(steady, NAN), 0);
	ck_assert_uint_eq(warnings(steady, 17000), 1); /* of both rates, once */
	ck_assert_ptr_nonnull(strstr(error, "of 1000/s, measured first, but in the rounds poll "
					    "mode did 17000/s of the same on disk"));
	ck_assert_uint_eq(warnings(steady, 500), 1);
	ck_assert_uint_eq(warnings(shaken, NAN), 1);
	ck_assert_ptr_nonnull(strstr(error, "the median of 15 runs that differ (120 to 1000/s)"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(runs_that_agree_are_enough),
		UNIT_TEST(one_bad_run_changes_nothing),
		UNIT_TEST(the_slowest_target_counts),
		UNIT_TEST(of_nothing_there_are_no_percents),
		UNIT_TEST(what_contradicts_it_is_warned_of),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
