/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_IO_QUEUE_STATE_H
#define DRIVERS_NVME_VFIO_IO_QUEUE_STATE_H

/* The states of a queue, as its own thread sees them. A byte, for every request looks at it. */

enum __attribute__((packed)) vfio_io_queue_state {
	VFIO_IO_QUEUE_RUNNING,   /* requests go to the queue pairs */
	VFIO_IO_QUEUE_FULL,      /* likewise, but some have found no room: nothing overtakes them */
	VFIO_IO_QUEUE_CREATING,  /* the controller has no queue pairs of it yet: requests wait */
	VFIO_IO_QUEUE_STOPPED,   /* nor any more: what is under way there is the controller's */
	VFIO_IO_QUEUE_FAILED,    /* requests fail */
	VFIO_IO_QUEUE_DESTROYED, /* there are none any more */
	VFIO_IO_QUEUE_STATE_COUNT,
};

/* Changes *@state to @next, which must be a legal successor, and does nothing else. */
void vfio_io_queue_state_set(enum vfio_io_queue_state *state, enum vfio_io_queue_state next);

#endif
