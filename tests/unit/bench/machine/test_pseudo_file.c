/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/pseudo_file.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

START_TEST(test_line)
{
	char line[8] = "before";

	ck_assert(!bench_pseudo_file_line(line, sizeof(line), scratch_dir(), "/%s", "none"));
	scratch_text("empty", "");
	ck_assert(!bench_pseudo_file_line(line, sizeof(line), scratch_dir(), "/empty"));
	scratch_text("blank", "  \t\nsecond\n");
	ck_assert(!bench_pseudo_file_line(line, sizeof(line), scratch_dir(), "/blank"));
	ck_assert(!bench_pseudo_file_line(line, sizeof(line), scratch_dir(), "/"));
	ck_assert_str_eq(line, "before");
	scratch_text("file7", "  a\tb \nsecond\n");
	ck_assert(bench_pseudo_file_line(line, sizeof(line), scratch_dir(), "/file%d", 7));
	ck_assert_str_eq(line, "a b");
	scratch_text("long", "123456789\n");
	ck_assert(bench_pseudo_file_line(line, sizeof(line), scratch_dir(), "/long"));
	ck_assert_str_eq(line, "1234567");
	scratch_text("odd", "\x80\x1b[x\xff\n");
	ck_assert(bench_pseudo_file_line(line, sizeof(line), scratch_dir(), "/odd"));
	ck_assert_str_eq(line, "??[x?");
}
END_TEST

START_TEST(test_record)
{
	char line[16] = "before";

	ck_assert(!bench_pseudo_file_record(line, sizeof(line), scratch_dir(), "/%s", "none"));
	ck_assert_str_eq(line, "before");
	scratch_text("stat", "7 (a\nb) S 1\n");
	ck_assert(bench_pseudo_file_record(line, sizeof(line), scratch_dir(), "/stat"));
	ck_assert_str_eq(line, "7 (a?b) S 1");
}
END_TEST

/* Half a line of many CPUs' interrupts has other numbers than the whole. */
START_TEST(test_text_ends_with_a_line)
{
	static char many[(1 << 20) + 64];
	char *text;

	for (size_t i = 0; i < sizeof(many) - 1; i++) {
		many[i] = i % 40 == 39 ? '\n' : '1';
	}
	scratch_text("many", many);
	text = bench_pseudo_file_text(scratch_dir(), "/many");
	ck_assert_uint_eq(strlen(text), (1 << 20) / 40 * 40);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	free(text);
}
END_TEST

START_TEST(test_count)
{
	static const char *const no_counts[] = {
		"", "-1\n", "1 2\n", "0x10\n", "x", "+1\n", "99999999999999999999\n"};
	uint64_t count = 42;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(no_counts); i++) {
		scratch_text("count", no_counts[i]);
		ck_assert(!bench_pseudo_file_count(&count, scratch_dir(), "/count"));
		ck_assert_uint_eq(count, 42);
	}
	scratch_text("count", "18446744073709551615\n");
	ck_assert(bench_pseudo_file_count(&count, scratch_dir(), "/count"));
	ck_assert_uint_eq(count, UINT64_MAX);
}
END_TEST

START_TEST(test_value)
{
	static const char text[] = "model\t\t: 17\nmodel name\t: A B\nempty\t:\nMemTotal:  12 kB\n"
				   "pswpin 7\nlast: end";
	char value[16] = "before";
	uint64_t number = 1;

	ck_assert(!bench_pseudo_file_value(text, "mode", value, sizeof(value)));
	ck_assert(!bench_pseudo_file_value(text, "empty", value, sizeof(value)));
	ck_assert(!bench_pseudo_file_value(text, "name", value, sizeof(value)));
	ck_assert(!bench_pseudo_file_value("", "name", value, sizeof(value)));
	ck_assert(!bench_pseudo_file_number(text, "model name", &number));
	ck_assert_str_eq(value, "before");
	ck_assert_uint_eq(number, 1);
	ck_assert(bench_pseudo_file_value(text, "model name", value, sizeof(value)));
	ck_assert_str_eq(value, "A B");
	ck_assert(bench_pseudo_file_value(text, "last", value, sizeof(value)));
	ck_assert_str_eq(value, "end");
	ck_assert(bench_pseudo_file_number(text, "MemTotal", &number));
	ck_assert_uint_eq(number, 12);
	ck_assert(bench_pseudo_file_number(text, "pswpin", &number));
	ck_assert_uint_eq(number, 7);
}
END_TEST

START_TEST(test_text_and_link)
{
	char name[16] = "before";
	char *text;

	ck_assert_ptr_null(bench_pseudo_file_text(scratch_dir(), "/none"));
	scratch_text("two", "a\nb\n");
	text = bench_pseudo_file_text(scratch_dir(), "/two");
	ck_assert_str_eq(text, "a\nb\n");
	free(text);
	ck_assert(!bench_pseudo_file_link(name, sizeof(name), scratch_dir(), "/two"));
	ck_assert_str_eq(name, "before");
	scratch_link("link", "../../bus/drivers/nvme");
	ck_assert(bench_pseudo_file_link(name, sizeof(name), scratch_dir(), "/link"));
	ck_assert_str_eq(name, "nvme");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_line),
		UNIT_TEST(test_record),
		UNIT_TEST(test_text_ends_with_a_line),
		UNIT_TEST(test_count),
		UNIT_TEST(test_value),
		UNIT_TEST(test_text_and_link),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
