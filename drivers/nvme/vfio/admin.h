/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_ADMIN_H
#define DRIVERS_NVME_VFIO_ADMIN_H

/*
 * The admin queue. All of it is the app thread's. A request's done() runs inside of these
 * functions; what the driver's own do then is to note the answer, for vfio_advance() to follow.
 */

#include "drivers/nvme/vfio/qpair.h"

#define VFIO_ADMIN_DEPTH 64u

#define VFIO_ABORTS_MAX 4u

struct vfio_ctrlr;

struct vfio_abort {
	struct nvme_request request;
	struct vfio_ctrlr *ctrlr;
	bool busy;
};

struct vfio_admin {
	struct vfio_qpair qpair;
	struct vfio_data_lists lists;
	struct ebb_list own;     /* wait for room: the driver's */
	struct ebb_list waiting; /* and the layer's */
	unsigned busy;           /* commands that are expected to end: no event requests */
	uint32_t timeout_ms;     /* of a command */
	struct vfio_abort aborts[VFIO_ABORTS_MAX];
	unsigned num_aborts; /* that the controller takes at a time, at most VFIO_ABORTS_MAX */
	uint64_t aborted;    /* commands, by it */
};

/* Return: 0; -ENOMEM; -EFAULT the device does not see the pool. */
int vfio_admin_init(struct vfio_ctrlr *c);
void vfio_admin_fini(struct vfio_ctrlr *c); /* nothing is under way */

/* One of the layer's: waits for READY; fails with -ENODEV where that will not come. */
void vfio_admin_submit(struct vfio_ctrlr *c, struct nvme_request *request);

/* One of the driver's own, cancelled when it is disabled. CONFIGURING, READY, DELETING only. */
void vfio_admin_submit_own(struct vfio_ctrlr *c, struct nvme_request *request);

/* Submits what waits, as far as there is room and the state lets it. */
void vfio_admin_submit_waiting(struct vfio_ctrlr *c);

/*
 * The controller has let go of the queue: answers what was under way, and @waiting too, with @rc.
 */
void vfio_admin_cancel(struct vfio_ctrlr *c, int rc, bool waiting);

/* Answers requests. Return: true: there was an answer. */
bool vfio_admin_poll(struct vfio_ctrlr *c);

/* Looks at the ages of commands, and asks for a reset where one is too old. */
void vfio_admin_check_ages(struct vfio_ctrlr *c);

/* If the controller takes no more aborts at a time, the command stays for the reset. */
void vfio_admin_abort(struct vfio_ctrlr *c, uint16_t qid, uint16_t cid);

#endif
