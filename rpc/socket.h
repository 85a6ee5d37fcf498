/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_RPC_SOCKET_H
#define EBB_RPC_SOCKET_H

/* The listening Unix socket, and the lock beside it that makes it one daemon's only. */

#include <sys/types.h>

#include <ebb/base.h>

struct ebb_rpc_socket {
	int fd;
	int lock_fd;
	char *path;
	char *lock_path;
	dev_t dev; /* the socket's file, to know it again */
	ino_t ino;
	char error[256]; /* why it could not be opened, for people */
};

/**
 * ebb_rpc_socket_open() - lock, replace what a dead daemon has left, bind and listen
 * @mode: of the socket's file; nobody else could connect at any moment
 * Return: 0; -EADDRINUSE another daemon has it; -EEXIST the path is no socket; -ENAMETOOLONG; or
 *the errno of what failed. The text, with the remedy, is in @rpc_socket->error.
 */
int ebb_rpc_socket_open(struct ebb_rpc_socket *rpc_socket, const char *path, mode_t mode);

/* No client connects from here on; the file is gone if it is still ours. */
void ebb_rpc_socket_stop(struct ebb_rpc_socket *rpc_socket);

/* Stops it, gives the lock up and frees all. */
void ebb_rpc_socket_close(struct ebb_rpc_socket *rpc_socket);

#endif
