/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_PATH_STATE_H
#define DRIVERS_NVME_PATH_STATE_H

/* In what state a path is, and what is wrong with it. Thread: app. */

#include <stdbool.h>

#include <ebb/base.h>

struct nvme_path;

enum nvme_path_state {
	NVME_PATH_ATTACHING, /* the transport's attach() is under way */
	NVME_PATH_STARTING,  /* identify, features, the first look at the namespaces */
	NVME_PATH_ENABLED,
	NVME_PATH_RESETTING,
	NVME_PATH_FAILED,   /* no reset has helped; the bdevs go, it can be detached, or reset */
	NVME_PATH_GONE,     /* the device has left, or is asked for: the bdevs go, and the drive */
	NVME_PATH_DELETING, /* it is let go of */
	NVME_PATH_STATE_COUNT,
};

/* "enabled", "resetting", … */
const char *nvme_path_state_name(enum nvme_path_state state);

bool nvme_path_state_may_follow(enum nvme_path_state from, enum nvme_path_state to);

/* The one way to change path->state. Asserts that the change is a legal one. */
void nvme_path_state_set(struct nvme_path *path, enum nvme_path_state state);

/* What was wrong with @path, and the remedy: the text of the error that the drive's user gets. */
int nvme_path_fault(struct nvme_path *path, int rc, const char *format, ...) EBB_PRINTF(3, 4);

#endif
