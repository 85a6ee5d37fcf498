/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From whatever state a controller is in to one that takes commands (NVMe Base 2.0, 3.5.1 "Memory-
 * based Transport Controller Initialization"). Nothing here waits: a timer of one millisecond looks
 * at the status register while something is expected of it, and each wait has an end.
 *
 * Disabling comes first, always. The controller may be enabled and at work: for whoever was killed
 * before us, or for us before a reset. Once CSTS.RDY is 0 it touches no memory of ours any more,
 * which is what everything that wants to use or free that memory again waits for. If it does not
 * become 0 a function level reset makes it so; and if not even that, closing the device does.
 */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"

#define READY_UNIT_NS   (500 * EBB_NS_PER_MS)
#define SHUTDOWN_MIN_NS (5 * EBB_NS_PER_S)
#define SHUTDOWN_MAX_NS (60 * EBB_NS_PER_S)

#define PCI_VENDOR_REDHAT 0x1b36u
#define QEMU_PAUSE_NS     700u

/* There is no way to make the controller let go of memory but to close the device. */
static void start_unstoppable(struct vfio_ctrlr *c)
{
	if (c->aim == VFIO_AIM_READY || c->aim == VFIO_AIM_FAIL) {
		c->aim = c->attaching ? VFIO_AIM_DETACH : VFIO_AIM_GONE;
		vfio_ctrlr_fault(
			c, -ETIMEDOUT,
			"it cannot be disabled, not by a function level reset either; power "
			"it off and on");
	}
	vfio_close(c);
}

static void function_reset_run(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_rc = c->device->ops->reset(c->device);
}

static void function_reset_done(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_busy = false;
	if (c->work_rc != 0) {
		ebb_warn("nvme", "%s: function level reset: %s", vfio_ctrlr_name(c),
			 strerror(-c->work_rc));
		start_unstoppable(c);
		return;
	}
	vfio_start_disable(c);
}

static void start_function_reset(struct vfio_ctrlr *c)
{
	c->reset_function = true;
	c->work.run = function_reset_run;
	c->work.done = function_reset_done;
	c->work_busy = true;
	vfio_set_state(c, VFIO_RESETTING);
	ebb_helper_submit(&c->work);
}

void vfio_start_disable(struct vfio_ctrlr *c)
{
	uint32_t cc = vfio_read32(c->device, NVME_REG_CC);

	vfio_set_state(c, VFIO_DISABLING);
	c->deadline_ns = ebb_reactor_now_ns() + c->ready_ns;
	if (cc != VFIO_REG_GONE && NVME_CC_EN(cc)) {
		vfio_write32(c->device, NVME_REG_CC,
			     cc & ~(uint32_t)(NVME_CC_EN_MASK << NVME_CC_EN_SHIFT |
					      NVME_CC_SHN_MASK << NVME_CC_SHN_SHIFT));
	}
	vfio_start_step(c);
}

/* CC.CSS: NVM commands alone where possible. Return: < 0: there are none. */
static int start_command_set(uint64_t cap)
{
	if (NVME_CAP_CSS(cap) & NVME_CAP_CSS_NVM) {
		return NVME_CC_CSS_NVM;
	}
	return NVME_CAP_CSS(cap) & NVME_CAP_CSS_CSI ? NVME_CC_CSS_CSI : -ENOTSUP;
}

static void start_enable(struct vfio_ctrlr *c)
{
	const struct ebb_vfio_device *device = c->device;
	uint32_t entries = VFIO_ADMIN_DEPTH - 1;
	uint32_t cc = (uint32_t)start_command_set(c->cap) << NVME_CC_CSS_SHIFT |
		      6u << NVME_CC_IOSQES_SHIFT | 4u << NVME_CC_IOCQES_SHIFT;

	vfio_qpair_reset(&c->admin);
	vfio_write32(device, NVME_REG_AQA,
		     entries << NVME_AQA_ASQS_SHIFT | entries << NVME_AQA_ACQS_SHIFT);
	vfio_write64(device, NVME_REG_ASQ, vfio_qpair_sq_iova(&c->admin));
	vfio_write64(device, NVME_REG_ACQ, vfio_qpair_cq_iova(&c->admin));
	vfio_write32(device, NVME_REG_CC, cc);
	vfio_write32(device, NVME_REG_CC, cc | 1u << NVME_CC_EN_SHIFT);
	vfio_set_state(c, VFIO_ENABLING);
	c->deadline_ns = ebb_reactor_now_ns() + c->ready_ns;
	vfio_start_step(c);
}

void vfio_start_enable(struct vfio_ctrlr *c)
{
	if (c->starts + 1 == VFIO_STARTS_MAX && !c->reset_function) {
		start_function_reset(c); /* the last try, with all that can be reset */
	} else {
		start_enable(c);
	}
}

void vfio_start_failed(struct vfio_ctrlr *c, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->starts++;
	if (c->starts < VFIO_STARTS_MAX) {
		ebb_warn("nvme", "%s: it does not start: %s; trying again", vfio_ctrlr_name(c),
			 text);
	} else {
		c->aim = c->attaching ? VFIO_AIM_DETACH : VFIO_AIM_FAIL;
		vfio_ctrlr_fault(c, -EIO, text);
	}
	vfio_start_disable(c);
}

static void configure_done(struct vfio_ctrlr *c)
{
	struct ebb_nvme_limits *limits = &c->ctrlr->limits;

	*limits = (struct ebb_nvme_limits){
		.max_io_bytes = c->io_bytes,
		.max_segments = VFIO_SEGMENTS_MAX,
		.buf_align = 4,
		.page_bytes = c->sgl ? 0 : VFIO_PAGE,
		.owns_controller = true,
		.polled = true,
		.min_page_bytes = VFIO_PAGE << NVME_CAP_MPSMIN(c->cap),
	};
	vfio_ready(c);
}

/* Return: false: the answer is no success, and has been dealt with. */
static bool configure_went_well(struct vfio_ctrlr *c, const char *command)
{
	const struct ebb_nvme_request *request = &c->start_request;

	if (c->state != VFIO_CONFIGURING) {
		return false; /* taken back: something else goes on by now */
	}
	if (request->rc != 0 || request->status != 0) {
		vfio_start_failed(c, "%s: error %d, status %04x", command, request->rc,
				  request->status);
		return false;
	}
	return true;
}

static void configure_send(struct vfio_ctrlr *c, uint8_t opcode, void *data, uint32_t len_bytes,
			   ebb_nvme_done_fn done)
{
	c->start_iov = (struct iovec){.iov_base = data, .iov_len = len_bytes};
	c->start_request.opcode = opcode;
	c->start_request.iov = &c->start_iov;
	c->start_request.iovcnt = data != NULL ? 1 : 0;
	c->start_request.len_bytes = len_bytes;
	c->start_request.done = done;
	vfio_admin_submit_own(c, &c->start_request);
}

/* Without shadow doorbells it goes as well. */
static void configure_shadows_done(struct ebb_nvme_request *request)
{
	struct vfio_ctrlr *c = ebb_container_of(request, struct vfio_ctrlr, start_request);

	if (c->state != VFIO_CONFIGURING) {
		return;
	}
	if (request->rc != 0 || request->status != 0) {
		ebb_notice("nvme", "%s: doorbell buffers are refused (status %04x)",
			   vfio_ctrlr_name(c), request->status);
		c->shadows = false;
	}
	configure_done(c);
}

static void configure_queues_done(struct ebb_nvme_request *request)
{
	struct vfio_ctrlr *c = ebb_container_of(request, struct vfio_ctrlr, start_request);
	uint32_t submission = (uint32_t)(request->result & 0xffff) + 1;
	uint32_t completion = (uint32_t)(request->result >> 16 & 0xffff) + 1;
	uint32_t wanted = c->ctrlr->opts.num_io_queues;

	if (!configure_went_well(c, "Number of Queues")) {
		return;
	}
	wanted = wanted == 0 || wanted > VFIO_QUEUES_MAX ? VFIO_QUEUES_MAX : wanted;
	pthread_mutex_lock(&c->lock);
	c->granted = submission < completion ? submission : completion;
	c->granted = c->granted < wanted ? c->granted : wanted;
	pthread_mutex_unlock(&c->lock);
	if (!c->shadows) {
		configure_done(c);
		return;
	}
	memset(c->shadow_memory, 0, 2 * VFIO_PAGE);
	c->start_request = (struct ebb_nvme_request){0};
	configure_send(c, nvme_admin_dbbuf, c->shadow_memory, 2 * VFIO_PAGE,
		       configure_shadows_done);
}

static bool identity_is_qemu(const struct nvme_id_ctrl *id)
{
	static const char model[] = "QEMU NVMe Ctrl";

	return le16toh(id->vid) == PCI_VENDOR_REDHAT &&
	       memcmp(id->mn, model, sizeof(model) - 1) == 0;
}

/* doorbell.h says why not QEMU's. */
static bool identity_shadows(const struct vfio_ctrlr *c)
{
	const struct nvme_id_ctrl *id = c->identify;
	enum ebb_nvme_shadows shadows = c->ctrlr->opts.shadow_doorbells;

	return (id->oacs & NVME_CTRL_OACS_DBBUF_CFG) != 0 &&
	       (2 * VFIO_QUEUES_MAX + 2) * c->doorbell_step <= VFIO_PAGE &&
	       (shadows == EBB_NVME_SHADOWS_ON ||
		(shadows == EBB_NVME_SHADOWS_WHERE_CHEAPER && !identity_is_qemu(id)));
}

static void configure_take_identity(struct vfio_ctrlr *c)
{
	const struct nvme_id_ctrl *id = c->identify;
	uint64_t shutdown_ns = id->rtd3e * EBB_NS_PER_US;
	uint64_t io_bytes = VFIO_IO_BYTES_MAX;

	if (id->mdts != 0 && id->mdts < 16) {
		uint64_t most = (uint64_t)VFIO_PAGE << (NVME_CAP_MPSMIN(c->cap) + id->mdts);

		io_bytes = most < io_bytes ? most : io_bytes;
	}
	pthread_mutex_lock(&c->lock);
	c->io_bytes = (uint32_t)io_bytes;
	c->sgl = (id->sgls & NVME_CTRL_SGLS_SUPPORTED) != 0;
	c->pause_ns = identity_is_qemu(id) ? QEMU_PAUSE_NS : 0; /* lane.c says what for */
	pthread_mutex_unlock(&c->lock);
	shutdown_ns = shutdown_ns < SHUTDOWN_MIN_NS ? SHUTDOWN_MIN_NS : shutdown_ns;
	c->shutdown_ns = shutdown_ns > SHUTDOWN_MAX_NS ? SHUTDOWN_MAX_NS : shutdown_ns;
	c->num_aborts = id->acl + 1u < VFIO_ABORTS_MAX ? id->acl + 1u : VFIO_ABORTS_MAX;
	c->shadows = identity_shadows(c);
}

static void configure_identify_done(struct ebb_nvme_request *request)
{
	struct vfio_ctrlr *c = ebb_container_of(request, struct vfio_ctrlr, start_request);
	uint32_t wanted = VFIO_QUEUES_MAX - 1;

	if (!configure_went_well(c, "Identify")) {
		return;
	}
	configure_take_identity(c);
	c->start_request = (struct ebb_nvme_request){
		.cdw10 = NVME_FEAT_FID_NUM_QUEUES,
		.cdw11 = wanted | wanted << 16,
	};
	configure_send(c, nvme_admin_set_features, NULL, 0, configure_queues_done);
}

static void start_configure(struct vfio_ctrlr *c)
{
	vfio_set_state(c, VFIO_CONFIGURING);
	c->start_request = (struct ebb_nvme_request){.cdw10 = NVME_IDENTIFY_CNS_CTRL};
	configure_send(c, nvme_admin_identify, c->identify, VFIO_PAGE, configure_identify_done);
}

static void step_disabling(struct vfio_ctrlr *c, uint32_t csts, bool late)
{
	/* A fatal status of before must not be taken for one of the next start's. */
	if (!NVME_CSTS_RDY(csts) && !NVME_CSTS_CFS(csts)) {
		vfio_disabled(c);
	} else if (late && !c->reset_function) {
		start_function_reset(c);
	} else if (late) {
		start_unstoppable(c);
	}
}

/* A controller that cannot delete its queues may still be able to be disabled. */
static void step_deleting(struct vfio_ctrlr *c, uint32_t csts, bool late)
{
	if (vfio_connect_deleted(c) || late || NVME_CSTS_CFS(csts) || c->admin.broken) {
		vfio_start_disable(c);
	}
}

static void step_enabling(struct vfio_ctrlr *c, uint32_t csts, bool late)
{
	if (NVME_CSTS_CFS(csts)) {
		vfio_start_failed(c, "it says that it is broken (CSTS.CFS)");
	} else if (NVME_CSTS_RDY(csts)) {
		start_configure(c);
	} else if (late) {
		vfio_start_failed(c, "it is not ready after %llu ms",
				  (unsigned long long)(c->ready_ns / EBB_NS_PER_MS));
	}
}

static void step_shutting_down(struct vfio_ctrlr *c, uint32_t csts, bool late)
{
	if (NVME_CSTS_SHST(csts) == NVME_CSTS_SHST_CMPLT) {
		vfio_close(c);
	} else if (late) {
		ebb_warn("nvme", "%s: it has not shut down within %llu ms: let go of as it is",
			 vfio_ctrlr_name(c), (unsigned long long)(c->shutdown_ns / EBB_NS_PER_MS));
		vfio_close(c);
	}
}

/* If it was to be closed in any case, there is nothing left to wait for. */
static void start_gone(struct vfio_ctrlr *c)
{
	if (c->aim == VFIO_AIM_GONE || c->aim == VFIO_AIM_DETACH) {
		vfio_close(c);
	} else {
		vfio_leave(c, "it has gone, or does not answer");
	}
}

/* Nobody waits for it any more. A start may take minutes, and the end of the process does not. */
static void start_given_up(struct vfio_ctrlr *c)
{
	c->aim = VFIO_AIM_DETACH;
	vfio_ctrlr_fault(c, -ECANCELED, "it was detached before it was ready");
	vfio_close(c);
}

int vfio_start_step(void *arg)
{
	struct vfio_ctrlr *c = arg;
	bool late = ebb_reactor_now_ns() >= c->deadline_ns;
	uint32_t csts = vfio_read32(c->device, NVME_REG_CSTS);

	if (csts == VFIO_REG_GONE) {
		start_gone(c);
		return 1;
	}
	if (c->attaching && c->ctrlr->detach_wanted && c->aim != VFIO_AIM_DETACH) {
		start_given_up(c);
		return 1;
	}
	switch (c->state) {
	case VFIO_DELETING:
		step_deleting(c, csts, late);
		break;
	case VFIO_DISABLING:
		step_disabling(c, csts, late);
		break;
	case VFIO_ENABLING:
		step_enabling(c, csts, late);
		break;
	case VFIO_SHUTTING_DOWN:
		step_shutting_down(c, csts, late);
		break;
	default:
		break;
	}
	return 1;
}

/* What is to be known of the registers before anything is written. */
static int start_read_cap(struct vfio_ctrlr *c)
{
	uint64_t cap = vfio_read64(c->device, NVME_REG_CAP);
	uint64_t units = NVME_CAP_TO(cap);
	uint64_t doorbells;

	if (cap == UINT64_MAX) {
		vfio_ctrlr_fault(c, -ENODEV, "it does not answer: all its registers read as ones");
		return -ENODEV;
	}
	c->cap = cap;
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
	c->ready_ns = (units + 1) * READY_UNIT_NS;
	c->mqes = (uint32_t)NVME_CAP_MQES(cap) + 1;
	return 0;
}

static void start_choose_depth(struct vfio_ctrlr *c)
{
	uint32_t wanted = c->ctrlr->opts.io_queue_depth;
	uint32_t depth = 2;

	wanted = wanted == 0 ? VFIO_IO_DEPTH : wanted;
	wanted = wanted > VFIO_DEPTH_MAX ? VFIO_DEPTH_MAX : wanted;
	wanted = wanted > c->mqes ? c->mqes : wanted;
	while (2 * depth <= wanted) {
		depth *= 2;
	}
	c->depth = depth;
}

void vfio_start_opened(struct vfio_ctrlr *c)
{
	int rc = start_read_cap(c);

	if (rc == 0) {
		start_choose_depth(c);
		c->identify = ebb_mem_alloc(VFIO_PAGE);
		c->shadow_memory = ebb_mem_alloc(2 * VFIO_PAGE);
		rc = c->identify == NULL || c->shadow_memory == NULL ? -ENOMEM : vfio_watch_init(c);
		if (rc == 0) {
			rc = vfio_admin_init(c);
		}
		if (rc != 0) {
			vfio_ctrlr_fault(c, rc,
					 "there is no memory for its queues that it can see");
		}
	}
	if (rc != 0) {
		c->aim = VFIO_AIM_DETACH;
		vfio_close(c);
		return;
	}
	c->num_vectors = c->device->num_vectors;
	vfio_start_disable(c);
}
