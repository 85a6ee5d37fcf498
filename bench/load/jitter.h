/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_JITTER_H
#define BENCH_JITTER_H

/* How long a request takes on a device whose requests do not all take the same time. */

#include "bench/load/random.h"

#define BENCH_JITTER_TIME_MAX_NS EBB_NS_PER_S

enum bench_jitter {
	BENCH_JITTER_NONE,
	BENCH_JITTER_UNIFORM,    /* service_ns - jitter_ns … service_ns + jitter_ns */
	BENCH_JITTER_LOG_NORMAL, /* mean service_ns, standard deviation jitter_ns */
	BENCH_JITTER_PARETO,     /* the same, with a longer tail */
	BENCH_JITTER_COUNT,
};

/* "none", "uniform", "log-normal", "pareto"; NULL-terminated. */
extern const char *const bench_jitter_names[];

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

/* The next request's time, at most BENCH_JITTER_TIME_MAX_NS. */
uint64_t bench_jitter_draw_next(struct bench_jitter_draw *draw);

#endif
