/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_CONFIGURE_H
#define DRIVERS_NVME_VFIO_CONFIGURE_H

/*
 * The driver's own admin commands to a controller that has been enabled. All of it is the app
 * thread's.
 */

#include <stdbool.h>

#include <sys/uio.h>

#include "drivers/nvme/request.h"

struct vfio_ctrlr;

enum vfio_configure_step {
	VFIO_CONFIGURE_IDENTIFY,
	VFIO_CONFIGURE_QUEUES,  /* Set Features, Number of Queues */
	VFIO_CONFIGURE_SHADOWS, /* Doorbell Buffer Config, if wanted */
	VFIO_CONFIGURE_STEPS,
};

struct vfio_configure {
	enum vfio_configure_step step;
	bool answered; /* @request, and nobody has looked at the answer */
	struct nvme_request request;
	struct iovec iov;
	void *page; /* for Identify's data */
	char error[64];
};

/* Return: 0; -ENOMEM. */
int vfio_configure_init(struct vfio_ctrlr *c);
void vfio_configure_fini(struct vfio_ctrlr *c);

/* Sends the first command. The state is CONFIGURING from before. */
void vfio_configure_begin(struct vfio_ctrlr *c);

/**
 * vfio_configure_advance() - act on the answer, if there is one, and send the next command
 * Return: -EINPROGRESS one is under way; 0 all are done; -EIO one has failed: @configure.error.
 */
int vfio_configure_advance(struct vfio_ctrlr *c);

#endif
