/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_BLKDEV_USERS_H
#define CORE_OS_BLKDEV_USERS_H

/*
 * Whether the kernel uses a block device, and for what. It is for drivers that want a device for
 * themselves: they claim it (O_EXCL, blkdev_claim.h) and ask here, for the name of who was faster,
 * and for users that claim nothing. All of this reads files: on the helper.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * os_blkdev_users_find() - is this block device, a part of it, or this regular file in use by the
 * kernel?
 * @root: "" but in tests, before /sys and /proc
 * @dev: of a block device, its st_rdev; of a regular file, its st_dev, and @ino
 * @ino: 0 for a block device
 * @ret_why: how, for people: "mounted on /mnt; unmount it"; untouched if it is not
 * Thread: any that may block.
 * Return: true if it is.
 */
bool os_blkdev_users_find(const char *root, dev_t dev, ino_t ino, char *ret_why, size_t why_size);

#endif
