/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json_number.h"

#include <ebb/base.h>

#include "tests/unit/unit.h"

START_TEST(reads_integers_however_written)
{
	static const struct {
		const char *text;
		bool negative;
		uint64_t magnitude;
	} rows[] = {
		{"0", false, 0},
		{"-0", false, 0},
		{"-0.000e17", false, 0},
		{"0e99999999999999999999", false, 0},
		{"0e-99999999999999999999", false, 0},
		{"7", false, 7},
		{"-7", true, 7},
		{"4096.0", false, 4096},
		{"4.096e3", false, 4096},
		{"4.096E+3", false, 4096},
		{"4096e0", false, 4096},
		{"4096e00000", false, 4096},
		{"40960e-1", false, 4096},
		{"4096000.00e-3", false, 4096},
		{"0.0004096e7", false, 4096},
		{"0.5e1", false, 5},
		{"-1e1", true, 10},
		{"1e19", false, 10000000000000000000u},
		{"18446744073709551615", false, UINT64_MAX},
		{"-18446744073709551615", true, UINT64_MAX},
		{"1844674407370955161.5e1", false, UINT64_MAX},
		{"18446744073709551615000e-3", false, UINT64_MAX},
		{"9007199254740993", false, 9007199254740993},
		{"9007199254740993.0", false, 9007199254740993},
		{"-9223372036854775808", true, (uint64_t)INT64_MAX + 1},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		struct base_json_integer integer = {.magnitude = 1};

		ck_assert_msg(base_json_number_integer(rows[i].text, &integer), "%s", rows[i].text);
		ck_assert_msg(integer.magnitude == rows[i].magnitude, "%s", rows[i].text);
		ck_assert_msg(integer.negative == rows[i].negative, "%s", rows[i].text);
	}
}
END_TEST

START_TEST(refuses_the_others)
{
	static const char *const rows[] = {
		"",
		"-",
		".",
		"x",
		"1x",
		"1e",
		"1e+",
		"1e1x",
		"e1",
		".5",
		"1.2.3",
		"nan",
		"inf",
		"0.1",
		"1.5",
		"15e-1",
		"1e-1",
		"1.00000000000000000000000000001",
		"-0.5",
		"123456.7e0",
		"1.2345e3",
		"1e-99999999999999999999",
		"18446744073709551616",
		"18446744073709551615.5",
		"1.8446744073709551616e19",
		"2e19",
		"1e20",
		"1e99999999999999999999",
		"1e18446744073709551617", /* 2^64 + 1 */
		"-1e9999",
		"340282366920938463463374607431768211456",
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		struct base_json_integer integer = {.magnitude = 77};

		ck_assert_msg(!base_json_number_integer(rows[i], &integer), "%s is %lu", rows[i],
			      (unsigned long)integer.magnitude);
		ck_assert_uint_eq(integer.magnitude, 77);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(reads_integers_however_written),
		UNIT_TEST(refuses_the_others),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
