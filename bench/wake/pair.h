/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

/*
 * Something of ebb's beside a baseline: the least that the machine could do the same with. Both
 * sides are measured by turns in small rounds, in changing order, so that what drifts hits both
 * alike; the ratio is taken within each round, and the median of the ratios is the result.
 */

#include <stdio.h>

#include "bench/command_options.h"

struct json_object;

struct bench_pair {
	const char *name;     /* in JSON */
	const char *what;     /* for people: what ebb does */
	const char *baseline; /* and what it is held against */
	/* Return: nanoseconds; NAN: it could not be measured (said on stderr). */
	double (*measure_ebb)(void *arg);
	double (*measure_baseline)(void *arg);
	void *arg;

	unsigned rounds; /* so far */
	double ebb_ns[BENCH_ROUNDS_MAX];
	double baseline_ns[BENCH_ROUNDS_MAX];
};

/**
 * bench_pair_round() - measure both sides once more
 * Return: 0; -EIO: a side could not be measured.
 */
int bench_pair_round(struct bench_pair *pair);

/* The median ratio of ebb to its baseline; NAN before the first round. */
double bench_pair_ratio(const struct bench_pair *pair);

/* A table of all pairs that have a round; and the same as an array. */
void bench_pair_print(const struct bench_pair *pairs, unsigned count, FILE *out);
struct json_object *bench_pair_json(const struct bench_pair *pairs, unsigned count);

#endif
