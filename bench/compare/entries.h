/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ENTRIES_H
#define BENCH_ENTRIES_H

/* Who takes part in a comparison: the targets, and the contenders. */

#include "bench/compare/matrix.h"
#include "bench/compare/modes.h"
#include "bench/compare/options.h"
#include "bench/results/results.h"

#define BENCH_ENTRIES_TARGETS_MAX    (3 * BENCH_TEXTS_MAX)
#define BENCH_ENTRIES_CONTENDERS_MAX 64u

struct bench_entries {
	const struct bench_compare_options *options;
	bool write;                  /* some load does */
	struct bench_remote *remote; /* with --server: whose bdevs the targets are; else NULL */
	struct bench_target targets[BENCH_ENTRIES_TARGETS_MAX];
	unsigned num_targets;
	struct bench_contender contenders[BENCH_ENTRIES_CONTENDERS_MAX];
	unsigned num_contenders;
};

/**
 * bench_entries_resolve() - find out what the TARGETs are, before the framework runs
 * With --server it connects to that; bench_entries_leave() is needed also if this fails.
 * Thread: any that may block. Return: 0; -errno: @error says why.
 */
int bench_entries_resolve(struct bench_entries *entries, char error[BENCH_TEXT_MAX]);

/**
 * bench_entries_make() - bdevs for the targets, and the contenders
 * @rows: the loads, which must fit the targets
 * Thread: the harness. Return: 0; -errno: @error says why; what is there is to be destroyed.
 */
int bench_entries_make(struct bench_entries *entries, struct bench_modes *modes,
		       const struct bench_matrix_row *rows, unsigned num_rows,
		       char error[BENCH_TEXT_MAX]);

/* Ends the contenders. Thread: the harness. */
void bench_entries_destroy(struct bench_entries *entries);

/**
 * bench_entries_leave() - what was done to a server is undone
 * Thread: any that may block; the framework has ended.
 * Return: 0; -errno: @error says what is not as it was.
 */
int bench_entries_leave(struct bench_entries *entries, char error[BENCH_TEXT_MAX]);

#endif
