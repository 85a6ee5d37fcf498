/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_VFIO_PAIR_H
#define EBB_DRIVERS_NVME_VFIO_PAIR_H

/*
 * A submission queue and its completion queue: commands in, answers out. It belongs to one thread
 * and knows nothing of threads, interrupts or time limits.
 */

#include "drivers/nvme/vfio/data.h"
#include "drivers/nvme/vfio/doorbell.h"

#define VFIO_SLOT_NONE UINT16_MAX
#define VFIO_DEPTH_MAX 1024u

/* How far up the ladder of ladder.c a command is. */
#define VFIO_POLL_MAX 128u

enum vfio_rung {
	VFIO_RUNG_NONE,
	VFIO_RUNG_SEEN,  /* a look at late commands has met it */
	VFIO_RUNG_ABORT, /* the controller has been asked to abort it */
	VFIO_RUNG_RESET, /* or to be reset */
};

/* A command under way. */
struct vfio_slot {
	struct ebb_nvme_request *request; /* NULL: free */
	uint64_t since_ns;                /* submitted */
	uint16_t cid;                     /* the command's, or the next one's */
	uint16_t next_free;
	uint16_t list; /* of data.h */
	uint8_t rung;  /* enum vfio_rung */
};

struct vfio_pair {
	/* What each command and each look at the queue touches. */
	struct vfio_cqe *cq;
	uint16_t cq_head;
	uint16_t cq_depth;
	uint16_t cq_unrung; /* entries taken that the controller has not been told of */
	uint16_t cq_lazy;   /* tell it after more than so many */
	uint16_t phase;     /* of the next entry that is new */
	uint16_t mask;      /* the submission queue's entries less one; they are a power of two */
	uint16_t outstanding;
	uint16_t free; /* slot */
	struct vfio_slot *slots;
	struct vfio_sqe *sq;
	uint16_t sq_tail;
	uint16_t sq_rung; /* the tail that the controller knows */
	uint16_t qid;
	bool sgl;
	bool broken;    /* the controller has written what cannot be; @fault says what */
	bool attention; /* it is broken, or there are commands in @aborted */
	struct ebb_vfio_device *device;
	struct vfio_lists *lists;
	struct vfio_doorbell sq_doorbell;
	struct vfio_doorbell cq_doorbell;

	/* Commands that were aborted for their age, for the owner to submit again. */
	struct ebb_list aborted;

	uint64_t completions;
	uint64_t sq_doorbells; /* register writes */
	uint64_t cq_doorbells;
	uint32_t sq_bytes;
	uint32_t cq_bytes;
	char fault[128];
};

struct vfio_pair_opts {
	struct ebb_vfio_device *device;
	struct vfio_lists *lists; /* may be shared by pairs of one thread */
	uint16_t qid;
	uint16_t depth; /* entries of the submission queue: a power of two, 2 … VFIO_DEPTH_MAX */
	uint16_t cq_depth; /* entries of the completion queue, at least @depth */
	uint16_t cq_lazy;  /* below @cq_depth - @depth; 0: tell the controller after each batch */
	bool sgl;
};

/* Return: 0; -ENOMEM; -EFAULT the device does not see the pool. @pair: then as after fini. */
int vfio_pair_init(struct vfio_pair *pair, const struct vfio_pair_opts *opts);

/* The controller has let go of the queues. Nothing is outstanding. */
void vfio_pair_fini(struct vfio_pair *pair);

/* As new, for a controller that is about to be told of it. Nothing is outstanding. */
void vfio_pair_reset(struct vfio_pair *pair);

/* Addresses of the queues, for the controller. */
uint64_t vfio_pair_sq_iova(const struct vfio_pair *pair);
uint64_t vfio_pair_cq_iova(const struct vfio_pair *pair);

/**
 * vfio_pair_submit() - put @request into the submission queue; ring with vfio_pair_ring()
 * Return: 0; -EAGAIN no slot or no list is free; -EFAULT, -EINVAL as vfio_data_set().
 */
int vfio_pair_submit(struct vfio_pair *pair, struct ebb_nvme_request *request, uint64_t now_ns);

