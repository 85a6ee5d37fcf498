/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_QPAIR_H
#define DRIVERS_NVME_VFIO_QPAIR_H

/*
 * A submission queue and its completion queue: commands in, answers out. It belongs to one thread
 * and knows nothing of threads, interrupts or time limits.
 */

#include "drivers/nvme/vfio/data.h"
#include "drivers/nvme/vfio/doorbell.h"

#define VFIO_TRACKER_NONE UINT16_MAX
#define VFIO_DEPTH_MAX    1024u

#define VFIO_POLL_MAX 128u /* answers that one look takes */

/* What has been done about the age of a command: see timeout.c. */
enum vfio_stage {
	VFIO_STAGE_NONE,
	VFIO_STAGE_SEEN,  /* a look at late commands has met it */
	VFIO_STAGE_ABORT, /* the controller has been asked to abort it */
	VFIO_STAGE_RESET, /* it is to be reset */
	VFIO_STAGE_COUNT,
};

/* A command under way. */
struct vfio_tracker {
	struct nvme_request *request; /* NULL: free */
	uint64_t since_ns;            /* submitted */
	uint16_t cid;                 /* the command's, or the next one's */
	uint16_t next_free;
	uint16_t list; /* of data.h */
	uint8_t stage; /* enum vfio_stage */
	uint16_t use;  /* the request's */
};

static_assert(sizeof(struct vfio_tracker) == 32, "two to a line, and found by a shift");

struct vfio_qpair {
	/* What each command and each look at the queue touches. */
	struct vfio_cqe *cq;
	uint16_t cq_head;
	uint16_t cq_depth;
	uint16_t cq_unrung; /* entries taken that the controller has not been told of */
	uint16_t cq_lazy;   /* tell it after more than so many */
	uint16_t phase;     /* of the next entry that is new */
	uint16_t mask;      /* the submission queue's entries less one; they are a power of two */
	uint16_t outstanding;
	uint16_t free; /* tracker */
	struct vfio_tracker *trackers;
	struct vfio_sqe *sq;
	uint16_t sq_tail;
	uint16_t sq_rung; /* the tail that the controller knows */
	uint16_t qid;
	bool sgl;
	bool broken;    /* the controller has written what cannot be; @fault says what */
	bool attention; /* it is broken, or there are commands in @aborted */
	struct vfio_device *device;
	struct vfio_data_lists *lists;
	struct vfio_doorbell sq_doorbell;
	struct vfio_doorbell cq_doorbell;

	/* Commands that were aborted for their age, for the owner to submit again. */
	struct ebb_list aborted;

	uint64_t sq_doorbells; /* register writes */
	uint32_t sq_bytes;
	uint32_t cq_bytes;
	char fault[128];
};

struct vfio_qpair_opts {
	struct vfio_device *device;
	struct vfio_data_lists *lists; /* may be shared by pairs of one thread */
	uint16_t qid;
	uint16_t depth; /* entries of the submission queue: a power of two, 2 … VFIO_DEPTH_MAX */
	uint16_t cq_depth; /* entries of the completion queue, at least @depth */
	uint16_t cq_lazy;  /* below @cq_depth - @depth; 0: tell the controller after each batch */
	bool sgl;
};

/* Return: 0; -ENOMEM; -EFAULT the device does not see the pool. @qpair: then as after fini. */
int vfio_qpair_init(struct vfio_qpair *qpair, const struct vfio_qpair_opts *opts);

/* The controller has let go of the queues. Nothing is outstanding. */
void vfio_qpair_fini(struct vfio_qpair *qpair);

/* As new, for a controller that is about to be told of it. Nothing is outstanding. */
void vfio_qpair_reset(struct vfio_qpair *qpair);

/* Addresses of the queues, for the controller. */
uint64_t vfio_qpair_sq_iova(const struct vfio_qpair *qpair);
uint64_t vfio_qpair_cq_iova(const struct vfio_qpair *qpair);

/**
 * vfio_qpair_submit() - put @request into the submission queue; ring with vfio_qpair_ring()
 * Return: 0; -EAGAIN no tracker or no list is free; -EFAULT, -EINVAL as vfio_data_set().
 */
int vfio_qpair_submit(struct vfio_qpair *qpair, struct nvme_request *request, uint64_t now_ns);

