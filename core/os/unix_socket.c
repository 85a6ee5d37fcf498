/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whose is the socket at a path? The one question has three wrong answers that hurt: to remove the
 * file of a server that lives, to refuse a restart because of what a killed process has left, and
 * to let two daemons start at once and the later take the path from the former.
 *
 * The lock beside it answers for daemons of ours: the kernel drops it when its process dies, so who
 * gets it knows that no other ebbd serves the path, and that none will begin to. What is at the
 * path then is a dead daemon's or another program's. connect() tells these apart, and of all that
 * it can say only "refused" means that nobody listens. A process id would tell nothing: a server
 * may have listened and then forked.
 *
 * "Accepted" may yet be the dead daemon: what a killed process had asked of io_uring is put away
 * some time after its death, and a socket with an accept() under way listens until then. That ends
 * by itself within some tens of ms; another program does not. So it has an error of its own, and a
 * caller whose sockets are io_uring's tries again for a while.
 *
 * A bound socket holds its inode, as an open file does, so as long as it is open nothing else has
 * that inode's number: a file with it at the path is ours.
 */

#include "core/os/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/log.h>

#include "core/os/remedy.h"
#include "core/os/socket_lock.h"

#define SOCKET_BACKLOG 64

/* Notes why it failed, for whoever reports it. Return: @rc. */
static int EBB_PRINTF(3, 4)
	socket_fail(struct os_unix_socket *unix_socket, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(unix_socket->error, sizeof(unix_socket->error), format, args);
	va_end(args);
	return rc;
}

static int socket_lock(struct os_unix_socket *unix_socket, const char *remedy)
{
	int fd = os_socket_lock_take(unix_socket->path, unix_socket->lock_path, remedy,
				     unix_socket->error, sizeof(unix_socket->error));

	if (fd < 0) {
		return fd;
	}
	unix_socket->lock_fd = fd;
	return 0;
}

/* Return: what connecting to @address says at once: 0 or -errno. */
static int socket_probe(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0) {
		return -errno;
	}
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

/* With the lock held: what is at the path is a dead daemon's, or somebody else's. */
static int socket_remove_stale(struct os_unix_socket *unix_socket,
			       const struct sockaddr_un *address, const char *remedy)
{
	struct stat st;
	int rc;

	if (lstat(unix_socket->path, &st) != 0) {
		return 0; /* nothing there, or bind() will say what is wrong */
	}
	if (!S_ISSOCK(st.st_mode)) {
		return socket_fail(unix_socket, -EEXIST,
				   "%s exists and is not a socket: it is left alone; remove it, or "
				   "%s",
				   unix_socket->path, remedy);
	}
	rc = socket_probe(address);
	switch (rc) {
	case -ENOENT:
		return 0; /* removed meanwhile */
	case -ECONNREFUSED:
		break;
	case -EMFILE:
	case -ENFILE:
		return socket_fail(unix_socket, rc, "cannot tell who uses the socket %s: %s; %s",
				   unix_socket->path, strerror(-rc), os_remedy_or(-rc, remedy));
	case 0:
	case -EAGAIN: /* its queue is full */
		return socket_fail(unix_socket, -EBUSY,
				   "another program is listening at %s: stop it, or %s",
				   unix_socket->path, remedy);
	default:
		return socket_fail(unix_socket, rc,
				   "a program may be using the socket %s (connecting to it: %s): "
				   "remove it if not, or %s",
				   unix_socket->path, strerror(-rc), remedy);
	}
	ebb_notice("socket", "replacing the socket %s that a dead server has left behind",
		   unix_socket->path);
	if (unlink(unix_socket->path) != 0) {
		rc = -errno;
		return socket_fail(unix_socket, rc, "cannot remove the stale socket %s: %s",
				   unix_socket->path, strerror(-rc));
	}
	return 0;
}

/*
 * What the file is made with. The owner's bits may be there from the start, the others only when
 * its group is the right one.
 */
static mode_t socket_first_mode(const struct os_unix_socket *unix_socket)
{
	return (unix_socket->mode & ~(mode_t)S_IRWXU) == 0 ? unix_socket->mode : 0;
}

