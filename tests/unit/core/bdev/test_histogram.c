/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/histogram.h"

#include <stdlib.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

#define ALL UINT32_MAX

/* The only bucket that counts one. */
static size_t bucket_of(const struct bdev_histogram_layout *layout, uint64_t ns)
{
	struct bdev_histogram *histogram = bdev_histogram_create(layout);
	size_t bucket = 0, found = SIZE_MAX;

	ck_assert_ptr_nonnull(histogram);
	bdev_histogram_count(histogram, 0, ns);
	for (bucket = 0; bucket < bdev_histogram_num_buckets(layout); bucket++) {
		if (histogram->buckets[bucket] != 0) {
			ck_assert_uint_eq(histogram->buckets[bucket], 1);
			ck_assert_uint_eq(found, SIZE_MAX);
			found = bucket;
		}
	}
	ck_assert_uint_ne(found, SIZE_MAX);
	free(histogram);
	return found;
}

START_TEST(ranges_are_spdk_s)
{
	struct bdev_histogram_layout layout = bdev_histogram_layout(ALL, 7, 0, UINT64_MAX);

	ck_assert_uint_eq(layout.min_range, 0);
	ck_assert_uint_eq(layout.max_range, 57);
	ck_assert_uint_eq(bdev_histogram_num_buckets(&layout), 58 * 128);
	layout = bdev_histogram_layout(ALL, 7, 1000, 120000000000);
	ck_assert_uint_eq(layout.min_range, 3);
	ck_assert_uint_eq(layout.max_range, 30);
	/* What is not below the longest that is kept apart does not count for it. */
	layout = bdev_histogram_layout(ALL, 7, 256, 512);
	ck_assert_uint_eq(layout.min_range, 2);
	ck_assert_uint_eq(layout.max_range, 2);
	layout = bdev_histogram_layout(ALL, 7, 256, 513);
	ck_assert_uint_eq(layout.max_range, 3);
}
END_TEST

START_TEST(each_value_is_in_its_bucket)
{
	struct bdev_histogram_layout layout =
		bdev_histogram_layout(ALL, (unsigned)_i, 0, UINT64_MAX);
	uint64_t buckets = bdev_histogram_num_buckets(&layout);

	for (unsigned shift = 0; shift < 64; shift++) {
		for (int off = -1; off <= 1; off++) {
			uint64_t ns = ((uint64_t)1 << shift) + (uint64_t)(int64_t)off;
			size_t bucket = bucket_of(&layout, ns);

			ck_assert_uint_ge(ns, bdev_histogram_bucket_start(&layout, bucket));
			if (bucket + 1 < buckets) {
				ck_assert_uint_lt(ns,
						  bdev_histogram_bucket_start(&layout, bucket + 1));
			}
		}
	}
}
END_TEST

START_TEST(what_is_beyond_is_in_the_outermost)
{
	struct bdev_histogram_layout layout = bdev_histogram_layout(ALL, 7, 1000, 1000000);

	ck_assert_uint_eq(bucket_of(&layout, 0), 0);
	ck_assert_uint_eq(bucket_of(&layout, 3), 0);
	ck_assert_uint_eq(bdev_histogram_bucket_start(&layout, 0), 512);
	ck_assert_uint_eq(bucket_of(&layout, 512), 0);
	ck_assert_uint_eq(bucket_of(&layout, 516), 1);
	ck_assert_uint_eq(bucket_of(&layout, UINT64_MAX), bdev_histogram_num_buckets(&layout) - 1);
}
END_TEST

START_TEST(only_the_types_asked_for_are_counted)
{
	struct bdev_histogram_layout layout = bdev_histogram_layout(EBB_BIT(2), 1, 0, 8);
	struct bdev_histogram *histogram = bdev_histogram_create(&layout);

	bdev_histogram_count(histogram, 0, 1);
	bdev_histogram_count(histogram, 3, 1);
	ck_assert_uint_eq(histogram->buckets[1], 0);
	bdev_histogram_count(histogram, 2, 1);
	ck_assert_uint_eq(histogram->buckets[1], 1);
	free(histogram);
}
END_TEST

START_TEST(moving_adds_and_leaves_nothing)
{
	struct bdev_histogram_layout layout = bdev_histogram_layout(ALL, 3, 0, 1000);
	struct bdev_histogram *from = bdev_histogram_create(&layout);
	struct bdev_histogram *to = bdev_histogram_create(&layout);
	size_t last = bdev_histogram_num_buckets(&layout) - 1;

	bdev_histogram_count(to, 0, 1);
	bdev_histogram_count(from, 0, 1);
	bdev_histogram_count(from, 0, 100000);
	bdev_histogram_move(to, from);
	ck_assert_uint_eq(to->buckets[1], 2);
	ck_assert_uint_eq(to->buckets[last], 1);
	bdev_histogram_move(to, from);
	ck_assert_uint_eq(to->buckets[1], 2);
	ck_assert_uint_eq(to->buckets[last], 1);
	free(from);
	free(to);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(ranges_are_spdk_s),
		UNIT_LOOP(each_value_is_in_its_bucket, 1, 11),
		UNIT_TEST(what_is_beyond_is_in_the_outermost),
		UNIT_TEST(only_the_types_asked_for_are_counted),
		UNIT_TEST(moving_adds_and_leaves_nothing),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
