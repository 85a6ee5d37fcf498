/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/file/filesystem.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

const char *const filesystem_names[FILESYSTEM_COUNT] = {
	[FILESYSTEM_EXT4] = "ext4",         [FILESYSTEM_XFS] = "xfs",
	[FILESYSTEM_BTRFS] = "btrfs",       [FILESYSTEM_TMPFS] = "tmpfs",
	[FILESYSTEM_OVERLAY] = "overlayfs",
};

static char folder[128];
static int loop_fd = -1;

void filesystem_begin(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		unit_skip("needs root, and mounts of its own");
	}
}

void filesystem_end(void)
{
	if (folder[0] != '\0') {
		ck_assert_int_eq(umount2(folder, MNT_DETACH), 0);
		folder[0] = '\0';
	}
	if (loop_fd >= 0) {
		close(loop_fd);
		loop_fd = -1;
	}
}

static void must(enum filesystem which, const char *command)
{
	if (system(command) != 0) {
		unit_skip("no %s can be made and mounted here", filesystem_names[which]);
	}
}

static void mount_image(enum filesystem which, const char *type, const char *options)
{
	const char *image = scratch_sparse("image", FILESYSTEM_BYTES);
	char command[400];

	snprintf(command, sizeof(command),
		 "(mkfs.%s %s %s && mount -t %s -o loop %s %s) >/dev/null 2>&1", type, options,
		 image, type, image, folder);
	must(which, command);
}

const char *filesystem_mount(enum filesystem which)
{
	char command[600];
	const char *dir = scratch_dir();

	ck_assert(folder[0] == '\0');
	snprintf(folder, sizeof(folder), "%s/mounted", dir);
	scratch_text("mounted/x", "");
	switch (which) {
	case FILESYSTEM_EXT4:
		mount_image(which, "ext4", "-q");
		break;
	case FILESYSTEM_XFS:
		mount_image(which, "xfs", "-q");
		break;
	case FILESYSTEM_BTRFS:
		mount_image(which, "btrfs", "-q");
		break;
	case FILESYSTEM_TMPFS:
		snprintf(command, sizeof(command), "mount -t tmpfs -o size=%u none %s",
			 FILESYSTEM_BYTES, folder);
		must(which, command);
		break;
	case FILESYSTEM_OVERLAY:
		snprintf(command, sizeof(command),
			 "mkdir %s/l %s/u %s/w && mount -t overlay overlay -o "
			 "lowerdir=%s/l,upperdir=%s/u,workdir=%s/w %s",
			 dir, dir, dir, dir, dir, dir, folder);
		must(which, command);
		break;
	case FILESYSTEM_COUNT:
	default:
		ck_abort();
	}
	return folder;
}

const char *filesystem_file(const char *name, size_t size)
{
	char below[64];

	snprintf(below, sizeof(below), "mounted/%s", name);
	return scratch_sparse(below, size);
}

const char *filesystem_loop(const char *path)
{
	static char device[64];
	char command[300];
	FILE *pipe;

	snprintf(command, sizeof(command), "losetup --find --show %s 2>/dev/null", path);
	pipe = popen(command, "re");
	ck_assert_ptr_nonnull(pipe);
	if (fgets(device, sizeof(device), pipe) == NULL) {
		pclose(pipe);
		unit_skip("no loop device is to be had");
	}
	pclose(pipe);
	device[strcspn(device, "\n")] = '\0';
	/* It is given up now, and goes with the last who has it open. */
	loop_fd = open(device, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(loop_fd, 0);
	snprintf(command, sizeof(command), "losetup --detach %s", device);
	ck_assert_int_eq(system(command), 0);
	return device;
}
