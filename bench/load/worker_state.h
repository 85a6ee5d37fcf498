/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WORKER_STATE_H
#define BENCH_WORKER_STATE_H

/* A worker's inside: what it knows and what its jobs need of it. On the worker's thread. */

#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/bdev.h>
#include <ebb/histogram.h>
#include <ebb/thread.h>

#include "bench/load/line.h"
#include "bench/load/random.h"
#include "bench/load/verify.h"
#include "bench/load/workload.h"

struct bench_job;
struct bench_trace;
struct ebb_poller;

enum bench_worker_command {
	BENCH_WORKER_OPEN,    /* get the channel, allocate the buffers */
	BENCH_WORKER_BEGIN,   /* put the requests in flight */
	BENCH_WORKER_MEASURE, /* forget what was counted so far, decide on the time stamps */
	BENCH_WORKER_END,     /* count no more, submit no more */
	BENCH_WORKER_DRAIN,   /* answered when nothing is in flight */
	BENCH_WORKER_CLOSE,   /* undo OPEN, also if that failed half way */
};

struct bench_worker {
	/* Set by the owner before OPEN. */
	struct ebb_bdev_desc *desc;
	struct ebb_thread *thread;
	uint32_t max_jobs;
	uint64_t max_bytes;                            /* of a request */
	uint64_t clock_cost_ns;                        /* of a reading */
	void (*answered)(struct bench_worker *worker); /* on the app thread */
	void (*alarmed)(struct bench_worker *worker);  /* likewise: see alarm_error */
	/* On the app thread, once in a run: all of its part of the trace has been answered. */
	void (*finished)(struct bench_worker *worker);
	void *owner;

	/* Set by the owner before BEGIN. */
	struct bench_workload load; /* within the limits above */
	struct bench_random random;
	uint64_t cursor;             /* the next slot, if not random */
	struct bench_verify *verify; /* of a verified load, whose slots are these; NULL: none */
	struct bench_line *line;     /* of an open loop; NULL: a closed one */
	const struct bench_trace
		*trace;    /* of the line: what the requests are; NULL: as load says */
	size_t trace_next; /* index of the next one in the line */
	unsigned trace_stride;
	unsigned block_shift; /* of the bdev's block size */
	bool timed;           /* nobody lets requests into the line: look when they come */

	/* The answer: 0, or why OPEN failed. */
	int rc;

	/* Since MEASURE, errors since BEGIN; valid after END, until DRAIN. */
	uint64_t ios;                 /* that succeeded */
	uint64_t trace_bytes;         /* of those of a trace */
	struct ebb_histogram latency; /* of those that were stamped */
	uint64_t errors;
	int first_error; /* negative errno */
	bool first_error_write;
	uint64_t first_error_block;
	uint64_t offered; /* requests of the line that were to come since MEASURE, and were taken */
	uint64_t unanswered; /* in flight at the END */
	uint64_t from_ns;    /* the MEASURE */
	uint64_t until_ns;   /* the END */

	/* Stamped are one of so many requests; which: bench/load/stamps.h. */
	uint32_t stamp_every;
	uint32_t stamp_left;
	uint32_t stamp_trial; /* so many more are stamped before this is decided */
	struct bench_random stamp_random;

	/* A block is not what was written: the worker submits no more, and alarmed() is called. */
	char alarm_error[BENCH_LOAD_ERROR_MAX];
	struct ebb_msg alarm;

	struct ebb_msg finish;
	bool finish_sent;

	/* For whoever lets requests into the line: bench_worker_tell(). */
	atomic_bool told;
	struct ebb_msg arrival;

	/* Written by the worker while it ends, for whoever wonders why it does not. */
	atomic_uint left;

	/* The worker's own. */
	struct ebb_io_channel *channel;
	struct bench_job *jobs;
	uint32_t num_bufs; /* of the jobs, those that have their buffer */
	uint32_t in_flight;
	struct ebb_list idle; /* jobs that wait for requests to come */
	struct ebb_poller *arrival_timer;
	bool ending;
	bool draining;
	uint64_t begun_ns;
	enum bench_worker_command command;
	struct ebb_msg request;
	struct ebb_msg answer;
} EBB_CACHE_ALIGNED;

/* Decides which requests are stamped, by how fast they were since BEGIN. */
void bench_worker_decide_stamps(struct bench_worker *worker);

/* Tells the owner that the command is done. */
void bench_worker_answer(struct bench_worker *worker);

/* Ends the work at once, and calls worker->alarmed() once. */
void bench_worker_alarm(struct bench_worker *worker);

/* Calls worker->finished() if its part of a trace has been answered. */
void bench_worker_look_finished(struct bench_worker *worker);

#endif
