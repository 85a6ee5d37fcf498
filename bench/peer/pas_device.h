/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAS_DEVICE_H
#define BENCH_PAS_DEVICE_H

/*
 * A device as a thread has it that sleeps and looks by itself: one request at a time is submitted, and
 * looked for in a completion ring. A file or block device by an io_uring of its own, a stand-in by
 * a queue of its own.
 */

#include "bench/results/results.h"

struct bench_pas_device;

/* Is @target one? Otherwise @error says why not. */
bool bench_pas_device_fits(const struct bench_target *target, char error[BENCH_TEXT_MAX]);

/**
 * bench_pas_device_open() - open @target, with memory for one request
 * @write: also for writing
 * Thread: the one that uses it.
 * Return: 0; -EOPNOTSUPP: it does not fit; another -errno. @error says why.
 */
int bench_pas_device_open(const struct bench_target *target, bool write, uint64_t block_bytes,
			  struct bench_pas_device **ret_device, char error[BENCH_TEXT_MAX]);

/* No request is under way. NULL is ignored. */
void bench_pas_device_close(struct bench_pas_device *device);

/* Return: 0: bench_pas_device_look() until that is true; -errno. */
int bench_pas_device_submit(struct bench_pas_device *device, bool write, uint64_t offset_bytes);

/* Has it completed? @ret_status: 0 or -errno. */
bool bench_pas_device_look(struct bench_pas_device *device, int *ret_status);

#endif
