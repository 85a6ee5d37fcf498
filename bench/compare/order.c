/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/order.h"

#include "bench/load/random.h"

#define ORDER_SEED 0x6f72646572u

void bench_order_make(uint64_t seed, unsigned round, unsigned count, unsigned *ret_order)
{
	/* Seeds next to each other must not make orders that are like each other. */
	struct bench_random random = {(seed ^ ORDER_SEED) * BENCH_RANDOM_SALT + round / 2};

	bench_random_next(&random);
	for (unsigned i = 0; i < count; i++) {
		ret_order[i] = i;
	}
	for (unsigned i = count; i > 1; i--) {
		unsigned other = (unsigned)bench_random_below(&random, i);
		unsigned kept = ret_order[i - 1];

		ret_order[i - 1] = ret_order[other];
		ret_order[other] = kept;
	}
	for (unsigned i = 0; round % 2 == 1 && i < count / 2; i++) {
		unsigned kept = ret_order[i];

		ret_order[i] = ret_order[count - 1 - i];
		ret_order[count - 1 - i] = kept;
	}
}
