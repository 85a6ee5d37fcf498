/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues, as the app thread sees them: it tells the controller of their queue pairs, and of their
 * end.
 *
 * One function, setup_advance(), knows what a queue needs next, from what is there already and what
 * the controller's state is. It is called whenever one of these has changed, and begins one thing
 * at a time: a vector (the helper's), a queue (an admin command), a command to the queue's thread.
 * So it does not matter when a reset comes in between. It takes the queue pairs back to "not made",
 * the admin command under way is answered with -ECANCELED, and when the controller is ready again
 * the queue goes on from there.
 *
 * A queue that leaves is the app thread's as a whole. Its memory is freed when the controller has
 * confirmed that its queue pairs are deleted, has been disabled, or has been closed, and not
 * before: until then it may write there.
 */
#include "drivers/nvme/vfio/queue_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nvme/types.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/vfio/admin.h"
#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/io_queue.h"
#include "drivers/nvme/vfio/reset.h"

static void setup_command(struct vfio_queue_setup *setup, enum vfio_command_kind kind)
{
	struct vfio_queue_messages *messages = &setup->messages;

	ebb_assert(setup->pending == VFIO_PENDING_NONE);
	messages->command.kind = kind;
	setup->pending = VFIO_PENDING_COMMAND;
	if (ebb_thread_send(messages->thread, &messages->command_msg) != 0) {
		/* The thread has exited, after its queue was destroyed. Never in here. */
		ebb_thread_send(ebb_thread_app(), &messages->ack_msg);
	}
}

static void setup_fail(struct vfio_queue_setup *setup, int rc)
{
	vfio_queue_setup_state_set(&setup->state, VFIO_SETUP_FAILED);
	setup->messages.command.rc = rc;
	setup_command(setup, VFIO_COMMAND_FAIL);
}

static void setup_refused(struct vfio_queue_setup *setup, const char *what, int rc, uint16_t status)
{
	ebb_error("nvme",
		  "%s: thread '%s' gets no queue: %s was refused (error %d, status %04x): its I/O "
		  "fails",
		  vfio_ctrlr_name(setup->ctrlr), ebb_thread_name(setup->messages.thread), what, rc,
		  status);
	setup_fail(setup, -EIO);
}

static void vector_run(struct ebb_work *work)
{
	struct vfio_queue_setup *setup = ebb_container_of(work, struct vfio_queue_setup, work);
	struct vfio_device *device = setup->ctrlr->device;

	setup->work_rc = device->ops->set_vector(device, setup->numbers.vector, setup->work_fd);
}

static void setup_vector(struct vfio_queue_setup *setup, int fd)
{
	setup->pending = VFIO_PENDING_VECTOR;
	setup->work_fd = fd;
	setup->work.run = vector_run;
	ebb_helper_submit(&setup->work);
}

void vfio_queue_setup_vector_done(struct vfio_queue_setup *setup)
{
	setup->pending = VFIO_PENDING_NONE;
	if (setup->work_fd < 0) {
		setup->vector_set = false;
	} else if (setup->work_rc == 0) {
		setup->vector_set = true;
	} else if (setup->state != VFIO_SETUP_LEAVING) {
		setup_refused(setup, "an interrupt vector", setup->work_rc, 0);
	}
}

/* @request has succeeded. */
static void setup_made(struct vfio_setup_qpair *qpair, uint8_t opcode)
{
	switch (opcode) {
	case nvme_admin_create_sq:
		vfio_queue_setup_made_set(&qpair->made, VFIO_MADE_BOTH);
		break;
	case nvme_admin_delete_cq:
		vfio_queue_setup_made_set(&qpair->made, VFIO_MADE_NONE);
		break;
	default: /* the completion queue has been created, or is alone again */
		vfio_queue_setup_made_set(&qpair->made, VFIO_MADE_CQ);
		break;
	}
}

/* Cancelled, or refused. */
static void setup_not_made(struct vfio_queue_setup *setup, struct vfio_setup_qpair *qpair)
{
	const struct nvme_request *request = &setup->request;
	struct vfio_ctrlr *c = setup->ctrlr;
	bool create =
		request->opcode == nvme_admin_create_cq || request->opcode == nvme_admin_create_sq;

	if (c->state == VFIO_DELETING) {
		/* It is not asked for again: disabling it comes next. */
		if (request->opcode == nvme_admin_delete_sq) {
			vfio_queue_setup_made_set(&qpair->made, VFIO_MADE_CQ);
		}
	} else if (request->rc < 0 && c->state != VFIO_READY) {
		/* Cancelled: the queues are gone, or will be. */
	} else if (!create) {
		vfio_reset_need(c, "queue %u cannot be deleted (error %d, status %04x)", qpair->qid,
				request->rc, request->status);
	} else if (setup->creating == VFIO_QPAIR_POLLED &&
		   setup->qpairs[VFIO_QPAIR_IRQ].made != VFIO_MADE_NONE) {
		/* One pair is enough; the other one's completion queue is deleted with it. */
		ebb_notice("nvme", "%s: queue %u is refused (status %04x)", vfio_ctrlr_name(c),
			   qpair->qid, request->status);
		qpair->wanted = false;
	} else if (setup->state != VFIO_SETUP_LEAVING) {
		setup_refused(setup, "a queue", request->rc, request->status);
	}
}

static void setup_answered(struct nvme_request *request, uint16_t use)
{
	struct vfio_queue_setup *setup =
		ebb_container_of(request, struct vfio_queue_setup, request);
	struct vfio_setup_qpair *qpair = &setup->qpairs[setup->creating];

	(void)use;
	setup->pending = VFIO_PENDING_NONE;
	if (request->rc == 0 && request->status == 0) {
		setup_made(qpair, request->opcode);
	} else {
		setup_not_made(setup, qpair);
	}
}

static void setup_ask(struct vfio_queue_setup *setup, enum vfio_qpair_kind kind, uint8_t opcode)
{
	struct vfio_setup_qpair *qpair = &setup->qpairs[kind];
	bool interrupts = kind == VFIO_QPAIR_IRQ;

	setup->pending = VFIO_PENDING_ADMIN;
	setup->creating = kind;
	setup->request = (struct nvme_request){
		.opcode = opcode,
		.cdw10 = qpair->qid,
		.done = setup_answered,
	};
	/* Both are in one piece: only their first page is named. */
	if (opcode == nvme_admin_create_cq) {
		vfio_ctrlr_doorbells(setup->ctrlr, qpair->qid, &qpair->sq_doorbell,
				     &qpair->cq_doorbell);
		/* Its shadows may have been another queue's. */
		vfio_doorbell_reset(&qpair->sq_doorbell);
		vfio_doorbell_reset(&qpair->cq_doorbell);
		/*
		 * No entry may look new (Base 2.0, 3.3.3.2). The queue's thread does not look until
		 * RUN.
		 */
		memset(qpair->cq, 0, qpair->cq_entries * sizeof(struct vfio_cqe));
		setup->iov = (struct iovec){.iov_base = qpair->cq, .iov_len = VFIO_PAGE};
		setup->request.cdw10 |= (uint32_t)(qpair->cq_entries - 1) << 16;
		setup->request.cdw11 = 1u | (uint32_t)interrupts << 1 |
				       (interrupts ? (uint32_t)setup->numbers.vector << 16 : 0);
	} else if (opcode == nvme_admin_create_sq) {
		setup->iov = (struct iovec){.iov_base = qpair->sq, .iov_len = VFIO_PAGE};
		setup->request.cdw10 |= (uint32_t)(qpair->sq_entries - 1) << 16;
		setup->request.cdw11 = 1u | (uint32_t)qpair->qid << 16;
	}
	if (opcode == nvme_admin_create_cq || opcode == nvme_admin_create_sq) {
		setup->request.iov = &setup->iov;
		setup->request.iovcnt = 1;
		setup->request.len_bytes = VFIO_PAGE;
	}
	vfio_admin_submit_own(setup->ctrlr, &setup->request);
}

static void setup_run(struct vfio_queue_setup *setup)
{
	struct vfio_command *command = &setup->messages.command;

	command->present = 0;
	for (unsigned kind = 0; kind < VFIO_QPAIRS; kind++) {
		const struct vfio_setup_qpair *qpair = &setup->qpairs[kind];

		command->present |= qpair->wanted ? EBB_BIT(kind) : 0;
		command->sq_doorbell[kind] = qpair->sq_doorbell;
		command->cq_doorbell[kind] = qpair->cq_doorbell;
	}
	vfio_queue_setup_state_set(&setup->state, VFIO_SETUP_RUNNING);
	setup_command(setup, VFIO_COMMAND_RUN);
}

static void setup_create(struct vfio_queue_setup *setup)
{
	if (setup->state != VFIO_SETUP_CREATING) {
		return;
	}
	if (setup->qpairs[VFIO_QPAIR_IRQ].wanted && !setup->vector_set) {
		setup_vector(setup, setup->event_fd);
		return;
	}
	for (enum vfio_qpair_kind kind = 0; kind < VFIO_QPAIRS; kind++) {
		const struct vfio_setup_qpair *qpair = &setup->qpairs[kind];

		if (qpair->wanted && qpair->made != VFIO_MADE_BOTH) {
			setup_ask(setup, kind,
				  qpair->made == VFIO_MADE_NONE ? nvme_admin_create_cq
								: nvme_admin_create_sq);
			return;
		}
	}
	setup_run(setup);
}

void vfio_queue_setup_free(struct vfio_queue_setup *setup)
{
	vfio_io_queue_free(setup->queue);
	vfio_numbers_put(&setup->ctrlr->numbers, &setup->numbers);
	free(setup);
}

static void setup_end(struct vfio_queue_setup *setup)
{
	struct vfio_ctrlr *c = setup->ctrlr;

	ebb_list_remove(&setup->link);
	c->lost_interrupts +=
		atomic_load_explicit(&setup->messages.lost_interrupts, memory_order_relaxed);
	c->timeouts += atomic_load_explicit(&setup->messages.timeouts, memory_order_relaxed);
	vfio_queue_setup_free(setup);
}

/* Submission queues first: no completion queue may go while one still uses it. */
static void setup_leave(struct vfio_queue_setup *setup)
{
	bool ready = setup->ctrlr->state == VFIO_READY;

	for (enum vfio_qpair_kind kind = 0; kind < VFIO_QPAIRS; kind++) {
		const struct vfio_setup_qpair *qpair = &setup->qpairs[kind];

		if (qpair->made == VFIO_MADE_NONE) {
			continue;
		}
		if (ready) {
			setup_ask(setup, kind,
				  qpair->made == VFIO_MADE_BOTH ? nvme_admin_delete_sq
								: nvme_admin_delete_cq);
		}
		return; /* otherwise until the controller is disabled or ready */
	}
	if (setup->vector_set && ready) {
		setup_vector(setup, -1);
		return;
	}
	setup_end(setup);
}

static void setup_delete(struct vfio_queue_setup *setup)
{
	for (enum vfio_qpair_kind kind = 0; kind < VFIO_QPAIRS; kind++) {
		if (setup->qpairs[kind].made == VFIO_MADE_BOTH) {
			setup_ask(setup, kind, nvme_admin_delete_sq);
			return;
		}
	}
}

/* May free @setup. */
static void setup_advance(struct vfio_queue_setup *setup)
{
	struct vfio_ctrlr *c = setup->ctrlr;

	if (setup->pending != VFIO_PENDING_NONE) {
		return;
	}
	if (setup->state == VFIO_SETUP_LEAVING && c->state != VFIO_DELETING) {
		setup_leave(setup);
		return;
	}
	switch (c->state) {
	case VFIO_READY:
		setup_create(setup);
		break;
	case VFIO_STOPPING:
		if (setup->state == VFIO_SETUP_RUNNING) {
			vfio_queue_setup_state_set(&setup->state, VFIO_SETUP_STOPPING);
			setup->messages.command.count_reset = c->reset.cause == VFIO_RESET_NEEDED;
			setup_command(setup, VFIO_COMMAND_STOP);
		}
		break;
	case VFIO_DELETING:
		setup_delete(setup);
		break;
	case VFIO_FAILED:
	case VFIO_GONE:
		if (setup->state != VFIO_SETUP_FAILED) {
			setup_fail(setup, c->fail_rc);
		}
		break;
	default:
		break;
	}
}

void vfio_queue_setup_advance(struct vfio_ctrlr *c)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each_safe(node, tmp, &c->queues) {
		setup_advance(ebb_list_entry(node, struct vfio_queue_setup, link));
	}
}

