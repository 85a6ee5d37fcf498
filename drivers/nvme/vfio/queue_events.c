/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/queue_events.h"

#include <ebb/log.h>

#include "drivers/nvme/vfio/advance.h"
#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/queue_setup.h"

void vfio_queue_events_register(void *arg)
{
	struct vfio_queue_setup *setup = arg;

	vfio_queue_setup_register(setup);
	vfio_advance(setup->ctrlr);
}

void vfio_queue_events_unregister(void *arg)
{
	struct vfio_queue_setup *setup = arg;

	vfio_queue_setup_unregister(setup);
	vfio_advance(setup->ctrlr);
}

void vfio_queue_events_acknowledge(void *arg)
{
	struct vfio_queue_setup *setup = arg;

	vfio_queue_setup_acknowledged(setup);
	vfio_advance(setup->ctrlr);
}

void vfio_queue_events_vector_done(struct ebb_work *work)
{
	struct vfio_queue_setup *setup = ebb_container_of(work, struct vfio_queue_setup, work);

	vfio_queue_setup_vector_done(setup);
	vfio_advance(setup->ctrlr);
}

static void fault_late(struct vfio_ctrlr *c, const struct vfio_fault *fault)
{
	static struct ebb_ratelimit limit;

	if (!vfio_reset_check_alive(c)) {
		return;
	}
	if (ebb_ratelimit_ok(&limit)) {
		ebb_warn("nvme",
			 "%s: queue %u: command %04x was not answered within %u ms: asking to "
			 "abort it",
			 vfio_ctrlr_name(c), fault->qid, fault->cid, c->opts.timeout_us / 1000);
	}
	vfio_admin_abort(c, fault->qid, fault->cid);
}

static void fault_act(struct vfio_ctrlr *c, const struct vfio_fault *fault)
{
	switch (fault->kind) {
	case VFIO_FAULT_NONE:
		break;
	case VFIO_FAULT_STATUS:
		vfio_reset_check_alive(c);
		break;
	case VFIO_FAULT_LATE:
		fault_late(c, fault);
		break;
	case VFIO_FAULT_LOST:
		if (vfio_reset_check_alive(c)) {
			vfio_reset_need(c,
					"queue %u: command %04x was not answered, nor aborted, "
					"within %u ms",
					fault->qid, fault->cid, 2 * (c->opts.timeout_us / 1000));
		}
		break;
	case VFIO_FAULT_BROKEN:
		vfio_reset_need(c, "%s", fault->text);
		break;
	}
}

void vfio_queue_events_fault(void *arg)
{
	struct vfio_queue_setup *setup = arg;
	struct vfio_ctrlr *c = setup->ctrlr;
	struct vfio_fault fault = setup->messages.fault;

	/* Pairs with the load in vfio_io_queue_report(). */
	atomic_store_explicit(&setup->messages.fault_sent, false, memory_order_release);
	if (c->state == VFIO_READY && setup->state == VFIO_SETUP_RUNNING) {
		fault_act(c, &fault);
		vfio_advance(c);
	}
}
