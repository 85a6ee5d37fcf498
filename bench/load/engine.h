/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

/*
 * The engine: workers on every reactor that put one load after another on one open bdev. The bdev,
 * its channels and the buffers stay open meanwhile, also while the reactors change their mode: every
 * load is measured on the very same files and registrations.
 *
 * All of this is on the app thread, and nothing of it waits: what takes time ends in a callback.
 */

#include <sched.h>
#include <stdbool.h>

#include <ebb/histogram.h>

#include "bench/load/load.h"
#include "bench/machine/rusage.h"

/* How long requests may stay unanswered at the end of a run before they are given up. */
#define BENCH_ENGINE_PATIENCE_NS (10 * EBB_NS_PER_S)

struct bench_engine;

struct bench_engine_opts {
	const char *bdev;
	bool write;
	struct bench_load max; /* what no load will exceed: block_bytes, queue_depth */
	/* Workers on the reactors of these CPUs only, of which there is one; NULL: on all. */
	const cpu_set_t *cpus; /* read inside bench_engine_open() */

	/* Once, never inside the call. 0; < 0: bench_engine_error() says why, close it. */
	void (*opened)(void *arg, int rc);
	void *arg;
};

/* What one run came to. */
struct bench_engine_result {
	int rc; /* 0; -errno: it ended before its time, or some I/O failed; @error says why */
	char error[BENCH_LOAD_ERROR_MAX];
	uint64_t elapsed_ns;  /* 0: it did not get as far as to count, and nothing below counts */
	uint64_t ios;         /* that succeeded */
	uint64_t io_bytes;    /* of each; of a trace, in the mean */
	uint64_t trace_bytes; /* of all of a trace */
	struct bench_rusage used; /* by the process, less the companion */
	bool companion;           /* there was one */
	uint64_t companion_ns;    /* CPU time that it took */
	enum bench_stamps stamps;
	struct ebb_histogram latency; /* nanoseconds */
	uint64_t errors;
	bool open_loop;   /* or else nothing below counts */
	uint64_t offered; /* requests that were to come */
	uint64_t
		backlog; /* of all that were to come, those that waited or were in flight at the end */
	struct ebb_histogram lateness; /* of the generator, nanoseconds */
};

/**
 * bench_engine_open() - open the bdev and have workers on every reactor get ready
 * @ret_engine: for bench_engine_close(), also if opts->opened() reports a failure
 * Thread: app.
 * Return: 0: opts->opened() will be called; < 0: it will not, there is no engine, and @error says why:
 *	-ENODEV no such bdev; -EROFS, -EPERM it cannot be opened for writing; -EINVAL opts->max does
 *	not fit it; -ENOMEM …
 */
int bench_engine_open(const struct bench_engine_opts *opts, struct bench_engine **ret_engine,
		      char error[BENCH_LOAD_ERROR_MAX]);

/* Why opening failed. Thread: app. */
const char *bench_engine_error(const struct bench_engine *engine);

/**
 * bench_engine_run() - put @load on the bdev
 * @done: called once, never inside this call; @result is the engine's and valid until the next run
 *	or the close. Also called, with an error, if requests stay unanswered.
 * Thread: app; opened, and no run under way.
 * Return: 0; -EINVAL: the load does not fit the bdev or opts->max; -ENODEV: the bdev has gone;
 *	-ETIMEDOUT: requests of an earlier run are still not answered. @error says why.
 */
int bench_engine_run(struct bench_engine *engine, const struct bench_load *load,
		     void (*done)(void *arg, const struct bench_engine_result *result), void *arg,
		     char error[BENCH_LOAD_ERROR_MAX]);

/* Ends the run that is under way, if any: what was counted so far is its result. Thread: app. */
void bench_engine_stop(struct bench_engine *engine);

/**
 * bench_engine_close() - close the bdev and free @engine
 * @closed: called once, never inside this call, when that is done. If requests are still unanswered
 *	it is called with -ETIMEDOUT: they own their buffers, and whatever stands in their way is freed
 *	when they are answered, or never.
 * Thread: app; no run under way.
 */
void bench_engine_close(struct bench_engine *engine, void (*closed)(void *arg, int rc), void *arg);

/* The bdev's geometry, and the cores that have a worker. Thread: app. */
struct bench_engine_info {
	uint32_t block_size;
	uint64_t num_blocks;
	unsigned num_cores;
	const int *cores; /* the engine's */
};
void bench_engine_get_info(const struct bench_engine *engine, struct bench_engine_info *ret_info);

/* The bytes that @load covers. Thread: app. Return: 0: the load does not fit. */
uint64_t bench_engine_range_bytes(const struct bench_engine *engine, const struct bench_load *load);

#endif
