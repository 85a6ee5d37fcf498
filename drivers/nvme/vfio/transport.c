/* SPDX-License-Identifier: Apache-2.0 */
/* The transport "PCIe": a controller that vfio-pci has, driven from here. */
#include "drivers/nvme/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"

#define ADMIN_MS_MIN 5000u
#define ADMIN_MS     60000u /* where commands have no time limit */

const char *vfio_ctrlr_name(const struct vfio_ctrlr *c)
{
	return c->ctrlr->name;
}

void vfio_ctrlr_fault(struct vfio_ctrlr *c, int rc, const char *text)
{
	c->fail_rc = rc;
	if (c->attaching) {
		ebb_nvme_ctrlr_fault(c->ctrlr, rc, "%s: %s", c->ctrlr->traddr, text);
	} else {
		ebb_error("nvme", "%s (%s): %s: its requests fail from now on", vfio_ctrlr_name(c),
			  c->ctrlr->traddr, text);
	}
}

void vfio_ctrlr_free(struct vfio_ctrlr *c)
{
	ebb_assert(c->device == NULL && ebb_list_empty(&c->lanes) && c->watch == NULL);
	if (!c->freed) { /* otherwise it has gone already */
		c->ctrlr->transport_ctrlr = NULL;
	}
	c->freed = true;
	if (c->watch_told) {
		return; /* once more when the message has come */
	}
	vfio_admin_fini(c);
	ebb_mem_free(c->identify, VFIO_PAGE);
	ebb_mem_free(c->shadow_memory, 2 * VFIO_PAGE);
	if (c->watch_fd >= 0) {
		close(c->watch_fd);
	}
	if (c->admin_fd >= 0) {
		close(c->admin_fd);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void attach_run(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_rc = vfio_ownership_begin(&c->ownership, c->ctrlr->traddr, c->ctrlr->opts.rebind,
					  c->work_error, sizeof(c->work_error));
	c->device = c->ownership.device;
	if (c->work_rc == 0) {
		int rc = c->device->ops->set_vector(c->device, 0, c->admin_fd);

		if (rc != 0) {
			ebb_warn("nvme", "%s: interrupt vector 0 cannot be set: %s", c->device->bdf,
				 strerror(-rc));
		}
	}
}

static void attach_end(struct vfio_ctrlr *c, int rc)
{
	struct ebb_nvme_ctrlr *ctrlr = c->ctrlr;

	vfio_ctrlr_free(c);
	ebb_nvme_ctrlr_attached(ctrlr, rc);
}

static void attach_done(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_busy = false;
	if (c->work_rc != 0) {
		ebb_nvme_ctrlr_fault(c->ctrlr, c->work_rc, "%s", c->work_error);
		attach_end(c, c->work_rc);
		return;
	}
	vfio_start_opened(c);
}

static void vfio_attach_ctrlr(struct ebb_nvme_ctrlr *ctrlr)
{
	struct vfio_ctrlr *c = calloc(1, sizeof(*c));
	uint32_t timeout_us = ctrlr->opts.timeout_us;

	if (c == NULL) {
		ebb_nvme_ctrlr_attached(ctrlr, ebb_nvme_ctrlr_fault(ctrlr, -ENOMEM, "%s",
								    "out of memory"));
		return;
	}
	c->ctrlr = ctrlr;
	ctrlr->transport_ctrlr = c;
	c->attaching = true;
	c->timeout_us = timeout_us;
	c->admin_ms = timeout_us / 1000 > ADMIN_MS_MIN ? timeout_us / 1000 : ADMIN_MS_MIN;
	c->admin_ms = timeout_us == 0 ? ADMIN_MS : c->admin_ms;
	ebb_list_init(&c->lanes);
	ebb_list_init(&c->admin_own);
	ebb_list_init(&c->admin_waiting);
	ebb_list_init(&c->admin.aborted);
	pthread_mutex_init(&c->lock, NULL);
	if (vfio_watch_open(c) != 0) {
		attach_end(c, ebb_nvme_ctrlr_fault(ctrlr, -EMFILE, "%s: no descriptor is left",
						   ctrlr->traddr));
		return;
	}
	c->work.run = attach_run;
	c->work.done = attach_done;
	c->work_busy = true;
	ebb_helper_submit(&c->work);
}

static void vfio_detach_ctrlr(struct ebb_nvme_ctrlr *ctrlr)
{
	struct vfio_ctrlr *c = vfio_ctrlr_of(ctrlr);

	c->detaching = true;
	vfio_detach_go_on(c);
}

static void vfio_admin(struct ebb_nvme_ctrlr *ctrlr, struct ebb_nvme_request *request)
{
	vfio_admin_submit(vfio_ctrlr_of(ctrlr), request);
}

static void vfio_reset_ctrlr(struct ebb_nvme_ctrlr *ctrlr)
{
	vfio_reset_wanted(vfio_ctrlr_of(ctrlr));
}

static void describe_number(struct json_object *into, const char *key, uint64_t value)
{
	json_object_object_add(into, key, json_object_new_uint64(value));
}

static void vfio_describe(struct ebb_nvme_ctrlr *ctrlr, struct json_object *into)
{
	struct vfio_ctrlr *c = vfio_ctrlr_of(ctrlr);
	uint64_t lost = c->lost_interrupts, timeouts = c->timeouts;
	uint64_t granted, used;
	struct ebb_list *node;

	pthread_mutex_lock(&c->lock);
	granted = c->granted;
	used = (uint64_t)__builtin_popcountll(c->qids);
	pthread_mutex_unlock(&c->lock);
	ebb_list_for_each(node, &c->lanes) {
		struct vfio_lane *lane = ebb_list_entry(node, struct vfio_lane, link);

		lost += atomic_load_explicit(&lane->lost_interrupts, memory_order_relaxed);
		timeouts += atomic_load_explicit(&lane->timeouts, memory_order_relaxed);
	}
	json_object_object_add(into, "state", json_object_new_string(vfio_state_name(c->state)));
	describe_number(into, "io_queue_pairs", granted);
	describe_number(into, "io_queue_pairs_used", used);
	describe_number(into, "interrupt_vectors", c->num_vectors);
	describe_number(into, "io_queue_depth", c->depth);
	json_object_object_add(into, "sgl", json_object_new_boolean(c->sgl));
	json_object_object_add(into, "shadow_doorbells", json_object_new_boolean(c->shadows));
	describe_number(into, "resets", c->resets);
	describe_number(into, "timeouts", timeouts);
	describe_number(into, "aborted", c->aborted);
	describe_number(into, "lost_interrupts", lost);
}

static struct ebb_nvme_transport vfio_transport = {
	.trtype = "PCIe",
	.rebinds = true,
	.attach = vfio_attach_ctrlr,
	.detach = vfio_detach_ctrlr,
	.admin = vfio_admin,
	.reset = vfio_reset_ctrlr,
	.ns_open = vfio_namespace_open,
	.ns_close = vfio_namespace_close,
	.queue_create = vfio_queue_create,
	.queue_destroy = vfio_queue_destroy,
	.submit = vfio_queue_submit,
	.poll = vfio_queue_poll,
	.set_interrupt = vfio_queue_set_interrupt,
	.arm = vfio_queue_arm,
	.drain = vfio_queue_drain,
	.describe = vfio_describe,
};

EBB_NVME_TRANSPORT_REGISTER(vfio_transport)
