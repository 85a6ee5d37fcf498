/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin queue. Commands come from the layer above, and from the driver itself, which starts the
 * controller and makes its queues. While the controller is not ready the layer's wait. When it has
 * been disabled, the driver's own, and what was under way of the layer's, are answered with
 * -ECANCELED, asynchronous event requests included: their owner knows whether they still are wanted.
 *
 * While one is not answered, the status register is looked at every quarter of its time. A command
 * that is not answered in time is not aborted: an abort would go the same way. It leads to a reset.
 * Asynchronous event requests are answered when there is an event, and never late.
 */
#include "drivers/nvme/vfio/admin.h"

#include <errno.h>
#include <string.h>

#include <nvme/types.h>

#include <ebb/reactor.h>

#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/reset.h"

#define ADMIN_LISTS 2u

int vfio_admin_init(struct vfio_ctrlr *c)
{
	struct vfio_qpair_opts opts = {
		.device = c->device,
		.lists = &c->admin.lists,
		.depth = VFIO_ADMIN_DEPTH,
		.cq_depth = VFIO_ADMIN_DEPTH,
	};
	int rc = vfio_data_lists_init(&c->admin.lists, c->device, ADMIN_LISTS, VFIO_IO_BYTES_MAX);

	if (rc == 0) {
		rc = vfio_qpair_init(&c->admin.qpair, &opts);
	}
	if (rc != 0) {
		vfio_admin_fini(c);
		return rc;
	}
	vfio_ctrlr_doorbells(c, 0, &c->admin.qpair.sq_doorbell, &c->admin.qpair.cq_doorbell);
	for (unsigned i = 0; i < VFIO_ABORTS_MAX; i++) {
		c->admin.aborts[i].ctrlr = c;
	}
	return 0;
}

void vfio_admin_fini(struct vfio_ctrlr *c)
{
	if (c->admin.qpair.sq != NULL) {
		vfio_qpair_fini(&c->admin.qpair);
	}
	if (c->admin.lists.memory != NULL) {
		vfio_data_lists_fini(&c->admin.lists);
	}
}

static void admin_fail(struct nvme_request *request, int rc)
{
	request->rc = rc;
	request->done(request, request->use);
}

/* Return: false: there is no room now. */
static bool admin_try(struct vfio_ctrlr *c, struct nvme_request *request)
{
	int rc = vfio_qpair_submit(&c->admin.qpair, request, ebb_reactor_now_ns());

	if (rc == -EAGAIN) {
		return false;
	}
	if (rc != 0) {
		admin_fail(request, rc);
		return true;
	}
	vfio_qpair_ring(&c->admin.qpair);
	if (request->opcode != nvme_admin_async_event) {
		c->admin.busy++;
	}
	return true;
}

void vfio_admin_submit_own(struct vfio_ctrlr *c, struct nvme_request *request)
{
	if (!admin_try(c, request)) {
		ebb_list_push_back(&c->admin.own, &request->link);
	}
}

void vfio_admin_submit(struct vfio_ctrlr *c, struct nvme_request *request)
{
	switch (c->state) {
	case VFIO_READY:
		if (ebb_list_empty(&c->admin.waiting) && admin_try(c, request)) {
			return;
		}
		break;
	case VFIO_FAILED:
	case VFIO_GONE:
	case VFIO_CLOSING:
	case VFIO_SHUTTING_DOWN:
		admin_fail(request, -ENODEV);
		return;
	default:
		break;
	}
	ebb_list_push_back(&c->admin.waiting, &request->link);
}

/* The layer's commands go to a controller that is ready. Ours also delete its queues. */
static bool admin_takes(const struct vfio_ctrlr *c, const struct ebb_list *list)
{
	return c->state == VFIO_READY || (c->state == VFIO_DELETING && list == &c->admin.own);
}

/* Return: false: there is no more room. */
static bool admin_try_list(struct vfio_ctrlr *c, struct ebb_list *list)
{
	struct ebb_list *node;

	while (admin_takes(c, list) && (node = ebb_list_pop_front(list)) != NULL) {
		if (!admin_try(c, ebb_list_entry(node, struct nvme_request, link))) {
			ebb_list_push_front(list, node);
			return false;
		}
	}
	return true;
}

