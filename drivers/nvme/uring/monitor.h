/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_URING_MONITOR_H
#define EBB_DRIVERS_NVME_URING_MONITOR_H

/* The kernel's news of its NVMe controllers and namespaces. All of it on the app thread. */

#include <ebb/list.h>

#include "drivers/nvme/host/topology.h"
#include "drivers/nvme/transport.h"

typedef void (*ebb_nvme_watch_fn)(void *arg, enum ebb_nvme_event event, uint32_t value);

struct ebb_uevent;

struct ebb_nvme_watch {
	struct ebb_list link;
	char ctrlr[EBB_NVME_NAME_SIZE];
	char subsystem[EBB_NVME_NAME_SIZE];
	ebb_nvme_watch_fn fn;
	void *arg;
	bool added;
};

/**
 * ebb_nvme_monitor_add() - tell @fn what happens to a controller from here on
 * @watch: zeroed, the caller's storage
 * Where the kernel's messages are not to be had, @fn is never called; the log says so once.
 */
void ebb_nvme_monitor_add(struct ebb_nvme_watch *watch, const char *ctrlr, const char *subsystem,
			  ebb_nvme_watch_fn fn, void *arg);
void ebb_nvme_monitor_remove(struct ebb_nvme_watch *watch); /* from inside @fn too */

/* Tells every watch that it is for. For tests, and the monitor itself. */
void ebb_nvme_monitor_tell(const struct ebb_uevent *uevent);

#endif
