/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

/*
 * A worker keeps a fixed number of requests in flight on one thread: each completion submits the
 * next request. Its owner, on the app thread, gives it one command at a time.
 */

#include <stdbool.h>

#include <ebb/bdev.h>
#include <ebb/histogram.h>
#include <ebb/thread.h>

#include "bench/load/random.h"
#include "bench/load/workload.h"

struct bench_job;

enum bench_worker_command {
	BENCH_WORKER_OPEN,    /* get the channel, allocate the buffers */
	BENCH_WORKER_BEGIN,   /* put the requests in flight */
	BENCH_WORKER_MEASURE, /* forget what was counted so far */
	BENCH_WORKER_END,   /* count no more, submit no more; answered when nothing is in flight */
	BENCH_WORKER_CLOSE, /* undo OPEN, also if that failed half way */
};

struct bench_worker {
	/* Set by the owner. */
	struct bench_workload load;
	struct ebb_bdev_desc *desc;
	struct ebb_thread *thread;
	struct bench_random random;
	uint64_t cursor;                               /* the next slot, if not random */
	void (*answered)(struct bench_worker *worker); /* on the app thread */
	void *owner;

	/* The answer: 0, or why OPEN failed. */
	int rc;

	/* Valid after END. @latency.count is the number of requests that succeeded. */
	struct ebb_histogram latency;
	uint64_t errors; /* since OPEN */
	int first_error; /* negative errno */
	bool first_error_write;
	uint64_t first_error_block;

	/* The worker's own. */
	struct ebb_io_channel *channel;
	struct bench_job *jobs;
	uint32_t num_bufs; /* of the jobs, those that have their buffer */
	uint32_t in_flight;
	bool ending;
	enum bench_worker_command command;
	struct ebb_msg request;
	struct ebb_msg answer;
} EBB_CACHE_ALIGNED;

/**
 * bench_worker_run_command() - have @worker do something on its thread
 * worker->answered(@worker) is called when that is done; no other command before then.
 * Thread: app.
 */
void bench_worker_run_command(struct bench_worker *worker, enum bench_worker_command command);

#endif
