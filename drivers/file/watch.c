/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes a file longer or shorter opens it for writing and closes it again (truncate, fallocate, dd,
 * qemu-img resize), and that inotify tells; the bdev's own writes it does not, as its descriptor stays
 * open. To be told of each change of the length would be to be told of each write. So truncate(2), which
 * opens nothing, goes unnoticed until somebody asks (bdev_uring_rescan), or the missing part is met.
 * Changes of attributes tell that the file has lost its last name.
 *
 * Of a block device the kernel tells by a message of its own (core/event/uevent.h).
 */
#include "drivers/file/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/event/rare_fd.h"
#include "core/event/uevent.h"
#include "drivers/file/file.h"
#include "drivers/file/rescan.h"

static struct {
	struct ebb_list files;
	struct ebb_list devices;
	struct event_uevent_subscriber uevents;
	struct event_rare_fd rare;
	int inotify;
} watch = {
	.files = EBB_LIST_INIT(watch.files),
	.devices = EBB_LIST_INIT(watch.devices),
	.inotify = -1,
};

static struct file_bdev *file_of(struct ebb_list *node)
{
	return ebb_list_entry(node, struct file_bdev, watch.link);
}

/* @wd: -1: any. */
static void look_at(struct ebb_list *list, int wd)
{
	struct ebb_list *node;

	ebb_list_for_each(node, list) {
		struct file_bdev *file = file_of(node);

		if (wd == -1 || file->watch.wd == wd) {
			file_rescan_by_itself(file);
		}
	}
}

static void devices_news(void *arg, const struct os_uevent *uevent)
{
	(void)arg;
	if (uevent == NULL ||
	    (strcmp(uevent->subsystem, "block") == 0 && uevent->action != OS_UEVENT_ADD)) {
		look_at(&watch.devices, -1);
	}
}

/* Return: false: there is no more. */
static bool inotify_take(void *arg)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t len = read(watch.inotify, events, sizeof(events));
	size_t at = 0;

	(void)arg;
	if (len <= 0) {
		return len < 0 && errno == EINTR;
	}
	while (at < (size_t)len) {
		const struct inotify_event *event = (const void *)(events + at);

		/* -1: the queue was full, and some are lost. */
		if (event->wd == -1 || (event->mask & IN_IGNORED) == 0) {
			look_at(&watch.files, event->wd);
		}
		at += sizeof(*event) + event->len;
	}
	return true;
}

/* Return: 0, or negative errno. */
static int inotify_begin(void)
{
	int rc;

	if (watch.inotify >= 0) {
		return 0;
	}
	watch.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch.inotify < 0) {
		return -errno;
	}
	rc = event_rare_fd_start(&watch.rare, watch.inotify, inotify_take, NULL, "file_watch");
	if (rc < 0) {
		close(watch.inotify);
		watch.inotify = -1;
	}
	return rc;
}

/* The kernel waits for others before it lets go of one: so the last file's closing does that. */
static void inotify_end(struct file_watch *last)
{
	event_rare_fd_stop(&watch.rare);
	last->inotify = watch.inotify;
	watch.inotify = -1;
}

void file_watch_close(struct file_bdev *file)
{
	if (file->watch.inotify >= 0) {
		close(file->watch.inotify);
		file->watch.inotify = -1;
	}
}

/* The open file itself, whatever its name is another's by now. Return: a wd, or negative errno. */
static int inotify_add(const struct file_bdev *file)
{
	char path[32];
	int wd, rc = inotify_begin();

	if (rc < 0) {
		return rc;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->target.fd);
	wd = inotify_add_watch(watch.inotify, path, IN_CLOSE_WRITE | IN_ATTRIB);
	return wd < 0 ? -errno : wd;
}

void file_watch_add(struct file_bdev *file)
{
	int rc;

	file->watch.added = true;
	if (file->target.is_block_device) {
		if (ebb_list_empty(&watch.devices)) {
			event_uevent_add(&watch.uevents, devices_news, NULL);
		}
		ebb_list_push_back(&watch.devices, &file->watch.link);
		return;
	}
	rc = inotify_add(file);
	file->watch.wd = rc < 0 ? -1 : rc;
	if (rc < 0) {
		ebb_warn("file",
			 "%s: nobody tells when '%s' grows (inotify: %s): call bdev_uring_rescan "
			 "then%s",
			 file->name, file->filename, strerror(-rc),
			 rc == -ENOSPC   ? ", or raise fs.inotify.max_user_watches (sysctl)"
			 : rc == -EMFILE ? ", or raise fs.inotify.max_user_instances (sysctl)"
					 : "");
	}
	ebb_list_push_back(&watch.files, &file->watch.link);
}

/* Two bdevs that read one file have the same watch. */
static bool wd_is_used(int wd)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &watch.files) {
		if (file_of(node)->watch.wd == wd) {
			return true;
		}
	}
	return false;
}

void file_watch_remove(struct file_bdev *file)
{
	if (!file->watch.added) {
		return;
	}
	file->watch.added = false;
	ebb_list_remove(&file->watch.link);
	if (file->target.is_block_device) {
		if (ebb_list_empty(&watch.devices)) {
			event_uevent_remove(&watch.uevents);
		}
	} else if (ebb_list_empty(&watch.files)) {
		inotify_end(&file->watch);
	} else if (file->watch.wd >= 0 && !wd_is_used(file->watch.wd)) {
		(void)inotify_rm_watch(watch.inotify, file->watch.wd);
	}
}
