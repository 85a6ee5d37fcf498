/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_SOCKET_WATCH_H
#define CORE_OS_SOCKET_WATCH_H

/*
 * Is a socket's file still there? The kernel tells when it goes, so nobody has to look. It is the
 * file that is watched, and whether its folders are moved, but not what is in them, where others may
 * come and go all the time: they wake nobody. That is watched only while there is no such file.
 */

#include <stdbool.h>

#define OS_SOCKET_WATCH_MARKS 64 /* the path of a socket has no more parts */

struct os_socket_watch {
	int fd; /* readable when it may have changed; nonblocking; -1: there is no watch */
	int marks[OS_SOCKET_WATCH_MARKS];
	unsigned num_marks;
};

/**
 * os_socket_watch_init() - make one, that watches nothing yet
 * Thread: any, one at a time; so are all of these.
 * Return: 0; -EMFILE, of descriptors or of the user's inotify instances; -ENOMEM.
 */
int os_socket_watch_init(struct os_socket_watch *watch);

/* It may have failed, or be all zero but for its fd, which is -1. */
void os_socket_watch_fini(struct os_socket_watch *watch);

/**
 * os_socket_watch_file() - from now on, be told when the file at @path is removed, moved or replaced
 * What has happened before is not told of: look whether it is the right one, after this.
 * Return: 0; -ENOENT; another errno.
 */
int os_socket_watch_file(struct os_socket_watch *watch, const char *path);

/**
 * os_socket_watch_folder() - from now on, be told when a file may have come or gone at @path
 * Look whether it can be made, after this.
 * Return: 0; an errno.
 */
int os_socket_watch_folder(struct os_socket_watch *watch, const char *path);

/* Takes what has been told, so that @watch->fd is not readable until there is more. */
void os_socket_watch_clear(struct os_socket_watch *watch);

#endif
