/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STAND_IN_DEVICE_H
#define BENCH_STAND_IN_DEVICE_H

/* The device behind the bdev, by itself. See its .c. */

#include <stdbool.h>
#include <stddef.h>

#include <ebb/histogram.h>

#include "bench/load/jitter.h"
#include "bench/load/stand_in_queue.h"

#define BENCH_STAND_IN_SERVICE_MAX_NS BENCH_JITTER_TIME_MAX_NS
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

struct bench_stand_in_device;

/**
 * bench_stand_in_device_create() - a device without a bdev
 * Otherwise as bench_stand_in_create(), but for -EEXIST.
 */
int bench_stand_in_device_create(const struct bench_stand_in_opts *opts,
				 struct bench_stand_in_device **ret_device, char *error,
				 size_t error_size);

/* Every queue has been closed. Thread: as bench_companion_remove(). */
void bench_stand_in_device_destroy(struct bench_stand_in_device *device);

/* The options that took effect; @name is the device's. Thread: any. */
const struct bench_stand_in_opts *bench_stand_in_device_opts(
	const struct bench_stand_in_device *device);

/* From now on every request is answered at once. Thread: any. */
void bench_stand_in_device_hurry(struct bench_stand_in_device *device);

/* As bench_stand_in_lateness(), which finds the device by its name. */
void bench_stand_in_device_lateness(struct bench_stand_in_device *device,
				    struct ebb_histogram *ret_lateness);

/**
 * bench_stand_in_device_open_queue() - a way to @device, for one thread
 * Thread: any, whose queue it is from then on, to the end: bench_stand_in_queue_close().
 * Return: 0; -errno.
 */
int bench_stand_in_device_open_queue(struct bench_stand_in_device *device,
				     struct bench_stand_in_queue **ret_queue);

#endif
