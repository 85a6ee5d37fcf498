/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SEARCH_H
#define BENCH_SEARCH_H

/*
 * The search for the best fixed plan (sleep first, then look until, then sleep) of one load on one
 * device, as a pure function: it says which plan to try next, and is told what that one cost.
 *
 * What is best depends on what latency is worth. A price says how much CPU time a time of latency
 * may cost, and the plan of least CPU + price x latency of an I/O is the best one. All prices are
 * searched at once: a plan that is tried for one of them serves the others too.
 *
 * The plan that only looks comes first, as its latency says how long a wait is. Then a grid of parts and
 * multiples of that, and last, twice, the neighbours of the best ones, each time half as far away.
 */

#include <stdbool.h>

#include "bench/compare/options.h"

#define BENCH_SEARCH_PRICES_MAX 3
#define BENCH_SEARCH_POINTS_MAX 40

struct bench_search_point {
	struct bench_plan plan;
	double cpu_ns;     /* of an I/O */
	double latency_ns; /* its mean */
};

struct bench_search {
	double prices[BENCH_SEARCH_PRICES_MAX];
	unsigned num_prices;
	double wait_ns; /* how long a wait for a completion is; 0: not known yet */
	unsigned stage;
	unsigned num_points;
	struct bench_search_point points[BENCH_SEARCH_POINTS_MAX];
};

void bench_search_begin(struct bench_search *search, const double *prices, unsigned num_prices);

/* Which plan to try next. Return: false: none; the search has ended. */
bool bench_search_next(struct bench_search *search, struct bench_plan *ret_plan);

/**
 * bench_search_add() - what the plan has cost that was to be tried
 * @cpu_ns, @latency_ns: of an I/O; NAN: it could not be measured
 * @iops: the number of them that came in a second
 */
void bench_search_add(struct bench_search *search, const struct bench_plan *plan, double cpu_ns,
		      double latency_ns, double iops);

/* What a plan costs at that price; infinite if it could not be measured. */
double bench_search_cost(const struct bench_search_point *point, double price);

/* The cheapest of those tried at that price; NULL: none could be measured. */
const struct bench_search_point *bench_search_best(const struct bench_search *search, double price);

#endif
