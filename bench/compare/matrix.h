/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MATRIX_H
#define BENCH_MATRIX_H

/*
 * The loads of a comparison: the product of what was asked for. A closed loop is one for each size,
 * mix and depth; an open loop one for each size, mix, rate and shape, and the largest depth limits
 * what is in flight there.
 */

#include "bench/compare/options.h"
#include "bench/load/load.h"
#include "bench/results/results.h"

struct bench_matrix_row {
	struct bench_load load;
	double percent; /* its rate is that much of what poll mode sustains; 0: it is in the load */
	struct bench_sustained sustained; /* of a rate in percent, once it is known */
};

/**
 * bench_matrix_make() - all loads
 * Return: their number; the caller's to free() *@ret_rows; -ENOMEM.
 */
int bench_matrix_make(const struct bench_compare_options *options,
		      struct bench_matrix_row **ret_rows);

/* Whether both are the same but for the rate: what poll mode sustains is measured once for them. */
bool bench_matrix_same_capacity(const struct bench_load *a, const struct bench_load *b);

/* That much of @capacity_iops, to three digits, at least 1: a load's name has no more. */
double bench_matrix_rate(double capacity_iops, double percent);

/* The largest request and the most in flight of all @rows, in one load. */
struct bench_load bench_matrix_largest(const struct bench_matrix_row *rows, unsigned count);

#endif
