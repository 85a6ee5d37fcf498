/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_BLKDEV_CLAIM_H
#define CORE_OS_BLKDEV_CLAIM_H

/* A block device for oneself. */

#include <stddef.h>
#include <sys/types.h>

/**
 * os_blkdev_claim() - open a block device, and nobody else's claim on it is possible (O_EXCL)
 * That goes for its partitions too. Of what claims nothing, it is refused if it is known. Waits as
 * os_blkdev_claim_open() does, up to half a second.
 * @root: "" but in tests
 * @path: below @root
 * @dev: which it has to be; 0: whatever it is
 * @ret_why: with -EBUSY, as os_blkdev_users_find() has it: "mounted on /mnt; unmount it"
 * Thread: any that may block.
 * Return: the fd, open for reading, to be held as long as the claim; -EBUSY; -ENODEV it is another
 *	device now; -errno.
 */
int os_blkdev_claim(const char *root, const char *path, dev_t dev, char *ret_why, size_t why_size);

/**
 * os_blkdev_claim_open() - open a block device with O_EXCL, and wait for a claim that may be a
 * moment's The kernel claims a disk while it looks at its partitions; and what a process claimed
 * that has ended, until the requests in its io_uring have. So a claim of which nothing is known is
 * waited for; and for a fifth of a second if a process is seen to have the device open, as that
 * need not be the one.
 * @root: "" but in tests
 * @path: below @root
 * @flags: of open(), besides O_EXCL
 * @wait_ms: at most so long
 * Thread: the helper; what else it has to do waits meanwhile.
 * Return: the fd; -EBUSY; -errno.
 */
int os_blkdev_claim_open(const char *root, const char *path, int flags, unsigned wait_ms);

#endif
