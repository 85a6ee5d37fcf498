/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_TRANSITION_H
#define DRIVERS_NVME_VFIO_TRANSITION_H

/*
 * A controller's way from one state to the next: what is done then, and what the layer above is
 * told of it. advance.c decides which it is. All of it is the app thread's.
 */

#include "drivers/nvme/vfio/reset.h"
#include "drivers/nvme/vfio/state.h"

/* To @state, without more. */
void vfio_transition_to(struct vfio_ctrlr *c, enum vfio_state state);

/* To CLOSING, DISABLING, RESETTING: c->work has begun, or CC.EN is 0. */
void vfio_transition_close(struct vfio_ctrlr *c);
void vfio_transition_disable(struct vfio_ctrlr *c);
void vfio_transition_reset_function(struct vfio_ctrlr *c);

/* It cannot be disabled: only closing the device makes it let go of memory. */
void vfio_transition_give_up(struct vfio_ctrlr *c);

/* A start has failed, for that reason: to DISABLING, for another one or the last time. */
void vfio_transition_start_failed(struct vfio_ctrlr *c, const char *format, ...) EBB_PRINTF(2, 3);

/* From READY to STOPPING: it is to be reset. */
void vfio_transition_reset(struct vfio_ctrlr *c, enum vfio_reset_cause cause);

/* From anywhere: it is to be let go of. @why: for people. */
void vfio_transition_leave(struct vfio_ctrlr *c, const char *why);

/* It has been configured; disabled; closed. */
void vfio_transition_ready(struct vfio_ctrlr *c);
void vfio_transition_disabled(struct vfio_ctrlr *c);
void vfio_transition_closed(struct vfio_ctrlr *c);

/* Answers whoever waits for the end of a reset. */
void vfio_transition_answer_reset(struct vfio_ctrlr *c, int rc);

#endif
