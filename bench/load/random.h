/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

/*
 * Random offsets at two multiplications each: a counter with an odd step goes through all 2^64
 * states, and one 128-bit product, folded, makes a random number of a state (wyrand). A range is
 * cut to size by a product too: a division would cost more than the whole of the rest.
 */

#include <ebb/base.h>

#define BENCH_RANDOM_STEP 0xa0761d6478bd642full
#define BENCH_RANDOM_SALT 0xe7037ed1a0b428dbull

struct bench_random {
	uint64_t state;
};

static inline uint64_t bench_random_next(struct bench_random *random)
{
	__uint128_t product;

	random->state += BENCH_RANDOM_STEP;
	product = (__uint128_t)random->state * (random->state ^ BENCH_RANDOM_SALT);
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* One of 0 … @below - 1. */
static inline uint64_t bench_random_below(struct bench_random *random, uint64_t below)
{
	return (uint64_t)(((__uint128_t)bench_random_next(random) * below) >> 64);
}

#endif
