/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/log.h>

#include "core/app/default_socket.h"

#define SOCKET_BACKLOG 64
/* Another daemon may remove the lock's file between our open and our lock: then try again. */
#define LOCK_TRIES 16

/* Notes why it failed, for whoever reports it. Return: @rc. */
static int EBB_PRINTF(3, 4)
	socket_fail(struct ebb_rpc_socket *rpc_socket, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(rpc_socket->error, sizeof(rpc_socket->error), format, args);
	va_end(args);
	return rc;
}

/* Says who holds the lock, as far as its file tells. */
static int lock_refuse(struct ebb_rpc_socket *rpc_socket, int lock_fd)
{
	char text[32] = "";
	ssize_t len = pread(lock_fd, text, sizeof(text) - 1, 0);
	long pid = len > 0 ? strtol(text, NULL, 10) : 0;

	if (pid > 0) {
		return socket_fail(
			rpc_socket, -EADDRINUSE,
			"socket %s is in use by another ebbd (process %ld): stop that one, or "
			"choose another path with --rpc-socket",
			rpc_socket->path, pid);
	}
	return socket_fail(rpc_socket, -EADDRINUSE,
			   "socket %s is in use by another ebbd: stop that one, or choose another "
			   "path with --rpc-socket",
			   rpc_socket->path);
}

/* Return: 1 locked, 0 the file was removed meanwhile, < 0 an error (logged). */
static int lock_try(struct ebb_rpc_socket *rpc_socket)
{
	struct stat opened;
	struct stat named;
	int fd = open(rpc_socket->lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0) {
		return socket_fail(
			rpc_socket, -errno,
			"cannot make the lock %s: %s; make its folder, or choose another "
			"path with --rpc-socket",
			rpc_socket->lock_path, strerror(errno));
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		rc = lock_refuse(rpc_socket, fd);
		close(fd);
		return rc;
	}
	if (fstat(fd, &opened) != 0 || stat(rpc_socket->lock_path, &named) != 0 ||
	    opened.st_ino != named.st_ino || opened.st_dev != named.st_dev) {
		close(fd);
		return 0;
	}
	rpc_socket->lock_fd = fd;
	return 1;
}

static int socket_lock(struct ebb_rpc_socket *rpc_socket)
{
	char pid[32];
	int len;

	for (int i = 0; i < LOCK_TRIES; i++) {
		int rc = lock_try(rpc_socket);

		if (rc < 0) {
			return rc;
		}
		if (rc > 0) {
			len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
			if (ftruncate(rpc_socket->lock_fd, 0) != 0 ||
			    pwrite(rpc_socket->lock_fd, pid, (size_t)len, 0) != len) {
				ebb_warn("rpc", "cannot write the lock %s: %s",
					 rpc_socket->lock_path, strerror(errno));
			}
			return 0;
		}
	}
	return socket_fail(rpc_socket, -EAGAIN,
			   "the lock %s is removed again and again: another program removes it",
			   rpc_socket->lock_path);
}

/* With the lock held: what is at the path is a dead daemon's, or somebody else's. */
static int socket_remove_stale(struct ebb_rpc_socket *rpc_socket, const struct sockaddr_un *address)
{
	struct stat st;
	int fd;
	int rc;

	if (lstat(rpc_socket->path, &st) != 0) {
		return 0; /* nothing there, or bind() will say what is wrong */
	}
	if (!S_ISSOCK(st.st_mode)) {
		return socket_fail(
			rpc_socket, -EEXIST,
			"%s exists and is not a socket: it is left alone; remove it, or choose "
			"another path with --rpc-socket",
			rpc_socket->path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return socket_fail(rpc_socket, -errno, "cannot make a socket: %s", strerror(errno));
	}
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	close(fd);
	if (rc == 0 || rc == -EAGAIN) {
		return socket_fail(
			rpc_socket, -EADDRINUSE,
			"another program listens on socket %s: stop it, or choose another path "
			"with --rpc-socket",
			rpc_socket->path);
	}
	ebb_notice("rpc", "replacing the socket %s that a daemon has left behind",
		   rpc_socket->path);
	if (unlink(rpc_socket->path) != 0) {
		return socket_fail(rpc_socket, -errno, "cannot remove the stale socket %s: %s",
				   rpc_socket->path, strerror(errno));
	}
	return 0;
}

/*
 * The file takes the mode of the unbound socket less the process's umask, so it is never more open
 * than asked for; what the umask took is given back before listen() lets the first client in.
 */
static int socket_bind(struct ebb_rpc_socket *rpc_socket, const struct sockaddr_un *address,
		       mode_t mode)
{
	struct stat st;

	rpc_socket->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (rpc_socket->fd < 0 || fchmod(rpc_socket->fd, mode) != 0 ||
	    bind(rpc_socket->fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		return -errno;
	}
	if (lstat(rpc_socket->path, &st) != 0) {
		return -errno;
	}
	rpc_socket->dev = st.st_dev;
	rpc_socket->ino = st.st_ino;
	if ((st.st_mode & 07777) != mode && chmod(rpc_socket->path, mode) != 0) {
		return -errno;
	}
	return listen(rpc_socket->fd, SOCKET_BACKLOG) == 0 ? 0 : -errno;
}

int ebb_rpc_socket_open(struct ebb_rpc_socket *rpc_socket, const char *path, mode_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int rc;

	*rpc_socket = (struct ebb_rpc_socket){.fd = -1, .lock_fd = -1};
	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path)) {
		(void)socket_fail(rpc_socket, 0,
				  "the path of the RPC socket is %zu bytes long (%.64s...); it "
				  "must have 1 to "
				  "%zu: choose another with --rpc-socket",
				  strlen(path), path, sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	rpc_socket->path = strdup(path);
	if (rpc_socket->path == NULL || asprintf(&rpc_socket->lock_path, "%s.lock", path) < 0) {
		rpc_socket->lock_path = NULL;
		rc = socket_fail(rpc_socket, -ENOMEM, "out of memory for the RPC socket %s", path);
		goto close_all;
	}
	rc = socket_lock(rpc_socket);
	if (rc != 0) {
		goto close_all;
	}
	rc = socket_remove_stale(rpc_socket, &address);
	if (rc != 0) {
		goto close_all;
	}
	rc = socket_bind(rpc_socket, &address, mode);
	if (rc != 0) {
		socket_fail(rpc_socket, rc,
			    "cannot listen on socket %s: %s; choose another path with "
			    "--rpc-socket",
			    path, strerror(-rc));
		goto close_all;
	}
	return 0;
close_all:
	ebb_rpc_socket_close(rpc_socket);
	return rc;
}

void ebb_rpc_socket_stop(struct ebb_rpc_socket *rpc_socket)
{
	struct stat st;

	if (rpc_socket->fd < 0) {
		return;
	}
	close(rpc_socket->fd);
	rpc_socket->fd = -1;
	if (rpc_socket->ino != 0 && lstat(rpc_socket->path, &st) == 0 &&
	    st.st_ino == rpc_socket->ino && st.st_dev == rpc_socket->dev) {
		unlink(rpc_socket->path);
	}
}

void ebb_rpc_socket_close(struct ebb_rpc_socket *rpc_socket)
{
	ebb_rpc_socket_stop(rpc_socket);
	if (rpc_socket->lock_fd >= 0) {
		unlink(rpc_socket->lock_path);
		close(rpc_socket->lock_fd);
		rpc_socket->lock_fd = -1;
	}
	free(rpc_socket->path);
	free(rpc_socket->lock_path);
	rpc_socket->path = NULL;
	rpc_socket->lock_path = NULL;
}
