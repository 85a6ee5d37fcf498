/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_FILE_FILESYSTEM_H
#define TESTS_UNIT_DRIVERS_FILE_FILESYSTEM_H

/*
 * Filesystems of every kind that files of disks are on, mounted where nobody but the test sees them.
 * What cannot be had here skips the test, by name.
 */

#include <stddef.h>

enum filesystem {
	FILESYSTEM_EXT4,
	FILESYSTEM_XFS,
	FILESYSTEM_BTRFS,
	FILESYSTEM_TMPFS,
	FILESYSTEM_OVERLAY, /* on what the scratch folder is on */
	FILESYSTEM_COUNT,
};

extern const char *const filesystem_names[FILESYSTEM_COUNT];

/* Room in each, but for overlayfs, which has its lower one's. */
#define FILESYSTEM_BYTES (400u << 20)

/* Before anything starts an OS thread: from here on mounts are the test's own. */
void filesystem_begin(void);
void filesystem_end(void);

/* A new one below the scratch folder. Return: where it is; one at a time. */
const char *filesystem_mount(enum filesystem which);

/* A sparse file in it. */
const char *filesystem_file(const char *name, size_t size);

/* A loop device with @path behind it, which goes with the test. Return: its path. */
const char *filesystem_loop(const char *path);

#endif
