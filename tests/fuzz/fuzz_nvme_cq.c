/* SPDX-License-Identifier: Apache-2.0 */
/* sources: drivers/nvme/vfio/qpair.c drivers/nvme/vfio/data.c */
/* sources: core/base/assert.c core/base/log.c core/base/log_flag.c core/base/clock.c */
/*
 * A completion queue is written by a device. Whatever stands in it: requests are answered at most
 * once each, none that was not under way, the queue's memory is never left, and once the queue is
 * broken nothing of it is believed any more. The input is a sequence of steps: submit a request, or
 * write an entry (raw, or one that is right but for a few bits) and look at the queue.
 */
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "drivers/nvme/vfio/qpair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH    8u
#define REQUESTS 16u

/* In place of the pool: allocations of their own, so that a step past one is seen. */
void *ebb_mem_alloc(size_t size)
{
	return aligned_alloc(64, size);
}

void ebb_mem_free(void *buf, size_t size)
{
	(void)size;
	free(buf);
}

int ebb_mem_region_index(const void *addr)
{
	(void)addr;
	return 0;
}

static unsigned under_way[REQUESTS];
static struct nvme_request requests[REQUESTS];

static void request_done(struct nvme_request *request, uint16_t use)
{
	size_t index = (size_t)(request - requests);

	ebb_assert(use == request->use);
	ebb_assert(index < REQUESTS && under_way[index] == 1);
	under_way[index] = 0;
}

static void submit(struct vfio_qpair *qpair, uint8_t which)
{
	static uint16_t use;
	size_t index = which % REQUESTS;

	if (under_way[index] != 0) {
		return;
	}
	requests[index] =
		(struct nvme_request){.opcode = which, .done = request_done, .use = ++use};
	if (vfio_qpair_submit(qpair, &requests[index], 0) == 0) {
		under_way[index] = 1;
	} else {
		ebb_assert(qpair->outstanding == DEPTH - 1);
	}
	vfio_qpair_ring(qpair);
}

static void write_entry(struct vfio_qpair *qpair, unsigned *at, unsigned *phase,
			const uint8_t *bytes, uint8_t how)
{
	struct vfio_cqe *cqe = &qpair->cq[*at];
	uint32_t tail;

	memcpy(&cqe->result, bytes, 8);
	memcpy(&cqe->sq, bytes + 8, 4);
	memcpy(&tail, bytes + 12, 4);
	if ((how & 1) != 0) {
		cqe->sq = (uint32_t)qpair->qid << 16 | (cqe->sq & (DEPTH - 1));
	}
	if ((how & 2) != 0) {
		struct vfio_tracker *tracker = &qpair->trackers[bytes[12] % (DEPTH - 1)];

		tail = (tail & ~0xffffu) | tracker->cid;
		tracker->stage = (how & 16) != 0 ? VFIO_STAGE_ABORT : tracker->stage;
	}
	if ((how & 4) != 0) {
		tail = (tail & ~0x10000u) | *phase << 16;
	}
	atomic_store(&cqe->tail, tail);
	if (VFIO_CQE_PHASE(tail) == *phase && ++*at == qpair->cq_depth) {
		*at = 0;
		*phase ^= 1;
	}
}

static void look(struct vfio_qpair *qpair)
{
	bool broken = qpair->broken;
	unsigned before = qpair->outstanding;
	unsigned count = vfio_qpair_poll(qpair);
	struct ebb_list *node;

	ebb_assert(!broken || count == 0);
	ebb_assert(before - qpair->outstanding == count);
	ebb_assert(qpair->cq_head < qpair->cq_depth);
	while ((node = ebb_list_pop_front(&qpair->aborted)) != NULL) {
		struct nvme_request *request = ebb_list_entry(node, struct nvme_request, link);

		request_done(request, request->use);
	}
}

/* Step by step, until the input ends or the queue is broken and looked at once more. */
static void run(struct vfio_qpair *qpair, const uint8_t *data, size_t size)
{
	unsigned at = 0, phase = 1;

	while (size >= 18) {
		if ((data[0] & 1) != 0) {
			submit(qpair, data[1]);
			data += 2;
			size -= 2;
			continue;
		}
		write_entry(qpair, &at, &phase, data + 2, data[1]);
		look(qpair);
		data += 18;
		size -= 18;
	}
	look(qpair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vfio_device device;
	static volatile uint32_t doorbells[4];
	struct vfio_data_lists lists = {0};
	struct vfio_qpair_opts opts = {
		.device = &device,
		.lists = &lists,
		.qid = 1,
		.depth = DEPTH,
		.cq_depth = 3 * DEPTH,
		.cq_lazy = DEPTH,
	};
	struct ebb_list left = EBB_LIST_INIT(left);
	struct vfio_qpair qpair;
	struct ebb_list *node;

	atomic_store(&device.region_iova[0], 1ull << 30);
	memset(under_way, 0, sizeof(under_way));
	ebb_assert(vfio_qpair_init(&qpair, &opts) == 0);
	qpair.sq_doorbell.reg = &doorbells[2];
	qpair.cq_doorbell.reg = &doorbells[3];
	run(&qpair, data, size);
	vfio_qpair_reclaim(&qpair, &left);
	while ((node = ebb_list_pop_front(&left)) != NULL) {
		struct nvme_request *request = ebb_list_entry(node, struct nvme_request, link);

		request_done(request, request->use);
	}
	for (unsigned i = 0; i < REQUESTS; i++) {
		ebb_assert(under_way[i] == 0);
	}
	vfio_qpair_fini(&qpair);
	return 0;
}
