/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_QUEUE_SETUP_H
#define DRIVERS_NVME_VFIO_QUEUE_SETUP_H

/*
 * The app thread's half of a queue: what the controller has of it, or is asked for. See messages.h
 * for the other half. Functions here record what has happened, or do what comes next; they never
 * call what called them.
 */

#include <ebb/helper.h>

#include "drivers/nvme/request.h"
#include "drivers/nvme/vfio/messages.h"
#include "drivers/nvme/vfio/numbers.h"
#include "drivers/nvme/vfio/queue_setup_state.h"

struct vfio_ctrlr;
struct vfio_io_queue;

/* What is under way, of which there is one at a time. */
enum vfio_setup_pending {
	VFIO_PENDING_NONE,
	VFIO_PENDING_VECTOR, /* @work */
	VFIO_PENDING_ADMIN,  /* @request */
	VFIO_PENDING_COMMAND,
};

struct vfio_setup_qpair {
	uint16_t qid; /* 0: there is none */
	uint16_t sq_entries;
	uint16_t cq_entries;
	void *sq; /* in one piece, each */
	void *cq;
	bool wanted; /* the controller has not refused it */
	enum vfio_made made;
	struct vfio_doorbell sq_doorbell;
	struct vfio_doorbell cq_doorbell;
};

struct vfio_queue_setup {
	struct vfio_ctrlr *ctrlr;
	struct ebb_list link;        /* of the controller's queues */
	struct vfio_io_queue *queue; /* the other half; to be freed after UNREGISTER */
	struct vfio_queue_messages messages;

	enum vfio_queue_setup_state state;
	enum vfio_setup_pending pending;
	struct vfio_queue_numbers numbers;
	struct vfio_setup_qpair qpairs[VFIO_QPAIRS];

	struct nvme_request request;
	struct iovec iov;              /* the queue that @request creates */
	enum vfio_qpair_kind creating; /* or deletes: @request's */

	struct ebb_work work; /* gives the vector its eventfd, or takes it away */
	int work_rc;
	int work_fd;  /* -1: taken away */
	int event_fd; /* -1: none */
	bool vector_set;
};

/* What messages and work tell of; vfio_queue_setup_advance() has to follow. Thread: the app's. */
void vfio_queue_setup_register(struct vfio_queue_setup *setup);
void vfio_queue_setup_unregister(struct vfio_queue_setup *setup);
void vfio_queue_setup_acknowledged(struct vfio_queue_setup *setup);
void vfio_queue_setup_vector_done(struct vfio_queue_setup *setup);

/* Begins what comes next for every queue, and frees those that nothing is left of. */
void vfio_queue_setup_advance(struct vfio_ctrlr *c);

/* Every queue: touches its queue pairs no more; has no submission queue any more. */
bool vfio_queue_setup_stopped(const struct vfio_ctrlr *c);
bool vfio_queue_setup_deleted(const struct vfio_ctrlr *c);

/* The controller has forgotten all queues. */
void vfio_queue_setup_lost(struct vfio_ctrlr *c);

/* The controller is ready again: those that have failed are tried once more. */
void vfio_queue_setup_retry(struct vfio_ctrlr *c);

/* The counters of all queues there are. */
void vfio_queue_setup_count(const struct vfio_ctrlr *c, uint64_t *lost_interrupts,
			    uint64_t *timeouts);

/* Frees both halves, and puts the numbers back. Thread: any; nobody else knows it. */
void vfio_queue_setup_free(struct vfio_queue_setup *setup);

#endif
