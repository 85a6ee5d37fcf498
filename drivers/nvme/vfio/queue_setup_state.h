/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_QUEUE_SETUP_STATE_H
#define DRIVERS_NVME_VFIO_QUEUE_SETUP_STATE_H

/* The states of a queue, as the app thread sees them. */

enum vfio_queue_setup_state {
	VFIO_SETUP_CREATING, /* its vector and queue pairs are made as soon as they can be */
	VFIO_SETUP_RUNNING,  /* its thread has been told to use them */
	VFIO_SETUP_STOPPING, /* and is being told not to any more */
	VFIO_SETUP_FAILED,   /* its thread has been told to fail requests */
	VFIO_SETUP_LEAVING,  /* its thread has destroyed it */
	VFIO_SETUP_STATE_COUNT,
};

/* Changes *@state to @next, which must be a legal successor, and does nothing else. */
void vfio_queue_setup_state_set(enum vfio_queue_setup_state *state,
				enum vfio_queue_setup_state next);

/* How much of a queue pair the controller has. */
enum vfio_made {
	VFIO_MADE_NONE,
	VFIO_MADE_CQ,   /* the completion queue, which comes first and goes last */
	VFIO_MADE_BOTH, /* and the submission queue */
	VFIO_MADE_COUNT,
};

void vfio_queue_setup_made_set(enum vfio_made *made, enum vfio_made next);

#endif
