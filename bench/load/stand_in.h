/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STAND_IN_H
#define BENCH_STAND_IN_H

/*
 * A device of known speed: a bdev of the driver "stand_in", whose requests the companion answers on
 * another CPU, each so long after it has seen it. See stand_in.c.
 */

#include <stdbool.h>
#include <stddef.h>

#include <ebb/histogram.h>

enum bench_jitter {
	BENCH_JITTER_NONE,
	BENCH_JITTER_UNIFORM,    /* service_ns - jitter_ns … service_ns + jitter_ns */
	BENCH_JITTER_LOG_NORMAL, /* mean service_ns, standard deviation jitter_ns */
	BENCH_JITTER_PARETO,     /* the same, with a longer tail */
	BENCH_JITTER_COUNT,
};

/* "none", "uniform", "log-normal", "pareto"; NULL-terminated. */
extern const char *const bench_jitter_names[];

#define BENCH_STAND_IN_SERVICE_MAX_NS EBB_NS_PER_S
#define BENCH_STAND_IN_SIZE_DEFAULT   (64ull << 20)
#define BENCH_STAND_IN_DEPTH_DEFAULT  1024
#define BENCH_STAND_IN_DEPTH_MAX      65536

struct bench_stand_in_opts {
	const char *name;    /* of the bdev; copied */
	uint64_t service_ns; /* of each request, whatever its size; 0: at once */
	uint64_t jitter_ns;  /* of the time that a request takes; 0: it is the same for each */
	enum bench_jitter distribution;
	uint64_t size_bytes; /* of its memory, which is taken at once; 0: the default */
	uint32_t block_size; /* 512 … 65536, a power of two; 0: 512 */
	uint32_t depth;      /* requests in service at once, others wait; 0: the default */
	uint64_t seed;       /* of the jitter */
	bool interrupt; /* it wakes a reactor that sleeps; without, it can only be polled, and keeps
			 * its reactors awake */
};

/**
 * bench_stand_in_create() - make such a bdev
 * It is empty (zeroes), reads what was written, and keeps the companion spinning from the first
 * channel to the last.
 * @error: why it could not be made, in one line that names what to do
 * Thread: app.
 * Return: 0; -EINVAL an option; -EOPNOTSUPP there is no second CPU for the companion; -EEXIST a bdev
 *	has that name; -ENOMEM; another -errno.
 */
int bench_stand_in_create(const struct bench_stand_in_opts *opts, char *error, size_t error_size);

/**
 * bench_stand_in_delete() - take it away; requests that are under way are answered at once
 * @done: called on the app thread when it has gone; may be NULL
 * Thread: app. Return: 0; -ENODEV no stand-in has that name; -EBUSY it is going already.
 */
int bench_stand_in_delete(const char *name, void (*done)(void *arg), void *arg);

/**
 * bench_stand_in_lateness() - by how much it has answered later than it was to, in nanoseconds
 * Counts anew from here on.
 * Thread: any OS thread but the companion; waits for that one. Not while @name is being deleted.
 * Return: 0; -ENODEV no stand-in has that name, or the companion has ended.
 */
int bench_stand_in_lateness(const char *name, struct ebb_histogram *ret_lateness);

/* "answered 12345 requests, late by 0.1 us (p50), 0.8 us (p99), 30.2 us (max)", for people. */
void bench_stand_in_lateness_text(const struct ebb_histogram *lateness, char *text, size_t size);

#endif
