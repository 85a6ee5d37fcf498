/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nearest.h"

#include <string.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

static const char *const modes[] = {"poll", "interrupt", "adaptive", NULL};

static const char *const alike[] = {"cat", "bat", NULL};

START_TEST(test_distance)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{"poll", "poll", 0}, {"pol", "poll", 1}, {"polll", "poll", 1}, {"pxll", "poll", 1},
		{"plol", "poll", 1}, {"", "poll", 4},    {"poll", "", 4},      {"abc", "xyz", 3},
		{"plo", "poll", 2},  {"oll", "poll", 1},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		ck_assert_uint_eq(bench_nearest_distance(cases[i].a, strlen(cases[i].a),
							 cases[i].b),
				  cases[i].distance);
	}
}
END_TEST

START_TEST(test_nearest)
{
	ck_assert_str_eq(bench_nearest("adaptve", 7, modes), "adaptive");
	ck_assert_str_eq(bench_nearest("interupts", 9, modes), "interrupt");
	ck_assert_str_eq(bench_nearest("pol,adaptive", 3, modes), "poll");
	ck_assert_ptr_null(bench_nearest("sleep", 5, modes));
	ck_assert_ptr_null(bench_nearest("", 0, modes));
	ck_assert_ptr_null(bench_nearest("xyzw", 4, modes));
	ck_assert_str_eq(bench_nearest("aat", 3, alike), "cat"); /* the first of those as near */
}
END_TEST

/* However long a word is, nothing is written behind the table. */
START_TEST(test_long)
{
	char text[200];

	memset(text, 'p', sizeof(text));
	ck_assert_ptr_null(bench_nearest(text, sizeof(text), modes));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_distance),
		UNIT_TEST(test_nearest),
		UNIT_TEST(test_long),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
