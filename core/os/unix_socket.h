/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_UNIX_SOCKET_H
#define CORE_OS_UNIX_SOCKET_H

/* A listening Unix socket, and the lock beside it that makes its path one daemon's only. */

#include <stdbool.h>
#include <sys/types.h>

#include <ebb/base.h>

#define OS_UNIX_SOCKET_ANY_GROUP ((gid_t)-1)

struct os_unix_socket {
	int fd;      /* blocking; -1: closed */
	int lock_fd; /* of "path.lock"; -1: not locked */
	char *path;
	char *lock_path;
	mode_t mode; /* of the socket's file */
	gid_t gid;   /* OS_UNIX_SOCKET_ANY_GROUP: that which new files get */
	dev_t dev;   /* and what to know it by again */
	ino_t ino;
	char error[256]; /* why it could not be opened, for people */
};

/**
 * os_unix_socket_open() - lock, replace what a dead daemon has left, bind and listen
 * @mode: of the socket's file, whatever the umask; nobody else could connect at any moment
 * @gid: its group, or OS_UNIX_SOCKET_ANY_GROUP. Set before the mode lets the group in.
 * @remedy: ends the texts of errors: "choose another path with --rpc-socket"
 * Thread: any; it does not wait.
 * Return: 0; -EADDRINUSE a living ebbd has it; -EBUSY somebody listens there who has not locked it:
 *	another program, or for a moment a killed ebbd's sockets, so that to try again for a while
 *	tells which; -EEXIST the path is no socket, or "path.lock" is no lock of ours (both are left
 *	as they are); -ENAMETOOLONG; -EPERM the group is none of ours; or the errno of what failed.
 *	The text, with the remedy, is in @unix_socket->error, and nothing is left to be closed.
 */
int os_unix_socket_open(struct os_unix_socket *unix_socket, const char *path, mode_t mode,
			gid_t gid, const char *remedy);

/**
 * os_unix_socket_is_found() - is the file at the path still this socket's?
 * If not, somebody has removed or replaced it, and no client finds the socket any more.
 * Thread: any.
 */
bool os_unix_socket_is_found(const struct os_unix_socket *unix_socket);

/**
 * os_unix_socket_renew() - listen at the path again, after its file has gone
 * @unix_socket: open. What is at the path now is treated as os_unix_socket_open() would.
 * @remedy: as there
 * @ret_old_fd: the socket that nobody finds; the caller closes it
 * Thread: any, one at a time.
 * Return: 0; or an error as os_unix_socket_open(), and @unix_socket is as it was, but for the text
 *	in @unix_socket->error.
 */
int os_unix_socket_renew(struct os_unix_socket *unix_socket, const char *remedy, int *ret_old_fd);

/**
 * os_unix_socket_unlink() - remove the file, if it is still ours: no client finds it from here on
 * Thread: any, one at a time. It may be called again.
 */
void os_unix_socket_unlink(struct os_unix_socket *unix_socket);

/**
 * os_unix_socket_unlock() - give the lock up: another daemon may have the path
 * Thread: any, one at a time. After os_unix_socket_unlink(). It may be called again.
 */
void os_unix_socket_unlock(struct os_unix_socket *unix_socket);

/**
 * os_unix_socket_stop() - close the socket and remove its file; the lock stays
 * Thread: any, one at a time.
 */
void os_unix_socket_stop(struct os_unix_socket *unix_socket);

/**
 * os_unix_socket_close() - stop it, give the lock up and free all
 * @unix_socket: opened, perhaps without success, or all zero but for its fds, which are -1
 * Thread: any, one at a time.
 */
void os_unix_socket_close(struct os_unix_socket *unix_socket);

#endif
