/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_SOCKET_LOCK_H
#define CORE_OS_SOCKET_LOCK_H

/* The lock beside a socket's path, "PATH.lock", which makes the path one daemon's only. */

#include <stdbool.h>
#include <stddef.h>

/**
 * os_socket_lock_take() - lock the file, which is made if there is none, and write our pid into it
 * A file that is there is taken only if it can be a dead daemon's: a regular one with one name, of
 * our user or root, that is empty or holds a pid. Any other is left as it is, and never waited for.
 * @path: of the socket; errors name it, too
 * @lock_path: of the file
 * @remedy: ends the texts of errors
 * @ret_error: filled in if it fails
 * Thread: any; it does not wait.
 * Return: the descriptor that holds the lock; -EADDRINUSE a living ebbd has it; -EEXIST what is
 *	there is not ours; or the errno of what failed.
 */
int os_socket_lock_take(const char *path, const char *lock_path, const char *remedy,
			char *ret_error, size_t size);

/* Is the file that @fd has open the one at @path? Thread: any. */
bool os_socket_lock_is_at(int fd, const char *path);

/* Gives the lock up and removes its file, if it is still there. Thread: any. */
void os_socket_lock_drop(int fd, const char *lock_path);

/**
 * os_socket_remedy() - what to do about @error
 * @remedy: what to do about those that another path would mend
 */
const char *os_socket_remedy(int error, const char *remedy);

#endif
