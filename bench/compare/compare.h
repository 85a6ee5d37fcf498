/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

/*
 * "ebb-bench compare": what polling buys and what it costs, on devices that are named, over loads,
 * beside others. See compare.c.
 */

#include "bench/compare/options.h"
#include "bench/results/results.h"

/**
 * bench_compare() - measure all that was asked for
 * Starts the framework, and ends it.
 * @command: how ebb-bench was called
 * @ret_results: what was measured, also if this fails half way; the caller's to
 *	bench_results_fini()
 * @error: the first thing that was wrong; "": nothing was
 * Return: 0; BENCH_EXIT_FAILED; BENCH_EXIT_USAGE: nothing was measured.
 */
int bench_compare(const struct bench_compare_options *options, const char *command,
		  struct bench_results *ret_results, char error[BENCH_ERROR_MAX]);

#endif
