/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done about a command that is not answered, stage by stage:
 *
 *	look at the completion queue    its interrupt was lost: answer it, count that, say so
 *	after a quarter of the time     look at the controller: it may have gone, or be broken
 *	when the time is up             likewise; otherwise ask it to abort the command
 *	after twice that                have the controller reset
 *
 * The first two are about the queue, and io_queue_timer.c does them on each tick. The others are
 * about single commands: the table below.
 *
 * An aborted command, like one that a reset has interrupted, is submitted again, a bounded number
 * of times. Then it fails with -ETIMEDOUT.
 *
 * A command is late only if two ticks have met it. Its time is that of the turn that submitted it:
 * if ebbd was stopped in that turn (SIGSTOP, a debugger, a paused guest), the command looks as old
 * as that stop was long, though the controller has just been told of it.
 */
#include "drivers/nvme/vfio/timeout.h"

struct timeout_stage {
	unsigned age_parts;         /* at this age, of VFIO_TIMEOUT_PARTS to the time limit */
	enum vfio_fault_kind fault; /* the app thread is told of this */
	enum vfio_stage next;       /* and the command is here */
};

static const struct timeout_stage stages[VFIO_STAGE_COUNT] = {
	[VFIO_STAGE_NONE] = {0, VFIO_FAULT_NONE, VFIO_STAGE_SEEN},
	[VFIO_STAGE_SEEN] = {VFIO_TIMEOUT_PARTS, VFIO_FAULT_LATE, VFIO_STAGE_ABORT},
	[VFIO_STAGE_ABORT] = {2 * VFIO_TIMEOUT_PARTS, VFIO_FAULT_LOST, VFIO_STAGE_RESET},
	[VFIO_STAGE_RESET] = {0, VFIO_FAULT_NONE, VFIO_STAGE_RESET}, /* it is on its way */
};

uint64_t vfio_timeout_oldest(const struct vfio_qpair *qpair, uint64_t now_ns)
{
	uint64_t oldest_ns = 0;

	for (unsigned i = 0; qpair->outstanding != 0 && i < qpair->mask; i++) {
		const struct vfio_tracker *tracker = &qpair->trackers[i];

		if (tracker->request != NULL && now_ns - tracker->since_ns > oldest_ns) {
			oldest_ns = now_ns - tracker->since_ns;
		}
	}
	return oldest_ns;
}

void vfio_timeout_tick(struct vfio_qpair *qpair, uint64_t now_ns, uint64_t timeout_ns,
		       struct vfio_fault *fault)
{
	for (unsigned i = 0; qpair->outstanding != 0 && i < qpair->mask; i++) {
		struct vfio_tracker *tracker = &qpair->trackers[i];
		const struct timeout_stage *stage = &stages[tracker->stage];

		if (tracker->request == NULL ||
		    now_ns - tracker->since_ns <
			    stage->age_parts * timeout_ns / VFIO_TIMEOUT_PARTS) {
			continue;
		}
		if (stage->fault != VFIO_FAULT_NONE) {
			if (fault->kind != VFIO_FAULT_NONE) {
				continue;
			}
			fault->kind = stage->fault;
			fault->qid = qpair->qid;
			fault->cid = tracker->cid;
		}
		tracker->stage = (uint8_t)stage->next;
	}
}
