/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/write.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static void assert_number(double number, const char *wanted)
{
	char text[64];

	bench_page_number_text(number, text);
	ck_assert_str_eq(text, wanted);
}

START_TEST(numbers_have_three_digits_or_more)
{
	assert_number(0, "0");
	assert_number(1, "1.00");
	assert_number(12.345, "12.3");
	assert_number(99.96, "100");
	assert_number(123.4, "123");
	assert_number(0.01234, "0.0123");
	assert_number(1234.5, "1,234");
	assert_number(1234567, "1,234,567");
	assert_number(-1234567, "-1,234,567");
	assert_number(-123, "-123");
	assert_number(1e-12, "0.000000000");
}
END_TEST

START_TEST(what_is_no_figure_is_a_dash)
{
	assert_number(NAN, "-");
	assert_number(INFINITY, "-");
	assert_number(1e300, "-");
	assert_number(0x1p90, "1,237,940,039,285,380,274,899,124,224");
}
END_TEST

static void assert_count(double number, const char *wanted)
{
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);

	bench_page_count_put(out, number);
	fclose(out);
	ck_assert_str_eq(made, wanted);
	free(made);
}

START_TEST(what_is_exact_has_no_decimals)
{
	assert_count(1, "1");
	assert_count(20000, "20,000");
	assert_count(7.5, "7.50");
	assert_count(NAN, "-");
	assert_count(-INFINITY, "-");
}
END_TEST

static void assert_cell(struct bench_spread spread, const char *wanted)
{
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);

	bench_page_spread_cell(out, spread);
	fclose(out);
	ck_assert_str_eq(made, wanted);
	free(made);
}

START_TEST(a_cell_has_the_figure_twice)
{
	assert_cell((struct bench_spread){8123.4567, 8000, 8200.5},
		    "<td data-v=\"8123.4567\" data-l=\"8000\" data-h=\"8200.5\">8,123 "
		    "<small>8,000 to 8,200</small></td>");
	assert_cell((struct bench_spread){0.5, NAN, NAN}, "<td data-v=\"0.5\">0.500</td>");
	assert_cell((struct bench_spread){NAN, NAN, NAN},
		    "<td class=\"none\"><span class=\"spoken\">not measured</span></td>");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(numbers_have_three_digits_or_more),
		UNIT_TEST(what_is_no_figure_is_a_dash),
		UNIT_TEST(what_is_exact_has_no_decimals),
		UNIT_TEST(a_cell_has_the_figure_twice),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
