/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_STATE_H
#define DRIVERS_NVME_VFIO_STATE_H

/* The states of a controller. state.c says which follows which, advance.c when. */

#include <ebb/base.h>

enum vfio_state {
	VFIO_OPENING,     /* the helper opens the device */
	VFIO_DISABLING,   /* CC.EN is 0; CSTS.RDY is not yet */
	VFIO_RESETTING,   /* the helper does a function level reset */
	VFIO_ENABLING,    /* CC.EN is 1; CSTS.RDY is not yet */
	VFIO_CONFIGURING, /* the driver's own admin commands are under way */
	VFIO_READY,       /* queues come and go */
	VFIO_STOPPING,    /* every queue is told not to touch its queue pairs */
	VFIO_DELETING,    /* the controller deletes the submission queues, before it is disabled */
	VFIO_SHUTTING_DOWN, /* CC.SHN is set; CSTS.SHST does not say "complete" yet */
	VFIO_CLOSING,       /* the helper closes the device */
	VFIO_FAILED,        /* disabled; requests fail; a reset may be tried */
	VFIO_GONE,          /* closed; requests fail; to be detached */
	VFIO_ENDED,         /* nobody knows it any more */
	VFIO_STATE_COUNT,
};

const char *vfio_state_name(enum vfio_state state);

/* Changes *@state to @next, which must be a legal successor, and does nothing else. */
void vfio_state_set(enum vfio_state *state, enum vfio_state next);

#endif
