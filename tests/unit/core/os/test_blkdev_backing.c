/* SPDX-License-Identifier: Apache-2.0 */
/* Files behind loop devices; test_blkdev_users.c has what block devices back. */
#include "core/os/blkdev_backing.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char why[256];

static void setup(void)
{
	scratch_begin();
	memset(why, 0, sizeof(why));
}

START_TEST(a_file_behind_a_loop_device_is_named)
{
	const char *path = scratch_sparse("image", 4096);
	char text[512];
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	scratch_text("sys/block/loop3/loop/backing_file", "/nowhere (deleted)\n");
	ck_assert(!os_blkdev_backing_loop(scratch_dir(), st.st_dev, st.st_ino, why, sizeof(why)));
	snprintf(text, sizeof(text), "%s\n", path);
	scratch_text("sys/block/loop12/loop/backing_file", text);
	ck_assert(os_blkdev_backing_loop(scratch_dir(), st.st_dev, st.st_ino, why, sizeof(why)));
	ck_assert_str_eq(why, "behind loop12; losetup -d it");
	ck_assert(
		!os_blkdev_backing_loop(scratch_dir(), st.st_dev, st.st_ino + 1, why, sizeof(why)));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, scratch_end),
		UNIT_TEST(a_file_behind_a_loop_device_is_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
