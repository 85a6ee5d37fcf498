/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/ratio.h"

#include <math.h>

struct bench_ratio bench_ratio_paired(const struct bench_cell *of, const struct bench_cell *to,
				      enum bench_metric metric)
{
	unsigned rounds = of->num_samples < to->num_samples ? of->num_samples : to->num_samples;
	double ratios[BENCH_SAMPLES_MAX];
	struct bench_ratio ratio = {.pairs = 0};

	for (unsigned round = 0; round < rounds; round++) {
		double one = of->samples[round].metric[metric];
		double other = to->samples[round].metric[metric];

		if (isfinite(one) && isfinite(other) && other > 0) {
			ratios[ratio.pairs++] = one / other;
		}
	}
	ratio.spread = bench_spread_of(ratios, ratio.pairs);
	return ratio;
}

bool bench_ratio_differs(const struct bench_ratio *ratio)
{
	return ratio->pairs > 1 && (ratio->spread.low > 1 || ratio->spread.high < 1);
}