/* Has the file its group and mode? */
static bool socket_is_as_wanted(const struct os_unix_socket *unix_socket, const struct stat *st)
{
	return (st->st_mode & 07777) == unix_socket->mode &&
	       (unix_socket->gid == OS_UNIX_SOCKET_ANY_GROUP || st->st_gid == unix_socket->gid);
}

/*
 * Gives the file at the path its group and mode, by a handle: whoever may write in the folder may
 * put something else there, and by its name a link would be followed to any file there is.
 */
static int socket_set_owner(struct os_unix_socket *unix_socket, int handle, const struct stat *st)
{
	char name[64];

	if (socket_is_as_wanted(unix_socket, st)) {
		return 0;
	}
	/* What is not the one just made, not even by its mode, is not ours to change. */
	if (st->st_uid != geteuid() || st->st_nlink != 1 ||
	    (st->st_mode & 07777 & ~socket_first_mode(unix_socket)) != 0) {
		return -ESTALE;
	}
	if (unix_socket->gid != OS_UNIX_SOCKET_ANY_GROUP &&
	    fchownat(handle, "", (uid_t)-1, unix_socket->gid, AT_EMPTY_PATH) != 0) {
		return socket_fail(unix_socket, -errno,
				   "cannot give the socket %s to group %lu: %s; name a group that "
				   "ebbd's user is in",
				   unix_socket->path, (unsigned long)unix_socket->gid,
				   strerror(errno));
	}
	/* Only so can a handle's mode be set on all kernels. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", handle);
	if (chmod(name, unix_socket->mode) != 0) {
		return socket_fail(unix_socket, -errno,
				   "cannot set the mode of the socket %s by %s: %s",
				   unix_socket->path, name, strerror(errno));
	}
	return 0;
}

/* With the socket bound, so that its file is there, but nobody can have connected to it yet. */
static int socket_own(struct os_unix_socket *unix_socket)
{
	struct stat st;
	int handle;
	int rc = -ESTALE;

	if (lstat(unix_socket->path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		goto failed;
	}
	unix_socket->dev = st.st_dev;
	unix_socket->ino = st.st_ino;
	if (socket_is_as_wanted(unix_socket, &st)) {
		return 0; /* without a descriptor for the handle */
	}
	handle = open(unix_socket->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (handle < 0) {
		return -errno;
	}
	if (fstat(handle, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == unix_socket->ino &&
	    st.st_dev == unix_socket->dev) {
		rc = socket_set_owner(unix_socket, handle, &st);
	}
	close(handle);
failed:
	if (rc == -ESTALE) {
		unix_socket->ino = 0; /* not ours to remove */
		return socket_fail(unix_socket, rc,
				   "somebody has replaced the socket %s while it was made: choose "
				   "a folder where only ebbd's user may write",
				   unix_socket->path);
	}
	return rc;
}

/*
 * The file takes the mode of the unbound socket less the process's umask, so it is never more open
 * than asked for; and nobody is let in before listen().
 */
static int socket_bind(struct os_unix_socket *unix_socket, const struct sockaddr_un *address)
{
	int rc;

	unix_socket->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (unix_socket->fd < 0 || fchmod(unix_socket->fd, socket_first_mode(unix_socket)) != 0 ||
	    bind(unix_socket->fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		return -errno;
	}
	rc = socket_own(unix_socket);
	if (rc == 0 && listen(unix_socket->fd, SOCKET_BACKLOG) != 0) {
		rc = -errno;
	}
	return rc;
}

/* With the lock held. */
static int socket_listen(struct os_unix_socket *unix_socket, const char *remedy)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int rc;

	memcpy(address.sun_path, unix_socket->path, strlen(unix_socket->path) + 1);
	rc = socket_remove_stale(unix_socket, &address, remedy);
	if (rc != 0) {
		return rc;
	}
	unix_socket->error[0] = '\0';
	rc = socket_bind(unix_socket, &address);
	if (rc != 0 && unix_socket->error[0] == '\0') {
		socket_fail(unix_socket, rc, "cannot listen on socket %s: %s; %s",
			    unix_socket->path, strerror(-rc), os_remedy_or(-rc, remedy));
	}
	return rc;
}

int os_unix_socket_open(struct os_unix_socket *unix_socket, const char *path, mode_t mode,
			gid_t gid, const char *remedy)
{
	size_t size = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	size_t len = strlen(path);
	int rc;

	*unix_socket = (struct os_unix_socket){
		.fd = -1,
		.lock_fd = -1,
		.mode = mode,
		.gid = gid,
	};
	if (len == 0 || len >= size) {
		return socket_fail(unix_socket, -ENAMETOOLONG,
				   "the path of the socket is %zu bytes long (%.64s...); it must "
				   "have 1 to %zu: %s",
				   len, path, size - 1, remedy);
	}
	unix_socket->path = strdup(path);
	if (unix_socket->path == NULL || asprintf(&unix_socket->lock_path, "%s.lock", path) < 0) {
		unix_socket->lock_path = NULL;
		rc = socket_fail(unix_socket, -ENOMEM, "out of memory for the socket %s", path);
		goto close_all;
	}
	rc = socket_lock(unix_socket, remedy);
	if (rc != 0) {
		goto close_all;
	}
	rc = socket_listen(unix_socket, remedy);
	if (rc != 0) {
		goto close_all;
	}
	return 0;
close_all:
	os_unix_socket_close(unix_socket);
	return rc;
}

bool os_unix_socket_is_found(const struct os_unix_socket *unix_socket)
{
	struct stat st;

	return unix_socket->ino != 0 && lstat(unix_socket->path, &st) == 0 &&
	       st.st_ino == unix_socket->ino && st.st_dev == unix_socket->dev;
}

int os_unix_socket_renew(struct os_unix_socket *unix_socket, const char *remedy, int *ret_old_fd)
{
	struct os_unix_socket renewed = *unix_socket;
	int rc = 0;

	renewed.fd = -1;
	renewed.ino = 0;
	if (!os_socket_lock_is_at(unix_socket->lock_fd, unix_socket->lock_path)) {
		renewed.lock_fd = -1; /* that file has gone, too */
		rc = socket_lock(&renewed, remedy);
	}
	if (rc == 0) {
		rc = socket_listen(&renewed, remedy);
	}
	if (rc != 0) {
		os_unix_socket_stop(&renewed);
		memcpy(unix_socket->error, renewed.error, sizeof(renewed.error));
	}
	/* A new lock is kept: it is the path's from here on. */
	if (renewed.lock_fd >= 0 && renewed.lock_fd != unix_socket->lock_fd) {
		close(unix_socket->lock_fd);
		unix_socket->lock_fd = renewed.lock_fd;
	}
	if (rc == 0) {
		*ret_old_fd = unix_socket->fd;
		*unix_socket = renewed;
	}
	return rc;
}

void os_unix_socket_unlink(struct os_unix_socket *unix_socket)
{
	if (os_unix_socket_is_found(unix_socket)) {
		unlink(unix_socket->path);
	}
	/* What is made there from here on is another's, whatever its number. */
	unix_socket->ino = 0;
}

void os_unix_socket_unlock(struct os_unix_socket *unix_socket)
{
	if (unix_socket->lock_fd >= 0) {
		os_socket_lock_drop(unix_socket->lock_fd, unix_socket->lock_path);
		unix_socket->lock_fd = -1;
	}
}

void os_unix_socket_stop(struct os_unix_socket *unix_socket)
{
	os_unix_socket_unlink(unix_socket); /* while it is open: see above */
	if (unix_socket->fd >= 0) {
		close(unix_socket->fd);
		unix_socket->fd = -1;
	}
}

void os_unix_socket_close(struct os_unix_socket *unix_socket)
{
	os_unix_socket_stop(unix_socket);
	os_unix_socket_unlock(unix_socket);
	free(unix_socket->path);
	free(unix_socket->lock_path);
	unix_socket->path = NULL;
	unix_socket->lock_path = NULL;
}
