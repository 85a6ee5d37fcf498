/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_HISTOGRAM_H
#define CORE_BDEV_HISTOGRAM_H

/*
 * Latencies by length, in the layout that SPDK's clients decode: ranges, each twice as long as the
 * one before, of 2^granularity buckets each. The first two ranges have a bucket for each
 * nanosecond; what is shorter than the first range that is kept, or longer than the last, is counted
 * in the outermost bucket.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BDEV_HISTOGRAM_GRANULARITY     7u
#define BDEV_HISTOGRAM_GRANULARITY_MAX 10u
#define BDEV_HISTOGRAM_MIN_NS          1000u
#define BDEV_HISTOGRAM_MAX_NS          120000000000u

struct bdev_histogram_layout {
	uint32_t types; /* mask of EBB_BIT(enum ebb_bdev_io_type): which requests are counted */
	uint32_t granularity;
	uint32_t min_range;
	uint32_t max_range;
	uint64_t generation; /* of its making; those of one can be added up */
};

struct bdev_histogram {
	struct bdev_histogram_layout layout;
	uint64_t buckets[];
};

/**
 * bdev_histogram_layout() - ranges that keep latencies from @min_ns to below @max_ns apart
 * @granularity: 1 to BDEV_HISTOGRAM_GRANULARITY_MAX
 * @max_ns: more than @min_ns
 */
struct bdev_histogram_layout bdev_histogram_layout(uint32_t types, uint32_t granularity,
						   uint64_t min_ns, uint64_t max_ns);

/* Empty. Return: the caller's to free(); NULL: out of memory. */
struct bdev_histogram *bdev_histogram_create(const struct bdev_histogram_layout *layout);

size_t bdev_histogram_num_buckets(const struct bdev_histogram_layout *layout);

/* The shortest latency of the bucket, in ns. */
uint64_t bdev_histogram_bucket_start(const struct bdev_histogram_layout *layout, size_t bucket);

/* Counts @ns, of a request of @type, if such are counted. */
void bdev_histogram_count(struct bdev_histogram *histogram, unsigned type, uint64_t ns);

/* Moves all that is counted in @from to @to, which has the same layout. */
void bdev_histogram_move(struct bdev_histogram *to, struct bdev_histogram *from);

#endif
