/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/spread.h"

#include <math.h>
#include <stdlib.h>

#include <ebb/assert.h>

#include "bench/results/metric.h"

/* In each tail. */
#define TAIL 0.025

/*
 * The interval from the k-th smallest to the k-th largest misses the median if fewer than k samples
 * fall on one side of it, as each does with probability 1/2.
 */
unsigned bench_spread_rank(unsigned count)
{
	double term = pow(0.5, count); /* of exactly i samples below, i = 0 */
	double below = term;
	unsigned rank = 1;

	while (rank < (count + 1) / 2) {
		term *= (double)(count - rank + 1) / rank;
		below += term;
		if (below > TAIL) {
			break;
		}
		rank++;
	}
	return rank;
}

static int value_compare(const void *a, const void *b)
{
	double one = *(const double *)a;
	double other = *(const double *)b;

	return (one > other) - (one < other);
}

struct bench_spread bench_spread_of(const double *values, unsigned count)
{
	struct bench_spread spread = {NAN, NAN, NAN};
	double sorted[BENCH_SAMPLES_MAX];
	unsigned used = 0;
	unsigned rank;

	ebb_assert(count <= BENCH_SAMPLES_MAX);
	for (unsigned i = 0; i < count; i++) {
		if (!isnan(values[i])) {
			sorted[used++] = values[i];
		}
	}
	if (used == 0) {
		return spread;
	}
	qsort(sorted, used, sizeof(sorted[0]), value_compare);
	rank = bench_spread_rank(used);
	spread.median = (sorted[(used - 1) / 2] + sorted[used / 2]) / 2;
	spread.low = sorted[rank - 1];
	spread.high = sorted[used - rank];
	return spread;
}
