/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue pair.
 *
 * Submission. A command is composed in the submission queue's own entry. There is always room: as
 * many trackers as the queue has entries but one, and an entry is consumed before its command is
 * answered. The doorbell is rung for all commands of a batch at once, by whoever knows where the
 * batch ends.
 *
 * Completion. An entry is new if its phase tag is the one of this round through the queue. The
 * controller writes entries whole, or the tag last, so the tag is read first, and with acquire:
 * what else the entry says, and the data that came before it, is read after it.
 *
 * What the controller writes is not trusted. A command identifier is the tracker's index and, above
 * it, a generation that changes each time the tracker is used. It has to be exactly that of a
 * command under way: a repeated, late or made-up one finds a free tracker or another generation.
 * (The tracker of the highest index does not exist, so no identifier is FFFFh, which means "none"
 * elsewhere.) A wrong queue, or a head outside of the queue, is as bad. After any of these nothing
 * that the queue holds can be believed: it is looked at no more, and the owner has to have the
 * controller reset.
 *
 * The completion queue's head is told to the controller once a batch; and where nothing but room
 * in that queue depends on it (no interrupts), and the queue is longer than all commands under way
 * need, only now and then: that is one register write in many batches.
 */
#include "drivers/nvme/vfio/qpair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

uint64_t vfio_qpair_sq_iova(const struct vfio_qpair *qpair)
{
	return vfio_device_iova(qpair->device, qpair->sq);
}

uint64_t vfio_qpair_cq_iova(const struct vfio_qpair *qpair)
{
	return vfio_device_iova(qpair->device, qpair->cq);
}

