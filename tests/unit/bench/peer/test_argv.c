/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/argv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

START_TEST(test_words)
{
	struct bench_argv argv = {0};

	bench_argv_add(&argv, "fio");
	bench_argv_add(&argv, "--bs=%d", 4096);
	ck_assert_uint_eq(argv.count, 2);
	ck_assert_str_eq(argv.words[1], "--bs=4096");
	ck_assert_ptr_null(argv.words[2]);
	bench_argv_clear(&argv);
	ck_assert_uint_eq(argv.count, 0);
	ck_assert_ptr_null(argv.words[0]);
}
END_TEST

START_TEST(test_too_many_words)
{
	struct bench_argv argv = {0};

	for (int i = 0; i < BENCH_ARGV_MAX; i++) {
		bench_argv_add(&argv, "%d", i);
	}
	ck_assert(!argv.failed);
	bench_argv_add(&argv, "more");
	ck_assert(argv.failed);
	ck_assert_ptr_null(argv.words[BENCH_ARGV_MAX]);
	bench_argv_clear(&argv);
}
END_TEST

START_TEST(test_quote)
{
	struct bench_argv argv = {0};
	char text[128];

	bench_argv_add(&argv, "fio");
	bench_argv_add(&argv, "--filename=/a b/it's $HOME");
	bench_argv_add(&argv, "%s", "");
	bench_argv_add(&argv, "--rate_iops=100,200");
	bench_argv_add(&argv, "*");
	ck_assert_int_eq(bench_argv_quote(&argv, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "fio '--filename=/a b/it'\\''s $HOME' '' --rate_iops=100,200 '*'");
	bench_argv_clear(&argv);
}
END_TEST

/* A shell makes the same words of the line. */
START_TEST(test_a_shell_reads_it)
{
	static const char *const words[] = {"a b",   "it's",      "\"quoted\"", "back\\slash",
					    "$(id)", "tab\there", "~",          "#no",
					    "!x",    "new\nline"};
	struct bench_argv argv = {0};
	char line[512];
	char command[640];
	char output[512];
	char wanted[512] = "";
	FILE *shell;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(words); i++) {
		bench_argv_add(&argv, "%s", words[i]);
		strcat(wanted, words[i]);
		strcat(wanted, "|");
	}
	ck_assert_int_eq(bench_argv_quote(&argv, line, sizeof(line)), 0);
	snprintf(command, sizeof(command), "printf '%%s|' %s", line);
	shell = popen(command, "r"); // NOLINT: the shell is what is asked
	ck_assert_ptr_nonnull(shell);
	output[fread(output, 1, sizeof(output) - 1, shell)] = '\0';
	pclose(shell);
	ck_assert_str_eq(output, wanted);
	bench_argv_clear(&argv);
}
END_TEST

START_TEST(test_cut_off)
{
	struct bench_argv argv = {0};
	char text[8];

	bench_argv_add(&argv, "seven77");
	ck_assert_int_eq(bench_argv_quote(&argv, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "seven77");
	bench_argv_add(&argv, "x");
	ck_assert_int_eq(bench_argv_quote(&argv, text, sizeof(text)), -EMSGSIZE);
	ck_assert_str_eq(text, "seven77");
	bench_argv_clear(&argv);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_words),   UNIT_TEST(test_too_many_words),
		UNIT_TEST(test_quote),   UNIT_TEST(test_a_shell_reads_it),
		UNIT_TEST(test_cut_off), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
