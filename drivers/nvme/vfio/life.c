/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a controller that was ready: a reset, its departure, its end.
 *
 * All three begin in the same way. Every lane is told to stop, and says that it has; from then on
 * nobody touches the queues, but the controller may still write to them and to the memory of
 * requests. Then it is disabled, or the device closed; when that is confirmed, and not before, what
 * was under way is taken out of the queues. After a reset it is submitted again, before whatever
 * has come meanwhile; otherwise it fails. So each request is answered once, by whoever holds it: a
 * queue, or the list of those taken back.
 *
 * A controller that is disabled because somebody wants it, and not for anything that it has done,
 * is asked to delete its submission queues before. NVMe does not demand that. But it is what the
 * kernel's driver does, so what controllers have been tried with: QEMU's (7.2) may use a queue that
 * it has freed when CC.EN becomes 0 just after a doorbell.
 *
 * A request that a reset has interrupted may have been carried out before. That is so for every
 * driver, and why such a request's memory stays its owner's until it is answered.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"

static void life_stop(struct vfio_ctrlr *c)
{
	vfio_set_state(c, VFIO_STOPPING);
	vfio_connect_stop(c);
	if (c->stopping == 0) {
		vfio_stopped(c);
	}
}

void vfio_stopped(struct vfio_ctrlr *c)
{
	if (c->aim == VFIO_AIM_GONE && vfio_read32(c->device, NVME_REG_CSTS) == VFIO_REG_GONE) {
		vfio_close(c);
	} else if (!c->blaming) {
		c->deadline_ns = ebb_reactor_now_ns() + c->ready_ns;
		vfio_set_state(c, VFIO_DELETING);
		vfio_connect_delete(c);
		vfio_start_step(c);
	} else {
		vfio_start_disable(c);
	}
}

static void life_reset(struct vfio_ctrlr *c)
{
	c->resets++;
	c->aim = VFIO_AIM_READY;
	c->starts = 0;
	c->reset_function = false;
	if (!c->reset_asked && !c->announced) {
		c->announced = true;
		c->telling = true;
		ebb_nvme_ctrlr_event(c->ctrlr, EBB_NVME_EVENT_RESET, 0);
		c->telling = false;
	}
	life_stop(c);
}

void vfio_reset(struct vfio_ctrlr *c, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (c->state == VFIO_CONFIGURING) {
		vfio_start_failed(c, "%s", text);
	} else if (c->state == VFIO_READY) {
		ebb_warn("nvme", "%s: %s: it is reset", vfio_ctrlr_name(c), text);
		c->blaming = true;
		life_reset(c);
	}
}

void vfio_reset_wanted(struct vfio_ctrlr *c)
{
	c->reset_asked = true;
	switch (c->state) {
	case VFIO_READY:
		c->blaming = false;
		life_reset(c);
		break;
	case VFIO_FAILED:
		c->aim = VFIO_AIM_READY;
		c->starts = 0;
		c->reset_function = false;
		vfio_start_disable(c);
		break;
	case VFIO_GONE:
		c->reset_asked = false;
		ebb_nvme_ctrlr_was_reset(c->ctrlr, -ENODEV);
		break;
	default: /* there will be an end of what is under way, and an answer */
		break;
	}
}

void vfio_leave(struct vfio_ctrlr *c, const char *why)
{
	if (c->aim == VFIO_AIM_GONE || c->aim == VFIO_AIM_DETACH) {
		return;
	}
	vfio_ctrlr_fault(c, -ENODEV, why);
	c->aim = c->attaching ? VFIO_AIM_DETACH : VFIO_AIM_GONE;
	switch (c->state) {
	case VFIO_READY:
		c->blaming = false;
		life_stop(c);
		break;
	case VFIO_DELETING:
	case VFIO_DISABLING:
	case VFIO_ENABLING:
	case VFIO_CONFIGURING:
	case VFIO_FAILED:
		vfio_close(c);
		break;
	default: /* what is under way ends in vfio_stopped() or vfio_disabled(), and looks */
		break;
	}
}

bool vfio_check_alive(struct vfio_ctrlr *c)
{
	uint32_t csts = vfio_read32(c->device, NVME_REG_CSTS);

	if (csts == VFIO_REG_GONE) {
		vfio_leave(c, "it has gone");
		return false;
	}
	if (NVME_CSTS_CFS(csts)) {
		vfio_reset(c, "it says that it is broken (CSTS.CFS)");
		return false;
	}
	return true;
}

/* Answers whoever waits for the end of a reset. */
static void life_answer_reset(struct vfio_ctrlr *c, int rc)
{
	bool asked = c->reset_asked;

	c->reset_asked = false;
	c->announced = false;
	if (asked) {
		ebb_nvme_ctrlr_was_reset(c->ctrlr, rc);
	}
}

