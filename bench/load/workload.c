/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/workload.h"

#include <errno.h>
#include <stdio.h>

#define ALL_NUMBERS (UINT64_C(1) << 32)

static uint64_t read_below(const struct bench_load *load)
{
	switch (load->rw) {
	case BENCH_RW_WRITE:
	case BENCH_RW_RANDWRITE:
		return 0;
	case BENCH_RW_RANDRW:
		return ALL_NUMBERS * load->read_percent / 100;
	default:
		return ALL_NUMBERS;
	}
}

int bench_workload_make(const struct bench_load *load, const char *bdev, uint32_t block_size,
			uint64_t num_blocks, struct bench_workload *ret_workload,
			char error[BENCH_LOAD_ERROR_MAX])
{
	uint64_t bdev_bytes = num_blocks * block_size;
	uint64_t range_bytes = load->size_bytes != 0 ? load->size_bytes : bdev_bytes;

	if (load->block_bytes == 0 || load->block_bytes % block_size != 0) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bs %llu: give a multiple of %u, the block size of bdev %.80s",
			 (unsigned long long)load->block_bytes, block_size, bdev);
		return -EINVAL;
	}
	if (range_bytes > bdev_bytes) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "size %llu: give at most %llu, the size of bdev %.80s",
			 (unsigned long long)range_bytes, (unsigned long long)bdev_bytes, bdev);
		return -EINVAL;
	}
	if (range_bytes < load->block_bytes) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "bs %llu: give at most %llu, the size %s bdev %.80s",
			 (unsigned long long)load->block_bytes, (unsigned long long)range_bytes,
			 load->size_bytes != 0 ? "to be used of" : "of", bdev);
		return -EINVAL;
	}
	*ret_workload = (struct bench_workload){
		.io_bytes = load->block_bytes,
		.io_blocks = load->block_bytes / block_size,
		.slots = range_bytes / load->block_bytes,
		.queue_depth = (uint32_t)load->queue_depth,
		.random = load->rw != BENCH_RW_READ && load->rw != BENCH_RW_WRITE,
		.read_below = read_below(load),
	};
	return 0;
}
