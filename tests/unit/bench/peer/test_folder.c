/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "tests/unit/unit.h"

static char error[BENCH_TEXT_MAX];

START_TEST(test_private_and_gone)
{
	struct bench_folder folder = {0};
	struct stat status;
	char path[128];
	FILE *file;

	ck_assert_int_eq(bench_folder_make(&folder, error), 0);
	ck_assert_int_eq(stat(folder.path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/whatever", folder.path);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	snprintf(path, sizeof(path), "%s", folder.path);
	bench_folder_remove(&folder);
	ck_assert_int_ne(access(path, F_OK), 0);
	bench_folder_remove(&folder);
}
END_TEST

/* A killed ebb-bench cannot remove its own. */
START_TEST(test_orphans_go_and_others_stay)
{
	char parent[] = "/tmp/ebb-test-folder.XXXXXX";
	struct bench_folder living = {0}, folder = {0};
	char path[2][128];

	ck_assert_ptr_nonnull(mkdtemp(parent));
	ck_assert_int_eq(setenv("TMPDIR", parent, 1), 0);
	ck_assert_int_eq(bench_folder_make(&living, error), 0);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%s", parent,
			 i == 0 ? "ebb-bench.killed" : "ebb-bench.of-mine");
		ck_assert_int_eq(mkdir(path[i], 0700), 0);
	}
	snprintf(path[0], sizeof(path[0]), "%s/ebb-bench.killed/socket", parent);
	ck_assert_int_eq(mkdir(path[0], 0700), 0); /* no file: it stays, and with it the folder */
	ck_assert_int_eq(bench_folder_make(&folder, error), 0);
	ck_assert_int_eq(access(path[0], F_OK), 0);
	bench_folder_remove(&folder);
	ck_assert_int_eq(rmdir(path[0]), 0);
	fclose(fopen(path[0], "w"));
	ck_assert_int_eq(bench_folder_make(&folder, error), 0);
	ck_assert_int_ne(access(path[0], F_OK), 0);
	*strrchr(path[0], '/') = '\0';
	ck_assert_int_ne(access(path[0], F_OK), 0);
	ck_assert_int_eq(access(living.path, F_OK), 0);
	ck_assert_int_eq(rmdir(path[1]), 0); /* its name is longer than ours */
	bench_folder_remove(&folder);
	bench_folder_remove(&living);
	ck_assert_int_eq(rmdir(parent), 0);
}
END_TEST

/* A socket's path would not fit into a folder that is deeper. */
START_TEST(test_long_tmpdir)
{
	char deep[200] = "/";
	struct bench_folder folder = {0};

	memset(deep + 1, 'x', sizeof(deep) - 2);
	ck_assert_int_eq(setenv("TMPDIR", deep, 1), 0);
	ck_assert_int_eq(bench_folder_make(&folder, error), 0);
	ck_assert_int_eq(strncmp(folder.path, "/tmp/", 5), 0);
	bench_folder_remove(&folder);
}
END_TEST

/* One that a URI, a shell or a peer's option would read as something else is there, and not taken. */
START_TEST(test_odd_tmpdir)
{
	static const char *const names[] = {"/tmp/ebb a", "/tmp/ebb,a", "/tmp/ebb%41",
					    "/tmp/ebb&a"};
	struct bench_folder folder = {0};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		ck_assert(mkdir(names[i], 0700) == 0 || errno == EEXIST);
		ck_assert_int_eq(setenv("TMPDIR", names[i], 1), 0);
		ck_assert_int_eq(bench_folder_make(&folder, error), 0);
		ck_assert_int_eq(strncmp(folder.path, "/tmp/ebb-bench.", 15), 0);
		bench_folder_remove(&folder);
		rmdir(names[i]);
	}
}
END_TEST

START_TEST(test_no_folder)
{
	struct bench_folder folder = {0};

	ck_assert_int_eq(setenv("TMPDIR", "/nonexistent", 1), 0);
	ck_assert_int_lt(bench_folder_make(&folder, error), 0);
	ck_assert_ptr_nonnull(strstr(error, "/nonexistent/ebb-bench."));
	bench_folder_remove(&folder);
}
END_TEST

/* The line, run by a shell, writes the very same configuration. */
START_TEST(test_command)
{
	struct json_object *params = json_object_new_object();
	struct json_object *more = json_object_new_object();
	struct bench_folder folder = {0};
	struct bench_argv argv = {0};
	struct json_object *config;
	struct json_object *read;
	char path[128];
	char line[1024];

	ck_assert_int_eq(bench_folder_make(&folder, error), 0);
	snprintf(path, sizeof(path), "%s/config", folder.path);
	json_object_object_add(params, "filename", json_object_new_string("/a b/it's %d"));
	config = bench_folder_config("bdev", "bdev_uring_create", params, "nbd", "nbd_start_export",
				     more);
	bench_argv_add(&argv, "test");
	bench_argv_add(&argv, "-s");
	bench_argv_add(&argv, "%s", path);
	bench_folder_command(&argv, path, config, line, sizeof(line));
	ck_assert_int_eq(system(line), 0); // NOLINT: a shell is what it is for
	read = json_object_from_file(path);
	ck_assert(json_object_equal(config, read));
	json_object_put(read);
	json_object_put(config);
	bench_argv_clear(&argv);
	bench_folder_remove(&folder);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_private_and_gone),
		UNIT_TEST(test_orphans_go_and_others_stay),
		UNIT_TEST(test_long_tmpdir),
		UNIT_TEST(test_odd_tmpdir),
		UNIT_TEST(test_no_folder),
		UNIT_TEST(test_command),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
