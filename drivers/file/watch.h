/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_FILE_WATCH_H
#define DRIVERS_FILE_WATCH_H

/* What the kernel says about a file or a block device while a bdev stands on it. Thread: app. */

#include <stdbool.h>

#include <ebb/list.h>

struct file_bdev;

struct file_watch {
	struct ebb_list link;
	bool added;
	int wd;      /* inotify's; -1: none */
	int inotify; /* left for file_watch_close(); -1: nothing */
};

/* From now on file_rescan_by_itself(@file) when there is news; if there can be none, the log says so. */
void file_watch_add(struct file_bdev *file);

/* Also if it was not added. */
void file_watch_remove(struct file_bdev *file);

/* What that has left, which may block. Thread: the helper. */
void file_watch_close(struct file_bdev *file);

#endif
