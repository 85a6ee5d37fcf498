/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes, as the app thread sees them: it tells the controller of their queues, and of their end.
 *
 * One function, lane_advance(), knows what a lane needs next, from what is there already and what
 * the controller's state is; it is called whenever one of these has changed, and begins one thing
 * at a time: a vector (the helper's), a queue (an admin command), an order to the lane's thread.
 * So it does not matter when a reset comes in between. It takes the queues back to "not made", the
 * command under way is answered with -ECANCELED, and when the controller is ready again the lane
 * goes on from there.
 *
 * A lane that leaves hands its queues to the app thread. Their memory is freed when the controller
 * has confirmed that they are deleted, has been disabled, or has been closed.
 */
#include <errno.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"

/* May free the lane. */
static void lane_advance(struct vfio_lane *lane);

static void lane_order(struct vfio_lane *lane, enum vfio_order order)
{
	ebb_assert(!lane->ordering);
	lane->order = order;
	lane->ordering = true;
	ebb_msg_init(&lane->order_msg, vfio_lane_obey, lane);
	if (ebb_thread_send(lane->thread, &lane->order_msg) != 0) {
		/* The thread has exited, after the lane's queue was destroyed. Never in here. */
		ebb_msg_init(&lane->ack_msg, vfio_connect_ack, lane);
		ebb_thread_send(ebb_thread_app(), &lane->ack_msg);
	}
}

static void lane_vector_run(struct ebb_work *work)
{
	struct vfio_lane *lane = ebb_container_of(work, struct vfio_lane, work);
	struct ebb_vfio_device *device = lane->ctrlr->device;

	lane->work_rc = device->ops->set_vector(device, lane->vector, lane->work_fd);
}

static void lane_refused(struct vfio_lane *lane, const char *what, int rc, uint16_t status)
{
	ebb_error("nvme",
		  "%s: thread '%s' gets no queue: %s was refused (error %d, status %04x): its I/O "
		  "fails",
		  vfio_ctrlr_name(lane->ctrlr), ebb_thread_name(lane->thread), what, rc, status);
	lane->fail_rc = -EIO;
	lane->failed = true;
	lane_order(lane, VFIO_ORDER_FAIL);
}

static void lane_vector_done(struct ebb_work *work)
{
	struct vfio_lane *lane = ebb_container_of(work, struct vfio_lane, work);

	lane->busy = false;
	if (lane->work_fd < 0) {
		lane->vector_set = false;
	} else if (lane->work_rc == 0) {
		lane->vector_set = true;
	} else if (!lane->leaving) {
		lane_refused(lane, "an interrupt vector", lane->work_rc, 0);
	}
	lane_advance(lane);
}

static void lane_vector(struct vfio_lane *lane)
{
	lane->busy = true;
	lane->work_fd = lane->leaving ? -1 : lane->event_fd;
	lane->work.run = lane_vector_run;
	lane->work.done = lane_vector_done;
	ebb_helper_submit(&lane->work);
}

/* What the command under way makes or ends. */
static bool *lane_flag(struct vfio_lane *lane)
{
	switch (lane->request.opcode) {
	case nvme_admin_create_cq:
	case nvme_admin_delete_cq:
		return &lane->cq_made[lane->face];
	default:
		return &lane->sq_made[lane->face];
	}
}

static void lane_answered(struct ebb_nvme_request *request)
{
	struct vfio_lane *lane = ebb_container_of(request, struct vfio_lane, request);
	bool create =
		request->opcode == nvme_admin_create_cq || request->opcode == nvme_admin_create_sq;

	lane->busy = false;
	if (request->rc == 0 && request->status == 0) {
		*lane_flag(lane) = create;
	} else if (lane->ctrlr->state == VFIO_DELETING) {
		/* It is not asked for again: disabling it comes next. */
		if (request->opcode == nvme_admin_delete_sq) {
			lane->sq_made[lane->face] = false;
		}
	} else if (request->rc < 0 && lane->ctrlr->state != VFIO_READY) {
		/* Taken back: the queues are gone, or will be. */
	} else if (!create) {
		vfio_reset(lane->ctrlr, "queue %u cannot be deleted (error %d, status %04x)",
			   lane->pairs[lane->face].qid, request->rc, request->status);
		return; /* all lanes have been told, and this one may be gone */
	} else if (lane->face == VFIO_POLLED && lane->cq_made[VFIO_WOKEN]) {
		/* One pair is enough; the other one's completion queue is deleted with it. */
		ebb_notice("nvme", "%s: queue %u is refused (status %04x)",
			   vfio_ctrlr_name(lane->ctrlr), lane->pairs[lane->face].qid,
			   request->status);
		lane->connected &= ~EBB_BIT(VFIO_POLLED);
	} else {
		lane_refused(lane, "a queue", request->rc, request->status);
	}
	lane_advance(lane);
}

static void lane_command(struct vfio_lane *lane, enum vfio_face face, uint8_t opcode)
{
	struct vfio_ctrlr *c = lane->ctrlr;
	struct vfio_qpair *pair = &lane->pairs[face];
	bool interrupts = face == VFIO_WOKEN;

	lane->busy = true;
	lane->face = face;
	lane->request = (struct ebb_nvme_request){
		.opcode = opcode,
		.cdw10 = pair->qid,
		.done = lane_answered,
	};
	/* Both are in one piece: only their first page is named. */
	if (opcode == nvme_admin_create_cq) {
		vfio_queue_doorbells(c, pair);
		vfio_qpair_reset(pair); /* the shadows too, which may be another lane's of before */
		lane->iov = (struct iovec){.iov_base = pair->cq, .iov_len = VFIO_PAGE};
		lane->request.cdw10 |= (uint32_t)(pair->cq_depth - 1) << 16;
		lane->request.cdw11 = 1u | (uint32_t)interrupts << 1 |
				      (interrupts ? (uint32_t)lane->vector << 16 : 0);
	} else if (opcode == nvme_admin_create_sq) {
		lane->iov = (struct iovec){.iov_base = pair->sq, .iov_len = VFIO_PAGE};
		lane->request.cdw10 |= (uint32_t)pair->mask << 16;
		lane->request.cdw11 = 1u | (uint32_t)pair->qid << 16;
	}
	if (opcode == nvme_admin_create_cq || opcode == nvme_admin_create_sq) {
		lane->request.iov = &lane->iov;
		lane->request.iovcnt = 1;
		lane->request.len_bytes = VFIO_PAGE;
	}
	vfio_admin_submit_own(c, &lane->request);
}

static bool lane_has(const struct vfio_lane *lane, enum vfio_face face)
{
	return (lane->connected & EBB_BIT(face)) != 0;
}

static void lane_connect(struct vfio_lane *lane)
{
	if (lane->going || lane->failed) {
		return;
	}
	if (lane_has(lane, VFIO_WOKEN) && !lane->vector_set) {
		lane_vector(lane);
		return;
	}
	for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
		if (!lane_has(lane, face)) {
			continue;
		}
		if (!lane->cq_made[face]) {
			lane_command(lane, face, nvme_admin_create_cq);
			return;
		}
		if (!lane->sq_made[face]) {
			lane_command(lane, face, nvme_admin_create_sq);
			return;
		}
	}
	lane->going = true;
	lane_order(lane, VFIO_ORDER_GO);
}

