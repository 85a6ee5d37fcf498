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

/* The open bdev. Zeroed but for @largest before the first run. */
struct bench_modes {
	struct bench_load largest; /* no run asks for larger requests, or more in flight */
	char bdev[BENCH_TEXT_MAX]; /* the open one; "": none */
	struct bench_measurement *measurement;
};

/**
 * bench_modes_make() - the reactors in @mode
 * bench_modes_make_plan() - the reactors with a plan: sleep first, look until, then sleep
 * @ret_contender: its destroy() frees what it has; @modes outlives it
 * Return: 0; -ENOMEM.
 */
int bench_modes_make(struct bench_modes *modes, enum ebb_reactor_mode mode,
		     struct bench_contender *ret_contender);
int bench_modes_make_plan(struct bench_modes *modes, uint64_t sleep_ns, uint64_t look_ns,
			  struct bench_contender *ret_contender);

/* "30us,65us" */
void bench_modes_plan_name(uint64_t sleep_ns, uint64_t look_ns, char *name, size_t size);

/* Lets the reactors sleep and closes the bdev: somebody else is measured. Thread: the harness. */
void bench_modes_rest(struct bench_modes *modes);

#endif
