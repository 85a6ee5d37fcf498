/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char error[BENCH_TEXT_MAX];
static char old[512], new[512];

static void begin(void)
{
	scratch_begin();
	scratch_text("old", "of somebody");
	snprintf(old, sizeof(old), "%s", scratch_path("old"));
	snprintf(new, sizeof(new), "%s", scratch_path("new"));
}

/* The same place in other words. */
static const char *other_words(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/./%s", scratch_dir(), name);
	return path;
}

START_TEST(what_names_different_files_is_fine)
{
	struct bench_compare_options options = {.json = old, .csv = new, .bdev_json = __FILE__};

	ck_assert_int_eq(bench_outputs_check(&options, "no/such/trace", error), 0);
	ck_assert_int_eq(bench_outputs_check_open(&options, error), 0);
	options = (struct bench_compare_options){.json = NULL};
	ck_assert_int_eq(bench_outputs_check(&options, NULL, error), 0);
	ck_assert_int_eq(bench_outputs_check_open(&options, error), 0);
}
END_TEST

START_TEST(two_outputs_are_two_files)
{
	struct bench_compare_options options = {.csv = new, .html = new};

	ck_assert_int_eq(bench_outputs_check(&options, NULL, error), -EEXIST);
	ck_assert_ptr_nonnull(strstr(error, "two outputs cannot be one file: give another name"));
	options.html = other_words("new");
	ck_assert_int_eq(bench_outputs_check(&options, NULL, error), -EEXIST);
	options.csv = old;
	ck_assert_int_eq(bench_outputs_check(&options, NULL, error), 0);
	options.html = other_words("old");
	ck_assert_int_eq(bench_outputs_check(&options, NULL, error), -EEXIST);
	ck_assert_int_eq(link(old, new), 0);
	options.html = new;
	ck_assert_int_eq(bench_outputs_check(&options, NULL, error), -EEXIST);
}
END_TEST

START_TEST(what_was_asked_for_is_not_overwritten)
{
	struct bench_compare_options options = {.json = other_words("old"), .bdev_json = old};

	ck_assert_int_eq(bench_outputs_check(&options, NULL, error), -EEXIST);
	ck_assert_ptr_nonnull(strstr(error, "the file of --bdev-json, which would be lost"));
	options.bdev_json = NULL;
	ck_assert_int_eq(bench_outputs_check(&options, old, error), -EEXIST);
	ck_assert_ptr_nonnull(strstr(error, "the trace, which would be lost"));
}
END_TEST

START_TEST(a_target_is_not_overwritten)
{
	struct bench_compare_options options = {.html = other_words("old")};
	int fd = open(old, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bench_outputs_check_open(&options, error), -EEXIST);
	ck_assert_ptr_nonnull(strstr(error, "compare: --html "));
	ck_assert_ptr_nonnull(strstr(error, "give another name"));
	close(fd);
	ck_assert_int_eq(bench_outputs_check_open(&options, error), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(begin, scratch_end),
		UNIT_TEST(what_names_different_files_is_fine),
		UNIT_TEST(two_outputs_are_two_files),
		UNIT_TEST(what_was_asked_for_is_not_overwritten),
		UNIT_TEST(a_target_is_not_overwritten),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
