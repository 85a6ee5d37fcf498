/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_PRICE_RUN_H
#define CORE_EVENT_PRICE_RUN_H

/*
 * The samples of a price as they come. The CPU time is taken of some sleeps together, where there are
 * many: reading an OS thread's clock costs it as much as a fraction of a sleep does.
 */

#include "core/event/price.h"

struct event_price_run {
	const struct event_price_opts *opts;
	uint64_t begin_ns;
	double *late_ns; /* opts->samples of each */
	double *cpu_ns;
	unsigned num_late;
	unsigned num_cpu;
	unsigned batch;         /* sleeps for each of cpu_ns */
	unsigned in_batch;      /* of them so far */
	uint64_t batch_cpu_ns;  /* the thread's clock at its begin */
	uint64_t clock_cost_ns; /* CPU time of reading that */
};

/* Return: 0, then it has to be ended; -ENOMEM. */
int event_price_run_begin(struct event_price_run *run, const struct event_price_opts *opts);

/* True if one more sample may begin. To be called once before each. */
bool event_price_run_next(struct event_price_run *run);

/* The sleep is over, and the thread was @late_ns late. */
void event_price_run_add(struct event_price_run *run, double late_ns);

/**
 * event_price_run_end() - what the samples came to
 * @rc: < 0: why there were no more; then this is what is returned
 * Return: 0; -ETIME: there was none.
 */
int event_price_run_end(struct event_price_run *run, int rc, struct event_price *ret_price);

/* Sleeps, between samples or for what another thread is to do. */
void event_price_run_pause(uint64_t time_ns);

/* The spread of @count values, at least 1, which are sorted. */
void event_price_run_spread(double *values, unsigned count, struct event_price_spread *ret_spread);

#endif
