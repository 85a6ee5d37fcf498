/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/histogram.h>

#include <string.h>

void ebb_histogram_reset(struct ebb_histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->min = UINT64_MAX;
}

void ebb_histogram_merge(struct ebb_histogram *to, const struct ebb_histogram *from)
{
	to->count += from->count;
	to->sum += from->sum;
	to->min = from->min < to->min ? from->min : to->min;
	to->max = from->max > to->max ? from->max : to->max;
	for (unsigned i = 0; i < EBB_HISTOGRAM_BUCKETS; i++) {
		to->buckets[i] += from->buckets[i];
	}
}

uint64_t ebb_histogram_upper(unsigned index)
{
	unsigned shift;

	if (index < EBB_HISTOGRAM_SUB) {
		return index;
	}
	shift = (index >> EBB_HISTOGRAM_SUB_BITS) - 1;
	return ((uint64_t)((index & (EBB_HISTOGRAM_SUB - 1)) + EBB_HISTOGRAM_SUB + 1) << shift) - 1;
}

uint64_t ebb_histogram_percentile(const struct ebb_histogram *histogram, double percent)
{
	double exact = (double)histogram->count * percent / 100.0;
	uint64_t wanted = (uint64_t)exact;
	uint64_t seen = 0;

	if (histogram->count == 0) {
		return 0;
	}
	if ((double)wanted < exact) {
		wanted++;
	}
	for (unsigned i = 0; i < EBB_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted && seen > 0) {
			uint64_t upper = ebb_histogram_upper(i);

			return upper < histogram->max ? upper : histogram->max;
		}
	}
	return histogram->max;
}
