/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue pair.
 *
 * Submission. A command is composed in the submission queue's own entry. There is always room: as
 * many slots as the queue has entries but one, and an entry is consumed before its command is
 * answered. The doorbell is rung for all commands of a batch at once, by whoever knows where the
 * batch ends.
 *
 * Completion. An entry is new if its phase tag is the one of this round through the queue. The
 * controller writes entries whole, or the tag last, so the tag is read first, and with acquire:
 * what else the entry says, and the data that came before it, is read after it.
 *
 * What the controller writes is not trusted. A command identifier is the slot's index and, above
 * it, a generation that changes each time the slot is used. It has to be exactly that of a command
 * under way: a repeated, late or made-up one finds a free slot or another generation. (The slot of
 * the highest index does not exist, so no identifier is FFFFh, which means "none" elsewhere.) A
 * wrong queue, or a head outside of the queue, is as bad. After any of these nothing that the queue
 * holds can be believed: it is looked at no more, and the owner has to have the controller reset.
 *
 * The completion queue's head is told to the controller once a batch; and where nothing but room
 * in that queue depends on it (no interrupts), and the queue is longer than all commands under way
 * need, only now and then: that is one register write in many batches.
 */
#include "drivers/nvme/vfio/pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

uint64_t vfio_pair_sq_iova(const struct vfio_pair *pair)
{
	return ebb_vfio_device_iova(pair->device, pair->sq);
}

uint64_t vfio_pair_cq_iova(const struct vfio_pair *pair)
{
	return ebb_vfio_device_iova(pair->device, pair->cq);
}

int vfio_pair_init(struct vfio_pair *pair, const struct vfio_pair_opts *opts)
{
	unsigned depth = opts->depth;

	ebb_assert(depth >= 2 && depth <= VFIO_DEPTH_MAX && (depth & (depth - 1)) == 0 &&
		   opts->cq_depth >= depth &&
		   (opts->cq_lazy == 0 || opts->cq_lazy < opts->cq_depth - depth));
	*pair = (struct vfio_pair){
		.device = opts->device,
		.lists = opts->lists,
		.qid = opts->qid,
		.mask = (uint16_t)(depth - 1),
		.cq_depth = opts->cq_depth,
		.cq_lazy = opts->cq_lazy,
		.sgl = opts->sgl,
		.sq_bytes = depth * (uint32_t)sizeof(struct vfio_sqe),
		.cq_bytes = opts->cq_depth * (uint32_t)sizeof(struct vfio_cqe),
	};
	ebb_list_init(&pair->aborted);
	pair->sq = ebb_mem_alloc(pair->sq_bytes);
	pair->cq = ebb_mem_alloc(pair->cq_bytes);
	pair->slots = calloc(depth - 1, sizeof(*pair->slots));
	if (pair->sq == NULL || pair->cq == NULL || pair->slots == NULL) {
		vfio_pair_fini(pair);
		return -ENOMEM;
	}
	if (vfio_pair_sq_iova(pair) == 0 || vfio_pair_cq_iova(pair) == 0) {
		vfio_pair_fini(pair);
		return -EFAULT;
	}
	for (unsigned i = 0; i < depth - 1; i++) {
		pair->slots[i] = (struct vfio_slot){
			.cid = (uint16_t)i,
			.next_free = i + 1 == depth - 1 ? VFIO_SLOT_NONE : (uint16_t)(i + 1),
			.list = VFIO_LIST_NONE,
		};
	}
	vfio_pair_reset(pair);
	return 0;
}

void vfio_pair_fini(struct vfio_pair *pair)
{
	ebb_assert(pair->outstanding == 0 && ebb_list_empty(&pair->aborted));
	ebb_mem_free(pair->sq, pair->sq_bytes);
	ebb_mem_free(pair->cq, pair->cq_bytes);
	free(pair->slots);
	*pair = (struct vfio_pair){0};
	ebb_list_init(&pair->aborted);
}

static void doorbell_reset(struct vfio_doorbell *doorbell)
{
	if (doorbell->shadow != NULL) {
		atomic_store(doorbell->shadow, 0);
		atomic_store(doorbell->event, 0);
	}
}