void vfio_queue_setup_register(struct vfio_queue_setup *setup)
{
	ebb_list_push_back(&setup->ctrlr->queues, &setup->link);
}

void vfio_queue_setup_unregister(struct vfio_queue_setup *setup)
{
	vfio_queue_setup_state_set(&setup->state, VFIO_SETUP_LEAVING);
}

void vfio_queue_setup_acknowledged(struct vfio_queue_setup *setup)
{
	ebb_assert(setup->pending == VFIO_PENDING_COMMAND);
	setup->pending = VFIO_PENDING_NONE;
	if (setup->state == VFIO_SETUP_STOPPING) {
		vfio_queue_setup_state_set(&setup->state, VFIO_SETUP_CREATING);
	}
}

bool vfio_queue_setup_stopped(const struct vfio_ctrlr *c)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &c->queues) {
		const struct vfio_queue_setup *setup =
			ebb_list_entry(node, struct vfio_queue_setup, link);

		if (setup->state == VFIO_SETUP_RUNNING || setup->state == VFIO_SETUP_STOPPING) {
			return false;
		}
	}
	return true;
}

bool vfio_queue_setup_deleted(const struct vfio_ctrlr *c)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &c->queues) {
		const struct vfio_queue_setup *setup =
			ebb_list_entry(node, struct vfio_queue_setup, link);

		if (setup->qpairs[VFIO_QPAIR_IRQ].made == VFIO_MADE_BOTH ||
		    setup->qpairs[VFIO_QPAIR_POLLED].made == VFIO_MADE_BOTH) {
			return false;
		}
	}
	return true;
}

