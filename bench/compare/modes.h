/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MODES_H
#define BENCH_MODES_H

/*
 * The contenders that are ebb's own: the reactors in a mode, or with a fixed plan. They share one
 * open bdev, which stays open while runs on the same target follow each other: every mode is
 * measured on the very same buffers, files and registrations, and to change the mode under an open
 * channel is what the service does too.
 */

#include <ebb/reactor.h>

#include "bench/results/results.h"

struct bench_measurement;
struct bench_remote;

/* The open bdev. Zeroed but for the first two before the first run. */
struct bench_modes {
	struct bench_load largest; /* no run asks for larger requests, or more in flight */
	bool write;                /* some run does */
	char bdev[BENCH_TEXT_MAX]; /* the open one; "": none */
	struct bench_measurement *measurement;
	struct ebb_histogram lateness; /* of the stand-ins' answers, in all runs; count 0: none */
	struct bench_remote *remote;   /* not NULL: the reactors are those of that server */
};

/**
 * bench_modes_make() - the reactors in @mode
 * bench_modes_make_plan() - the reactors with a plan: sleep first, look until, then sleep
 * @ret_contender: its destroy() frees what it has; @modes outlives it
 * Return: 0; -ENOMEM; -EOPNOTSUPP: a server has no such mode that could be set.
 */
int bench_modes_make(struct bench_modes *modes, enum ebb_reactor_mode mode,
		     struct bench_contender *ret_contender);
int bench_modes_make_plan(struct bench_modes *modes, uint64_t sleep_ns, uint64_t look_ns,
			  struct bench_contender *ret_contender);

/**
 * bench_modes_run_plan() - one run with a plan, for a contender that has several
 * @name: the contender's, for errors
 * The rest is as bench_contender.measure().
 */
int bench_modes_run_plan(struct bench_modes *modes, const char *name, uint64_t sleep_ns,
			 uint64_t look_ns, const struct bench_target *target,
			 const struct bench_load *load, struct bench_outcome *ret_outcome,
			 char error[BENCH_TEXT_MAX]);

/* "30us,65us"; of EBB_REACTOR_FOREVER "forever". */
void bench_modes_plan_name(uint64_t sleep_ns, uint64_t look_ns, char *name, size_t size);

/* Is @target a bdev of this process? */
bool bench_modes_fit(const struct bench_target *target);

/**
 * bench_modes_rest() - let the reactors sleep, and close the bdev
 * @target: somebody else is measured on it, so it is given up until the next run here; NULL: none
 * @error: one line
 * Thread: the harness. Return: 0; -errno: it could not be given up.
 */
int bench_modes_rest(struct bench_modes *modes, const struct bench_target *target,
		     char error[BENCH_TEXT_MAX]);

#endif
