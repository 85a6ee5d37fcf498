/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/histogram.h"

#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/base.h>

/* The one in which @ns is counted, were all kept. */
static uint32_t range_of(uint32_t granularity, uint64_t ns)
{
	uint32_t bits = ns == 0 ? 0 : 64u - (uint32_t)__builtin_clzll(ns);

	return bits > granularity ? bits - granularity : 0;
}

struct bdev_histogram_layout bdev_histogram_layout(uint32_t types, uint32_t granularity,
						   uint64_t min_ns, uint64_t max_ns)
{
	ebb_assert(granularity > 0 && granularity <= BDEV_HISTOGRAM_GRANULARITY_MAX);
	ebb_assert(min_ns < max_ns);
	return (struct bdev_histogram_layout){
		.types = types,
		.granularity = granularity,
		.min_range = range_of(granularity, min_ns),
		.max_range = range_of(granularity, max_ns - 1),
	};
}

size_t bdev_histogram_num_buckets(const struct bdev_histogram_layout *layout)
{
	return (size_t)(layout->max_range - layout->min_range + 1) << layout->granularity;
}

struct bdev_histogram *bdev_histogram_create(const struct bdev_histogram_layout *layout)
{
	size_t buckets = bdev_histogram_num_buckets(layout);
	struct bdev_histogram *histogram;

	histogram = calloc(1, sizeof(*histogram) + buckets * sizeof(histogram->buckets[0]));
	if (histogram != NULL) {
		histogram->layout = *layout;
	}
	return histogram;
}

uint64_t bdev_histogram_bucket_start(const struct bdev_histogram_layout *layout, size_t bucket)
{
	uint32_t range = layout->min_range + (uint32_t)(bucket >> layout->granularity);
	uint64_t index = bucket & (((size_t)1 << layout->granularity) - 1);

	if (range == 0) {
		return index;
	}
	return (((uint64_t)1 << layout->granularity) + index) << (range - 1);
}

void bdev_histogram_count(struct bdev_histogram *histogram, unsigned type, uint64_t ns)
{
	const struct bdev_histogram_layout *layout = &histogram->layout;
	uint64_t last = ((uint64_t)1 << layout->granularity) - 1;
	uint32_t range = range_of(layout->granularity, ns);
	uint64_t index = (ns >> (range > 0 ? range - 1 : 0)) & last;

	if ((layout->types & EBB_BIT(type)) == 0) {
		return;
	}
	if (range < layout->min_range) {
		range = layout->min_range;
		index = 0;
	} else if (range > layout->max_range) {
		range = layout->max_range;
		index = last;
	}
	histogram->buckets[((range - layout->min_range) << layout->granularity) + index]++;
}

void bdev_histogram_move(struct bdev_histogram *to, struct bdev_histogram *from)
{
	size_t bucket, buckets = bdev_histogram_num_buckets(&from->layout);

	ebb_assert(to->layout.generation == from->layout.generation);
	for (bucket = 0; bucket < buckets; bucket++) {
		to->buckets[bucket] += from->buckets[bucket];
		from->buckets[bucket] = 0;
	}
}
