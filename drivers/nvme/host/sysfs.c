/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/host/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int (*write_observer)(const char *path, const char *text);

int host_sysfs_read(char *ret_text, size_t size, const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t got;
	int fd;

	ret_text[0] = '\0';
	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	got = read(fd, ret_text, size - 1);
	if (got < 0) {
		got = -errno;
		close(fd);
		return (int)got;
	}
	close(fd);
	ret_text[got] = '\0';
	ret_text[strcspn(ret_text, "\n")] = '\0';
	for (got = (ssize_t)strlen(ret_text); got > 0 && isspace((unsigned char)ret_text[got - 1]);
	     got--) {
		ret_text[got - 1] = '\0';
	}
	return 0;
}

void host_sysfs_set_observer(int (*observer)(const char *path, const char *text))
{
	write_observer = observer;
}

int host_sysfs_write(const char *text, const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list args;
	int fd, rc = 0;

	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	if (write_observer != NULL) {
		return write_observer(path, text);
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	if (write(fd, text, strlen(text)) < 0) {
		rc = -errno;
	}
	close(fd);
	return rc;
}

int host_sysfs_link_name(char *ret_name, size_t size, const char *path_format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	va_list args;
	ssize_t len;

	ret_name[0] = '\0';
	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0) {
		return -errno;
	}
	target[len] = '\0';
	slash = strrchr(target, '/');
	snprintf(ret_name, size, "%s", slash == NULL ? target : slash + 1);
	return 0;
}
