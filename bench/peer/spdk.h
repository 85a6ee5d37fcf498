/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SPDK_H
#define BENCH_SPDK_H

/*
 * SPDK's bdevperf on the same file or block device: polling, through its uring bdev where it was built
 * with that, else aio; and in its interrupt mode, which only aio has. It runs without hugepages, and
 * only while it is measured: a polling one would disturb the others.
 */

#include "bench/peer/place.h"
#include "bench/results/results.h"

#define BENCH_SPDK_CONTENDERS_MAX 2

/**
 * bench_spdk_make() - "spdk bdevperf, poll" and "spdk bdevperf, interrupt"
 * @path: SPDK's tree, in which it is built, or bdevperf itself
 * Return: how many were made; -ENOENT: there is no bdevperf, @error says where and what to do.
 */
int bench_spdk_make(const char *path, struct bench_contender *contenders,
		    char error[BENCH_TEXT_MAX]);

#endif
