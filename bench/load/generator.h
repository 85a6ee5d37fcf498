/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_GENERATOR_H
#define BENCH_GENERATOR_H

/* The companion's duty in an open loop: to let requests into the workers' lines when they are to come. */

#include "bench/load/companion.h"
#include "bench/load/worker.h"

struct bench_generator {
	struct bench_companion_duty duty;
	struct bench_worker *workers;
	unsigned num_workers;
};

/**
 * bench_generator_start() - let them in until bench_generator_stop()
 * @workers: their lines have been made, and they have been told to BEGIN
 * Thread: app. Return: as bench_companion_add().
 */
int bench_generator_start(struct bench_generator *generator, struct bench_worker *workers,
			  unsigned num_workers);

/* Nobody is let in any more when bench_companion_has_left(&generator->duty). Thread: app. */
void bench_generator_stop(struct bench_generator *generator);

#endif
