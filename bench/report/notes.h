/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NOTES_H
#define BENCH_NOTES_H

#include <stdio.h>

#include "bench/results/results.h"

/* What must be known of one block: errors, cells that ended early, rates that were not reached. */
void bench_notes_block(const struct bench_results *results, unsigned target, unsigned load,
		       unsigned columns, FILE *out);

/* How the columns were measured, as far as they are there; then peers' commands, and warnings. */
void bench_notes_end(const struct bench_results *results, unsigned columns, FILE *out);

#endif
