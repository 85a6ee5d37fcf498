/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_IN_USE_H
#define EBB_IN_USE_H

/*
 * Whether the kernel uses a block device, and for what. It is for drivers that want a device for
 * themselves: they claim it (O_EXCL) and ask here, for the name of who was faster, and for users
 * that claim nothing. All of this reads files: on the helper.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * ebb_in_use() - is this block device, a part of it, or this regular file in use by the kernel?
 * @root: "" but in tests, before /sys and /proc
 * @dev: of a block device, its st_rdev; of a regular file, its st_dev, and @ino
 * @ino: 0 for a block device
 * @ret_why: how, for people: "mounted on /mnt; unmount it"; untouched if it is not
 * Return: true if it is.
 */
bool ebb_in_use(const char *root, dev_t dev, ino_t ino, char *ret_why, size_t why_size);

/*
 * Users of a block device that neither mounts nor holders tell of: other members of a filesystem of
 * several devices, loop devices, the kernel's NVMe target. @sysfs: the device's folder.
 */
bool ebb_in_use_member(const char *root, const char *sysfs, char *ret_why, size_t why_size);

/*
 * Is this regular file behind a loop device? Nobody else may write to it then; reading is harmless.
 * @ret_why, return: as ebb_in_use().
 */
bool ebb_in_use_loop(const char *root, dev_t dev, ino_t ino, char *ret_why, size_t why_size);

/**
 * ebb_in_use_open() - open a block device with O_EXCL, and wait for a claim that may be a moment's
 * The kernel claims a disk while it looks at its partitions; and what a process claimed that has
 * ended, until the requests in its io_uring have. So a claim of which nothing is known is waited
 * for; and for a fifth of a second if a process is seen to have the device open, as that need not be
 * the one.
 * @root: "" but in tests
 * @path: below @root
 * @flags: of open(), besides O_EXCL
 * @wait_ms: at most so long
 * Thread: the helper; what else it has to do waits meanwhile.
 * Return: the fd; -EBUSY; -errno.
 */
int ebb_in_use_open(const char *root, const char *path, int flags, unsigned wait_ms);

/**
 * ebb_in_use_claim() - open a block device, and nobody else's claim on it is possible (O_EXCL)
 * That goes for its partitions too. Of what claims nothing, it is refused if it is known. Waits as
 * ebb_in_use_open() does, up to half a second.
 * @root: "" but in tests
 * @path: below @root
 * @dev: which it has to be; 0: whatever it is
 * @ret_why: with -EBUSY, as ebb_in_use() has it: "mounted on /mnt; unmount it"
 * Return: the fd, open for reading, to be held as long as the claim; -EBUSY; -ENODEV it is another
 *	device now; -errno.
 */
int ebb_in_use_claim(const char *root, const char *path, dev_t dev, char *ret_why, size_t why_size);

#endif
