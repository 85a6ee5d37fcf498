/* SPDX-License-Identifier: Apache-2.0 */
/* What a word names, and who uses it: told from files, and from trees like the kernel's. */
#include "bench/compare/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static struct bench_target target;
static char error[BENCH_TEXT_MAX];

static void setup(void)
{
	scratch_begin();
	scratch_text("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
	scratch_text("proc/self/mountinfo", "21 1 9:9 / / rw - ext4 /dev/root rw\n");
	scratch_text("sys/dev/block/240:0/dev", "240:0\n");
}

static void teardown(void)
{
	scratch_end();
}

static int resolve(const char *text, bool bdev, bool write)
{
	memset(&target, 0xff, sizeof(target));
	memset(error, 0, sizeof(error));
	return bench_target_resolve(text, bdev, write, &target, error);
}

static const char *filled(const char *name, size_t size)
{
	const char *path = scratch_sparse(name, 0);
	char block[512];
	int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	memset(block, 'x', sizeof(block));
	for (size_t done = 0; done < size; done += sizeof(block)) {
		ck_assert_int_eq(write(fd, block, sizeof(block)), sizeof(block));
	}
	close(fd);
	return path;
}

START_TEST(a_file_is_a_file)
{
	const char *path = filled("image", 65536);

	ck_assert_int_eq(resolve(path, false, false), 0);
	ck_assert_str_eq(target.name, path);
	ck_assert_str_eq(target.kind, "file");
	ck_assert_str_eq(target.path, path);
	ck_assert_str_eq(target.bdev, "");
	ck_assert_str_eq(target.driver, "");
	ck_assert_uint_eq(target.size_bytes, 65536);
	ck_assert(!target.sparse);
	ck_assert_int_eq(resolve(path, true, true), 0); /* it has a slash */
	ck_assert_str_eq(target.kind, "file");
}
END_TEST

START_TEST(holes_are_noticed)
{
	ck_assert_int_eq(resolve(scratch_sparse("holes", 1 << 20), false, false), 0);
	ck_assert(target.sparse);
}
END_TEST

START_TEST(a_word_is_a_bdev_if_a_configuration_makes_them)
{
	ck_assert_int_eq(resolve("null0", true, true), 0);
	ck_assert_str_eq(target.kind, "bdev");
	ck_assert_str_eq(target.bdev, "null0");
	ck_assert_str_eq(target.path, "");
	ck_assert_int_eq(resolve("null0", false, false), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "compare: null0: No such file"));
	ck_assert_ptr_nonnull(strstr(error, "--bdev-json FILE"));
}
END_TEST

/* A file is never made, and never grown. */
START_TEST(what_is_missing_or_empty_is_refused)
{
	ck_assert_int_eq(resolve(scratch_path("missing"), false, true), -ENOENT);
	ck_assert_int_eq(access(scratch_path("missing"), F_OK), -1);
	ck_assert_int_eq(resolve(scratch_sparse("empty", 0), false, true), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "too short, and a file is never made longer"));
	ck_assert_int_eq(resolve(scratch_dir(), false, false), -EISDIR);
	ck_assert_ptr_nonnull(strstr(error, "a folder; give a file in it"));
	ck_assert_int_eq(resolve("/dev/null", false, false), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no device that stores blocks"));
}
END_TEST

START_TEST(long_names_are_refused)
{
	char text[400];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(resolve(text, true, false), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(error, "longer than 255 bytes"));
}
END_TEST

static bool user_of_device(void)
{
	struct stat st = {.st_mode = S_IFBLK, .st_rdev = makedev(240, 0)};

	return bench_target_user(scratch_dir(), &st, error);
}

START_TEST(users_of_a_device_are_named)
{
	ck_assert(!user_of_device());
	scratch_text("proc/self/mountinfo", "21 1 240:0 / /mnt rw - ext4 /dev/sdx rw\n");
	ck_assert(user_of_device());
	ck_assert_str_eq(error, "mounted on /mnt; unmount it");
	scratch_text("proc/self/mountinfo", "");
	scratch_text("sys/dev/block/240:0/holders/dm-3", "");
	ck_assert(user_of_device());
	ck_assert_str_eq(error, "part of dm-3; take that apart");
}
END_TEST

START_TEST(users_of_a_file_are_named)
{
	const char *path = filled("image", 4096);
	char text[512];
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(!bench_target_user(scratch_dir(), &st, error));
	snprintf(text, sizeof(text), "Filename\n%s file 4 0 -2\n", path);
	scratch_text("proc/swaps", text);
	ck_assert(bench_target_user(scratch_dir(), &st, error));
	ck_assert_str_eq(error, "swap space; swapoff it");
	scratch_text("proc/swaps", "Filename\n");
	snprintf(text, sizeof(text), "%s\n", path);
	scratch_text("sys/block/loop3/loop/backing_file", text);
	ck_assert(bench_target_user(scratch_dir(), &st, error));
	ck_assert_str_eq(error, "behind loop3; losetup -d it");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_file_is_a_file),
		UNIT_TEST(holes_are_noticed),
		UNIT_TEST(a_word_is_a_bdev_if_a_configuration_makes_them),
		UNIT_TEST(what_is_missing_or_empty_is_refused),
		UNIT_TEST(long_names_are_refused),
		UNIT_TEST(users_of_a_device_are_named),
		UNIT_TEST(users_of_a_file_are_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
