/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/blkdev_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/os/blkdev_users.h"
#include "core/os/fd_owner.h"

#define CLAIM_PAUSE_MS   20
#define CLAIM_TRIES_SEEN 10 /* and no more, if a process is seen to have the device open */
#define CLAIM_WAIT_MS    500

/* Who has claimed it: the kernel's own words for it, or a process, or nobody who can be seen. */
static void claim_explain_busy(const char *root, const char *path, dev_t dev, char *ret_why,
			       size_t size)
{
	char owner[96];

	if (os_blkdev_users_find(root, dev, 0, ret_why, size)) {
		return;
	}
	if (os_fd_owner(root, path, owner, sizeof(owner))) {
		snprintf(ret_why, size, "opened exclusively, it seems by %s; end that", owner);
		return;
	}
	snprintf(ret_why, size,
		 "opened exclusively by another process or by the kernel (zfs, a filesystem or "
		 "array of several devices); end that");
}

int os_blkdev_claim_open(const char *root, const char *path, int flags, unsigned wait_ms)
{
	static const struct timespec pause = {.tv_nsec = CLAIM_PAUSE_MS * 1000000};
	unsigned tries_max = wait_ms / CLAIM_PAUSE_MS;
	char full[PATH_MAX], text[160];
	struct stat st;
	int fd;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (unsigned tries = 0; (fd = open(full, flags | O_EXCL)) < 0; tries++) {
		if (errno != EBUSY || stat(full, &st) < 0) {
			return -errno;
		}
		if (tries >= tries_max ||
		    (tries == 0 && os_blkdev_users_find(root, st.st_rdev, 0, text, sizeof(text))) ||
		    (tries == CLAIM_TRIES_SEEN && os_fd_owner(root, full, text, sizeof(text)))) {
			return -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

int os_blkdev_claim(const char *root, const char *path, dev_t dev, char *ret_why, size_t why_size)
{
	char full[PATH_MAX];
	struct stat st;
	/* For reading: closing what was open for writing makes udev look at the partitions anew. */
	int fd = os_blkdev_claim_open(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, CLAIM_WAIT_MS);

	if (fd < 0) {
		if (fd == -EBUSY) {
			snprintf(full, sizeof(full), "%s%s", root, path);
			claim_explain_busy(root, full, dev, ret_why, why_size);
		}
		return fd;
	}
	if (fstat(fd, &st) < 0 ||
	    (root[0] == '\0' && (!S_ISBLK(st.st_mode) || (dev != 0 && st.st_rdev != dev)))) {
		close(fd);
		return -ENODEV;
	}
	if (os_blkdev_users_find(root, dev != 0 ? dev : st.st_rdev, 0, ret_why, why_size)) {
		close(fd);
		return -EBUSY;
	}
	return fd;
}
