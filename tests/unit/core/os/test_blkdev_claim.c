/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/blkdev_claim.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char why[256];

static void setup(void)
{
	scratch_begin();
	memset(why, 0, sizeof(why));
	scratch_text("sys/dev/block/240:0/dev", "240:0\n");
}

START_TEST(a_claim_is_an_open_file_and_looks_first)
{
	int fd;

	scratch_text("dev/sdx", "");
	fd = os_blkdev_claim(scratch_dir(), "/dev/sdx", makedev(240, 0), why, sizeof(why));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	scratch_text("proc/self/mountinfo", "21 1 240:0 / /mnt rw - ext4 /dev/sdx rw\n");
	ck_assert_int_eq(os_blkdev_claim(scratch_dir(), "/dev/sdx", makedev(240, 0), why,
					 sizeof(why)),
			 -EBUSY);
	ck_assert_str_eq(why, "mounted on /mnt; unmount it");
	ck_assert_int_eq(os_blkdev_claim(scratch_dir(), "/dev/no", makedev(240, 0), why,
					 sizeof(why)),
			 -ENOENT);
	/* What is not the block device it was thought to be. */
	ck_assert_int_eq(os_blkdev_claim("", scratch_path("dev/sdx"), makedev(240, 0), why,
					 sizeof(why)),
			 -ENODEV);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, scratch_end),
		UNIT_TEST(a_claim_is_an_open_file_and_looks_first),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
