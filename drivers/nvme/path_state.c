/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/path_state.h"

#include <stdarg.h>
#include <stdio.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/path.h"

static const char *const state_names[NVME_PATH_STATE_COUNT] = {
	[NVME_PATH_ATTACHING] = "attaching", [NVME_PATH_STARTING] = "starting",
	[NVME_PATH_ENABLED] = "enabled",     [NVME_PATH_RESETTING] = "resetting",
	[NVME_PATH_FAILED] = "failed",       [NVME_PATH_GONE] = "gone",
	[NVME_PATH_DELETING] = "deleting",
};

/* What a device does in its own time: it fails, and it leaves. */
#define LEFT (EBB_BIT(NVME_PATH_GONE) | EBB_BIT(NVME_PATH_DELETING))

static const uint32_t state_next[NVME_PATH_STATE_COUNT] = {
	[NVME_PATH_ATTACHING] = EBB_BIT(NVME_PATH_STARTING) | EBB_BIT(NVME_PATH_DELETING),
	[NVME_PATH_STARTING] = EBB_BIT(NVME_PATH_ENABLED) | LEFT,
	[NVME_PATH_ENABLED] = EBB_BIT(NVME_PATH_RESETTING) | EBB_BIT(NVME_PATH_FAILED) | LEFT,
	[NVME_PATH_RESETTING] = EBB_BIT(NVME_PATH_ENABLED) | EBB_BIT(NVME_PATH_FAILED) | LEFT,
	[NVME_PATH_FAILED] = EBB_BIT(NVME_PATH_RESETTING) | LEFT,
	[NVME_PATH_GONE] = EBB_BIT(NVME_PATH_DELETING),
	[NVME_PATH_DELETING] = 0,
};

const char *nvme_path_state_name(enum nvme_path_state state)
{
	return state_names[state];
}

bool nvme_path_state_may_follow(enum nvme_path_state from, enum nvme_path_state to)
{
	return (state_next[from] & EBB_BIT(to)) != 0;
}

void nvme_path_state_set(struct nvme_path *path, enum nvme_path_state state)
{
	ebb_assert(nvme_path_state_may_follow(path->state, state));
	path->state = state;
	ebb_debug("nvme", "%s: %s", path->drive->name, state_names[state]);
}

int nvme_path_fault(struct nvme_path *path, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(path->drive->fault, sizeof(path->drive->fault), format, args);
	va_end(args);
	return rc;
}
