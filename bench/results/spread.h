/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SPREAD_H
#define BENCH_SPREAD_H

/*
 * How much a median of few runs is worth. Nothing is assumed of how the figures are distributed: the
 * interval is bounded by two of the samples themselves, those between which the true median lies in
 * at least 95 of 100 cases (the number of samples below it is binomial).
 */

/* A median and its interval; all three are NAN where there is no sample. */
struct bench_spread {
	double median;
	double low;
	double high;
};

/* With fewer samples there is no such interval: low and high are the smallest and the largest. */
#define BENCH_SPREAD_SAMPLES_MIN 6

/**
 * bench_spread_rank() - which samples bound the 95 % interval of the median
 * Return: k of the k-th smallest and the k-th largest of @count, from 1.
 */
unsigned bench_spread_rank(unsigned count);

/**
 * bench_spread_of() - the median of @count values and its interval
 * NANs are left out.
 * @count: at most BENCH_SAMPLES_MAX
 */
struct bench_spread bench_spread_of(const double *values, unsigned count);

#endif
