/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/ctrlr.h"

#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/vfio/regs.h"

#define ADMIN_MS_MIN 5000u
#define ADMIN_MS     60000u /* where commands have no time limit */

struct vfio_ctrlr *vfio_ctrlr_alloc(struct nvme_path *path)
{
	struct vfio_ctrlr *c = calloc(1, sizeof(*c));
	uint32_t timeout_ms = path->drive->opts.timeout_us / 1000;

	if (c == NULL) {
		return NULL;
	}
	c->path = path;
	c->opts = path->drive->opts;
	c->admin.timeout_ms = timeout_ms > ADMIN_MS_MIN ? timeout_ms : ADMIN_MS_MIN;
	if (path->drive->opts.timeout_us == 0) {
		c->admin.timeout_ms = ADMIN_MS;
	}
	ebb_list_init(&c->queues);
	ebb_list_init(&c->admin.own);
	ebb_list_init(&c->admin.waiting);
	ebb_list_init(&c->admin.qpair.aborted);
	vfio_numbers_init(&c->numbers);
	path->transport_ctrlr = c;
	return c;
}

void vfio_ctrlr_free(struct vfio_ctrlr *c)
{
	ebb_assert(c->device == NULL && ebb_list_empty(&c->queues));
	vfio_numbers_fini(&c->numbers);
	free(c);
}

const char *vfio_ctrlr_name(const struct vfio_ctrlr *c)
{
	return c->path->drive->name;
}

bool vfio_ctrlr_owes(const struct vfio_ctrlr *c, enum vfio_owed what)
{
	return (c->owed & EBB_BIT(what)) != 0;
}

bool vfio_ctrlr_is_unwanted(const struct vfio_ctrlr *c)
{
	return nvme_drive_is_leaving(c->path->drive);
}

void vfio_ctrlr_fault(struct vfio_ctrlr *c, int rc, const char *text)
{
	c->fail_rc = rc;
	if (vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED)) {
		nvme_path_fault(c->path, rc, "%s: %s", c->path->traddr, text);
	} else {
		ebb_error("nvme", "%s (%s): %s: its requests fail from now on", vfio_ctrlr_name(c),
			  c->path->traddr, text);
	}
}

void vfio_ctrlr_set_limits(struct vfio_ctrlr *c)
{
	const struct vfio_queue_shape *shape = &c->numbers.shape;

	c->path->limits = (struct nvme_limits){
		.max_io_bytes = shape->io_bytes,
		.max_segments = VFIO_SEGMENTS_MAX,
		.buf_align = 4,
		.page_bytes = shape->sgl ? 0 : VFIO_PAGE,
		.owns_controller = true,
		.polled = true,
		.min_page_bytes = VFIO_PAGE << NVME_CAP_MPSMIN(c->start.cap),
	};
}

struct nvme_queue vfio_ctrlr_queue_base(const struct vfio_ctrlr *c)
{
	return (struct nvme_queue){
		.transport = c->path->transport,
		.path = c->path,
		.wake_fd = -1,
	};
}

void vfio_ctrlr_doorbells(const struct vfio_ctrlr *c, uint16_t qid, struct vfio_doorbell *ret_sq,
			  struct vfio_doorbell *ret_cq)
{
	uint32_t offset = 2u * qid * c->doorbell_step;
	bool shadows = qid != 0 && c->shadows;
	char *shadow = c->shadow_memory + offset;

	*ret_sq = (struct vfio_doorbell){
		.reg = vfio_reg(c->device, VFIO_REG_DOORBELLS + offset),
		.shadow = shadows ? (void *)shadow : NULL,
		.event = shadows ? (void *)(shadow + VFIO_PAGE) : NULL,
	};
	*ret_cq = (struct vfio_doorbell){
		.reg = vfio_reg(c->device, VFIO_REG_DOORBELLS + offset + c->doorbell_step),
		.shadow = shadows ? (void *)(shadow + c->doorbell_step) : NULL,
		.event = shadows ? (void *)(shadow + c->doorbell_step + VFIO_PAGE) : NULL,
	};
}
