/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BEST_PLANS_H
#define BENCH_BEST_PLANS_H

/*
 * --search-plan: the best fixed plan of each load on each target, found before the rounds, joins them
 * as a contender for each price of latency. So the adaptive mode is held against the best that a
 * fixed plan could have done, had somebody known the load.
 */

#include "bench/compare/matrix.h"
#include "bench/compare/modes.h"
#include "bench/compare/search.h"
#include "bench/results/results.h"

struct bench_best_plans {
	struct bench_modes *modes;
	const struct bench_target *targets;
	unsigned num_targets;
	const struct bench_matrix_row *rows;
	unsigned num_rows;
	double prices[BENCH_SEARCH_PRICES_MAX];
	unsigned num_prices;
	struct bench_plan *plans; /* [target][row][price] */
	bool *found;              /* of the same */
};

/* How long the search of one load on one target takes at most. */
uint64_t bench_best_plans_time_ns(const struct bench_load *load);

/**
 * bench_best_plans_search() - find them all
 * @plans: filled in but for ->plans and ->found; bench_best_plans_fini() in any case. Its targets and
 *	rows must live until then. What is found is told on stderr.
 * Thread: the harness. Return: 0; -ECANCELED; -ENOMEM: @error says so.
 */
int bench_best_plans_search(struct bench_best_plans *plans, char error[BENCH_TEXT_MAX]);
void bench_best_plans_fini(struct bench_best_plans *plans);

/**
 * bench_best_plans_make() - the contender of the price @index
 * "best plan 27us,66us at price 1", or without the times where these differ from load to load.
 * Owns: @plans must outlive it. Return: 0; -ENOMEM.
 */
int bench_best_plans_make(const struct bench_best_plans *plans, unsigned index,
			  struct bench_contender *ret_contender);

#endif
