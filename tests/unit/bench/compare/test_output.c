/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char error[BENCH_TEXT_MAX];

static int print(void *arg, FILE *out)
{
	fputs(arg, out);
	return 0;
}

static int print_fails(void *arg, FILE *out)
{
	fputs(arg, out);
	return -ENOSPC;
}

static const char *content(const char *path)
{
	static char text[64];
	FILE *file = fopen(path, "r");

	memset(text, 0, sizeof(text));
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_lt(fread(text, 1, sizeof(text) - 1, file), sizeof(text));
	fclose(file);
	return text;
}

START_TEST(what_can_be_written_is)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", scratch_path("new.json"));
	ck_assert_int_eq(bench_output_check("--json", path, error), 0);
	ck_assert_int_eq(access(path, F_OK), -1); /* not before there is something */
	ck_assert_int_eq(bench_output_write(path, print, (void *)"one", error), 0);
	ck_assert_str_eq(content(path), "one");
	ck_assert_int_eq(bench_output_check("--json", path, error), 0);
	ck_assert_int_eq(bench_output_write(path, print, (void *)"two", error), 0);
	ck_assert_str_eq(content(path), "two");
}
END_TEST

START_TEST(mistakes_are_found_before)
{
	char path[512];

	ck_assert_int_eq(bench_output_check("--csv", scratch_dir(), error), -EINVAL);
	ck_assert_int_eq(strncmp(error, "--csv ", 6), 0); /* replay and trace say so, too */
	ck_assert_ptr_nonnull(strstr(error, "no regular file; give another name"));
	snprintf(path, sizeof(path), "%s/no/such/folder/x.csv", scratch_dir());
	ck_assert_int_eq(bench_output_check("--csv", path, error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "No such file or directory; give a file in one"));
}
END_TEST

START_TEST(a_failure_leaves_what_was_there)
{
	char path[512];

	scratch_text("old.json", "old");
	snprintf(path, sizeof(path), "%s", scratch_path("old.json"));
	ck_assert_int_eq(bench_output_write(path, print_fails, (void *)"new", error), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(error, "No space left"));
	ck_assert_ptr_nonnull(strstr(error, "old.json"));
	ck_assert_str_eq(content(path), "old");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(what_can_be_written_is),
		UNIT_TEST(mistakes_are_found_before),
		UNIT_TEST(a_failure_leaves_what_was_there),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
