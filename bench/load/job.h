/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

/*
 * A job is one place for a request in flight: its buffer, and what is known of the request. All of
 * this is on the worker's thread.
 */

#include <assert.h>

#include <ebb/bdev.h>

#include "bench/load/worker_state.h"

struct bench_job {
	struct bench_worker *worker;
	uint64_t submitted_ns; /* 0: this one has no time stamp */
	void *buf;
	uint64_t slot : 63;
	uint64_t write : 1;
	struct ebb_bdev_io_wait wait;
} __attribute__((aligned(EBB_CACHE_LINE)));

static_assert(sizeof(struct bench_job) == EBB_CACHE_LINE, "a request's job is one cache line");

/* Puts @job in flight with the next request of its worker's load: a closed loop. */
void bench_job_start(struct bench_job *job);

/* Puts idle jobs in flight with the requests that stand in the worker's line: an open loop. */
void bench_job_take_arrivals(struct bench_worker *worker);

#endif
