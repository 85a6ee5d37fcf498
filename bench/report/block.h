/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BLOCK_H
#define BENCH_BLOCK_H

#include <stdio.h>

#include "bench/results/results.h"

/**
 * bench_block_print() - the contenders under one load on one target, a row for each
 * Columns that do not fit into @columns follow in further tables, each with the names again. Who was
 * not measured has a line that says why.
 */
void bench_block_print(const struct bench_results *results, unsigned target, unsigned load,
		       unsigned columns, FILE *out);

#endif
