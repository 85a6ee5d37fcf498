/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

/* "ebb-bench run": the same I/O on the same open bdev, in one mode of the reactors after another.
 */

#include "bench/command_options.h"
#include "bench/results/metric.h"

#define BENCH_CORES_MAX 256

struct bench_mode_result {
	unsigned num_samples;
	struct bench_metric_sample samples[BENCH_RUNS_MAX];
	uint64_t errors;
	enum bench_stamps stamps; /* of the last run */
};

struct bench_run_result {
	uint32_t block_size; /* of the bdev, in bytes */
	uint64_t num_blocks;
	uint64_t range_bytes;
	unsigned num_cores;
	int cores[BENCH_CORES_MAX];
	bool interrupted; /* by a signal: fewer or shorter runs than asked for */
	struct bench_mode_result modes[BENCH_CHOICES_MAX]; /* as in the options' modes */
	char error[BENCH_ERROR_MAX];                       /* the first one; empty: none */
};

/**
 * bench_run() - start the framework, measure, stop it
 * @ret_result: what was measured, also if this fails half way
 * Return: 0; BENCH_EXIT_FAILED; BENCH_EXIT_USAGE. Unless 0, ret_result->error says why.
 */
int bench_run(const struct bench_run_options *options, struct bench_run_result *ret_result);

#endif
