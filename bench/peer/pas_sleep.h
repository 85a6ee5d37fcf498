/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAS_SLEEP_H
#define BENCH_PAS_SLEEP_H

/* How long per-I/O adaptive sleep sleeps: see pas_sleep.c. No clock, no device. */

#include <stdbool.h>

#include <ebb/base.h>

#define BENCH_PAS_SLEEP_MIN_NS 100
#define BENCH_PAS_SLEEP_MAX_NS EBB_NS_PER_S

/* Of requests of one kind, which take about the same time. */
struct bench_pas_sleep {
	double duration_ns;
	double adjust; /* the factor by which the duration changed last */
	double up;
	double down;
	bool last_over;
};

void bench_pas_sleep_init(struct bench_pas_sleep *sleep);

/* For how long to sleep after the next request has been submitted. */
uint64_t bench_pas_sleep_ns(const struct bench_pas_sleep *sleep);

/* A request has ended. @over: it had completed when the sleep ended; otherwise it was looked for. */
void bench_pas_sleep_learn(struct bench_pas_sleep *sleep, bool over);

#endif