/* Tells the controller what has been submitted since. */
static inline void vfio_pair_ring(struct vfio_pair *pair)
{
	if (pair->sq_rung != pair->sq_tail) {
		pair->sq_rung = pair->sq_tail;
		pair->sq_doorbells += vfio_doorbell_ring(&pair->sq_doorbell, pair->sq_tail);
	}
}

/* True if there is an answer that has not been looked at. Acquires what came with it. */
static inline bool vfio_pair_waiting(const struct vfio_pair *pair)
{
	uint32_t tail = atomic_load_explicit(&pair->cq[pair->cq_head].tail, memory_order_acquire);

	return VFIO_CQE_PHASE(tail) == pair->phase;
}

/* The rare parts of vfio_pair_poll(). The controller has answered what was not asked: */
void vfio_pair_break(struct vfio_pair *pair, uint32_t sq, uint32_t tail);

/*
 * A command that we wanted aborted has been, and stands in @aborted; false: anything else it ended
 * with is its answer.
 */
bool vfio_slot_aborted(struct vfio_pair *pair, uint32_t index, uint16_t status);

/* Tells the controller what has been taken. */
void vfio_pair_ack(struct vfio_pair *pair);

/* The slot's command has ended: the slot can be used again, and not be meant by the old number. */
static inline struct ebb_nvme_request *vfio_slot_free(struct vfio_pair *pair, uint32_t index)
{
	struct vfio_slot *slot = &pair->slots[index];
	struct ebb_nvme_request *request = slot->request;

	slot->request = NULL;
	slot->cid = (uint16_t)(slot->cid + pair->mask + 1u);
	slot->next_free = pair->free;
	pair->free = (uint16_t)index;
	if (ebb_unlikely(slot->list != VFIO_LIST_NONE)) {
		vfio_list_put(pair->lists, slot->list);
		slot->list = VFIO_LIST_NONE;
	}
	pair->outstanding--;
	return request;
}

/* Answers requests, a bounded number. Return: how many entries there were. */
static inline unsigned vfio_pair_poll(struct vfio_pair *pair)
{
	unsigned count = 0;

	if (ebb_unlikely(pair->broken)) {
		return 0;
	}
	while (count < VFIO_POLL_MAX) {
		const struct vfio_cqe *cqe = &pair->cq[pair->cq_head];
		uint32_t tail = atomic_load_explicit(&cqe->tail, memory_order_acquire);
		struct ebb_nvme_request *request;
		struct vfio_slot *slot;
		uint32_t index;

		if (VFIO_CQE_PHASE(tail) != pair->phase) {
			break;
		}
		index = tail & pair->mask;
		slot = &pair->slots[index];
		if (ebb_unlikely(cqe->sq - ((uint32_t)pair->qid << 16) > pair->mask ||
				 index == pair->mask || slot->request == NULL ||
				 slot->cid != VFIO_CQE_CID(tail))) {
			vfio_pair_break(pair, cqe->sq, tail);
			break;
		}
		pair->cq_head++;
		if (ebb_unlikely(pair->cq_head == pair->cq_depth)) {
			pair->cq_head = 0;
			pair->phase ^= 1;
		}
		count++;
		if (ebb_unlikely(slot->rung != VFIO_RUNG_NONE) &&
		    vfio_slot_aborted(pair, index, VFIO_CQE_STATUS(tail))) {
			continue;
		}
		request = vfio_slot_free(pair, index);
		request->rc = 0;
		request->status = VFIO_CQE_STATUS(tail);
		request->result = cqe->result;
		request->done(request);
	}
	if (count == 0) {
		return 0;
	}
	pair->completions += count;
	pair->cq_unrung = (uint16_t)(pair->cq_unrung + count);
	if (pair->cq_unrung > pair->cq_lazy) {
		vfio_pair_ack(pair);
	}
	return count;
}

/* The slot whose command has @cid; NULL: none has. */
static inline struct vfio_slot *vfio_pair_slot(struct vfio_pair *pair, uint16_t cid)
{
	struct vfio_slot *slot = &pair->slots[cid & pair->mask];

	return slot->request != NULL && slot->cid == cid ? slot : NULL;
}

/*
 * Takes every command that is under way out of its slot, oldest first, to the end of @into. Only
 * when the controller cannot touch their data any more.
 */
void vfio_pair_take_back(struct vfio_pair *pair, struct ebb_list *into);

#endif