void vfio_ready(struct vfio_ctrlr *c)
{
	bool announced = c->announced;

	c->starts = 0;
	vfio_set_state(c, VFIO_READY);
	c->telling = true;
	if (c->attaching) {
		c->attaching = false;
		ebb_nvme_ctrlr_attached(c->ctrlr, 0);
	} else {
		ebb_notice("nvme", "%s: it has been reset", vfio_ctrlr_name(c));
		life_answer_reset(c, 0);
		if (announced) {
			ebb_nvme_ctrlr_event(c->ctrlr, EBB_NVME_EVENT_READY, 0);
		}
	}
	vfio_admin_go_on(c);
	vfio_connect_go_on(c);
	c->telling = false;
	vfio_detach_go_on(c);
}

static void life_failed(struct vfio_ctrlr *c)
{
	ebb_error("nvme", "%s: no reset has helped: its requests fail from now on",
		  vfio_ctrlr_name(c));
	c->fail_rc = -ETIMEDOUT;
	vfio_set_state(c, VFIO_FAILED);
	c->telling = true;
	vfio_admin_cancel(c, -ETIMEDOUT, true);
	vfio_connect_go_on(c);
	life_answer_reset(c, -ETIMEDOUT);
	ebb_nvme_ctrlr_event(c->ctrlr, EBB_NVME_EVENT_FAILED, 0);
	c->telling = false;
	vfio_detach_go_on(c);
}

/* Memory is ours alone again. */
static void life_take_back(struct vfio_ctrlr *c)
{
	vfio_connect_lost(c);
	vfio_admin_cancel(c, -ECANCELED, false);
}

void vfio_disabled(struct vfio_ctrlr *c)
{
	life_take_back(c);
	switch (c->aim) {
	case VFIO_AIM_READY:
		vfio_start_enable(c);
		break;
	case VFIO_AIM_FAIL:
		life_failed(c);
		break;
	case VFIO_AIM_GONE:
	case VFIO_AIM_DETACH:
		vfio_close(c);
		break;
	}
}

static void life_closed(struct vfio_ctrlr *c)
{
	struct ebb_nvme_ctrlr *ctrlr = c->ctrlr;
	int rc = c->fail_rc;

	c->telling = true;
	life_take_back(c);
	vfio_set_state(c, VFIO_GONE);
	vfio_admin_cancel(c, -ENODEV, true);
	if (c->attaching) {
		vfio_ctrlr_free(c);
		ebb_nvme_ctrlr_attached(ctrlr, rc);
		return;
	}
	vfio_connect_go_on(c);
	life_answer_reset(c, rc);
	if (c->aim == VFIO_AIM_GONE) {
		ebb_nvme_ctrlr_event(ctrlr,
				     rc == -ENODEV ? EBB_NVME_EVENT_GONE : EBB_NVME_EVENT_FAILED,
				     0);
	}
	c->telling = false;
	vfio_detach_go_on(c);
}

static void close_run(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	vfio_ownership_end(&c->ownership);
}

static void close_done(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_busy = false;
	c->device = NULL;
	life_closed(c);
}

void vfio_close(struct vfio_ctrlr *c)
{
	ebb_assert(!c->work_busy);
	pthread_mutex_lock(&c->lock);
	c->closed = true;
	pthread_mutex_unlock(&c->lock);
	vfio_set_state(c, VFIO_CLOSING);
	vfio_watch_fini(c);
	if (c->aim == VFIO_AIM_GONE && c->fail_rc == -ENODEV) {
		c->ownership.give_back = false; /* it is going from the kernel's driver, too */
	}
	c->work.run = close_run;
	c->work.done = close_done;
	c->work_busy = true;
	ebb_helper_submit(&c->work);
}

static void life_shut_down(struct vfio_ctrlr *c)
{
	uint32_t cc = vfio_read32(c->device, NVME_REG_CC);

	c->aim = VFIO_AIM_DETACH;
	c->deadline_ns = ebb_reactor_now_ns() + c->shutdown_ns;
	vfio_set_state(c, VFIO_SHUTTING_DOWN);
	if (cc == VFIO_REG_GONE) {
		vfio_close(c);
		return;
	}
	cc &= ~(uint32_t)(NVME_CC_SHN_MASK << NVME_CC_SHN_SHIFT);
	vfio_write32(c->device, NVME_REG_CC,
		     cc | (uint32_t)NVME_CC_SHN_NORMAL << NVME_CC_SHN_SHIFT);
	vfio_start_step(c);
}

void vfio_detach_go_on(struct vfio_ctrlr *c)
{
	struct ebb_nvme_ctrlr *ctrlr = c->ctrlr;

	if (!c->detaching || c->telling || !ebb_list_empty(&c->lanes)) {
		return;
	}
	switch (c->state) {
	case VFIO_READY:
		life_shut_down(c);
		break;
	case VFIO_FAILED:
		c->aim = VFIO_AIM_DETACH;
		vfio_close(c);
		break;
	case VFIO_GONE:
		vfio_ctrlr_free(c);
		ebb_nvme_ctrlr_detached(ctrlr);
		break;
	default: /* comes back from there */
		break;
	}
}