static void lane_end(struct vfio_lane *lane)
{
	struct vfio_ctrlr *c = lane->ctrlr;

	ebb_list_remove(&lane->link);
	c->lost_interrupts += atomic_load_explicit(&lane->lost_interrupts, memory_order_relaxed);
	c->timeouts += atomic_load_explicit(&lane->timeouts, memory_order_relaxed);
	vfio_lane_free(lane);
	vfio_detach_go_on(c);
}

/* Submission queues first: no completion queue may go while one still uses it. */
static void lane_disconnect(struct vfio_lane *lane)
{
	bool ready = lane->ctrlr->state == VFIO_READY;

	for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
		if (!lane->sq_made[face] && !lane->cq_made[face]) {
			continue;
		}
		if (ready) {
			lane_command(lane, face,
				     lane->sq_made[face] ? nvme_admin_delete_sq
							 : nvme_admin_delete_cq);
		}
		return; /* otherwise until the controller is disabled or ready */
	}
	if (lane->vector_set && ready) {
		lane_vector(lane);
		return;
	}
	lane_end(lane);
}

static void lane_delete(struct vfio_lane *lane)
{
	for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
		if (lane->sq_made[face]) {
			lane_command(lane, face, nvme_admin_delete_sq);
			return;
		}
	}
}

static void lane_advance(struct vfio_lane *lane)
{
	if (lane->busy || lane->ordering) {
		return;
	}
	if (lane->leaving && lane->ctrlr->state != VFIO_DELETING) {
		lane_disconnect(lane);
		return;
	}
	switch (lane->ctrlr->state) {
	case VFIO_READY:
		lane_connect(lane);
		break;
	case VFIO_STOPPING:
		if (lane->going) {
			lane->going = false;
			lane_order(lane, VFIO_ORDER_STOP);
		}
		break;
	case VFIO_DELETING:
		lane_delete(lane);
		break;
	case VFIO_FAILED:
	case VFIO_GONE:
		if (!lane->failed) {
			lane->failed = true;
			lane->fail_rc = lane->ctrlr->fail_rc;
			lane_order(lane, VFIO_ORDER_FAIL);
		}
		break;
	default:
		break;
	}
}

void vfio_connect_hello(void *arg)
{
	struct vfio_lane *lane = arg;

	ebb_list_push_back(&lane->ctrlr->lanes, &lane->link);
	lane_advance(lane);
}

static void connect_one_stopped(struct vfio_ctrlr *c)
{
	ebb_assert(c->stopping > 0);
	if (--c->stopping == 0) {
		vfio_stopped(c);
	}
}

