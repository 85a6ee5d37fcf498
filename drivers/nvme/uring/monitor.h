/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_URING_MONITOR_H
#define DRIVERS_NVME_URING_MONITOR_H

/* The kernel's news of its NVMe controllers and namespaces. All of it on the app thread. */

#include <ebb/list.h>

#include "drivers/nvme/host/topology.h"
#include "drivers/nvme/transport.h"

typedef void (*uring_monitor_fn)(void *arg, enum nvme_event event, uint32_t value);

struct os_uevent;

struct uring_subscriber {
	struct ebb_list link;
	char ctrlr[NVME_NAME_SIZE];
	char subsystem[NVME_NAME_SIZE];
	uring_monitor_fn fn;
	void *arg;
	bool added;
};

/**
 * uring_monitor_add() - tell @fn what happens to a controller from here on
 * @subscriber: zeroed, the caller's storage
 * Where the kernel's messages are not to be had, @fn is never called; the log says so.
 */
void uring_monitor_add(struct uring_subscriber *subscriber, const char *ctrlr,
		       const char *subsystem, uring_monitor_fn fn, void *arg);
void uring_monitor_remove(struct uring_subscriber *subscriber); /* from inside @fn too */

/* Tells every subscriber that it is for. For tests, and the monitor itself. */
void uring_monitor_tell(const struct os_uevent *uevent);

/**
 * uring_monitor_is_of() - is it about this controller, or something of its?
 * @ctrlr: "nvme0"; @subsystem: "nvme-subsys0", whose namespaces are several controllers'; or ""
 */
bool uring_monitor_is_of(const struct os_uevent *uevent, const char *ctrlr, const char *subsystem);

#endif
