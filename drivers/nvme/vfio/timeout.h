/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_TIMEOUT_H
#define DRIVERS_NVME_VFIO_TIMEOUT_H

/* What is done about a command that is not answered, and when. */

#include "drivers/nvme/vfio/messages.h"
#include "drivers/nvme/vfio/qpair.h"

/* Parts of its time limit by which a command's age is reckoned, and the period of the ticks. */
#define VFIO_TIMEOUT_PARTS 4u

/* The age of the oldest command that is under way; 0: there is none. Thread: the queue's. */
uint64_t vfio_timeout_oldest(const struct vfio_qpair *qpair, uint64_t now_ns);

/**
 * vfio_timeout_tick() - move the commands of @qpair on that are old enough for their next stage
 * @fault: its kind is NONE if something may be told, and then set to what has to be told first.
 *	Otherwise commands whose next stage would have to be told of stay where they are.
 * Thread: the queue's.
 */
void vfio_timeout_tick(struct vfio_qpair *qpair, uint64_t now_ns, uint64_t timeout_ns,
		       struct vfio_fault *fault);

#endif
