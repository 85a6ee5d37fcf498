/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From whatever state a controller is in to one that takes commands (NVMe Base 2.0, 3.5.1 "Memory-
 * based Transport Controller Initialization").
 *
 * Disabling comes first, always. The controller may be enabled and at work: for whoever was killed
 * before us, or for us before a reset. Once CSTS.RDY is 0 it touches no memory of ours any more,
 * which is what everything that wants to use or free that memory again waits for. If it does not
 * become 0 a function level reset makes it so; and if not even that, closing the device does.
 */
#include "drivers/nvme/vfio/start.h"

#include <errno.h>

#include <ebb/reactor.h>

#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/regs.h"

#define READY_UNIT_NS (500 * EBB_NS_PER_MS)

static void start_deadline(struct vfio_ctrlr *c, uint64_t after_ns)
{
	c->start.deadline_ns = ebb_reactor_now_ns() + after_ns;
}

void vfio_start_disable(struct vfio_ctrlr *c)
{
	uint32_t cc = vfio_read32(c->device, NVME_REG_CC);

	start_deadline(c, c->start.ready_ns);
	if (cc != VFIO_REG_GONE && NVME_CC_EN(cc)) {
		vfio_write32(c->device, NVME_REG_CC,
			     cc & ~(uint32_t)(NVME_CC_EN_MASK << NVME_CC_EN_SHIFT |
					      NVME_CC_SHN_MASK << NVME_CC_SHN_SHIFT));
	}
}

/* CC.CSS: NVM commands alone where possible. Return: < 0: there are none. */
static int start_command_set(uint64_t cap)
{
	if (NVME_CAP_CSS(cap) & NVME_CAP_CSS_NVM) {
		return NVME_CC_CSS_NVM;
	}
	return NVME_CAP_CSS(cap) & NVME_CAP_CSS_CSI ? NVME_CC_CSS_CSI : -ENOTSUP;
}

void vfio_start_enable(struct vfio_ctrlr *c)
{
	const struct vfio_device *device = c->device;
	struct vfio_qpair *admin = &c->admin.qpair;
	uint32_t entries = VFIO_ADMIN_DEPTH - 1;
	uint32_t cc = (uint32_t)start_command_set(c->start.cap) << NVME_CC_CSS_SHIFT |
		      6u << NVME_CC_IOSQES_SHIFT | 4u << NVME_CC_IOCQES_SHIFT;

	vfio_qpair_reset(admin);
	vfio_write32(device, NVME_REG_AQA,
		     entries << NVME_AQA_ASQS_SHIFT | entries << NVME_AQA_ACQS_SHIFT);
	vfio_write64(device, NVME_REG_ASQ, vfio_qpair_sq_iova(admin));
	vfio_write64(device, NVME_REG_ACQ, vfio_qpair_cq_iova(admin));
	vfio_write32(device, NVME_REG_CC, cc);
	vfio_write32(device, NVME_REG_CC, cc | 1u << NVME_CC_EN_SHIFT);
	start_deadline(c, c->start.ready_ns);
}

bool vfio_start_shut_down(struct vfio_ctrlr *c)
{
	uint32_t cc = vfio_read32(c->device, NVME_REG_CC);

	start_deadline(c, c->start.shutdown_ns);
	if (cc == VFIO_REG_GONE) {
		return false;
	}
	cc &= ~(uint32_t)(NVME_CC_SHN_MASK << NVME_CC_SHN_SHIFT);
	vfio_write32(c->device, NVME_REG_CC,
		     cc | (uint32_t)NVME_CC_SHN_NORMAL << NVME_CC_SHN_SHIFT);
	return true;
}

/* A fatal status of before must not be taken for one of the next start's, so it has to go first. */
static bool start_is_done(const struct vfio_ctrlr *c, uint32_t csts)
{
	switch (c->state) {
	case VFIO_DISABLING:
		return !NVME_CSTS_RDY(csts) && !NVME_CSTS_CFS(csts);
	case VFIO_ENABLING:
		return NVME_CSTS_RDY(csts) && !NVME_CSTS_CFS(csts);
	case VFIO_SHUTTING_DOWN:
		return NVME_CSTS_SHST(csts) == NVME_CSTS_SHST_CMPLT;
	default:
		return false;
	}
}

enum vfio_seen vfio_start_look(const struct vfio_ctrlr *c)
{
	uint32_t csts = vfio_read32(c->device, NVME_REG_CSTS);

	if (csts == VFIO_REG_GONE) {
		return VFIO_SEEN_GONE;
	}
	if (start_is_done(c, csts)) {
		return VFIO_SEEN_DONE;
	}
	if (NVME_CSTS_CFS(csts) && (c->state == VFIO_ENABLING || c->state == VFIO_DELETING)) {
		return VFIO_SEEN_BROKEN;
	}
	return ebb_reactor_now_ns() >= c->start.deadline_ns ? VFIO_SEEN_LATE : VFIO_SEEN_NOTHING;
}

int vfio_start_read_cap(struct vfio_ctrlr *c)
{
	uint64_t cap = vfio_read64(c->device, NVME_REG_CAP);
	uint64_t units = NVME_CAP_TO(cap);
	uint64_t doorbells;

	if (cap == UINT64_MAX) {
		vfio_ctrlr_fault(c, -ENODEV, "it does not answer: all its registers read as ones");
		return -ENODEV;
	}
	c->start.cap = cap;
	c->doorbell_step = 4u << NVME_CAP_DSTRD(cap);
	doorbells = (2ull * VFIO_QUEUES_MAX + 2) * c->doorbell_step;
	if (c->device->bar0_bytes < VFIO_REG_DOORBELLS + doorbells) {
		vfio_ctrlr_fault(c, -ENXIO,
				 "its BAR 0 has no room for the doorbells: no NVMe device?");
		return -ENXIO;
	}
	if (NVME_CAP_MPSMIN(cap) != 0) {
		vfio_ctrlr_fault(c, -ENOTSUP, "it wants memory pages of more than 4 KiB");
		return -ENOTSUP;
	}
	if (start_command_set(cap) < 0) {
		vfio_ctrlr_fault(c, -ENOTSUP, "it has no I/O commands, only administrative ones");
		return -ENOTSUP;
	}
	if (NVME_CAP_CRMS(cap) & NVME_CAP_CRWMS) {
		units = NVME_CRTO_CRWMT(vfio_read32(c->device, NVME_REG_CRTO));
		units = units > NVME_CAP_TO(cap) ? units : NVME_CAP_TO(cap);
	}
	c->start.ready_ns = (units + 1) * READY_UNIT_NS;
	return 0;
}
