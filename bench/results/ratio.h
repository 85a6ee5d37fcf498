/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RATIO_H
#define BENCH_RATIO_H

#include "bench/results/results.h"

/* One contender's metric over another's, under the same load on the same target. */
struct bench_ratio {
	struct bench_spread spread; /* of the ratios */
	unsigned pairs;             /* of rounds in which both were measured */
};

/**
 * bench_ratio_paired() - by which factor two cells differ in one metric
 * The two are divided round by round, so that what disturbs a whole round disturbs no ratio: the
 * interval is narrower than those of the two cells. Rounds in which one of them has no such metric,
 * or @to has nothing to divide by, are left out.
 */
struct bench_ratio bench_ratio_paired(const struct bench_cell *of, const struct bench_cell *to,
				      enum bench_metric metric);

/* True if one is seen to be more than the other: 1 is not in the interval, and there is one. */
bool bench_ratio_differs(const struct bench_ratio *ratio);

#endif
