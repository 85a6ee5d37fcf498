/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_HOST_SYSFS_H
#define DRIVERS_NVME_HOST_SYSFS_H

/* Files and links of sysfs. All of it reads and writes files: on the helper, or in a tool. */

#include <stddef.h>

#include <ebb/base.h>

/**
 * host_sysfs_read() - one line of a file, without the blanks at its end
 * Return: 0; -errno, and @ret_text is empty.
 */
int host_sysfs_read(char *ret_text, size_t size, const char *path_format, ...) EBB_PRINTF(3, 4);

/* Writes @text to @path with one write(). Return: 0; -errno, a driver's included. */
int host_sysfs_write(const char *text, const char *path_format, ...) EBB_PRINTF(2, 3);

/* A test plays the kernel: it is called in place of every write. NULL: the kernel. */
void host_sysfs_set_observer(int (*observer)(const char *path, const char *text));

/* The last part of what the symbolic link points to. Return: 0; -errno, and @ret_name is empty. */
int host_sysfs_link_name(char *ret_name, size_t size, const char *path_format, ...)
	EBB_PRINTF(3, 4);

#endif
