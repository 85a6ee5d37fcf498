/* SPDX-License-Identifier: Apache-2.0 */
/* The transport "PCIe": a controller that vfio-pci has, driven from here. */
#include "drivers/nvme/transport.h"

#include <json-c/json.h>

#include "drivers/nvme/vfio/advance.h"
#include "drivers/nvme/vfio/attach.h"
#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/io_queue.h"
#include "drivers/nvme/vfio/io_queue_create.h"
#include "drivers/nvme/vfio/namespace.h"
#include "drivers/nvme/vfio/queue_setup.h"

static void transport_owe(struct nvme_path *path, enum vfio_owed what)
{
	struct vfio_ctrlr *c = vfio_ctrlr_of(path);

	c->owed |= EBB_BIT(what);
	vfio_advance(c);
}

static void transport_detach(struct nvme_path *path)
{
	transport_owe(path, VFIO_OWED_DETACHED);
}

static void transport_reset(struct nvme_path *path)
{
	transport_owe(path, VFIO_OWED_RESET);
}

static void transport_admin(struct nvme_path *path, struct nvme_request *request)
{
	vfio_advance_submit(vfio_ctrlr_of(path), request);
}

static void describe_number(struct json_object *into, const char *key, uint64_t value)
{
	json_object_object_add(into, key, json_object_new_uint64(value));
}

static void transport_describe(struct nvme_path *path, struct json_object *into)
{
	struct vfio_ctrlr *c = vfio_ctrlr_of(path);
	const struct vfio_queue_shape *shape = &c->numbers.shape;
	uint64_t granted, used, lost_interrupts, timeouts;

	vfio_numbers_lock(&c->numbers);
	granted = c->numbers.granted;
	used = (uint64_t)__builtin_popcountll(c->numbers.qids);
	vfio_numbers_unlock(&c->numbers);
	vfio_queue_setup_count(c, &lost_interrupts, &timeouts);
	json_object_object_add(into, "state", json_object_new_string(vfio_state_name(c->state)));
	describe_number(into, "io_queue_pairs", granted);
	describe_number(into, "io_queue_pairs_used", used);
	describe_number(into, "interrupt_vectors", c->numbers.num_vectors);
	describe_number(into, "io_queue_depth", shape->depth);
	json_object_object_add(into, "sgl", json_object_new_boolean(shape->sgl));
	json_object_object_add(into, "shadow_doorbells", json_object_new_boolean(c->shadows));
	describe_number(into, "resets", c->resets);
	describe_number(into, "timeouts", timeouts);
	describe_number(into, "aborted", c->admin.aborted);
	describe_number(into, "lost_interrupts", lost_interrupts);
}

static struct nvme_transport vfio_transport = {
	.trtype = "PCIe",
	.rebinds = true,
	.attach = vfio_attach,
	.detach = transport_detach,
	.admin = transport_admin,
	.reset = transport_reset,
	.ns_open = vfio_namespace_open,
	.ns_close = vfio_namespace_close,
	.queue_create = vfio_io_queue_create,
	.queue_destroy = vfio_io_queue_destroy,
	.submit = vfio_io_queue_submit,
	.poll = vfio_io_queue_poll,
	.set_interrupt = vfio_io_queue_set_interrupt,
	.arm = vfio_io_queue_arm,
	.drain = vfio_io_queue_drain,
	.describe = transport_describe,
};

NVME_TRANSPORT_REGISTER(vfio_transport)
