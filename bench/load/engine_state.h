/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ENGINE_STATE_H
#define BENCH_ENGINE_STATE_H

/* The engine's inside: what it knows, and what needs no other thread. All on the app thread. */

#include "bench/load/companion.h"
#include "bench/load/engine.h"
#include "bench/load/generator.h"
#include "bench/load/worker.h"

#define BENCH_ENGINE_CORES_MAX 256

enum bench_engine_state {
	BENCH_ENGINE_OPENING, /* workers get their channels and buffers */
	BENCH_ENGINE_IDLE,
	BENCH_ENGINE_BEGINNING, /* workers begin */
	BENCH_ENGINE_WARMING,   /* a timer runs */
	BENCH_ENGINE_MEASURING, /* workers forget what was so far */
	BENCH_ENGINE_COUNTING,  /* a timer runs */
	BENCH_ENGINE_ENDING,    /* workers submit no more */
	BENCH_ENGINE_DRAINING,  /* their last requests are answered */
	BENCH_ENGINE_STUCK,     /* they still do, and nobody waits for that any more */
	BENCH_ENGINE_CLOSING,   /* workers put their channels */
	BENCH_ENGINE_CLOSED,    /* the bdev, too */
	BENCH_ENGINE_STATE_COUNT,
};

struct bench_engine {
	struct bench_engine_opts opts;
	char name[BENCH_LOAD_ERROR_MAX / 2]; /* the bdev's */
	enum bench_engine_state state;
	struct ebb_bdev_desc *desc;
	struct bench_worker *workers;  /* one for each core */
	struct bench_verify *verifies; /* of the workers; all zero but in a verified run */
	struct bench_line *lines;      /* of the workers; NULL: there was no open loop yet */
	struct bench_generator generator;
	bool generating;
	int cores[BENCH_ENGINE_CORES_MAX];
	unsigned num_workers;
	unsigned pending;         /* answers */
	struct ebb_poller *timer; /* paused but while @timing */
	bool timing;
	uint32_t block_size;
	uint64_t num_blocks;
	uint64_t clock_cost_ns;
	bool gone; /* the bdev */

	/* The run under way. */
	struct bench_load load;
	uint64_t run; /* its number, from 1 */
	void (*done)(void *arg, const struct bench_engine_result *result);
	void *done_arg;
	bool stop;             /* it ends early */
	bool counted;          /* it got as far as to count */
	unsigned num_finished; /* workers whose part of a trace has been answered */
	struct bench_rusage before;
	struct bench_companion_usage companion_before;
	struct ebb_msg rest_msg;
	unsigned rest_worker; /* whose line is being counted */
	struct bench_line_rest rest;
	uint64_t left;  /* requests not answered, when last looked at */
	unsigned looks; /* since then without any being answered */
	struct bench_engine_result result;

	void (*closed)(void *arg, int rc);
	void *closed_arg;
	bool abandoned; /* nobody waits for it to close */
};

/* Return: in the state OPENING, for bench_engine_free(); NULL: out of memory. */
struct bench_engine *bench_engine_alloc(const struct bench_engine_opts *opts);
void bench_engine_free(struct bench_engine *engine);

/* Enters @state; a move that no state machine of this kind makes is a bug of ours. */
void bench_engine_set_state(struct bench_engine *engine, enum bench_engine_state state);

/* The run, or the opening, has failed: the first reason is kept. */
void EBB_PRINTF(3, 4)
	bench_engine_fail(struct bench_engine *engine, int rc, const char *format, ...);

/* As bench_workload_make(), on the engine's bdev. */
int bench_engine_workload(const struct bench_engine *engine, const struct bench_load *load,
			  struct bench_workload *ret_workload, char error[BENCH_LOAD_ERROR_MAX]);

/* Makes a worker and its thread for each reactor. Return: 0; -ENOMEM, none is there: @error says so. */
int bench_engine_make_workers(struct bench_engine *engine,
			      void (*answered)(struct bench_worker *worker),
			      char error[BENCH_LOAD_ERROR_MAX]);

/* Prepares the workers for @load. Return: as bench_engine_run(). */
int bench_engine_begin(struct bench_engine *engine, const struct bench_load *load,
		       char error[BENCH_LOAD_ERROR_MAX]);

/**
 * bench_engine_count_rest() - count those who stand in the lines at the end, or some more of them
 * Return: true: these were all.
 */
bool bench_engine_count_rest(struct bench_engine *engine);

/* Writes into the result what was used from engine->before to @now. */
void bench_engine_result_use(struct bench_engine *engine, const struct bench_rusage *now,
			     const struct bench_companion_usage *companion);

/*
 * The workers begin and end their counting when they are told, and that is not when the engine tells them:
 * makes their time the run's, and what was used in the engine's time what is used in as much of theirs.
 */
void bench_engine_result_set_window(struct bench_engine *engine);

/* Makes what the workers have counted since their MEASURE the result, instead of what it was. */
void bench_engine_result_sum(struct bench_engine *engine);

#endif
