/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/histogram.h>

#include "tests/unit/unit.h"

static struct ebb_histogram histogram;

static void setup(void)
{
	ebb_histogram_reset(&histogram);
}

START_TEST(test_empty)
{
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 50), 0);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 100), 0);
	ck_assert_uint_eq(histogram.min, UINT64_MAX);
	ck_assert_uint_eq(histogram.max, 0);
}
END_TEST

/* Below 64 each value has a bucket of its own. */
START_TEST(test_small_exact)
{
	for (uint64_t value = 1; value <= 50; value++) {
		ebb_histogram_add(&histogram, value);
	}
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 2), 1);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 50), 25);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 50.001), 26);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 99), 50);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 100), 50);
	ck_assert_uint_eq(histogram.sum, 50 * 51 / 2);
	ck_assert_uint_eq(histogram.count, 50);
}
END_TEST

START_TEST(test_tail)
{
	for (unsigned i = 0; i < 999; i++) {
		ebb_histogram_add(&histogram, 10);
	}
	ebb_histogram_add(&histogram, 60);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 99.9), 10);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 99.91), 60);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 100), 60);
}
END_TEST

/* Buckets cover all values without a gap: after the upper edge of one the next one begins. */
START_TEST(test_upper_edges)
{
	for (unsigned i = 0; i < EBB_HISTOGRAM_BUCKETS; i++) {
		uint64_t upper = ebb_histogram_upper(i);

		ck_assert_uint_eq(ebb_histogram_index(upper), i);
		if (i + 1 < EBB_HISTOGRAM_BUCKETS) {
			ck_assert_uint_eq(ebb_histogram_index(upper + 1), i + 1);
		} else {
			ck_assert_uint_eq(upper, UINT64_MAX);
		}
	}
}
END_TEST

/* Any value is answered by one that is not smaller, and larger by no more than 1.6 %. */
START_TEST(test_precision)
{
	for (unsigned shift = 0; shift < 64; shift++) {
		for (uint64_t step = 0; step < 16; step++) {
			uint64_t value = (1ull << shift) + step * ((1ull << shift) / 16);
			uint64_t answer;

			ebb_histogram_reset(&histogram);
			ebb_histogram_add(&histogram, value);
			ebb_histogram_add(&histogram, UINT64_MAX);
			answer = ebb_histogram_percentile(&histogram, 50);
			ck_assert_uint_ge(answer, value);
			ck_assert_uint_le(answer - value, value / 64);
		}
	}
}
END_TEST

/* Buckets neither overlap nor leave a gap, up to the last value. */
START_TEST(test_bounds)
{
	ck_assert_uint_eq(ebb_histogram_index(0), 0);
	ck_assert_uint_eq(ebb_histogram_index(UINT64_MAX), EBB_HISTOGRAM_BUCKETS - 1);
	for (unsigned shift = 1; shift < 64; shift++) {
		uint64_t power = 1ull << shift;

		ck_assert_uint_eq(ebb_histogram_index(power), ebb_histogram_index(power - 1) + 1);
	}
	ebb_histogram_add(&histogram, 0);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 100), 0);
	ck_assert_uint_eq(histogram.min, 0);
	ebb_histogram_add(&histogram, UINT64_MAX);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 50), 0);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 100), UINT64_MAX);
}
END_TEST

/* No percentile is above what was counted, however wide its bucket. */
START_TEST(test_max)
{
	ebb_histogram_add(&histogram, 1000000);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 50), 1000000);
	ck_assert_uint_eq(histogram.min, 1000000);
	ck_assert_uint_eq(histogram.max, 1000000);
}
END_TEST

START_TEST(test_merge)
{
	static struct ebb_histogram other, empty;

	ebb_histogram_reset(&other);
	ebb_histogram_reset(&empty);
	ebb_histogram_add(&histogram, 5);
	ebb_histogram_add(&other, 3);
	ebb_histogram_add(&other, 60);
	ebb_histogram_merge(&histogram, &other);
	ebb_histogram_merge(&histogram, &empty);
	ck_assert_uint_eq(histogram.count, 3);
	ck_assert_uint_eq(histogram.sum, 68);
	ck_assert_uint_eq(histogram.min, 3);
	ck_assert_uint_eq(histogram.max, 60);
	ck_assert_uint_eq(ebb_histogram_percentile(&histogram, 50), 5);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),   UNIT_TEST(test_empty),
		UNIT_TEST(test_small_exact), UNIT_TEST(test_tail),
		UNIT_TEST(test_upper_edges), UNIT_TEST(test_precision),
		UNIT_TEST(test_bounds),      UNIT_TEST(test_max),
		UNIT_TEST(test_merge),       UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
