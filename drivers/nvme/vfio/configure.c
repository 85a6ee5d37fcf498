/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/configure.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"

#define SHUTDOWN_MIN_NS (5 * EBB_NS_PER_S)
#define SHUTDOWN_MAX_NS (60 * EBB_NS_PER_S)

#define PCI_VENDOR_REDHAT 0x1b36u
#define QEMU_PAUSE_NS     700u /* how long it has the lock that io_queue.c tells of */

int vfio_configure_init(struct vfio_ctrlr *c)
{
	c->configure.page = ebb_mem_alloc(VFIO_PAGE);
	return c->configure.page == NULL ? -ENOMEM : 0;
}

void vfio_configure_fini(struct vfio_ctrlr *c)
{
	ebb_mem_free(c->configure.page, VFIO_PAGE);
	c->configure.page = NULL;
}

static void configure_answered(struct nvme_request *request, uint16_t use)
{
	struct vfio_ctrlr *c = ebb_container_of(request, struct vfio_ctrlr, configure.request);

	(void)use;
	c->configure.answered = true;
}

static void configure_send(struct vfio_ctrlr *c, enum vfio_configure_step step, uint8_t opcode,
			   void *data, uint32_t len_bytes)
{
	struct vfio_configure *configure = &c->configure;

	configure->step = step;
	configure->answered = false;
	configure->iov = (struct iovec){.iov_base = data, .iov_len = len_bytes};
	configure->request.opcode = opcode;
	configure->request.iov = &configure->iov;
	configure->request.iovcnt = data != NULL ? 1 : 0;
	configure->request.len_bytes = len_bytes;
	configure->request.done = configure_answered;
	vfio_admin_submit_own(c, &configure->request);
}

void vfio_configure_begin(struct vfio_ctrlr *c)
{
	c->configure.request = (struct nvme_request){.cdw10 = NVME_IDENTIFY_CNS_CTRL};
	configure_send(c, VFIO_CONFIGURE_IDENTIFY, nvme_admin_identify, c->configure.page,
		       VFIO_PAGE);
}

static bool identity_is_qemu(const struct nvme_id_ctrl *id)
{
	static const char model[] = "QEMU NVMe Ctrl";

	return le16toh(id->vid) == PCI_VENDOR_REDHAT &&
	       memcmp(id->mn, model, sizeof(model) - 1) == 0;
}

/* doorbell.h says why not QEMU's. */
static bool identity_shadows(const struct vfio_ctrlr *c, const struct nvme_id_ctrl *id)
{
	enum nvme_shadows shadows = c->opts.shadow_doorbells;

	return (id->oacs & NVME_CTRL_OACS_DBBUF_CFG) != 0 &&
	       (2 * VFIO_QUEUES_MAX + 2) * c->doorbell_step <= VFIO_PAGE &&
	       (shadows == NVME_SHADOWS_ON ||
		(shadows == NVME_SHADOWS_WHERE_CHEAPER && !identity_is_qemu(id)));
}

static void configure_take_identity(struct vfio_ctrlr *c)
{
	const struct nvme_id_ctrl *id = c->configure.page;
	struct vfio_queue_shape *shape = &c->numbers.shape;
	uint64_t shutdown_ns = id->rtd3e * EBB_NS_PER_US;
	uint64_t io_bytes = VFIO_IO_BYTES_MAX;

	if (id->mdts != 0 && id->mdts < 16) {
		uint64_t most = (uint64_t)VFIO_PAGE << (NVME_CAP_MPSMIN(c->start.cap) + id->mdts);

		io_bytes = most < io_bytes ? most : io_bytes;
	}
	vfio_numbers_lock(&c->numbers);
	shape->io_bytes = (uint32_t)io_bytes;
	shape->sgl = (id->sgls & NVME_CTRL_SGLS_SUPPORTED) != 0;
	shape->pause_ns = identity_is_qemu(id) ? QEMU_PAUSE_NS : 0;
	vfio_numbers_unlock(&c->numbers);
	shutdown_ns = shutdown_ns < SHUTDOWN_MIN_NS ? SHUTDOWN_MIN_NS : shutdown_ns;
	c->start.shutdown_ns = shutdown_ns > SHUTDOWN_MAX_NS ? SHUTDOWN_MAX_NS : shutdown_ns;
	c->admin.num_aborts = id->acl + 1u < VFIO_ABORTS_MAX ? id->acl + 1u : VFIO_ABORTS_MAX;
	c->shadows = identity_shadows(c, id);
}

static void configure_take_queues(struct vfio_ctrlr *c, uint64_t result)
{
	uint32_t submission = (uint32_t)(result & 0xffff) + 1;
	uint32_t completion = (uint32_t)(result >> 16 & 0xffff) + 1;
	uint32_t granted = submission < completion ? submission : completion;
	uint32_t wanted = c->opts.num_io_queues;

	wanted = wanted == 0 || wanted > VFIO_QUEUES_MAX ? VFIO_QUEUES_MAX : wanted;
	vfio_numbers_lock(&c->numbers);
	c->numbers.granted = granted < wanted ? granted : wanted;
	vfio_numbers_unlock(&c->numbers);
}

static int configure_ask_queues(struct vfio_ctrlr *c)
{
	uint32_t wanted = VFIO_QUEUES_MAX - 1;

	c->configure.request = (struct nvme_request){
		.cdw10 = NVME_FEAT_FID_NUM_QUEUES,
		.cdw11 = wanted | wanted << 16,
	};
	configure_send(c, VFIO_CONFIGURE_QUEUES, nvme_admin_set_features, NULL, 0);
	return -EINPROGRESS;
}

static int configure_ask_shadows(struct vfio_ctrlr *c)
{
	if (!c->shadows) {
		return 0;
	}
	memset(c->shadow_memory, 0, VFIO_SHADOW_BYTES);
	c->configure.request = (struct nvme_request){0};
	configure_send(c, VFIO_CONFIGURE_SHADOWS, nvme_admin_dbbuf, c->shadow_memory,
		       VFIO_SHADOW_BYTES);
	return -EINPROGRESS;
}

static int configure_failed(struct vfio_ctrlr *c, const char *command)
{
	const struct nvme_request *request = &c->configure.request;

	snprintf(c->configure.error, sizeof(c->configure.error), "%s: error %d, status %04x",
		 command, request->rc, request->status);
	return -EIO;
}

int vfio_configure_advance(struct vfio_ctrlr *c)
{
	const struct nvme_request *request = &c->configure.request;
	bool refused = request->rc != 0 || request->status != 0;

	if (!c->configure.answered) {
		return -EINPROGRESS;
	}
	c->configure.answered = false;
	switch (c->configure.step) {
	case VFIO_CONFIGURE_IDENTIFY:
		if (refused) {
			return configure_failed(c, "Identify");
		}
		configure_take_identity(c);
		return configure_ask_queues(c);
	case VFIO_CONFIGURE_QUEUES:
		if (refused) {
			return configure_failed(c, "Number of Queues");
		}
		configure_take_queues(c, request->result);
		return configure_ask_shadows(c);
	default:
		if (refused) { /* without it goes as well */
			ebb_notice("nvme", "%s: doorbell buffers are refused (status %04x)",
				   vfio_ctrlr_name(c), request->status);
			c->shadows = false;
		}
		return 0;
	}
}
