/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/workload.h"

#include <errno.h>

#define ALL_NUMBERS (UINT64_C(1) << 32)

static uint64_t read_below(const struct bench_run_options *options)
{
	switch ((enum bench_rw)options->rw) {
	case BENCH_RW_WRITE:
	case BENCH_RW_RANDWRITE:
		return 0;
	case BENCH_RW_RANDRW:
		return ALL_NUMBERS * options->read_percent / 100;
	default:
		return ALL_NUMBERS;
	}
}

int bench_workload_make(const struct bench_run_options *options, uint32_t block_size,
			uint64_t num_blocks, struct bench_workload *ret_workload,
			char error[BENCH_ERROR_MAX])
{
	uint64_t bdev_bytes = num_blocks * block_size;
	uint64_t range_bytes = options->size_bytes != 0 ? options->size_bytes : bdev_bytes;

	if (options->block_bytes % block_size != 0) {
		snprintf(error, BENCH_ERROR_MAX,
			 "run: --bs %llu: give a multiple of %u, the block size of bdev %.80s",
			 (unsigned long long)options->block_bytes, block_size, options->bdev);
		return -EINVAL;
	}
	if (range_bytes > bdev_bytes) {
		snprintf(error, BENCH_ERROR_MAX,
			 "run: --size %llu: give at most %llu, the size of bdev %.80s",
			 (unsigned long long)range_bytes, (unsigned long long)bdev_bytes,
			 options->bdev);
		return -EINVAL;
	}
	if (options->block_bytes > range_bytes) {
		snprintf(error, BENCH_ERROR_MAX,
			 "run: --bs %llu: give at most %llu, the size of bdev %.80s",
			 (unsigned long long)options->block_bytes, (unsigned long long)range_bytes,
			 options->bdev);
		return -EINVAL;
	}
	ret_workload->io_bytes = options->block_bytes;
	ret_workload->io_blocks = options->block_bytes / block_size;
	ret_workload->slots = range_bytes / options->block_bytes;
	ret_workload->queue_depth = (uint32_t)options->queue_depth;
	ret_workload->random = options->rw != BENCH_RW_READ && options->rw != BENCH_RW_WRITE;
	ret_workload->read_below = read_below(options);
	return 0;
}