void vfio_connect_bye(void *arg)
{
	struct vfio_lane *lane = arg;
	struct vfio_ctrlr *c = lane->ctrlr;
	bool awaited = lane->going && c->state == VFIO_STOPPING;

	lane->leaving = true;
	lane->going = false;
	lane_advance(lane);
	if (awaited) {
		connect_one_stopped(c); /* it would have been told next */
	}
}

void vfio_connect_ack(void *arg)
{
	struct vfio_lane *lane = arg;
	struct vfio_ctrlr *c = lane->ctrlr;
	bool stopped = lane->order == VFIO_ORDER_STOP;

	lane->ordering = false;
	lane_advance(lane);
	if (stopped) {
		connect_one_stopped(c);
	}
}

void vfio_connect_stop(struct vfio_ctrlr *c)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each(node, &c->lanes) {
		c->stopping += ebb_list_entry(node, struct vfio_lane, link)->going;
	}
	ebb_list_for_each_safe(node, tmp, &c->lanes) {
		lane_advance(ebb_list_entry(node, struct vfio_lane, link));
	}
}

void vfio_connect_delete(struct vfio_ctrlr *c)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &c->lanes) {
		lane_advance(ebb_list_entry(node, struct vfio_lane, link));
	}
}

bool vfio_connect_deleted(const struct vfio_ctrlr *c)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &c->lanes) {
		const struct vfio_lane *lane = ebb_list_entry(node, struct vfio_lane, link);

		if (lane->sq_made[VFIO_WOKEN] || lane->sq_made[VFIO_POLLED]) {
			return false;
		}
	}
	return true;
}

/* Those that have cost a reset too many are given up. */
static void lane_sort_out(struct vfio_lane *lane, struct ebb_list *all)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(all)) != NULL) {
		struct ebb_nvme_request *request =
			ebb_list_entry(node, struct ebb_nvme_request, link);

		if (lane->ctrlr->blaming && request->resets++ >= VFIO_RESETS_MAX) {
			ebb_list_push_back(&lane->given_up, node);
		} else {
			ebb_list_push_back(&lane->taken_back, node);
		}
	}
}

void vfio_connect_lost(struct vfio_ctrlr *c)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each(node, &c->lanes) {
		struct vfio_lane *lane = ebb_list_entry(node, struct vfio_lane, link);
		struct ebb_list all = EBB_LIST_INIT(all);

		ebb_assert(!lane->going);
		for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
			if (lane->pairs[face].sq != NULL) {
				vfio_qpair_reclaim(&lane->pairs[face], &all);
			}
			lane->cq_made[face] = false;
			lane->sq_made[face] = false;
		}
		lane_sort_out(lane, &all);
	}
	ebb_list_for_each_safe(node, tmp, &c->lanes) {
		lane_advance(ebb_list_entry(node, struct vfio_lane, link));
	}
}

void vfio_connect_go_on(struct vfio_ctrlr *c)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each_safe(node, tmp, &c->lanes) {
		struct vfio_lane *lane = ebb_list_entry(node, struct vfio_lane, link);

		if (c->state == VFIO_READY) {
			lane->failed = false;
		}
		lane_advance(lane);
	}
}

void vfio_connect_trouble(void *arg)
{
	struct vfio_lane *lane = arg;
	struct vfio_ctrlr *c = lane->ctrlr;
	enum vfio_trouble trouble = lane->trouble;
	uint16_t qid = lane->trouble_qid;
	uint16_t cid = lane->trouble_cid;

	/* Pairs with the load in vfio_ladder_report(). */
	atomic_store_explicit(&lane->trouble_sent, false, memory_order_release);
	if (c->state != VFIO_READY || !lane->going) {
		return;
	}
	switch (trouble) {
	case VFIO_TROUBLE_STATUS:
		vfio_check_alive(c);
		break;
	case VFIO_TROUBLE_LATE:
		if (vfio_check_alive(c)) {
			static struct ebb_ratelimit limit;

			if (ebb_ratelimit_ok(&limit)) {
				ebb_warn("nvme",
					 "%s: queue %u: command %04x was not answered within %u "
					 "ms: asking to abort it",
					 vfio_ctrlr_name(c), qid, cid, c->timeout_us / 1000);
			}
			vfio_admin_abort(c, qid, cid);
		}
		break;
	case VFIO_TROUBLE_LOST:
		if (vfio_check_alive(c)) {
			vfio_reset(c,
				   "queue %u: command %04x was not answered, nor aborted, "
				   "within %u ms",
				   qid, cid, 2 * (c->timeout_us / 1000));
		}
		break;
	case VFIO_TROUBLE_BROKEN:
		for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
			if (lane->pairs[face].qid == qid && c->state == VFIO_READY) {
				vfio_reset(c, "%s", lane->pairs[face].fault);
			}
		}
		break;
	}
}
