/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file's name is chosen by whoever chooses the socket's, so there may be anything: a user's
 * file, a link to one, a pipe, a device. What is there is looked at before it is opened (to open a
 * device may do something), again when it is open (it may be another by now), and for what it holds
 * once it is locked (its writer is one of ours then, and dead). Until all of that is so nothing is
 * written, and what is refused is as it was.
 *
 * The lock is on the file, not on its name. So after it is had the name must still lead to it: the
 * one before may have removed it in between, and another daemon have made a new one.
 */

#include "core/os/socket_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ebb/base.h>
#include <ebb/log.h>

/* Another daemon may remove the lock's file between our open and our lock: then try again. */
#define LOCK_TRIES   16
#define PID_TEXT_MAX 32

#define LOCK_AGAIN (-EAGAIN) /* the file was removed meanwhile */

/* One attempt, and whom it is for. */
struct lock_request {
	const char *path;
	const char *lock_path;
	const char *remedy;
	char *error;
	size_t error_size;
};

/* Return: @rc. */
static int EBB_PRINTF(3, 4)
	lock_fail(const struct lock_request *request, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(request->error, request->error_size, format, args);
	va_end(args);
	return rc;
}

const char *os_socket_remedy(int error, const char *remedy)
{
	switch (error) {
	case EMFILE:
		return "raise RLIMIT_NOFILE (ulimit -n)";
	case ENFILE:
		return "the system has no more open files: raise /proc/sys/fs/file-max";
	case ENOMEM:
	case ENOBUFS:
		return "free some memory";
	default:
		return remedy;
	}
}

bool os_socket_lock_is_at(int fd, const char *path)
{
	struct stat opened;
	struct stat named;

	return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* Return: the pid in the file; 0: it is empty; < 0: it holds something else, or cannot be read. */
static long lock_read(int fd)
{
	char text[PID_TEXT_MAX];
	ssize_t len = pread(fd, text, sizeof(text), 0);
	ssize_t digits = 0;

	if (len <= 0) {
		return len;
	}
	while (digits < len && text[digits] >= '0' && text[digits] <= '9') {
		digits++;
	}
	/* A pid has 10 at the most. A blank line, or more than one line, is no pid. */
	if (digits == 0 || digits > 10 || len - digits > 1 ||
	    (len > digits && text[digits] != '\n')) {
		return -1;
	}
	text[digits] = '\0';
	return strtol(text, NULL, 10);
}

/* Why such a file is not ours, for people; NULL: it may be. */
static const char *lock_objection(const struct stat *st)
{
	if (S_ISLNK(st->st_mode)) {
		return "is a symbolic link";
	}
	if (S_ISDIR(st->st_mode)) {
		return "is a directory";
	}
	if (!S_ISREG(st->st_mode)) {
		return "is not a regular file";
	}
	if (st->st_nlink > 1) {
		return "has other names, too";
	}
	if (st->st_uid != geteuid() && st->st_uid != 0) {
		return "belongs to another user";
	}
	return NULL;
}

static int lock_object(const struct lock_request *request, const char *objection)
{
	return lock_fail(request, -EEXIST,
			 "%s %s, so it is no lock of ebb's: it is left alone; move it away, or %s",
			 request->lock_path, objection, request->remedy);
}

static int lock_fail_open(const struct lock_request *request, int error)
{
	const char *remedy = error == ENOENT || error == ENOTDIR ? "make its folder, or " : "";

	return lock_fail(request, -error, "cannot make the lock %s: %s; %s%s", request->lock_path,
			 strerror(error), remedy, os_socket_remedy(error, request->remedy));
}

/* Opens what is there, if it may be ours. Return: it; LOCK_AGAIN; < 0 an error (noted). */
static int lock_open_old(const struct lock_request *request)
{
	struct stat st;
	const char *objection;
	int fd;

	if (lstat(request->lock_path, &st) != 0) {
		return errno == ENOENT ? LOCK_AGAIN : lock_fail_open(request, errno);
	}
	objection = lock_objection(&st);
	if (objection != NULL) {
		return lock_object(request, objection);
	}
	fd = open(request->lock_path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		/* ELOOP: it is a link by now, of which the next try will tell. */
		return errno == ENOENT || errno == ELOOP ? LOCK_AGAIN
							 : lock_fail_open(request, errno);
	}
	objection = fstat(fd, &st) == 0 ? lock_objection(&st) : "does not let itself be looked at";
	if (objection != NULL) {
		close(fd);
		return lock_object(request, objection);
	}
	return fd;
}

/* Says who holds the lock, as far as its file tells. */
static int lock_fail_held(const struct lock_request *request, int fd)
{
	long pid = lock_read(fd);

	if (pid == getpid()) {
		return lock_fail(request, -EADDRINUSE,
				 "this ebbd (process %ld) is listening at %s already: %s", pid,
				 request->path, request->remedy);
	}
	if (pid > 0) {
		return lock_fail(request, -EADDRINUSE,
				 "another ebbd (process %ld) is listening at %s: stop that one, or "
				 "%s",
				 pid, request->path, request->remedy);
	}
	if (pid < 0) {
		return lock_object(request, "is locked by another program");
	}
	return lock_fail(request, -EADDRINUSE,
			 "another ebbd is listening at %s: stop that one, or %s", request->path,
			 request->remedy);
}

/* Return: the locked file; LOCK_AGAIN; < 0 an error (noted). */
static int lock_try(const struct lock_request *request)
{
	int fd = open(request->lock_path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool made = fd >= 0;
	int rc = 0;

	if (!made) {
		fd = errno == EEXIST ? lock_open_old(request) : lock_fail_open(request, errno);
		if (fd < 0) {
			return fd;
		}
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK
			     ? lock_fail_held(request, fd)
			     : lock_fail(request, -errno, "cannot lock %s: %s; %s",
					 request->lock_path, strerror(errno), request->remedy);
		if (made && rc != -EADDRINUSE) {
			unlink(request->lock_path);
		}
	} else if (!os_socket_lock_is_at(fd, request->lock_path)) {
		rc = LOCK_AGAIN;
	} else if (lock_read(fd) < 0) {
		rc = lock_object(request, "holds something other than a pid");
	}
	if (rc != 0) {
		close(fd);
		return rc;
	}
	return fd;
}

/* It serves without as well: only the texts of those who come later are poorer. */
static void lock_write_pid(int fd, const char *lock_path)
{
	char pid[PID_TEXT_MAX];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) == len) {
		return;
	}
	ebb_warn("socket", "cannot write the process's number into the lock %s: %s", lock_path,
		 strerror(errno));
	(void)!ftruncate(fd, 0); /* a part of it would be another's */
}

int os_socket_lock_take(const char *path, const char *lock_path, const char *remedy,
			char *ret_error, size_t size)
{
	const struct lock_request request = {
		.path = path,
		.lock_path = lock_path,
		.remedy = remedy,
		.error = ret_error,
		.error_size = size,
	};
	int fd = LOCK_AGAIN;

	for (int i = 0; i < LOCK_TRIES && fd == LOCK_AGAIN; i++) {
		fd = lock_try(&request);
	}
	if (fd == LOCK_AGAIN) {
		return lock_fail(&request, LOCK_AGAIN,
				 "the lock %s is removed again and again: another program removes "
				 "it",
				 lock_path);
	}
	if (fd >= 0) {
		lock_write_pid(fd, lock_path);
	}
	return fd;
}

void os_socket_lock_drop(int fd, const char *lock_path)
{
	if (os_socket_lock_is_at(fd, lock_path)) {
		unlink(lock_path);
	}
	close(fd);
}
