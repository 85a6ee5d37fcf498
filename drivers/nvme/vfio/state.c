/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/state.h"

#include <ebb/assert.h>
#include <ebb/log.h>

static const char *const state_names[VFIO_STATE_COUNT] = {
	[VFIO_OPENING] = "opening",
	[VFIO_DISABLING] = "disabling",
	[VFIO_RESETTING] = "resetting the function",
	[VFIO_ENABLING] = "enabling",
	[VFIO_CONFIGURING] = "configuring",
	[VFIO_READY] = "ready",
	[VFIO_STOPPING] = "stopping",
	[VFIO_DELETING] = "deleting queues",
	[VFIO_SHUTTING_DOWN] = "shutting down",
	[VFIO_CLOSING] = "closing",
	[VFIO_FAILED] = "failed",
	[VFIO_GONE] = "gone",
	[VFIO_ENDED] = "ended",
};

static const uint32_t state_next[VFIO_STATE_COUNT] = {
	/* ENDED: there was no device to be had. */
	[VFIO_OPENING] = EBB_BIT(VFIO_DISABLING) | EBB_BIT(VFIO_CLOSING) | EBB_BIT(VFIO_ENDED),
	[VFIO_DISABLING] = EBB_BIT(VFIO_RESETTING) | EBB_BIT(VFIO_ENABLING) | EBB_BIT(VFIO_FAILED) |
			   EBB_BIT(VFIO_CLOSING),
	[VFIO_RESETTING] = EBB_BIT(VFIO_DISABLING) | EBB_BIT(VFIO_CLOSING),
	[VFIO_ENABLING] =
		EBB_BIT(VFIO_CONFIGURING) | EBB_BIT(VFIO_DISABLING) | EBB_BIT(VFIO_CLOSING),
	[VFIO_CONFIGURING] = EBB_BIT(VFIO_READY) | EBB_BIT(VFIO_DISABLING) | EBB_BIT(VFIO_CLOSING),
	[VFIO_READY] = EBB_BIT(VFIO_STOPPING) | EBB_BIT(VFIO_SHUTTING_DOWN),
	[VFIO_STOPPING] = EBB_BIT(VFIO_DELETING) | EBB_BIT(VFIO_DISABLING) | EBB_BIT(VFIO_CLOSING),
	[VFIO_DELETING] = EBB_BIT(VFIO_DISABLING) | EBB_BIT(VFIO_CLOSING),
	[VFIO_SHUTTING_DOWN] = EBB_BIT(VFIO_CLOSING),
	[VFIO_CLOSING] = EBB_BIT(VFIO_GONE),
	[VFIO_FAILED] = EBB_BIT(VFIO_DISABLING) | EBB_BIT(VFIO_CLOSING),
	[VFIO_GONE] = EBB_BIT(VFIO_ENDED),
	[VFIO_ENDED] = 0,
};

const char *vfio_state_name(enum vfio_state state)
{
	return state_names[state];
}

void vfio_state_set(enum vfio_state *state, enum vfio_state next)
{
	bool legal = (state_next[*state] & EBB_BIT(next)) != 0;

	if (!legal) {
		ebb_error("nvme", "a controller that is %s cannot become %s", state_names[*state],
			  state_names[next]);
	}
	ebb_assert(legal);
	*state = next;
}
