/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

#include <ebb/base.h>

/**
 * bench_order_make() - in which order the cells are measured in a round
 * Rounds come in pairs: the first of a pair is a new shuffle, the second goes through the same
 * backwards. So in a pair each cell has the same mean place, and what drifts (clocks, caches, the
 * device) favours none; and no cell always follows the same other one.
 * @seed: the same seed gives the same orders
 * @ret_order: @count numbers, each of 0 ... @count - 1 once
 */
void bench_order_make(uint64_t seed, unsigned round, unsigned count, unsigned *ret_order);

#endif
