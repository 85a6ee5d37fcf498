/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_START_H
#define DRIVERS_NVME_VFIO_START_H

/*
 * A controller's registers as it is disabled, enabled and shut down. Nothing here waits, or changes
 * the controller's state: vfio_advance() does, by what is seen here. All of it is the app thread's.
 */

#include <stdbool.h>
#include <stdint.h>

struct vfio_ctrlr;

/* How often in a row a start is tried. */
#define VFIO_STARTS_MAX 3u

struct vfio_start {
	uint64_t cap;
	uint64_t ready_ns;    /* how long the controller may take to become ready, or not ready */
	uint64_t shutdown_ns; /* and to shut down */
	uint64_t deadline_ns; /* of the state */
	unsigned failed;      /* starts, in a row */
	bool function_reset;  /* a function level reset has been tried since the last good start */
};

/* What the status register says, to a state that waits for it. */
enum vfio_seen {
	VFIO_SEEN_NOTHING, /* and there is time left */
	VFIO_SEEN_DONE,    /* what was waited for */
	VFIO_SEEN_BROKEN,  /* CSTS.CFS */
	VFIO_SEEN_LATE,    /* neither, and the deadline has passed */
	VFIO_SEEN_GONE,    /* it reads as ones */
};

/**
 * vfio_start_read_cap() - what is to be known of the registers before anything is written
 * Return: 0; -ENODEV, -ENXIO, -ENOTSUP, and vfio_ctrlr_fault() has been told.
 */
int vfio_start_read_cap(struct vfio_ctrlr *c);

/* Begin to disable, enable, shut down the controller; the last: false: it has gone. */
void vfio_start_disable(struct vfio_ctrlr *c);
void vfio_start_enable(struct vfio_ctrlr *c);
bool vfio_start_shut_down(struct vfio_ctrlr *c);

/* Looks at the status. DISABLING, DELETING, ENABLING, SHUTTING_DOWN only. */
enum vfio_seen vfio_start_look(const struct vfio_ctrlr *c);

#endif