int vfio_qpair_init(struct vfio_qpair *qpair, const struct vfio_qpair_opts *opts)
{
	unsigned depth = opts->depth;

	ebb_assert(depth >= 2 && depth <= VFIO_DEPTH_MAX && (depth & (depth - 1)) == 0 &&
		   opts->cq_depth >= depth &&
		   (opts->cq_lazy == 0 || opts->cq_lazy < opts->cq_depth - depth));
	*qpair = (struct vfio_qpair){
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
	ebb_list_init(&qpair->aborted);
	qpair->sq = ebb_mem_alloc(qpair->sq_bytes);
	qpair->cq = ebb_mem_alloc(qpair->cq_bytes);
	qpair->trackers = calloc(depth - 1, sizeof(*qpair->trackers));
	if (qpair->sq == NULL || qpair->cq == NULL || qpair->trackers == NULL) {
		vfio_qpair_fini(qpair);
		return -ENOMEM;
	}
	if (vfio_qpair_sq_iova(qpair) == 0 || vfio_qpair_cq_iova(qpair) == 0) {
		vfio_qpair_fini(qpair);
		return -EFAULT;
	}
	for (unsigned i = 0; i < depth - 1; i++) {
		qpair->trackers[i] = (struct vfio_tracker){
			.cid = (uint16_t)i,
			.next_free = i + 1 == depth - 1 ? VFIO_TRACKER_NONE : (uint16_t)(i + 1),
			.list = VFIO_LIST_NONE,
		};
	}
	vfio_qpair_reset(qpair);
	return 0;
}

void vfio_qpair_fini(struct vfio_qpair *qpair)
{
	ebb_assert(qpair->outstanding == 0 && ebb_list_empty(&qpair->aborted));
	ebb_mem_free(qpair->sq, qpair->sq_bytes);
	ebb_mem_free(qpair->cq, qpair->cq_bytes);
	free(qpair->trackers);
	*qpair = (struct vfio_qpair){0};
	ebb_list_init(&qpair->aborted);
}

void vfio_qpair_reset(struct vfio_qpair *qpair)
{
	ebb_assert(qpair->outstanding == 0);
	memset(qpair->sq, 0, qpair->sq_bytes);
	memset(qpair->cq, 0, qpair->cq_bytes);
	qpair->sq_tail = 0;
	qpair->sq_rung = 0;
	qpair->cq_head = 0;
	qpair->cq_unrung = 0;
	qpair->phase = 1;
	qpair->broken = false;
	qpair->attention = false;
}

int vfio_qpair_submit(struct vfio_qpair *qpair, struct nvme_request *request, uint64_t now_ns)
{
	uint16_t index = qpair->free;
	struct vfio_sqe *sqe = &qpair->sq[qpair->sq_tail];
	struct vfio_tracker *tracker = &qpair->trackers[index];
	int rc;

	if (ebb_unlikely(index == VFIO_TRACKER_NONE)) {
		return -EAGAIN;
	}
	rc = vfio_data_set(qpair->device, qpair->lists, qpair->sgl, request, sqe, &tracker->list);
	if (ebb_unlikely(rc != 0)) {
		return rc;
	}
	qpair->free = tracker->next_free;
	tracker->request = request;
	tracker->use = request->use;
	tracker->since_ns = now_ns;
	sqe->opcode = request->opcode;
	sqe->cid = tracker->cid;
	sqe->nsid = request->nsid;
	sqe->cdw2_3 = 0;
	sqe->mptr = 0;
	static_assert(offsetof(struct nvme_request, cdw15) - offsetof(struct nvme_request, cdw10) ==
				      20 &&
			      sizeof(struct vfio_sqe) - offsetof(struct vfio_sqe, cdw10) == 24,
		      "dwords 10 to 15 lie together in both");
	memcpy(&sqe->cdw10, &request->cdw10, 24);
	qpair->sq_tail = (uint16_t)((qpair->sq_tail + 1u) & qpair->mask);
	qpair->outstanding++;
	return 0;
}

void __attribute__((cold, noinline))
vfio_qpair_break(struct vfio_qpair *qpair, uint32_t sq, uint32_t tail)
{
	const char *what = "a command that is not under way";

	if (sq >> 16 != qpair->qid) {
		what = "another queue";
	} else if ((sq & 0xffff) > qpair->mask) {
		what = "a place outside of the queue";
	}
	snprintf(qpair->fault, sizeof(qpair->fault),
		 "queue %u: its answer names %s (CID %04x, SQID %u, SQHD %u, status %04x)",
		 qpair->qid, what, VFIO_CQE_CID(tail), sq >> 16, sq & 0xffff,
		 VFIO_CQE_STATUS(tail));
	qpair->broken = true;
	qpair->attention = true;
}

bool __attribute__((cold, noinline))
vfio_qpair_take_aborted(struct vfio_qpair *qpair, uint32_t index, uint16_t status)
{
	struct vfio_tracker *tracker = &qpair->trackers[index];
	struct nvme_request *request = tracker->request;
	bool asked = tracker->stage != VFIO_STAGE_SEEN;

	tracker->stage = VFIO_STAGE_NONE;
	if (!asked || NVME_SCT(status) != NVME_SCT_GENERIC ||
	    NVME_SC(status) != NVME_SC_ABORT_REQ) {
		return false;
	}
	vfio_qpair_end_command(qpair, index);
	ebb_list_push_back(&qpair->aborted, &request->link);
	qpair->attention = true;
	return true;
}

void vfio_qpair_ack(struct vfio_qpair *qpair)
{
	qpair->cq_unrung = 0;
	vfio_doorbell_ring(&qpair->cq_doorbell, qpair->cq_head);
}

static int tracker_older(const void *a, const void *b)
{
	const struct vfio_tracker *const *left = a, *const *right = b;

	return ((*left)->since_ns > (*right)->since_ns) - ((*left)->since_ns < (*right)->since_ns);
}

void vfio_qpair_reclaim(struct vfio_qpair *qpair, struct ebb_list *into)
{
	struct vfio_tracker *oldest[VFIO_DEPTH_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < qpair->mask; i++) {
		if (qpair->trackers[i].request != NULL) {
			oldest[count++] = &qpair->trackers[i];
		}
	}
	qsort(oldest, count, sizeof(struct vfio_tracker *), tracker_older);
	for (unsigned i = 0; i < count; i++) {
		oldest[i]->stage = VFIO_STAGE_NONE;
		ebb_list_push_back(into, &vfio_qpair_end_command(qpair, (uint32_t)(oldest[i] -
										   qpair->trackers))
						  ->link);
	}
	ebb_list_splice_back(into, &qpair->aborted);
}
