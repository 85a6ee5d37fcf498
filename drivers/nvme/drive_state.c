/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/drive_state.h"

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/drive.h"

static const char *const state_names[NVME_DRIVE_STATE_COUNT] = {
	[NVME_DRIVE_ATTACHING] = "attaching", [NVME_DRIVE_ONLINE] = "online",
	[NVME_DRIVE_LEAVING] = "leaving",     [NVME_DRIVE_DELETING] = "deleting",
	[NVME_DRIVE_CLOSING] = "closing",
};

static const uint32_t state_next[NVME_DRIVE_STATE_COUNT] = {
	[NVME_DRIVE_ATTACHING] = EBB_BIT(NVME_DRIVE_ONLINE) | EBB_BIT(NVME_DRIVE_LEAVING) |
				 EBB_BIT(NVME_DRIVE_CLOSING),
	[NVME_DRIVE_ONLINE] = EBB_BIT(NVME_DRIVE_LEAVING),
	[NVME_DRIVE_LEAVING] = EBB_BIT(NVME_DRIVE_DELETING) | EBB_BIT(NVME_DRIVE_CLOSING),
	[NVME_DRIVE_DELETING] = EBB_BIT(NVME_DRIVE_CLOSING),
	[NVME_DRIVE_CLOSING] = 0,
};

const char *nvme_drive_state_name(enum nvme_drive_state state)
{
	return state_names[state];
}

void nvme_drive_state_set(struct nvme_drive *drive, enum nvme_drive_state state)
{
	ebb_assert((state_next[drive->state] & EBB_BIT(state)) != 0);
	drive->state = state;
	ebb_debug("nvme", "drive %s: %s", drive->name, state_names[state]);
}
