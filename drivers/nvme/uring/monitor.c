/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/monitor.h"

/*
 * A namespace is told of when its generic device comes or goes: that is the last step of its
 * making, after its block device. When messages have been lost, everybody looks.
 */

#include <string.h>

#include <ebb/assert.h>
#include <ebb/thread.h>

#include "core/event/uevent.h"

static struct {
	struct ebb_list subscribers;
	struct event_uevent_subscriber news;
} monitor = {.subscribers = EBB_LIST_INIT(monitor.subscribers)};

/* True if @name is one of the folders of @path. */
static bool path_has(const char *path, const char *name)
{
	size_t len = strlen(name);

	while ((path = strchr(path, '/')) != NULL) {
		path++;
		if (len != 0 && strncmp(path, name, len) == 0 &&
		    (path[len] == '/' || path[len] == '\0')) {
			return true;
		}
	}
	return false;
}

bool uring_monitor_is_of(const struct os_uevent *uevent, const char *ctrlr, const char *subsystem)
{
	return path_has(uevent->path, ctrlr) || path_has(uevent->path, subsystem);
}

static bool uevent_judge(const struct os_uevent *uevent, const struct uring_subscriber *subscriber,
			 enum nvme_event *ret_event)
{
	if (strcmp(uevent->subsystem, "nvme") == 0 &&
	    strcmp(uevent->device, subscriber->ctrlr) == 0) {
		*ret_event = uevent->has_aen ? NVME_EVENT_ASYNC : NVME_EVENT_GONE;
		return uevent->has_aen || uevent->action == OS_UEVENT_REMOVE;
	}
	*ret_event = NVME_EVENT_NS_CHANGED;
	if (strcmp(uevent->subsystem, "nvme-generic") == 0) {
		return uevent->action == OS_UEVENT_ADD || uevent->action == OS_UEVENT_REMOVE;
	}
	return strcmp(uevent->subsystem, "block") == 0 && uevent->resized;
}

void uring_monitor_tell(const struct os_uevent *uevent)
{
	struct ebb_list *node, *next;
	enum nvme_event event;

	ebb_list_for_each_safe(node, next, &monitor.subscribers) {
		struct uring_subscriber *subscriber =
			ebb_list_entry(node, struct uring_subscriber, link);

		if (uring_monitor_is_of(uevent, subscriber->ctrlr, subscriber->subsystem) &&
		    uevent_judge(uevent, subscriber, &event)) {
			subscriber->fn(subscriber->arg, event, uevent->aen);
		}
	}
}

static void monitor_tell_all(void)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &monitor.subscribers) {
		struct uring_subscriber *subscriber =
			ebb_list_entry(node, struct uring_subscriber, link);

		subscriber->fn(subscriber->arg, NVME_EVENT_NS_CHANGED, 0);
	}
}

static void monitor_news(void *arg, const struct os_uevent *uevent)
{
	(void)arg;
	if (uevent != NULL) {
		uring_monitor_tell(uevent);
	} else {
		monitor_tell_all();
	}
}

void uring_monitor_add(struct uring_subscriber *subscriber, const char *ctrlr,
		       const char *subsystem, uring_monitor_fn fn, void *arg)
{
	ebb_assert(ebb_thread_is_app() && !subscriber->added);
	strncpy(subscriber->ctrlr, ctrlr, sizeof(subscriber->ctrlr) - 1);
	strncpy(subscriber->subsystem, subsystem, sizeof(subscriber->subsystem) - 1);
	subscriber->fn = fn;
	subscriber->arg = arg;
	subscriber->added = true;
	if (ebb_list_empty(&monitor.subscribers)) {
		event_uevent_add(&monitor.news, monitor_news, NULL);
	}
	ebb_list_push_back(&monitor.subscribers, &subscriber->link);
}

void uring_monitor_remove(struct uring_subscriber *subscriber)
{
	if (!subscriber->added) {
		return;
	}
	subscriber->added = false;
	ebb_list_remove(&subscriber->link);
	if (ebb_list_empty(&monitor.subscribers)) {
		event_uevent_remove(&monitor.news);
	}
}
