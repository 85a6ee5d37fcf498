/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_HISTOGRAM_H
#define EBB_HISTOGRAM_H

/*
 * A log-linear histogram of 64-bit values: each power of two is cut into 64 equal buckets, so a
 * percentile is right to 1.6 % over the whole range in a fixed 29 KiB, and counting is a shift, a
 * mask and an increment.
 */

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EBB_HISTOGRAM_SUB_BITS 6
#define EBB_HISTOGRAM_SUB      (1u << EBB_HISTOGRAM_SUB_BITS)
#define EBB_HISTOGRAM_BUCKETS  ((64u - EBB_HISTOGRAM_SUB_BITS + 1u) * EBB_HISTOGRAM_SUB)

struct ebb_histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t buckets[EBB_HISTOGRAM_BUCKETS];
};

static inline unsigned ebb_histogram_index(uint64_t value)
{
	unsigned shift;

	if (value < EBB_HISTOGRAM_SUB) {
		return (unsigned)value;
	}
	shift = 63u - (unsigned)__builtin_clzll(value) - EBB_HISTOGRAM_SUB_BITS;
	return ((shift + 1u) << EBB_HISTOGRAM_SUB_BITS) +
	       (unsigned)((value >> shift) & (EBB_HISTOGRAM_SUB - 1u));
}

/* Thread: the one that owns @histogram; there is no lock. */
static inline void ebb_histogram_add(struct ebb_histogram *histogram, uint64_t value)
{
	histogram->count++;
	histogram->sum += value;
	if (value < histogram->min) {
		histogram->min = value;
	}
	if (value > histogram->max) {
		histogram->max = value;
	}
	histogram->buckets[ebb_histogram_index(value)]++;
}

/* Empties @histogram; needed before the first use (min starts at UINT64_MAX). */
void ebb_histogram_reset(struct ebb_histogram *histogram);

/* Adds every value counted in @from to @to. */
void ebb_histogram_merge(struct ebb_histogram *to, const struct ebb_histogram *from);

/* The largest value that is counted in the bucket of @index, which is under EBB_HISTOGRAM_BUCKETS. */
uint64_t ebb_histogram_upper(unsigned index);

/**
 * ebb_histogram_percentile() - the value that @percent of the counted values do not exceed
 * @percent: 0 < percent <= 100
 * Return: the upper edge of the value's bucket, at most the largest value counted; 0 if empty.
 */
uint64_t ebb_histogram_percentile(const struct ebb_histogram *histogram, double percent);

#ifdef __cplusplus
}
#endif

#endif
