/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/queue_setup_state.h"

#include <ebb/assert.h>
#include <ebb/log.h>

static const char *const state_names[VFIO_SETUP_STATE_COUNT] = {
	[VFIO_SETUP_CREATING] = "creating", [VFIO_SETUP_RUNNING] = "running",
	[VFIO_SETUP_STOPPING] = "stopping", [VFIO_SETUP_FAILED] = "failed",
	[VFIO_SETUP_LEAVING] = "leaving",
};

static const uint32_t state_next[VFIO_SETUP_STATE_COUNT] = {
	[VFIO_SETUP_CREATING] = EBB_BIT(VFIO_SETUP_RUNNING) | EBB_BIT(VFIO_SETUP_FAILED) |
				EBB_BIT(VFIO_SETUP_LEAVING),
	[VFIO_SETUP_RUNNING] = EBB_BIT(VFIO_SETUP_STOPPING) | EBB_BIT(VFIO_SETUP_LEAVING),
	/* The controller is disabled before they are made again. */
	[VFIO_SETUP_STOPPING] = EBB_BIT(VFIO_SETUP_CREATING) | EBB_BIT(VFIO_SETUP_LEAVING),
	/* Another reset has helped. */
	[VFIO_SETUP_FAILED] = EBB_BIT(VFIO_SETUP_CREATING) | EBB_BIT(VFIO_SETUP_LEAVING),
	[VFIO_SETUP_LEAVING] = 0,
};

static const uint32_t made_next[VFIO_MADE_COUNT] = {
	[VFIO_MADE_NONE] = EBB_BIT(VFIO_MADE_CQ),
	[VFIO_MADE_CQ] = EBB_BIT(VFIO_MADE_BOTH) | EBB_BIT(VFIO_MADE_NONE),
	/* NONE: at once, by the end of all queues when the controller is disabled. */
	[VFIO_MADE_BOTH] = EBB_BIT(VFIO_MADE_CQ) | EBB_BIT(VFIO_MADE_NONE),
};

void vfio_queue_setup_state_set(enum vfio_queue_setup_state *state,
				enum vfio_queue_setup_state next)
{
	bool legal = (state_next[*state] & EBB_BIT(next)) != 0;

	if (!legal) {
		ebb_error("nvme", "a queue that is %s cannot become %s", state_names[*state],
			  state_names[next]);
	}
	ebb_assert(legal);
	*state = next;
}

void vfio_queue_setup_made_set(enum vfio_made *made, enum vfio_made next)
{
	ebb_assert((made_next[*made] & EBB_BIT(next)) != 0);
	*made = next;
}
