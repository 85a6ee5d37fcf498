/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAS_LOOP_H
#define BENCH_PAS_LOOP_H

/* One OS thread that sleeps and looks for its requests, one at a time: see pas_loop.c. */

#include <sys/resource.h>

#include "bench/load/arrivals.h"
#include "bench/load/workload.h"
#include "bench/peer/pas_sleep.h"
#include "bench/results/results.h"

/* What one thread has used and seen while it was counted. */
struct bench_pas_count {
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t cpu_ns;
	struct rusage used;
	uint64_t sleeps;
	uint64_t offered; /* that were to come */
	uint64_t backlog; /* of these, those that it did not come to */
	struct ebb_histogram latency;
};

struct bench_pas_loop {
	const struct bench_target *target;
	const struct bench_load *load;
	struct bench_workload workload;
	struct bench_random random;
	uint64_t cursor;
	struct bench_arrivals arrivals;
	struct bench_pas_sleep sleep[2]; /* of reads, of writes */
	struct bench_pas_device *device;
	uint64_t start_ns; /* of the warm-up */
	uint64_t from_ns;  /* what ends then or later counts */
	uint64_t until_ns;
	bool counting;
	struct bench_pas_count count;
	int rc;
	char error[BENCH_TEXT_MAX];
};

/**
 * bench_pas_loop_init() - for a load that one request at a time can be
 * @target, @load: must live until bench_pas_loop_run() returns
 * @index, @count: which of how many loops: each takes its share of an open loop
 * Return: 0; -EINVAL: the load does not fit the target: loop->error says why.
 */
int bench_pas_loop_init(struct bench_pas_loop *loop, const struct bench_target *target,
			const struct bench_load *load, unsigned index, unsigned count);

/**
 * bench_pas_loop_run() - open the target, do the load from loop->start_ns on, close it
 * A signal ends it early. Afterwards loop->rc, loop->error and, if loop->counting, loop->count.
 * Thread: its own, whose timer slack becomes 1 ns.
 */
void bench_pas_loop_run(struct bench_pas_loop *loop);

#endif
