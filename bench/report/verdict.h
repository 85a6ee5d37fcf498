/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

/*
 * What a comparison has shown, in sentences. A difference is told only where the runs show one: where
 * the interval of the ratios of their rounds does not reach over 1.
 */

#include "bench/results/results.h"

#define BENCH_VERDICT_MAX 1024

/**
 * bench_verdict_overall() - what polling buys and what it costs, over all loads
 * Return: false, and @text is "": poll and interrupt were not measured side by side.
 */
bool bench_verdict_overall(const struct bench_results *results, char text[BENCH_VERDICT_MAX]);

/* The same of one target and load: "p50 2.10us shorter (10.0us, not 12.1us), ...". */
bool bench_verdict_polling(const struct bench_results *results, unsigned target, unsigned load,
			   char text[BENCH_VERDICT_MAX]);

/**
 * bench_verdict_contender() - what a contender is beside poll
 * "interrupt: 2.10us slower at p50 for 0.31 (0.30 to 0.32) of the CPU of poll, 18% fewer IOPS"; the
 * adaptive mode is also held against interrupt. Without poll it is the first one that was measured.
 * Return: false, and @text is "": it was not measured, or there is nothing to hold it against.
 */
bool bench_verdict_contender(const struct bench_results *results, const struct bench_cell *cell,
			     char text[BENCH_VERDICT_MAX]);

/**
 * bench_verdict_front() - who is on the Pareto front of CPU and p50
 * Return: false, and @text is "": fewer than two contenders have both.
 */
bool bench_verdict_front(const struct bench_results *results, unsigned target, unsigned load,
			 char text[BENCH_VERDICT_MAX]);

#endif
