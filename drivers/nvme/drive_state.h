/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_DRIVE_STATE_H
#define DRIVERS_NVME_DRIVE_STATE_H

/* Whether a drive is to stay. Thread: app. What its path is like is path_state.h's to say. */

struct nvme_drive;

enum nvme_drive_state {
	NVME_DRIVE_ATTACHING, /* who has asked for it has not been answered */
	NVME_DRIVE_ONLINE,
	NVME_DRIVE_LEAVING,  /* it shall go; what is under way ends first */
	NVME_DRIVE_DELETING, /* its bdevs go, and its namespaces are closed */
	NVME_DRIVE_CLOSING,  /* its channels go, if there ever were any; then its path */
	NVME_DRIVE_STATE_COUNT,
};

const char *nvme_drive_state_name(enum nvme_drive_state state);

/* The one way to change drive->state. Asserts that the change is a legal one. */
void nvme_drive_state_set(struct nvme_drive *drive, enum nvme_drive_state state);

#endif
