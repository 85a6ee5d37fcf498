/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

/* What the requests of a run are, in the terms of the bdev that they go to. */

#include <stdbool.h>

#include "bench/load/load.h"

struct bench_workload {
	uint64_t io_bytes;
	uint64_t io_blocks;
	uint64_t slots; /* the range, in requests */
	uint32_t queue_depth;
	bool random;         /* offsets; otherwise one after the other, around */
	uint64_t read_below; /* of 2^32 random numbers, those that make a read */
};

/**
 * bench_workload_make() - what was asked for, on a bdev of that geometry
 * @bdev: its name, for the complaint
 * @block_size: in bytes
 * Return: 0; -EINVAL: @error says what does not fit the bdev, and what would; it begins with "bs " or
 *	"size ".
 */
int bench_workload_make(const struct bench_load *load, const char *bdev, uint32_t block_size,
			uint64_t num_blocks, struct bench_workload *ret_workload,
			char error[BENCH_LOAD_ERROR_MAX]);

#endif
