/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_MESSAGES_H
#define DRIVERS_NVME_VFIO_MESSAGES_H

/*
 * A queue has two halves: struct vfio_io_queue is its own thread's, which submits and polls; struct
 * vfio_queue_setup is the app thread's, which has the admin queue and by it makes and deletes the
 * queue pairs on the controller. This is all that passes between them:
 *
 *	queue's thread            app thread
 *	register      ->                          once, when the queue has been created
 *	              <-          command         one at a time
 *	acknowledge   ->                          of each command, when it has been carried out
 *	fault         ->                          one at a time; what is left is told later
 *	unregister    ->                          once; both halves are the app thread's from then on
 *
 * A message belongs to whoever sends it, from the moment that the one before it has been read.
 * Besides these the app thread reads two counters.
 */

#include <stdatomic.h>

#include <ebb/thread.h>

#include "drivers/nvme/vfio/doorbell.h"

/* The queue pairs of a queue. */
enum vfio_qpair_kind {
	VFIO_QPAIR_IRQ,    /* its completions interrupt */
	VFIO_QPAIR_POLLED, /* its completions do not */
	VFIO_QPAIRS,
};

enum vfio_command_kind {
	VFIO_COMMAND_RUN,  /* the controller has the queue pairs: use them */
	VFIO_COMMAND_STOP, /* do not touch them until there is another command */
	VFIO_COMMAND_FAIL, /* the controller has let go of them: fail what there is, and what comes */
};

struct vfio_command {
	enum vfio_command_kind kind;

	/* RUN */
	uint32_t
		present; /* bits of enum vfio_qpair_kind: the queue pairs that the controller has */
	struct vfio_doorbell sq_doorbell[VFIO_QPAIRS];
	struct vfio_doorbell cq_doorbell[VFIO_QPAIRS];

	/* STOP */
	bool count_reset; /* the reset counts against the requests that are under way */

	/* FAIL */
	int rc; /* what requests fail with */
};

enum vfio_fault_kind {
	VFIO_FAULT_NONE,
	VFIO_FAULT_STATUS, /* the controller has gone, or says that it is broken */
	VFIO_FAULT_LATE,   /* a command has not been answered in time: abort it */
	VFIO_FAULT_LOST,   /* the abort has not helped: reset */
	VFIO_FAULT_BROKEN, /* the controller has written what cannot be: reset */
};

struct vfio_fault {
	enum vfio_fault_kind kind;
	uint16_t qid; /* LATE, LOST: the command's */
	uint16_t cid;
	char text[128]; /* BROKEN: what it has written */
};

struct vfio_queue_messages {
	struct ebb_thread *thread; /* the queue's */

	struct ebb_msg register_msg;
	struct ebb_msg unregister_msg;

	struct vfio_command command;
	struct ebb_msg command_msg;
	struct ebb_msg ack_msg;

	struct vfio_fault fault;
	struct ebb_msg fault_msg;
	_Atomic bool fault_sent; /* set by the queue's thread; cleared when @fault has been read */

	/* Written by the queue's thread, read by the app thread, relaxed. */
	_Atomic uint64_t lost_interrupts;
	_Atomic uint64_t timeouts;
};

#endif
