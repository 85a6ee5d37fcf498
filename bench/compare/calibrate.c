/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/compare/rounds.h"
#include "bench/report/text.h"

/*
 * One run may meet another program or a write-back; the median of several does not believe it. Where
 * they differ there are more.
 */
#define CALIBRATE_RUNS   5u
#define CALIBRATE_ROUNDS 3u
#define CALIBRATE_MAX_NS (200 * EBB_NS_PER_MS)

/* Runs, or a calibration and the rounds, that differ by more than that are worth a warning. */
#define FACTOR_MAX 1.5

/* Is it the first row in percent of its kind? Its measurement serves the others. */
static bool is_first(const struct bench_matrix_row *rows, unsigned index)
{
	if (rows[index].percent <= 0) {
		return false;
	}
	for (unsigned i = 0; i < index; i++) {
		if (rows[i].percent > 0 &&
		    bench_matrix_same_capacity(&rows[i].load, &rows[index].load)) {
			return false;
		}
	}
	return true;
}

/* The closed loop that says what is sustained of @open_load. */
static struct bench_load closed_of(const struct bench_load *open_load)
{
	struct bench_load load = *open_load;

	load.shape = BENCH_SHAPE_CLOSED;
	load.rate_iops = 0;
	load.burst_ios = load.on_ns = load.off_ns = 0;
	load.time_ns = load.time_ns < CALIBRATE_MAX_NS ? load.time_ns : CALIBRATE_MAX_NS;
	return load;
}

uint64_t bench_calibrate_time_ns(const struct bench_matrix_row *rows, unsigned num_rows,
				 unsigned num_targets)
{
	uint64_t time_ns = 0;

	for (unsigned i = 0; i < num_rows; i++) {
		struct bench_load load = closed_of(&rows[i].load);

		time_ns += is_first(rows, i) ? num_targets * (uint64_t)CALIBRATE_RUNS *
						       (load.warmup_ns + load.time_ns)
					     : 0;
	}
	return time_ns;
}

static bool differ(double a, double b)
{
	return a > FACTOR_MAX * b || b > FACTOR_MAX * a; /* never, if one is NAN */
}

static int capacity_measure_once(struct bench_modes *modes, struct bench_contender *contender,
				 const struct bench_target *target, const struct bench_load *load,
				 double *ret_iops, char error[BENCH_TEXT_MAX])
{
	static struct bench_outcome outcome; /* too large for a stack; the harness's only */
	int rc = bench_rounds_measure(modes, contender, target, load, &outcome, error);

	*ret_iops = outcome.sample.metric[BENCH_IOPS];
	/* If only some requests have failed, that is for the cells to tell. */
	return rc == -ECANCELED || !(*ret_iops > 0) ? rc : 0;
}

/* What @target sustains. Return: 0; -errno. */
static int capacity_measure(struct bench_modes *modes, struct bench_contender *contender,
			    const struct bench_target *target, const struct bench_load *open_load,
			    struct bench_sustained *ret, char error[BENCH_TEXT_MAX])
{
	struct bench_load load = closed_of(open_load);
	double iops[CALIBRATE_ROUNDS * CALIBRATE_RUNS];
	char name[BENCH_TEXT_MAX];

	*ret = (struct bench_sustained){.runs = 0};
	do {
		for (unsigned i = 0; i < CALIBRATE_RUNS; i++, ret->runs++) {
			int rc = capacity_measure_once(modes, contender, target, &load,
						       &iops[ret->runs], error);

			if (rc < 0) {
				return rc;
			}
		}
		ret->iops = bench_spread_of(iops, ret->runs);
	} while (ret->runs < EBB_ARRAY_SIZE(iops) && differ(ret->iops.low, ret->iops.high));
	if (!(ret->iops.median > 0)) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: --rate: %.60s did nothing in %u runs of %.40s, so there are no "
			 "percents of that: give rates in I/Os a second, or a longer --time",
			 target->name, ret->runs, contender->name);
		return -EIO;
	}
	snprintf(ret->by, sizeof(ret->by), "%s", contender->name);
	snprintf(ret->target, sizeof(ret->target), "%s", target->name);
	bench_results_load_name(&load, name);
	bench_text_say("%s sustains %.0f/s (%.0f to %.0f in %u runs) of %s on %s", contender->name,
		       ret->iops.median, ret->iops.low, ret->iops.high, ret->runs, name,
		       target->name);
	return 0;
}

static void rates_set(struct bench_matrix_row *rows, unsigned num_rows,
		      const struct bench_load *like, const struct bench_sustained *sustained)
{
	for (unsigned i = 0; i < num_rows; i++) {
		if (rows[i].percent > 0 && bench_matrix_same_capacity(&rows[i].load, like)) {
			rows[i].load.rate_iops =
				bench_matrix_rate(sustained->iops.median, rows[i].percent);
			rows[i].sustained = *sustained;
			rows[i].sustained.percent = rows[i].percent;
		}
	}
}

