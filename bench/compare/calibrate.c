/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "bench/compare/rounds.h"

#define CALIBRATE_MAX_NS (500 * EBB_NS_PER_MS)

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

unsigned bench_calibrate_count(const struct bench_matrix_row *rows, unsigned num_rows,
			       unsigned num_targets)
{
	unsigned count = 0;

	for (unsigned i = 0; i < num_rows; i++) {
		count += is_first(rows, i) ? num_targets : 0;
	}
	return count;
}

/* What @target sustains. Return: 0; -errno. */
static int capacity_measure(struct bench_modes *modes, struct bench_contender *contender,
			    const struct bench_target *target, const struct bench_load *open_load,
			    double *ret_iops, char error[BENCH_TEXT_MAX])
{
	static struct bench_outcome outcome; /* too large for a stack; the harness's only */
	struct bench_load load = *open_load;
	char name[BENCH_TEXT_MAX];
	int rc;

	load.shape = BENCH_SHAPE_CLOSED;
	load.rate_iops = 0;
	load.burst_ios = load.on_ns = load.off_ns = 0;
	load.time_ns = load.time_ns < CALIBRATE_MAX_NS ? load.time_ns : CALIBRATE_MAX_NS;
	rc = bench_rounds_measure(modes, contender, target, &load, &outcome, error);
	*ret_iops = outcome.sample.metric[BENCH_IOPS];
	if (rc == -ECANCELED || (rc < 0 && !(*ret_iops > 0))) {
		return rc;
	}
	/* If only some requests have failed, that is for the cells to tell. */
	if (isnan(*ret_iops) || *ret_iops <= 0) {
		snprintf(
			error, BENCH_TEXT_MAX,
			"compare: --rate: %.80s did nothing in poll mode, so there are no percents "
			"of that: give rates in I/Os a second",
			target->name);
		return -EIO;
	}
	bench_results_load_name(&load, name);
	fprintf(stderr, "ebb-bench: %s sustains %.0f/s of %s on %s\n", contender->name, *ret_iops,
		name, target->name);
	return 0;
}

static void rates_set(struct bench_matrix_row *rows, unsigned num_rows,
		      const struct bench_load *like, double capacity_iops)
{
	for (unsigned i = 0; i < num_rows; i++) {
		if (rows[i].percent > 0 && bench_matrix_same_capacity(&rows[i].load, like)) {
			rows[i].load.rate_iops = bench_matrix_rate(capacity_iops, rows[i].percent);
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
			  const struct bench_load *load, double *ret_iops,
			  char error[BENCH_TEXT_MAX])
{
	int rc = -EOPNOTSUPP;

	if (bench_rounds_fits(poll, target)) {
		rc = capacity_measure(modes, poll, target, load, ret_iops, error);
	}
	for (unsigned i = 0; i < entries->num_contenders && rc < 0 && rc != -ECANCELED; i++) {
		struct bench_contender *contender = &entries->contenders[i];

		if (stands_for_poll(contender, poll, target)) {
			rc = capacity_measure(modes, contender, target, load, ret_iops, error);
		}
	}
	return rc;
}

/* What the slowest target sustains of @load; one that fails has its error in its cells, later. */
static int slowest_find(struct bench_entries *entries, struct bench_modes *modes,
			struct bench_contender *poll, const struct bench_load *load,
			double *ret_iops, char error[BENCH_TEXT_MAX])
{
	double slowest = INFINITY;
	int failed = -EOPNOTSUPP;

	for (unsigned i = 0; i < entries->num_targets; i++) {
		double iops = NAN;
		int rc = target_measure(entries, modes, poll, &entries->targets[i], load, &iops,
					error);

		if (rc == -ECANCELED) {
			return rc;
		}
		if (rc < 0) {
			failed = rc;
		} else {
			slowest = fmin(slowest, iops);
		}
	}
	*ret_iops = slowest;
	return isinf(slowest) ? failed : 0;
}

int bench_calibrate_rows(struct bench_entries *entries, struct bench_modes *modes,
			 struct bench_matrix_row *rows, unsigned num_rows,
			 char error[BENCH_TEXT_MAX])
{
	struct bench_contender poll = {.name = ""};
	int rc;

	if (bench_calibrate_count(rows, num_rows, 1) == 0) {
		return 0;
	}
	rc = bench_modes_make(modes, EBB_REACTOR_POLL, &poll);
	snprintf(poll.name, sizeof(poll.name), "poll mode");
	for (unsigned row = 0; row < num_rows && rc == 0; row++) {
		double slowest;

		if (!is_first(rows, row)) {
			continue;
		}
		rc = slowest_find(entries, modes, &poll, &rows[row].load, &slowest, error);
		if (rc == 0) {
			rates_set(rows, num_rows, &rows[row].load, slowest);
		}
	}
	if (poll.destroy != NULL) {
		poll.destroy(&poll);
	}
	return rc;
}
