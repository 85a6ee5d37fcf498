/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/progress.h"

#include <string.h>

#include "tests/unit/unit.h"

START_TEST(test_line)
{
	char line[200];

	bench_progress_line(0, 40, 0, "poll", 100, line, sizeof(line));
	ck_assert_str_eq(line, "[....................] 0/40: poll");
	bench_progress_line(10, 40, 20 * EBB_NS_PER_S, "poll", 100, line, sizeof(line));
	ck_assert_str_eq(line, "[#####...............] 10/40, 1 min 0 s left: poll");
	bench_progress_line(40, 40, 80 * EBB_NS_PER_S, "poll", 100, line, sizeof(line));
	ck_assert_str_eq(line, "[####################] 40/40, 0 s left: poll");
	/* What another program calls itself does nothing to the terminal. */
	bench_progress_line(0, 1, 0, "a\x1b[2Jb\n", 100, line, sizeof(line));
	ck_assert_str_eq(line, "[....................] 0/1: a\\x1b[2Jb\\x0a");
}
END_TEST

/* A narrow terminal, a small buffer: the line is cut, and nothing is written behind it. */
START_TEST(test_width)
{
	char line[60];

	memset(line, 'x', sizeof(line));
	bench_progress_line(10, 40, EBB_NS_PER_S, "a long text", 30, line, sizeof(line));
	ck_assert_uint_eq(strlen(line), 30);
	memset(line, 'x', sizeof(line));
	bench_progress_line(10, 40, EBB_NS_PER_S, "a long text", 200, line, 20);
	ck_assert_uint_eq(strlen(line), 19);
	ck_assert_int_eq(line[20], 'x');
}
END_TEST

START_TEST(test_time)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 s"},
		{1, "1 s"},
		{59 * EBB_NS_PER_S, "59 s"},
		{60 * EBB_NS_PER_S, "1 min 0 s"},
		{3599 * EBB_NS_PER_S, "59 min 59 s"},
		{3 * 3600 * EBB_NS_PER_S + 61 * EBB_NS_PER_S, "3 h 1 min"},
	};
	char text[32];

	for (size_t i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		bench_progress_time(cases[i].ns, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

/* To what is no terminal nothing is written at all. */
START_TEST(test_no_terminal)
{
	struct bench_progress progress;
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	bench_progress_start(&progress, file, 3);
	ck_assert(!progress.shown);
	bench_progress_show(&progress, "poll");
	bench_progress_step(&progress);
	bench_progress_clear(&progress);
	fflush(file);
	ck_assert_int_eq(ftell(file), 0);
	fclose(file);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_line),
		UNIT_TEST(test_width),
		UNIT_TEST(test_time),
		UNIT_TEST(test_no_terminal),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