/* Tells the controller what has been submitted since. */
static inline void vfio_qpair_ring(struct vfio_qpair *qpair)
{
	if (qpair->sq_rung != qpair->sq_tail) {
		qpair->sq_rung = qpair->sq_tail;
		qpair->sq_doorbells += vfio_doorbell_ring(&qpair->sq_doorbell, qpair->sq_tail);
	}
}

/* True if there is an answer that has not been looked at. Acquires what came with it. */
static inline bool vfio_qpair_waiting(const struct vfio_qpair *qpair)
{
	uint32_t tail = atomic_load_explicit(&qpair->cq[qpair->cq_head].tail, memory_order_acquire);

	return VFIO_CQE_PHASE(tail) == qpair->phase;
}

/* The rare parts of vfio_qpair_poll(). The controller has answered what was not asked: */
void vfio_qpair_break(struct vfio_qpair *qpair, uint32_t sq, uint32_t tail);

/*
 * A command that we wanted aborted has been, and stands in @aborted; false: anything else it ended
 * with is its answer.
 */
bool vfio_qpair_take_aborted(struct vfio_qpair *qpair, uint32_t index, uint16_t status);

/* Tells the controller what has been taken. */
void vfio_qpair_ack(struct vfio_qpair *qpair);

/*
 * The tracker's command has ended: the tracker can be used again, and not be meant by the old
 * number.
 */
static inline struct nvme_request *vfio_qpair_end_command(struct vfio_qpair *qpair, uint32_t index)
{
	struct vfio_tracker *tracker = &qpair->trackers[index];
	struct nvme_request *request = tracker->request;

	tracker->request = NULL;
	tracker->cid = (uint16_t)(tracker->cid + qpair->mask + 1u);
	tracker->next_free = qpair->free;
	qpair->free = (uint16_t)index;
	if (ebb_unlikely(tracker->list != VFIO_LIST_NONE)) {
		vfio_data_list_put(qpair->lists, tracker->list);
		tracker->list = VFIO_LIST_NONE;
	}
	qpair->outstanding--;
	return request;
}

/* Answers requests, a bounded number. Return: how many entries there were. */
static inline unsigned vfio_qpair_poll(struct vfio_qpair *qpair)
{
	unsigned count = 0;

	if (ebb_unlikely(qpair->broken)) {
		return 0;
	}
	while (count < VFIO_POLL_MAX) {
		const struct vfio_cqe *cqe = &qpair->cq[qpair->cq_head];
		uint32_t tail = atomic_load_explicit(&cqe->tail, memory_order_acquire);
		struct nvme_request *request;
		struct vfio_tracker *tracker;
		uint32_t index;

		if (VFIO_CQE_PHASE(tail) != qpair->phase) {
			break;
		}
		index = tail & qpair->mask;
		tracker = &qpair->trackers[index];
		if (ebb_unlikely(cqe->sq - ((uint32_t)qpair->qid << 16) > qpair->mask ||
				 index == qpair->mask || tracker->request == NULL ||
				 tracker->cid != VFIO_CQE_CID(tail))) {
			vfio_qpair_break(qpair, cqe->sq, tail);
			break;
		}
		qpair->cq_head++;
		if (ebb_unlikely(qpair->cq_head == qpair->cq_depth)) {
			qpair->cq_head = 0;
			qpair->phase ^= 1;
		}
		count++;
		if (ebb_unlikely(tracker->stage != VFIO_STAGE_NONE) &&
		    vfio_qpair_take_aborted(qpair, index, VFIO_CQE_STATUS(tail))) {
			continue;
		}
		request = vfio_qpair_end_command(qpair, index);
		request->rc = 0;
		request->status = VFIO_CQE_STATUS(tail);
		request->result = cqe->result;
		request->done(request, tracker->use);
	}
	if (count == 0) {
		return 0;
	}
	qpair->cq_unrung = (uint16_t)(qpair->cq_unrung + count);
	if (qpair->cq_unrung > qpair->cq_lazy) {
		vfio_qpair_ack(qpair);
	}
	return count;
}

/*
 * Takes every command that is under way out of its tracker, oldest first, to the end of @into. Only
 * when the controller cannot touch their data any more.
 */
void vfio_qpair_reclaim(struct vfio_qpair *qpair, struct ebb_list *into);

#endif
