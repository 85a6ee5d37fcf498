/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

static const struct {
	const char *text;
	const char *terminal;
	unsigned columns;
	const char *utf8;
} cases[] = {
	{"", "", 0, ""},
	{"disk.img", "disk.img", 8, "disk.img"},
	{"\x1b[2J\x07\n\x7f", "\\x1b[2J\\x07\\x0a\\x7f", 19, "\x1b[2J\x07\n\x7f"},
	{"\xc2\x9b"
	 "2J",
	 "\\u009b2J", 8,
	 "\xc2\x9b"
	 "2J"}, /* C1: a CSI in one character */
	{"a\xe2\x80\xae"
	 "b",
	 "a\\u202eb", 8,
	 "a\xe2\x80\xae"
	 "b"},                                             /* from right to left */
	{"\xe2\x80\x8bx", "\\u200bx", 7, "\xe2\x80\x8bx"}, /* no width */
	{"sp\xc3\xa4t", "sp\xc3\xa4t", 4, "sp\xc3\xa4t"},
	{"a\xcc\x88", "a\xcc\x88", 1, "a\xcc\x88"}, /* a mark over a letter */
	{"\xe7\xa3\x81\xe7\x9b\xa4", "\xe7\xa3\x81\xe7\x9b\xa4", 4, "\xe7\xa3\x81\xe7\x9b\xa4"},
	{"\xf0\x9f\x92\xbe", "\xf0\x9f\x92\xbe", 2, "\xf0\x9f\x92\xbe"},
	{"\xff"
	 "a",
	 "\\xffa", 5,
	 "\xef\xbf\xbd"
	 "a"},
	{"a\xe7\xa3", "a\\xe7\\xa3", 9, "a\xef\xbf\xbd\xef\xbf\xbd"}, /* cut amid a character */
	{"\xc0\xaf", "\\xc0\\xaf", 8, "\xef\xbf\xbd\xef\xbf\xbd"},    /* overlong */
	{"\xed\xa0\x80", "\\xed\\xa0\\x80", 12, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
};

START_TEST(a_terminal_only_shows_it)
{
	char into[64];

	ck_assert_uint_eq(bench_text_terminal(cases[_i].text, into, sizeof(into)),
			  cases[_i].columns);
	ck_assert_str_eq(into, cases[_i].terminal);
}
END_TEST

START_TEST(it_becomes_utf8)
{
	char into[64];

	bench_text_utf8(cases[_i].text, into, sizeof(into));
	ck_assert_str_eq(into, cases[_i].utf8);
}
END_TEST

/* What does not fit is cut off, but never amid a character or an escape. */
START_TEST(the_end_is_cut_off)
{
	char into[8];

	ck_assert_uint_eq(bench_text_terminal("abcdef\xc3\xa4", into, sizeof(into)), 6);
	ck_assert_str_eq(into, "abcdef");
	ck_assert_uint_eq(bench_text_terminal("abcde\n", into, sizeof(into)), 5);
	ck_assert_str_eq(into, "abcde");
	bench_text_utf8("abcdef\xc3\xa4", into, sizeof(into));
	ck_assert_str_eq(into, "abcdef");
	bench_text_utf8("abcdefgh", into, sizeof(into));
	ck_assert_str_eq(into, "abcdefg");
}
END_TEST

/* What a server or a file calls itself does nothing to the terminal. */
START_TEST(what_is_said_is_harmless)
{
	int stderr_fd = dup(STDERR_FILENO);
	FILE *file = tmpfile();
	char line[64] = "";

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
	bench_text_say("%s: %d", "a\x1b[2J\nb", 7);
	fflush(stderr);
	dup2(stderr_fd, STDERR_FILENO);
	close(stderr_fd);
	rewind(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	ck_assert_str_eq(line, "ebb-bench: a\\x1b[2J\\x0ab: 7\n");
	ck_assert_ptr_null(fgets(line, sizeof(line), file));
	fclose(file);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(a_terminal_only_shows_it, 0, (int)EBB_ARRAY_SIZE(cases)),
		UNIT_LOOP(it_becomes_utf8, 0, (int)EBB_ARRAY_SIZE(cases)),
		UNIT_TEST(the_end_is_cut_off),
		UNIT_TEST(what_is_said_is_harmless),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
