/* SPDX-License-Identifier: Apache-2.0 */
/* From an address to a controller that can be started. */
#include "drivers/nvme/vfio/attach.h"

#include <errno.h>
#include <string.h>

#include <ebb/log.h>

#include "drivers/nvme/vfio/admin_events.h"
#include "drivers/nvme/vfio/advance.h"
#include "drivers/nvme/vfio/ctrlr.h"

#define IO_DEPTH 256u /* by default */

static void attach_run(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_rc = vfio_ownership_begin(&c->ownership, c->path->traddr, c->opts.rebind,
					  c->work_error, sizeof(c->work_error));
	c->device = c->ownership.device;
	if (c->work_rc == 0) {
		int rc = c->device->ops->set_vector(c->device, 0, c->pollers.admin_fd);

		if (rc != 0) {
			ebb_warn("nvme", "%s: interrupt vector 0 cannot be set: %s", c->device->bdf,
				 strerror(-rc));
		}
	}
}

/* What queues can be like, as far as it is known before the controller has been asked. */
static void attach_shape(struct vfio_ctrlr *c)
{
	struct vfio_queue_shape *shape = &c->numbers.shape;
	uint32_t wanted = c->opts.io_queue_depth;

	shape->entries_max = (uint32_t)NVME_CAP_MQES(c->start.cap) + 1;
	wanted = wanted == 0 ? IO_DEPTH : wanted;
	wanted = wanted > VFIO_DEPTH_MAX ? VFIO_DEPTH_MAX : wanted;
	wanted = wanted > shape->entries_max ? shape->entries_max : wanted;
	shape->depth = 2;
	while (2 * shape->depth <= wanted) {
		shape->depth *= 2;
	}
	c->numbers.num_vectors = c->device->num_vectors;
}

static int attach_allocate(struct vfio_ctrlr *c)
{
	int rc = vfio_configure_init(c);

	c->shadow_memory = ebb_mem_alloc(VFIO_SHADOW_BYTES);
	if (rc == 0 && c->shadow_memory == NULL) {
		rc = -ENOMEM;
	}
	if (rc == 0) {
		rc = vfio_admin_events_init(c);
	}
	if (rc == 0) {
		rc = vfio_admin_init(c);
	}
	if (rc != 0) {
		vfio_ctrlr_fault(c, rc, "there is no memory for its queues that it can see");
	}
	return rc;
}

static void attach_done(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);
	int rc = c->work_rc;

	if (rc != 0) {
		nvme_path_fault(c->path, rc, "%s", c->work_error);
		vfio_advance_not_opened(c, rc);
		return;
	}
	rc = vfio_start_read_cap(c);
	if (rc == 0) {
		attach_shape(c);
		rc = attach_allocate(c);
	}
	vfio_advance_opened(c, rc);
}

void vfio_attach(struct nvme_path *path)
{
	struct vfio_ctrlr *c = vfio_ctrlr_alloc(path);

	if (c == NULL) {
		nvme_path_attached(path, nvme_path_fault(path, -ENOMEM, "%s", "out of memory"));
		return;
	}
	c->owed = EBB_BIT(VFIO_OWED_ATTACHED);
	if (vfio_pollers_open(c) != 0) {
		vfio_advance_not_opened(c,
					nvme_path_fault(path, -EMFILE, "%s: no descriptor is left",
							path->traddr));
		return;
	}
	ebb_work_init(&c->work, attach_run, attach_done);
	ebb_helper_submit(&c->work);
}