void vfio_pair_reset(struct vfio_pair *pair)
{
	ebb_assert(pair->outstanding == 0);
	memset(pair->sq, 0, pair->sq_bytes);
	memset(pair->cq, 0, pair->cq_bytes);
	pair->sq_tail = 0;
	pair->sq_rung = 0;
	pair->cq_head = 0;
	pair->cq_unrung = 0;
	pair->phase = 1;
	pair->broken = false;
	pair->attention = false;
	doorbell_reset(&pair->sq_doorbell);
	doorbell_reset(&pair->cq_doorbell);
}

int vfio_pair_submit(struct vfio_pair *pair, struct ebb_nvme_request *request, uint64_t now_ns)
{
	uint16_t index = pair->free;
	struct vfio_sqe *sqe = &pair->sq[pair->sq_tail];
	struct vfio_slot *slot = &pair->slots[index];
	int rc;

	if (ebb_unlikely(index == VFIO_SLOT_NONE)) {
		return -EAGAIN;
	}
	rc = vfio_data_set(pair->device, pair->lists, pair->sgl, request, sqe, &slot->list);
	if (ebb_unlikely(rc != 0)) {
		return rc;
	}
	pair->free = slot->next_free;
	slot->request = request;
	slot->since_ns = now_ns;
	sqe->opcode = request->opcode;
	sqe->cid = slot->cid;
	sqe->nsid = request->nsid;
	sqe->cdw2_3 = 0;
	sqe->mptr = 0;
	static_assert(offsetof(struct ebb_nvme_request, cdw15) -
					      offsetof(struct ebb_nvme_request, cdw10) ==
				      20 &&
			      sizeof(struct vfio_sqe) - offsetof(struct vfio_sqe, cdw10) == 24,
		      "dwords 10 to 15 lie together in both");
	memcpy(&sqe->cdw10, &request->cdw10, 24);
	pair->sq_tail = (uint16_t)((pair->sq_tail + 1u) & pair->mask);
	pair->outstanding++;
	return 0;
}

void __attribute__((cold, noinline))
vfio_pair_break(struct vfio_pair *pair, uint32_t sq, uint32_t tail)
{
	const char *what = "a command that is not under way";

	if (sq >> 16 != pair->qid) {
		what = "another queue";
	} else if ((sq & 0xffff) > pair->mask) {
		what = "a place outside of the queue";
	}
	snprintf(pair->fault, sizeof(pair->fault),
		 "queue %u: its answer names %s (CID %04x, SQID %u, SQHD %u, status %04x)",
		 pair->qid, what, VFIO_CQE_CID(tail), sq >> 16, sq & 0xffff, VFIO_CQE_STATUS(tail));
	pair->broken = true;
	pair->attention = true;
}

bool __attribute__((cold, noinline))
vfio_slot_aborted(struct vfio_pair *pair, uint32_t index, uint16_t status)
{
	struct vfio_slot *slot = &pair->slots[index];
	struct ebb_nvme_request *request = slot->request;
	bool asked = slot->rung != VFIO_RUNG_SEEN;

	slot->rung = VFIO_RUNG_NONE;
	if (!asked || EBB_NVME_SCT(status) != NVME_SCT_GENERIC ||
	    EBB_NVME_SC(status) != NVME_SC_ABORT_REQ) {
		return false;
	}
	vfio_slot_free(pair, index);
	ebb_list_push_back(&pair->aborted, &request->link);
	pair->attention = true;
	return true;
}

void vfio_pair_ack(struct vfio_pair *pair)
{
	pair->cq_unrung = 0;
	pair->cq_doorbells += vfio_doorbell_ring(&pair->cq_doorbell, pair->cq_head);
}

static int slot_older(const void *a, const void *b)
{
	const struct vfio_slot *const *left = a, *const *right = b;

	return ((*left)->since_ns > (*right)->since_ns) - ((*left)->since_ns < (*right)->since_ns);
}

void vfio_pair_take_back(struct vfio_pair *pair, struct ebb_list *into)
{
	struct vfio_slot *oldest[VFIO_DEPTH_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < pair->mask; i++) {
		if (pair->slots[i].request != NULL) {
			oldest[count++] = &pair->slots[i];
		}
	}
	qsort(oldest, count, sizeof(struct vfio_slot *), slot_older);
	for (unsigned i = 0; i < count; i++) {
		oldest[i]->rung = VFIO_RUNG_NONE;
		ebb_list_push_back(
			into, &vfio_slot_free(pair, (uint32_t)(oldest[i] - pair->slots))->link);
	}
	ebb_list_splice_back(into, &pair->aborted);
}
