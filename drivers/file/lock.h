/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_FILE_LOCK_H
#define DRIVERS_FILE_LOCK_H

/* Locks on a regular file. They may block: they are for the helper. */

#include <stdbool.h>
#include <stddef.h>

/**
 * file_lock() - lock a regular file against QEMU, its tools and other ebbds
 * The lock goes with file_unlock(), or when the last copy of @fd is closed, an io_uring's included.
 * @ret_owner: who has it, for people
 * Return: 0; -EBUSY: @ret_owner has it in use; or the errno of a filesystem without locks.
 */
int file_lock(int fd, bool read_only, char *ret_owner, size_t owner_size);

/* Gives up what file_lock() has locked, whoever else still has the file open by a copy of @fd. */
void file_unlock(int fd);

#endif
