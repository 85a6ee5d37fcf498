/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/io_queue_state.h"

#include <ebb/assert.h>
#include <ebb/log.h>

static const char *const state_names[VFIO_IO_QUEUE_STATE_COUNT] = {
	[VFIO_IO_QUEUE_RUNNING] = "running",   [VFIO_IO_QUEUE_FULL] = "full",
	[VFIO_IO_QUEUE_CREATING] = "creating", [VFIO_IO_QUEUE_STOPPED] = "stopped",
	[VFIO_IO_QUEUE_FAILED] = "failed",     [VFIO_IO_QUEUE_DESTROYED] = "destroyed",
};

static const uint32_t state_next[VFIO_IO_QUEUE_STATE_COUNT] = {
	[VFIO_IO_QUEUE_RUNNING] = EBB_BIT(VFIO_IO_QUEUE_FULL) | EBB_BIT(VFIO_IO_QUEUE_STOPPED) |
				  EBB_BIT(VFIO_IO_QUEUE_DESTROYED),
	[VFIO_IO_QUEUE_FULL] = EBB_BIT(VFIO_IO_QUEUE_RUNNING) | EBB_BIT(VFIO_IO_QUEUE_STOPPED),
	/* It is full until what has waited has gone. */
	[VFIO_IO_QUEUE_CREATING] = EBB_BIT(VFIO_IO_QUEUE_FULL) | EBB_BIT(VFIO_IO_QUEUE_FAILED) |
				   EBB_BIT(VFIO_IO_QUEUE_DESTROYED),
	[VFIO_IO_QUEUE_STOPPED] = EBB_BIT(VFIO_IO_QUEUE_FULL) | EBB_BIT(VFIO_IO_QUEUE_FAILED) |
				  EBB_BIT(VFIO_IO_QUEUE_DESTROYED),
	/* Once more, by a reset that has not helped. */
	[VFIO_IO_QUEUE_FAILED] = EBB_BIT(VFIO_IO_QUEUE_FULL) | EBB_BIT(VFIO_IO_QUEUE_FAILED) |
				 EBB_BIT(VFIO_IO_QUEUE_DESTROYED),
	[VFIO_IO_QUEUE_DESTROYED] = 0,
};

void vfio_io_queue_state_set(enum vfio_io_queue_state *state, enum vfio_io_queue_state next)
{
	bool legal = (state_next[*state] & EBB_BIT(next)) != 0;

	if (!legal) {
		ebb_error("nvme", "a queue that is %s cannot become %s", state_names[*state],
			  state_names[next]);
	}
	ebb_assert(legal);
	*state = next;
}
