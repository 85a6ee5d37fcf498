/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PARETO_H
#define BENCH_PARETO_H

#include "bench/results/results.h"

enum bench_pareto {
	BENCH_PARETO_ON,      /* none is better in both */
	BENCH_PARETO_BEHIND,  /* another is better in one, and no worse in the other */
	BENCH_PARETO_UNKNOWN, /* not measured in both */
};

/**
 * bench_pareto_of() - whether a cell is on the front of CPU against latency
 * Its rivals are the other contenders under the same load on the same target; what counts is the
 * median CPU time of an I/O and the median of @latency over the rounds, the smaller the better.
 */
enum bench_pareto bench_pareto_of(const struct bench_results *results,
				  const struct bench_cell *cell, enum bench_metric latency);

#endif
