/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_FD_OWNER_H
#define CORE_OS_FD_OWNER_H

#include <stdbool.h>
#include <stddef.h>

/**
 * os_fd_owner() - which process has @path open
 * A device file is found by its number, by whatever name it was opened. Only root sees all.
 * @root: "" but in tests, before /proc
 * @ret_owner: "NAME (pid N)", "this process itself" if no other has it, or "another process" if
 *	none is seen
 * Thread: any that may block.
 * Return: true if one was seen.
 */
bool os_fd_owner(const char *root, const char *path, char *ret_owner, size_t size);

#endif
