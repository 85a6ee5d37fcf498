/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ebb/base.h>

/* A replacement under way. */
struct replacement {
	const char *path;         /* as the user knows it */
	char target[PATH_MAX];    /* without symbolic links */
	char folder[PATH_MAX];    /* of the target */
	char temporary[PATH_MAX]; /* the new file, until it is renamed */
	struct stat old;
	bool exists; /* ->old is filled in */
	char *error;
	size_t error_size;
};

/* Return: @rc. */
static int EBB_PRINTF(3, 4)
	replacement_fail(const struct replacement *replacement, int rc, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(replacement->error, replacement->error_size, "cannot write %s: %s",
		 replacement->path, what);
	return rc;
}

/* What there is in place of a regular file, for people. */
static const char *mode_describe(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

/* Return: 0; < 0: what is there is not one that can be replaced. */
static int mode_check(const struct replacement *replacement, mode_t mode)
{
	if (S_ISREG(mode)) {
		return 0;
	}
	return replacement_fail(replacement, -EINVAL,
				"it is %s, where only a regular file can be replaced",
				mode_describe(mode));
}

/* A file that is there has to be one that may be replaced. */
static int target_check(struct replacement *replacement)
{
	int rc;

	if (stat(replacement->target, &replacement->old) != 0) {
		return replacement_fail(replacement, -errno, "%s", strerror(errno));
	}
	rc = mode_check(replacement, replacement->old.st_mode);
	if (rc < 0) {
		return rc;
	}
	if (faccessat(AT_FDCWD, replacement->target, W_OK, AT_EACCESS) != 0) {
		return replacement_fail(replacement, -errno, "%s", strerror(errno));
	}
	replacement->exists = true;
	return 0;
}

/*
 * There is a link, but no name that it leads to. Those of /proc/self/fd, which /dev/stdout leads to,
 * may be to what has none.
 */
static int target_nameless(const struct replacement *replacement)
{
	struct stat target;
	int rc;

	if (stat(replacement->path, &target) != 0) {
		return replacement_fail(replacement, -ENOENT,
					"it is a symbolic link that leads nowhere");
	}
	rc = mode_check(replacement, target.st_mode);
	return rc < 0 ? rc
		      : replacement_fail(replacement, -ENOENT,
					 "it leads to a file that has been removed");
}

/* Where the file is, or is to be. */
static int target_find(struct replacement *replacement)
{
	struct stat link;
	int rc;

	if (realpath(replacement->path, replacement->target) != NULL) {
		return target_check(replacement);
	}
	rc = -errno;
	if (rc == -ENOENT && lstat(replacement->path, &link) == 0) {
		return target_nameless(replacement);
	}
	if (rc != -ENOENT) {
		return replacement_fail(replacement, rc, "%s", strerror(-rc));
	}
	if (snprintf(replacement->target, PATH_MAX, "%s", replacement->path) >= PATH_MAX) {
		return replacement_fail(replacement, -ENAMETOOLONG, "%s", strerror(ENAMETOOLONG));
	}
	return 0;
}

/* Makes the new file, in the folder of the old one, since a rename does not leave a filesystem. */
static int temporary_create(struct replacement *replacement, int *ret_fd)
{
	const char *slash = strrchr(replacement->target, '/');
	const char *name = slash != NULL ? slash + 1 : replacement->target;
	int folder_len = (int)(name - replacement->target);
	int rc;

	snprintf(replacement->folder, PATH_MAX, "%.*s", folder_len > 0 ? folder_len : 2,
		 folder_len > 0 ? replacement->target : "./");
	if (snprintf(replacement->temporary, PATH_MAX, "%s.%s.XXXXXX", replacement->folder, name) >=
	    PATH_MAX) {
		return replacement_fail(replacement, -ENAMETOOLONG, "%s", strerror(ENAMETOOLONG));
	}
	*ret_fd = mkostemp(replacement->temporary, O_CLOEXEC);
	if (*ret_fd < 0) {
		rc = -errno;
		return replacement_fail(replacement, rc, "cannot make a file in %s: %s",
					replacement->folder, strerror(-rc));
	}
	return 0;
}

/* As the old one; without that, as open() would have made it. */
static int temporary_set_owner(const struct replacement *replacement, int fd)
{
	const struct stat *old = &replacement->old;
	mode_t mask;

	if (!replacement->exists) {
		mask = umask(0);
		umask(mask);
		if (fchmod(fd, 0666 & ~mask) != 0) {
			return replacement_fail(replacement, -errno, "%s", strerror(errno));
		}
		return 0;
	}
	if (fchown(fd, old->st_uid, old->st_gid) != 0) {
		return replacement_fail(
			replacement, -errno,
			"its owner (user %u, group %u) cannot be kept: %s; run this as that user",
			(unsigned)old->st_uid, (unsigned)old->st_gid, strerror(errno));
	}
	if (fchmod(fd, old->st_mode & 07777) != 0) {
		return replacement_fail(replacement, -errno, "its mode cannot be kept: %s",
					strerror(errno));
	}
	return 0;
}

static int temporary_write(const struct replacement *replacement, int fd, const char *text,
			   size_t len)
{
	ssize_t done;

	while (len > 0) {
		done = write(fd, text, len);
		if (done > 0) {
			text += done;
			len -= (size_t)done;
		} else if (done == 0 || errno != EINTR) {
			return replacement_fail(replacement, done == 0 ? -EIO : -errno, "%s",
						done == 0 ? "nothing is taken" : strerror(errno));
		}
	}
	if (fsync(fd) != 0) {
		return replacement_fail(replacement, -errno, "%s", strerror(errno));
	}
	return 0;
}

/* Its new name is on the disk, too, as far as the filesystem can do that. */
static void folder_sync(const struct replacement *replacement)
{
	int fd = open(replacement->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

int os_file_replace(const char *path, const char *text, size_t len, char *ret_error, size_t size)
{
	struct replacement replacement = {
		.path = path,
		.error = ret_error,
		.error_size = size,
	};
	int rc;
	int fd = -1;

	rc = target_find(&replacement);
	if (rc == 0) {
		rc = temporary_create(&replacement, &fd);
	}
	if (rc < 0) {
		return rc;
	}
	rc = temporary_set_owner(&replacement, fd);
	if (rc == 0) {
		rc = temporary_write(&replacement, fd, text, len);
	}
	if (close(fd) != 0 && rc == 0) {
		rc = replacement_fail(&replacement, -errno, "%s", strerror(errno));
	}
	if (rc == 0 && rename(replacement.temporary, replacement.target) != 0) {
		rc = replacement_fail(&replacement, -errno, "%s", strerror(errno));
	}
	if (rc < 0) {
		unlink(replacement.temporary);
		return rc;
	}
	folder_sync(&replacement);
	return 0;
}
