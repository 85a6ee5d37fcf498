/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/number.h"

#include <math.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

static const struct {
	void (*print)(double number, char text[BENCH_NUMBER_MAX]);
	double number;
	const char *text;
} numbers[] = {
	{bench_number_time, 0, "0ns"},
	{bench_number_time, 7, "7.00ns"},
	{bench_number_time, 999.4, "999ns"},
	{bench_number_time, 999.6, "1.00us"}, /* not 1000ns */
	{bench_number_time, 9994, "9.99us"},
	{bench_number_time, 9996, "10.0us"}, /* not 10.00us */
	{bench_number_time, 12345, "12.3us"},
	{bench_number_time, 99960, "100us"},
	{bench_number_time, 1.5e6, "1.50ms"},
	{bench_number_time, 2.5e9, "2.50s"},
	{bench_number_time, 3.6e12, "3600s"},
	{bench_number_time, NAN, "-"},
	{bench_number_time, INFINITY, "-"},
	{bench_number_count, 0, "0"},
	{bench_number_count, 0.25, "0.250"},
	{bench_number_count, 0.0312, "0.0312"},
	{bench_number_count, 0.00009, "<0.0001"},
	{bench_number_count, 1, "1.00"},
	{bench_number_count, 95012.3, "95.0k"},
	{bench_number_count, 54e6, "54.0M"},
	{bench_number_count, NAN, "-"},
	{bench_number_plain, 2932.4, "2932"},
	{bench_number_plain, 99.96, "100"},
	{bench_number_plain, 10.5, "10.5"},
	{bench_number_plain, NAN, "-"},
	{bench_number_factor, 0.312, "0.31"},
	{bench_number_factor, 0.0761, "0.076"},
	{bench_number_factor, 0.997, "1.00"},
	{bench_number_factor, 3.234, "3.23"},
	{bench_number_factor, 9.996, "10.0"},
	{bench_number_factor, 13.15, "13.2"},
	{bench_number_factor, 131.2, "131"},
	{bench_number_factor, NAN, "-"},
};

START_TEST(three_digits_count)
{
	char text[BENCH_NUMBER_MAX];

	numbers[_i].print(numbers[_i].number, text);
	ck_assert_str_eq(text, numbers[_i].text);
}
END_TEST

static const struct {
	struct bench_spread spread;
	const char *text;
	unsigned columns;
} spreads[] = {
	{{100, 99, 102}, "±2.0%", 5},       {{100, 97, 102}, "±3.0%", 5},
	{{1000, 1000, 1000.1}, "±0.1%", 5}, /* rounded up: 0.01 is within */
	{{100, 100, 100}, "±0.0%", 5},      {{100, 90.1, 100}, "±9.9%", 5},
	{{100, 88, 100}, "±12%", 4},        {{100, 100, 112.3}, "±13%", 4},
	{{1, 0.5, 30}, "±>999%", 6},        {{1, 1, 10.99}, "±999%", 5},
	{{1, 1, 10.995}, "±>999%", 6},      {{0, 0, 0}, "", 0},
	{{0, 0, 0.3}, "<=0.300", 7},        {{NAN, NAN, NAN}, "", 0},
};

START_TEST(the_interval_is_within_what_is_printed)
{
	char text[BENCH_NUMBER_MAX];

	ck_assert_uint_eq(bench_number_spread(&spreads[_i].spread, text), spreads[_i].columns);
	ck_assert_str_eq(text, spreads[_i].text);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(three_digits_count, 0, (int)EBB_ARRAY_SIZE(numbers)),
		UNIT_LOOP(the_interval_is_within_what_is_printed, 0, (int)EBB_ARRAY_SIZE(spreads)),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