/* Does @contender say what @target sustains, if poll mode does not? */
static bool stands_for_poll(const struct bench_contender *contender,
			    const struct bench_contender *poll, const struct bench_target *target)
{
	return bench_rounds_fits(contender, target) &&
	       (contender->kind == BENCH_CONTENDER_MODE || !bench_rounds_fits(poll, target));
}

/*
 * What poll mode sustains. Where that mode cannot be set it is what another one does; where no mode is
 * this process's to set, what the first who can measure the target does.
 */
static int target_measure(struct bench_entries *entries, struct bench_modes *modes,
			  struct bench_contender *poll, const struct bench_target *target,
			  const struct bench_load *load, struct bench_sustained *ret,
			  char error[BENCH_TEXT_MAX])
{
	int rc = -EOPNOTSUPP;

	if (bench_rounds_fits(poll, target)) {
		rc = capacity_measure(modes, poll, target, load, ret, error);
	}
	for (unsigned i = 0; i < entries->num_contenders && rc < 0 && rc != -ECANCELED; i++) {
		struct bench_contender *contender = &entries->contenders[i];

		if (stands_for_poll(contender, poll, target)) {
			rc = capacity_measure(modes, contender, target, load, ret, error);
		}
	}
	return rc;
}

/* What the slowest target sustains of @load; one that fails has its error in its cells, later. */
static int slowest_find(struct bench_entries *entries, struct bench_modes *modes,
			struct bench_contender *poll, const struct bench_load *load,
			struct bench_sustained *ret, char error[BENCH_TEXT_MAX])
{
	struct bench_sustained slowest = {.iops.median = INFINITY};
	int failed = -EOPNOTSUPP;

	for (unsigned i = 0; i < entries->num_targets; i++) {
		struct bench_sustained sustained;
		int rc = target_measure(entries, modes, poll, &entries->targets[i], load,
					&sustained, error);

		if (rc == -ECANCELED) {
			return rc;
		}
		if (rc < 0) {
			failed = rc;
		} else if (sustained.iops.median < slowest.iops.median) {
			slowest = sustained;
		}
	}
	*ret = slowest;
	return isinf(slowest.iops.median) ? failed : 0;
}

int bench_calibrate_rows(struct bench_entries *entries, struct bench_modes *modes,
			 struct bench_matrix_row *rows, unsigned num_rows,
			 char error[BENCH_TEXT_MAX])
{
	struct bench_contender poll = {.name = ""};
	int rc;

	if (bench_calibrate_time_ns(rows, num_rows, 1) == 0) {
		return 0;
	}
	rc = bench_modes_make(modes, EBB_REACTOR_POLL, &poll);
	snprintf(poll.name, sizeof(poll.name), "poll mode");
	for (unsigned row = 0; row < num_rows && rc == 0; row++) {
		struct bench_sustained slowest;

		if (!is_first(rows, row)) {
			continue;
		}
		rc = slowest_find(entries, modes, &poll, &rows[row].load, &slowest, error);
		if (rc == 0) {
			rates_set(rows, num_rows, &rows[row].load, &slowest);
		}
	}
	if (poll.destroy != NULL) {
		poll.destroy(&poll);
	}
	return rc;
}

/* What the same contender did in the rounds in that closed loop, if it was among them; NAN: no. */
static double rounds_iops(const struct bench_results *results, unsigned open_load)
{
	const struct bench_sustained *sustained = &results->sustained[open_load];

	for (unsigned i = 0; i < results->num_cells; i++) {
		const struct bench_cell *cell = &results->cells[i];
		const struct bench_contender *contender = &results->contenders[cell->contender];
		const struct bench_load *load = &results->loads[cell->load];

		if (load->shape == BENCH_SHAPE_CLOSED &&
		    bench_matrix_same_capacity(load, &results->loads[open_load]) &&
		    strcmp(results->targets[cell->target].name, sustained->target) == 0 &&
		    strncmp(contender->name, sustained->by, strlen(contender->name)) == 0) {
			return bench_results_spread(cell, BENCH_IOPS).median;
		}
	}
	return NAN;
}

void bench_calibrate_warn(struct bench_results *results)
{
	for (unsigned i = 0; i < results->num_loads; i++) {
		const struct bench_sustained *sustained = &results->sustained[i];
		double iops;

		if (!(sustained->percent > 0)) {
			continue;
		}
		iops = rounds_iops(results, i);
		if (differ(iops, sustained->iops.median)) {
			bench_results_warn(results,
					   "rates in percent are of %.0f/s, measured first, but in "
					   "the rounds %s did %.0f/s of the same on %.80s: believe "
					   "the rates, not the percents",
					   sustained->iops.median, sustained->by, iops,
					   sustained->target);
		} else if (differ(sustained->iops.low, sustained->iops.high)) {
			bench_results_warn(results,
					   "rates in percent are of %.0f/s, the median of %u runs "
					   "that differ (%.0f to %.0f/s): believe the rates, not "
					   "the percents",
					   sustained->iops.median, sustained->runs,
					   sustained->iops.low, sustained->iops.high);
		}
	}
}
