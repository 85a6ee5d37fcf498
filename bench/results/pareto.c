/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/pareto.h"

#include <math.h>

struct point {
	double cpu;
	double latency;
};

static bool point_get(const struct bench_cell *cell, enum bench_metric latency,
		      struct point *ret_point)
{
	ret_point->cpu = bench_results_spread(cell, BENCH_CPU_PER_MILLION).median;
	ret_point->latency = bench_results_spread(cell, latency).median;
	return isfinite(ret_point->cpu) && isfinite(ret_point->latency);
}

enum bench_pareto bench_pareto_of(const struct bench_results *results,
				  const struct bench_cell *cell, enum bench_metric latency)
{
	struct point self;
	struct point rival;

	if (!point_get(cell, latency, &self)) {
		return BENCH_PARETO_UNKNOWN;
	}
	for (unsigned i = 0; i < results->num_contenders; i++) {
		const struct bench_cell *other =
			bench_results_cell(results, cell->target, cell->load, i);

		if (point_get(other, latency, &rival) && rival.cpu <= self.cpu &&
		    rival.latency <= self.latency &&
		    (rival.cpu < self.cpu || rival.latency < self.latency)) {
			return BENCH_PARETO_BEHIND;
		}
	}
	return BENCH_PARETO_ON;
}
