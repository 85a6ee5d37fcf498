/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PRICES_H
#define BENCH_PRICES_H

/*
 * What this machine asks for a sleep and a wakeup, whoever sleeps: core/event/price.h, for each way of
 * being woken and after sleeps from short to long.
 */

#include <stddef.h>

#include "core/event/price.h"

#define BENCH_PRICE_DEPTHS 4 /* after 10 us, 1 ms, 100 ms, 1 s of sleep */

enum bench_price_kind {
	BENCH_PRICE_WAKE_EVENTFD,
	BENCH_PRICE_TIMERFD,
	BENCH_PRICE_EPOLL,      /* with the timer slack that OS threads have by default */
	BENCH_PRICE_EPOLL_FINE, /* with the least */
	BENCH_PRICE_NANOSLEEP,
	BENCH_PRICE_NANOSLEEP_FINE,
	BENCH_PRICE_READ_SLEPT,
	BENCH_PRICE_READ_LOOKED,
	BENCH_PRICE_INTERRUPT, /* their difference */
	BENCH_PRICE_KINDS,
};

struct bench_price_result {
	bool has_late;
	bool has_cpu;
	unsigned samples;
	struct event_price_spread late;
	struct event_price_spread cpu;
	char why[96]; /* it is unavailable; "": it was not asked for, or is there */
};

struct bench_prices {
	int cpu;       /* where the thread that sleeps was held */
	int waker_cpu; /* and the one that wakes it */
	struct bench_price_result results[BENCH_PRICE_KINDS][BENCH_PRICE_DEPTHS];
};

struct bench_prices_opts {
	int cpu;
	int waker_cpu;    /* may be @cpu, where there is but one */
	unsigned samples; /* of the shallow depths; of the deep ones there are fewer */
	uint64_t idle_ns; /* no longer sleep than that */
	int device_fd;    /* opened with O_DIRECT; -1: none was given */
	uint64_t device_bytes;
	bool (*stopped)(void); /* ends it early */
};

/* How long the thread slept before each wakeup, at depth @depth. */
uint64_t bench_prices_depth_ns(unsigned depth);

/**
 * bench_prices_measure() - measure them all, one after the other
 * Thread: any; it is held on opts->cpu meanwhile, and may be anywhere afterwards that it was allowed
 *	to be before.
 */
void bench_prices_measure(const struct bench_prices_opts *opts, struct bench_prices *ret_prices);

/**
 * bench_prices_device_open() - open what reads are measured on
 * @path: a file or block device
 * @error: one line that says why not, and what to give
 * Return: 0; -errno.
 */
int bench_prices_device_open(const char *path, int *ret_fd, uint64_t *ret_bytes, char *error,
			     size_t error_size);

#endif
