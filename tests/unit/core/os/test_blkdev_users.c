/* SPDX-License-Identifier: Apache-2.0 */
/* Which block devices the kernel uses, told from trees of files like its own. */
#include "core/os/blkdev_users.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char why[256];

static void setup(void)
{
	scratch_begin();
	memset(why, 0, sizeof(why));
	scratch_text("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
	scratch_text("proc/self/mountinfo",
		     "21 1 9:9 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
		     "22 21 0:20 / /proc rw - proc proc rw\n");
	/* Disk 240:0 has partitions 240:1 and 240:2. */
	scratch_text("sys/dev/block/240:0/dev", "240:0\n");
	scratch_text("sys/dev/block/240:0/size", "1000\n");
	scratch_text("sys/dev/block/240:0/sdx1/partition", "1\n");
	scratch_text("sys/dev/block/240:0/sdx1/dev", "240:1\n");
	scratch_text("sys/dev/block/240:0/sdx2/partition", "2\n");
	scratch_text("sys/dev/block/240:0/sdx2/dev", "240:2\n");
	scratch_text("sys/dev/block/240:0/queue/dev", "240:3\n"); /* no partition */
}

static void teardown(void)
{
	scratch_end();
}

static bool in_use(unsigned minor_num)
{
	return os_blkdev_users_find(scratch_dir(), makedev(240, minor_num), 0, why, sizeof(why));
}

static void mount_at(const char *line)
{
	scratch_text("proc/self/mountinfo", line);
}

START_TEST(a_free_device_is_free)
{
	ck_assert(!in_use(0));
	ck_assert(!in_use(7)); /* one without a folder in sysfs */
	ck_assert_str_eq(why, "");
}
END_TEST

START_TEST(a_mounted_one_is_named)
{
	mount_at("21 1 240:0 / /mnt/data rw,relatime shared:1 master:2 - ext4 /dev/sdx rw\n");
	ck_assert(in_use(0));
	ck_assert_str_eq(why, "mounted on /mnt/data; unmount it");
}
END_TEST

START_TEST(a_mounted_partition_is_named)
{
	mount_at("21 1 240:2 / /boot rw - ext4 /dev/sdx2 rw\n");
	ck_assert(in_use(0));
	ck_assert_str_eq(why,
			 "in use by its partition sdx2, which is mounted on /boot; unmount it");
	mount_at("21 1 240:3 / /boot rw - ext4 /dev/sdx3 rw\n");
	ck_assert(!in_use(0));
}
END_TEST

START_TEST(odd_lines_are_passed_over)
{
	mount_at("nonsense\n21 1 240:0\n21 1 x:y / / - a b\n - \n21 1 240:0 / - \n");
	ck_assert(!in_use(0));
}
END_TEST

START_TEST(a_held_one_is_named)
{
	scratch_text("sys/dev/block/240:0/holders/dm-3", "");
	ck_assert(in_use(0));
	ck_assert_str_eq(why, "part of dm-3; take that apart");
}
END_TEST

START_TEST(a_held_partition_is_named)
{
	scratch_text("sys/dev/block/240:0/sdx1/holders/md0", "");
	ck_assert(in_use(0));
	ck_assert_str_eq(why,
			 "in use by its partition sdx1, which is part of md0; take that apart");
}
END_TEST

START_TEST(a_member_of_a_filesystem_is_named)
{
	scratch_text("sys/dev/block/240:0/uevent", "MAJOR=240\nDEVNAME=sdx\n");
	scratch_text("sys/dev/block/240:0/sdx2/uevent", "DEVNAME=sdx2\n");
	scratch_link("sys/fs/btrfs/1-2/devices/sdxy", "/sys/devices/block/sdxy");
	ck_assert(!in_use(0));
	scratch_link("sys/fs/btrfs/1-2/devices/sdx", "/sys/devices/block/sdx");
	ck_assert(in_use(0));
	ck_assert_str_eq(why, "part of the btrfs filesystem 1-2; unmount it");
	scratch_link("sys/fs/btrfs/1-2/devices/sdx", "/sys/devices/block/sdy");
	scratch_link("sys/fs/bcachefs/3-4/dev-1/block", "/sys/devices/block/sdx");
	ck_assert(in_use(0));
	ck_assert_str_eq(why, "part of the bcachefs filesystem 3-4; unmount it");
	scratch_link("sys/fs/bcachefs/3-4/dev-1/block", "/sys/devices/block/sdx2");
	ck_assert(in_use(0));
	ck_assert_str_eq(why, "in use by its partition sdx2, which is part of the bcachefs "
			      "filesystem 3-4; unmount it");
}
END_TEST

START_TEST(users_that_claim_nothing_are_named)
{
	scratch_text("sys/dev/block/240:0/uevent", "DEVNAME=sdx\n");
	scratch_text("sys/block/loop3/loop/backing_file", "/dev/sdx\n");
	ck_assert(in_use(0));
	ck_assert_str_eq(why, "behind loop3; losetup -d it");
	scratch_text("sys/block/loop3/loop/backing_file", "/dev/sdy\n");
	ck_assert(!in_use(0));
	scratch_text("sys/kernel/config/nvmet/subsystems/nqn.x/namespaces/1/device_path",
		     "/dev/sdx\n");
	ck_assert(in_use(0));
	ck_assert_str_eq(why, "exported by the kernel's NVMe target as nqn.x; take it out there");
}
END_TEST

START_TEST(a_swap_file_is_noticed)
{
	const char *path = scratch_sparse("swapfile", 4096);
	char text[512];
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(!os_blkdev_users_find(scratch_dir(), st.st_dev, st.st_ino, why, sizeof(why)));
	snprintf(text, sizeof(text),
		 "Filename\tType\tSize\tUsed\tPriority\n/nowhere file 1 0 -2\n%s file 1 0 -2\n",
		 path);
	scratch_text("proc/swaps", text);
	ck_assert(os_blkdev_users_find(scratch_dir(), st.st_dev, st.st_ino, why, sizeof(why)));
	ck_assert_str_eq(why, "swap space; swapoff it");
	ck_assert(!os_blkdev_users_find(scratch_dir(), st.st_dev, st.st_ino + 1, why, sizeof(why)));
}
END_TEST

START_TEST(without_proc_and_sys_nothing_is_known)
{
	ck_assert(!os_blkdev_users_find("/nonexistent", makedev(240, 0), 0, why, sizeof(why)));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_free_device_is_free),
		UNIT_TEST(a_mounted_one_is_named),
		UNIT_TEST(a_mounted_partition_is_named),
		UNIT_TEST(odd_lines_are_passed_over),
		UNIT_TEST(a_held_one_is_named),
		UNIT_TEST(a_held_partition_is_named),
		UNIT_TEST(a_member_of_a_filesystem_is_named),
		UNIT_TEST(users_that_claim_nothing_are_named),
		UNIT_TEST(a_swap_file_is_noticed),
		UNIT_TEST(without_proc_and_sys_nothing_is_known),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
