/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

/*
 * The runs of a comparison: each round goes once through all cells, in an order of its own, so that
 * what drifts hits all alike. What goes wrong in a cell stays in that cell.
 */

#include "bench/compare/modes.h"
#include "bench/compare/progress.h"
#include "bench/results/results.h"

struct bench_disturbance;

struct bench_rounds {
	struct bench_results *results;         /* its cells are filled */
	struct bench_modes *modes;             /* the reactors rest while a peer is measured */
	struct bench_disturbance *disturbance; /* is told of each run; NULL: nobody looks */
	uint64_t seed;                         /* of the order */
	struct bench_progress progress;
	bool failed; /* a cell has failed, beyond what a contender cannot do at all */
	char error[BENCH_TEXT_MAX]; /* of the first one that has */
};

/**
 * bench_rounds_run() - results->rounds times through all cells
 * A signal ends it: results->interrupted. A cell with an error is left out from then on.
 * Thread: the harness.
 * Return: 0; -ENOMEM: some outcomes were lost.
 */
int bench_rounds_run(struct bench_rounds *rounds);

/**
 * bench_rounds_measure() - one run of one contender, outside of a round
 * Return: as bench_contender.measure(), and the same for what it says in *@ret_outcome.
 */
int bench_rounds_measure(struct bench_modes *modes, struct bench_contender *contender,
			 const struct bench_target *target, const struct bench_load *load,
			 struct bench_outcome *ret_outcome, char error[BENCH_TEXT_MAX]);

/* Can @contender measure @target at all? */
bool bench_rounds_fits(const struct bench_contender *contender, const struct bench_target *target);

/* What a contender is to fill in: nothing so far, and no metric. */
void bench_rounds_outcome_init(struct bench_outcome *outcome);

#endif
