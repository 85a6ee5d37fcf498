/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_BLKDEV_BACKING_H
#define CORE_OS_BLKDEV_BACKING_H

/*
 * What a block device or a file backs without a word of it in the device's own folder: members of a
 * filesystem of several devices, loop devices, the kernel's NVMe target. They are found from the
 * other side, in the folders of those who may have it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * os_blkdev_backing_find() - does this block device back one of them?
 * @root: "" but in tests, before /sys
 * @sysfs: the device's folder
 * @ret_why: how, for people: "behind loop3; losetup -d it"; untouched if it does not
 * Thread: any that may block.
 * Return: true if it does.
 */
bool os_blkdev_backing_find(const char *root, const char *sysfs, char *ret_why, size_t why_size);

/**
 * os_blkdev_backing_loop() - is this regular file behind a loop device?
 * Nobody else may write to it then; reading is harmless.
 * @dev, @ino: the file's st_dev and st_ino
 * The rest is as above.
 */
bool os_blkdev_backing_loop(const char *root, dev_t dev, ino_t ino, char *ret_why, size_t why_size);

#endif
