/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_JITTER_H
#define BENCH_JITTER_H

/* How long a request takes on a device whose requests do not all take the same time. */

#include "bench/load/random.h"
#include "bench/load/stand_in.h"

struct bench_jitter_draw {
	enum bench_jitter distribution;
	uint64_t service_ns;
	uint64_t jitter_ns;
	double scale; /* log-normal: the logarithm of the median; Pareto: the least */
	double shape; /* log-normal: the standard deviation of the logarithm; Pareto: 1 / alpha */
	struct bench_random random;
};

/**
 * bench_jitter_draw_init() - prepare for service times
 * @distribution: without a @jitter_ns it is none, whatever is said here
 * Return: 0; -EINVAL: @jitter_ns is larger than @service_ns, or larger than such a distribution can
 *	have (log-normal, Pareto: ten times @service_ns), or @service_ns is 0.
 */
int bench_jitter_draw_init(struct bench_jitter_draw *draw, enum bench_jitter distribution,
			   uint64_t service_ns, uint64_t jitter_ns, uint64_t seed);

/* The next request's time, at most BENCH_STAND_IN_SERVICE_MAX_NS. */
uint64_t bench_jitter_draw_next(struct bench_jitter_draw *draw);

#endif