void vfio_queue_setup_lost(struct vfio_ctrlr *c)
{
	struct ebb_list *node;

	ebb_assert(vfio_queue_setup_stopped(c));
	ebb_list_for_each(node, &c->queues) {
		struct vfio_queue_setup *setup =
			ebb_list_entry(node, struct vfio_queue_setup, link);

		for (unsigned kind = 0; kind < VFIO_QPAIRS; kind++) {
			if (setup->qpairs[kind].made != VFIO_MADE_NONE) {
				vfio_queue_setup_made_set(&setup->qpairs[kind].made,
							  VFIO_MADE_NONE);
			}
		}
	}
}

void vfio_queue_setup_retry(struct vfio_ctrlr *c)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &c->queues) {
		struct vfio_queue_setup *setup =
			ebb_list_entry(node, struct vfio_queue_setup, link);

		if (setup->state == VFIO_SETUP_FAILED) {
			vfio_queue_setup_state_set(&setup->state, VFIO_SETUP_CREATING);
		}
	}
}

void vfio_queue_setup_count(const struct vfio_ctrlr *c, uint64_t *lost_interrupts,
			    uint64_t *timeouts)
{
	struct ebb_list *node;

	*lost_interrupts = c->lost_interrupts;
	*timeouts = c->timeouts;
	ebb_list_for_each(node, &c->queues) {
		struct vfio_queue_setup *setup =
			ebb_list_entry(node, struct vfio_queue_setup, link);

		*lost_interrupts += atomic_load_explicit(&setup->messages.lost_interrupts,
							 memory_order_relaxed);
		*timeouts += atomic_load_explicit(&setup->messages.timeouts, memory_order_relaxed);
	}
}
