/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/stamps.h"

#include <ebb/clock.h>

#define BATCHES  9
#define READINGS 500

/* The quickest batch: what interrupts one makes it slower, and nothing makes it quicker. */
uint64_t bench_stamps_clock_cost_ns(void)
{
	uint64_t best_ns = UINT64_MAX;

	for (unsigned batch = 0; batch < BATCHES; batch++) {
		uint64_t begin_ns = ebb_clock_now_ns();
		uint64_t end_ns = begin_ns;

		for (unsigned i = 0; i < READINGS; i++) {
			end_ns = ebb_clock_now_ns();
		}
		best_ns = end_ns - begin_ns < best_ns ? end_ns - begin_ns : best_ns;
	}
	return (best_ns + READINGS / 2) / READINGS;
}
