/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/transition.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/queue_setup.h"

void vfio_transition_to(struct vfio_ctrlr *c, enum vfio_state state)
{
	vfio_state_set(&c->state, state);
	ebb_debug("nvme", "%s: %s", vfio_ctrlr_name(c), vfio_state_name(state));
}

static void work_begin(struct vfio_ctrlr *c, void (*run)(struct ebb_work *work))
{
	c->work_done = false;
	c->work.run = run;
	ebb_helper_submit(&c->work);
}

static void close_run(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	vfio_ownership_end(&c->ownership);
}

void vfio_transition_close(struct vfio_ctrlr *c)
{
	vfio_numbers_close(&c->numbers);
	vfio_transition_to(c, VFIO_CLOSING);
	vfio_pollers_fini(c);
	if (c->aim == VFIO_AIM_GONE && c->fail_rc == -ENODEV) {
		c->ownership.give_back = false; /* it is going from the kernel's driver, too */
	}
	work_begin(c, close_run);
}

void vfio_transition_disable(struct vfio_ctrlr *c)
{
	vfio_transition_to(c, VFIO_DISABLING);
	vfio_start_disable(c);
}

static void function_reset_run(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_rc = c->device->ops->reset(c->device);
}

void vfio_transition_reset_function(struct vfio_ctrlr *c)
{
	c->start.function_reset = true;
	vfio_transition_to(c, VFIO_RESETTING);
	work_begin(c, function_reset_run);
}

/* There is no way to make the controller let go of memory but to close the device. */
void vfio_transition_give_up(struct vfio_ctrlr *c)
{
	if (c->aim == VFIO_AIM_READY || c->aim == VFIO_AIM_FAIL) {
		c->aim = vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED) ? VFIO_AIM_DETACH : VFIO_AIM_GONE;
		vfio_ctrlr_fault(
			c, -ETIMEDOUT,
			"it cannot be disabled, not by a function level reset either; power "
			"it off and on");
	}
	vfio_transition_close(c);
}

void vfio_transition_start_failed(struct vfio_ctrlr *c, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->start.failed++;
	if (c->start.failed < VFIO_STARTS_MAX) {
		ebb_warn("nvme", "%s: it does not start: %s; trying again", vfio_ctrlr_name(c),
			 text);
	} else {
		c->aim = vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED) ? VFIO_AIM_DETACH : VFIO_AIM_FAIL;
		vfio_ctrlr_fault(c, -EIO, text);
	}
	vfio_transition_disable(c);
}

void vfio_transition_reset(struct vfio_ctrlr *c, enum vfio_reset_cause cause)
{
	c->reset.cause = cause;
	c->resets++;
	c->aim = VFIO_AIM_READY;
	c->start.failed = 0;
	c->start.function_reset = false;
	if (!vfio_ctrlr_owes(c, VFIO_OWED_RESET) && !vfio_ctrlr_owes(c, VFIO_OWED_READY)) {
		c->owed |= EBB_BIT(VFIO_OWED_READY);
		nvme_path_event(c->path, NVME_EVENT_RESET, 0);
	}
	vfio_transition_to(c, VFIO_STOPPING);
}

void vfio_transition_leave(struct vfio_ctrlr *c, const char *why)
{
	if (c->aim == VFIO_AIM_GONE || c->aim == VFIO_AIM_DETACH) {
		return;
	}
	vfio_ctrlr_fault(c, -ENODEV, why);
	c->aim = vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED) ? VFIO_AIM_DETACH : VFIO_AIM_GONE;
	switch (c->state) {
	case VFIO_READY:
		c->reset.cause = VFIO_RESET_WANTED;
		vfio_transition_to(c, VFIO_STOPPING);
		break;
	case VFIO_DELETING:
	case VFIO_DISABLING:
	case VFIO_ENABLING:
	case VFIO_CONFIGURING:
	case VFIO_FAILED:
		vfio_transition_close(c);
		break;
	default: /* what is under way has an end, and then the aim is looked at */
		break;
	}
}

/* Answers whoever waits for the end of a reset. */
void vfio_transition_answer_reset(struct vfio_ctrlr *c, int rc)
{
	bool asked = vfio_ctrlr_owes(c, VFIO_OWED_RESET);

	c->owed &= ~(EBB_BIT(VFIO_OWED_RESET) | EBB_BIT(VFIO_OWED_READY));
	if (asked) {
		nvme_path_was_reset(c->path, rc);
	}
}

void vfio_transition_ready(struct vfio_ctrlr *c)
{
	bool announced = vfio_ctrlr_owes(c, VFIO_OWED_READY);

	vfio_ctrlr_set_limits(c);
	c->start.failed = 0;
	vfio_transition_to(c, VFIO_READY);
	vfio_queue_setup_retry(c);
	if (vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED)) {
		c->owed &= ~EBB_BIT(VFIO_OWED_ATTACHED);
		nvme_path_attached(c->path, 0);
	} else {
		ebb_notice("nvme", "%s: it has been reset", vfio_ctrlr_name(c));
		vfio_transition_answer_reset(c, 0);
		if (announced) {
			nvme_path_event(c->path, NVME_EVENT_READY, 0);
		}
	}
	vfio_admin_submit_waiting(c);
}

static void become_failed(struct vfio_ctrlr *c)
{
	ebb_error("nvme", "%s: no reset has helped: its requests fail from now on",
		  vfio_ctrlr_name(c));
	c->fail_rc = -ETIMEDOUT;
	vfio_transition_to(c, VFIO_FAILED);
	vfio_admin_cancel(c, -ETIMEDOUT, true);
	vfio_transition_answer_reset(c, -ETIMEDOUT);
	nvme_path_event(c->path, NVME_EVENT_FAILED, 0);
}

/* Memory is ours alone again. */
static void forget_queues(struct vfio_ctrlr *c)
{
	vfio_queue_setup_lost(c);
	vfio_admin_cancel(c, -ECANCELED, false);
}

void vfio_transition_disabled(struct vfio_ctrlr *c)
{
	forget_queues(c);
	switch (c->aim) {
	case VFIO_AIM_READY:
		if (c->start.failed + 1 == VFIO_STARTS_MAX && !c->start.function_reset) {
			vfio_transition_reset_function(
				c); /* the last try, with all that can be reset */
		} else {
			vfio_start_enable(c);
			vfio_transition_to(c, VFIO_ENABLING);
		}
		break;
	case VFIO_AIM_FAIL:
		become_failed(c);
		break;
	case VFIO_AIM_GONE:
	case VFIO_AIM_DETACH:
		vfio_transition_close(c);
		break;
	}
}

void vfio_transition_closed(struct vfio_ctrlr *c)
{
	int rc = c->fail_rc;

	c->device = NULL;
	forget_queues(c);
	vfio_transition_to(c, VFIO_GONE);
	vfio_admin_cancel(c, -ENODEV, true);
	if (vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED)) {
		return;
	}
	vfio_transition_answer_reset(c, rc);
	if (c->aim == VFIO_AIM_GONE) {
		nvme_path_event(c->path, rc == -ENODEV ? NVME_EVENT_GONE : NVME_EVENT_FAILED, 0);
	}
}
