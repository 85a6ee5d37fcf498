/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_ADVANCE_H
#define DRIVERS_NVME_VFIO_ADVANCE_H

/* The one place where a controller goes from state to state. The app thread's. */

#include <stdbool.h>

struct nvme_request;
struct vfio_ctrlr;

/**
 * vfio_advance() - do what the controller's state, and what has been noted since, ask for Does it
 * until nothing more can be done at once. Called from within itself, by what it has told the layer
 * above, it leaves that to the call that is at work.
 * Owns: @c may be gone when this returns.
 */
void vfio_advance(struct vfio_ctrlr *c);

/* Answers admin requests. Return: true: there were answers, and vfio_advance() is due. */
bool vfio_advance_poll(struct vfio_ctrlr *c);

/* One of the layer's. Ends as vfio_advance(). */
void vfio_advance_submit(struct vfio_ctrlr *c, struct nvme_request *request);

/*
 * The device has been opened, and what is needed of it has been read and allocated (@rc 0); it is
 * closed again (-errno). Ends as vfio_advance().
 */
void vfio_advance_opened(struct vfio_ctrlr *c, int rc);

/* It could not be opened: answers the attach with @rc. @c is gone when this returns. */
void vfio_advance_not_opened(struct vfio_ctrlr *c, int rc);

#endif