void vfio_admin_submit_waiting(struct vfio_ctrlr *c)
{
	if (admin_try_list(c, &c->admin.own)) {
		admin_try_list(c, &c->admin.waiting);
	}
}

void vfio_admin_cancel(struct vfio_ctrlr *c, int rc, bool waiting)
{
	struct ebb_list all = EBB_LIST_INIT(all);
	struct ebb_list *node;

	if (c->admin.qpair.sq != NULL) {
		vfio_qpair_reclaim(&c->admin.qpair, &all);
	}
	c->admin.busy = 0;
	ebb_list_splice_back(&all, &c->admin.own);
	if (waiting) {
		ebb_list_splice_back(&all, &c->admin.waiting);
	}
	while ((node = ebb_list_pop_front(&all)) != NULL) {
		admin_fail(ebb_list_entry(node, struct nvme_request, link), rc);
	}
}

/* Commands under way but for asynchronous event requests; the age of the oldest. */
static unsigned admin_count_busy(const struct vfio_ctrlr *c, uint64_t *ret_age_ns,
				 const struct nvme_request **ret_oldest)
{
	uint64_t now_ns = ebb_reactor_now_ns();
	unsigned busy = 0;

	*ret_age_ns = 0;
	for (unsigned i = 0; i < VFIO_ADMIN_DEPTH - 1u; i++) {
		const struct vfio_tracker *tracker = &c->admin.qpair.trackers[i];

		if (tracker->request == NULL ||
		    tracker->request->opcode == nvme_admin_async_event) {
			continue;
		}
		busy++;
		if (busy == 1 || now_ns - tracker->since_ns > *ret_age_ns) {
			*ret_age_ns = now_ns - tracker->since_ns;
			*ret_oldest = tracker->request;
		}
	}
	return busy;
}

bool vfio_admin_poll(struct vfio_ctrlr *c)
{
	struct vfio_qpair *qpair = &c->admin.qpair;
	unsigned count = qpair->outstanding != 0 ? vfio_qpair_poll(qpair) : 0;
	const struct nvme_request *oldest;
	uint64_t age_ns;

	if (qpair->broken) {
		vfio_reset_need(c, "%s", qpair->fault);
	}
	if (count == 0) {
		return false;
	}
	c->admin.busy = admin_count_busy(c, &age_ns, &oldest);
	vfio_admin_submit_waiting(c);
	return true;
}

void vfio_admin_check_ages(struct vfio_ctrlr *c)
{
	const struct nvme_request *oldest = NULL;
	uint64_t age_ns;

	c->admin.busy = admin_count_busy(c, &age_ns, &oldest);
	if (c->admin.busy != 0 && vfio_reset_check_alive(c) &&
	    age_ns >= c->admin.timeout_ms * EBB_NS_PER_MS) {
		vfio_reset_need(c, "the admin command %02xh was not answered within %u ms",
				oldest->opcode, c->admin.timeout_ms);
	}
}

static void abort_done(struct nvme_request *request, uint16_t use)
{
	struct vfio_abort *abort = ebb_container_of(request, struct vfio_abort, request);

	(void)use;
	abort->busy = false;
	if (request->rc == 0 && request->status == 0 && (request->result & 1) == 0) {
		abort->ctrlr->admin.aborted++;
	}
}

void vfio_admin_abort(struct vfio_ctrlr *c, uint16_t qid, uint16_t cid)
{
	for (unsigned i = 0; i < c->admin.num_aborts; i++) {
		struct vfio_abort *abort = &c->admin.aborts[i];

		if (abort->busy) {
			continue;
		}
		abort->busy = true;
		abort->request = (struct nvme_request){
			.opcode = nvme_admin_abort_cmd,
			.cdw10 = qid | (uint32_t)cid << 16,
			.done = abort_done,
		};
		vfio_admin_submit_own(c, &abort->request);
		return;
	}
}
