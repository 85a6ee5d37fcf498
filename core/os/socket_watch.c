/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/socket_watch.h"

#include <errno.h>
#include <liburing.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* To remove a name changes the number of them, which is an attribute. The file itself lives on. */
#define FILE_EVENTS  (IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW)
#define MOVED_EVENTS (IN_MOVE_SELF | IN_ONLYDIR)
/*
 * Of each folder on the way: one that is removed says so only when nobody has anything of it open,
 * and the socket that has lost its file is in it. The one above it says so at once.
 */
#define FOLDER_EVENTS \
	(IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_MOVE_SELF | IN_ONLYDIR)

int os_socket_watch_init(struct os_socket_watch *watch)
{
	watch->num_marks = 0;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return watch->fd < 0 ? -errno : 0;
}

/*
 * To close an inotify instance waits for a kernel worker, for tens of ms and, where the CPUs are
 * busy, for most of a second: so long would the end of the process take. The files of an io_uring
 * are closed by a kernel worker, for which nobody waits. So one takes this file with it.
 */
static void watch_close_later(int fd)
{
	struct io_uring ring;

	if (io_uring_queue_init(1, &ring, 0) == 0) {
		(void)io_uring_register_files(&ring, &fd, 1);
		close(fd);
		io_uring_queue_exit(&ring);
	} else {
		close(fd);
	}
}

void os_socket_watch_fini(struct os_socket_watch *watch)
{
	if (watch->fd >= 0) {
		watch_close_later(watch->fd);
		watch->fd = -1;
	}
}

/* They may have gone with their files. */
static void watch_drop(struct os_socket_watch *watch)
{
	while (watch->num_marks > 0) {
		(void)inotify_rm_watch(watch->fd, watch->marks[--watch->num_marks]);
	}
}

static int watch_add(struct os_socket_watch *watch, const char *path, uint32_t events)
{
	int mark;

	if (watch->num_marks == OS_SOCKET_WATCH_MARKS) {
		return -ENAMETOOLONG;
	}
	mark = inotify_add_watch(watch->fd, path, events);
	if (mark < 0) {
		return -errno;
	}
	watch->marks[watch->num_marks++] = mark;
	return 0;
}

/* Makes of a path that of its folder: "/a/b" "/a" "/" and "a" "." Return: false: it has none. */
static bool path_to_folder(char *path)
{
	char *slash = strrchr(path, '/');

	if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0) {
		return false;
	}
	if (slash == NULL) {
		strcpy(path, ".");
	} else {
		slash[slash == path ? 1 : 0] = '\0';
	}
	return true;
}

/* Of all folders of @path that are there and may be read. */
static void watch_add_folders(struct os_socket_watch *watch, const char *path, uint32_t events)
{
	char folder[PATH_MAX];

	strcpy(folder, path);
	while (path_to_folder(folder)) {
		(void)watch_add(watch, folder, events);
	}
}

static bool path_is_legal(const char *path)
{
	return path[0] != '\0' && strlen(path) < PATH_MAX;
}

int os_socket_watch_file(struct os_socket_watch *watch, const char *path)
{
	int rc;

	if (!path_is_legal(path)) {
		return -ENAMETOOLONG;
	}
	watch_drop(watch);
	rc = watch_add(watch, path, FILE_EVENTS);
	if (rc == 0) {
		watch_add_folders(watch, path, MOVED_EVENTS);
	}
	os_socket_watch_clear(watch);
	return rc;
}

int os_socket_watch_folder(struct os_socket_watch *watch, const char *path)
{
	if (!path_is_legal(path)) {
		return -ENAMETOOLONG;
	}
	watch_drop(watch);
	watch_add_folders(watch, path, FOLDER_EVENTS);
	os_socket_watch_clear(watch);
	return watch->num_marks > 0 ? 0 : -ENOENT;
}

void os_socket_watch_clear(struct os_socket_watch *watch)
{
	char events[4096];

	while (read(watch->fd, events, sizeof(events)) > 0) {
		/* What has happened does not matter: who is told looks anew. */
	}
}
