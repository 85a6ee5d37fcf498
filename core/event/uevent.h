/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_UEVENT_H
#define CORE_EVENT_UEVENT_H

/* The kernel's messages about its objects, to whom they concern. All of it on the app thread. */

#include <stdbool.h>

#include <ebb/list.h>

#include "core/os/uevent.h"

/* @uevent: NULL: messages have been lost, so look at everything. */
typedef void (*event_uevent_fn)(void *arg, const struct os_uevent *uevent);

struct event_uevent_subscriber {
	struct ebb_list link;
	event_uevent_fn fn;
	void *arg;
	bool added;
};

/**
 * event_uevent_add() - tell @fn what the kernel says from here on
 * @subscriber: zeroed, the caller's storage; it is not added yet
 * Where the kernel's messages are not to be had, @fn is never called; the log says so.
 */
void event_uevent_add(struct event_uevent_subscriber *subscriber, event_uevent_fn fn, void *arg);

/* From inside @fn, too; and of one that is not added. */
void event_uevent_remove(struct event_uevent_subscriber *subscriber);

/* Tells every subscriber. For tests, and the socket's reader. */
void event_uevent_tell(const struct os_uevent *uevent);

#endif
