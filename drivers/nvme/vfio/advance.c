/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A controller's life, from open to closed.
 *
 * Everything that happens to a controller is noted where it is found out: an answer, a reason for a
 * reset, what the layer above asks for. vfio_advance() is called after that, and this file decides,
 * by the state and what has been noted, what is done next. It calls down, into the files that touch
 * registers, the admin queue and queues; those return, and never call up.
 *
 * What leads away from READY (a reset, a departure, the end) begins in the same way. Every queue is
 * told to stop, and says that it has; from then on nobody touches the queue pairs, but the
 * controller may still write to them and to the memory of requests. Then it is disabled, or the
 * device closed; when that is confirmed, and not before, queues may reclaim what was under way.
 * After a reset they submit it again, before whatever has come meanwhile; otherwise it fails. So
 * each request is answered once, by its queue.
 *
 * A controller that is disabled because somebody wants it, and not for anything that it has done,
 * is asked to delete its submission queues before. NVMe does not demand that. But the kernel's
 * driver does it, and there are controllers that need it: QEMU's (7.2) may use a queue that it has
 * freed when CC.EN becomes 0 just after a doorbell.
 *
 * A request that a reset has interrupted may have been carried out before. That is so for every
 * driver, and why such a request's memory stays its owner's until it is answered.
 */
#include "drivers/nvme/vfio/advance.h"

#include <errno.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/reactor.h>

#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/queue_setup.h"
#include "drivers/nvme/vfio/regs.h"
#include "drivers/nvme/vfio/transition.h"

/* In each state. Return: true: something was done; look again. */

static bool advance_disabling(struct vfio_ctrlr *c, enum vfio_seen seen)
{
	if (seen == VFIO_SEEN_DONE) {
		vfio_transition_disabled(c);
	} else if (seen == VFIO_SEEN_LATE && !c->start.function_reset) {
		vfio_transition_reset_function(c);
	} else if (seen == VFIO_SEEN_LATE) {
		vfio_transition_give_up(c);
	} else {
		return false;
	}
	return true;
}

static bool advance_enabling(struct vfio_ctrlr *c, enum vfio_seen seen)
{
	switch (seen) {
	case VFIO_SEEN_DONE:
		vfio_transition_to(c, VFIO_CONFIGURING);
		vfio_configure_begin(c);
		return true;
	case VFIO_SEEN_BROKEN:
		vfio_transition_start_failed(c, "it says that it is broken (CSTS.CFS)");
		return true;
	case VFIO_SEEN_LATE:
		vfio_transition_start_failed(c, "it is not ready after %llu ms",
					     (unsigned long long)(c->start.ready_ns /
								  EBB_NS_PER_MS));
		return true;
	default:
		return false;
	}
}

/* A controller that cannot delete its queues may still be able to be disabled. */
static bool advance_deleting(struct vfio_ctrlr *c, enum vfio_seen seen)
{
	if (seen == VFIO_SEEN_NOTHING && !vfio_queue_setup_deleted(c) && !c->admin.qpair.broken) {
		return false;
	}
	vfio_transition_disable(c);
	return true;
}

static bool advance_shutting_down(struct vfio_ctrlr *c, enum vfio_seen seen)
{
	if (seen == VFIO_SEEN_NOTHING) {
		return false;
	}
	if (seen == VFIO_SEEN_LATE) {
		ebb_warn("nvme", "%s: it has not shut down within %llu ms: let go of as it is",
			 vfio_ctrlr_name(c),
			 (unsigned long long)(c->start.shutdown_ns / EBB_NS_PER_MS));
	}
	vfio_transition_close(c);
	return true;
}

/* Something is expected of the status register. */
static bool advance_by_status(struct vfio_ctrlr *c)
{
	enum vfio_seen seen = vfio_start_look(c);

	if (seen == VFIO_SEEN_GONE) {
		/* If it was to be closed in any case, there is nothing left to wait for. */
		if (c->aim == VFIO_AIM_GONE || c->aim == VFIO_AIM_DETACH) {
			vfio_transition_close(c);
		} else {
			vfio_transition_leave(c, "it has gone, or does not answer");
		}
		return true;
	}
	/* A start may take minutes, and the end of the process does not wait for it. */
	if (vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED) && vfio_ctrlr_is_unwanted(c) &&
	    c->aim != VFIO_AIM_DETACH) {
		c->aim = VFIO_AIM_DETACH;
		vfio_ctrlr_fault(c, -ECANCELED, "it was detached before it was ready");
		vfio_transition_close(c);
		return true;
	}
	switch (c->state) {
	case VFIO_DISABLING:
		return advance_disabling(c, seen);
	case VFIO_ENABLING:
		return advance_enabling(c, seen);
	case VFIO_DELETING:
		return advance_deleting(c, seen);
	default:
		return advance_shutting_down(c, seen);
	}
}

static bool advance_resetting(struct vfio_ctrlr *c)
{
	if (!c->work_done) {
		return false;
	}
	if (c->work_rc != 0) {
		ebb_warn("nvme", "%s: function level reset: %s", vfio_ctrlr_name(c),
			 strerror(-c->work_rc));
		vfio_transition_give_up(c);
	} else {
		vfio_transition_disable(c);
	}
	return true;
}

static bool advance_configuring(struct vfio_ctrlr *c)
{
	int rc = vfio_configure_advance(c);

	if (rc == -EINPROGRESS) {
		return c->configure.answered;
	}
	if (rc == 0) {
		vfio_transition_ready(c);
	} else {
		vfio_transition_start_failed(c, "%s", c->configure.error);
	}
	return true;
}

static bool is_to_be_detached(const struct vfio_ctrlr *c)
{
	return vfio_ctrlr_owes(c, VFIO_OWED_DETACHED) && ebb_list_empty(&c->queues);
}

static bool advance_ready(struct vfio_ctrlr *c)
{
	if (!is_to_be_detached(c)) {
		return false;
	}
	c->aim = VFIO_AIM_DETACH;
	vfio_transition_to(c, VFIO_SHUTTING_DOWN);
	if (!vfio_start_shut_down(c)) {
		vfio_transition_close(c);
	}
	return true;
}

static bool advance_stopping(struct vfio_ctrlr *c)
{
	if (!vfio_queue_setup_stopped(c)) {
		return false;
	}
	if (c->aim == VFIO_AIM_GONE && vfio_read32(c->device, NVME_REG_CSTS) == VFIO_REG_GONE) {
		vfio_transition_close(c);
	} else if (c->reset.cause == VFIO_RESET_WANTED) {
		c->start.deadline_ns = ebb_reactor_now_ns() + c->start.ready_ns;
		vfio_transition_to(c, VFIO_DELETING);
	} else {
		vfio_transition_disable(c);
	}
	return true;
}

static bool advance_failed(struct vfio_ctrlr *c)
{
	if (vfio_ctrlr_owes(c, VFIO_OWED_RESET)) {
		c->aim = VFIO_AIM_READY;
		c->start.failed = 0;
		c->start.function_reset = false;
		vfio_transition_disable(c);
		return true;
	}
	if (is_to_be_detached(c)) {
		c->aim = VFIO_AIM_DETACH;
		vfio_transition_close(c);
		return true;
	}
	return false;
}

static bool advance_gone(struct vfio_ctrlr *c)
{
	if (vfio_ctrlr_owes(c, VFIO_OWED_RESET)) {
		vfio_transition_answer_reset(c, -ENODEV);
		return true;
	}
	if (vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED) || is_to_be_detached(c)) {
		vfio_state_set(&c->state, VFIO_ENDED);
	}
	return false;
}

static bool advance_by_state(struct vfio_ctrlr *c)
{
	switch (c->state) {
	case VFIO_DISABLING:
	case VFIO_ENABLING:
	case VFIO_DELETING:
	case VFIO_SHUTTING_DOWN:
		return advance_by_status(c);
	case VFIO_RESETTING:
		return advance_resetting(c);
	case VFIO_CONFIGURING:
		return advance_configuring(c);
	case VFIO_READY:
		return advance_ready(c);
	case VFIO_STOPPING:
		return advance_stopping(c);
	case VFIO_CLOSING:
		if (c->work_done) {
			vfio_transition_closed(c);
			return true;
		}
		return false;
	case VFIO_FAILED:
		return advance_failed(c);
	case VFIO_GONE:
		return advance_gone(c);
	default:
		return false;
	}
}

static void reset_is_needed(struct vfio_ctrlr *c, const char *why)
{
	if (c->state == VFIO_CONFIGURING) {
		vfio_transition_start_failed(c, "%s", why);
	} else if (c->state == VFIO_READY) {
		ebb_warn("nvme", "%s: %s: it is reset", vfio_ctrlr_name(c), why);
		vfio_transition_reset(c, VFIO_RESET_NEEDED);
	}
}

/* What has been noted first; then queues, which may leave; then the state. */
static bool advance_once(struct vfio_ctrlr *c)
{
	const char *leave = c->reset.leave;

	if (c->reset.need[0] != '\0') {
		char why[sizeof(c->reset.need)];

		memcpy(why, c->reset.need, sizeof(why));
		c->reset.need[0] = '\0';
		reset_is_needed(c, why);
		return true;
	}
	if (leave != NULL) {
		c->reset.leave = NULL;
		vfio_transition_leave(c, leave);
		return true;
	}
	if (c->state == VFIO_READY && vfio_ctrlr_owes(c, VFIO_OWED_RESET)) {
		vfio_transition_reset(c, VFIO_RESET_WANTED);
		return true;
	}
	vfio_queue_setup_advance(c);
	return advance_by_state(c) || vfio_reset_is_due(c);
}

/* Nobody knows it any more but who waits for this answer. */
static void advance_end(struct vfio_ctrlr *c)
{
	struct nvme_path *path = c->path;
	bool attached = vfio_ctrlr_owes(c, VFIO_OWED_ATTACHED);
	int rc = c->fail_rc;

	vfio_admin_fini(c);
	vfio_configure_fini(c);
	vfio_pollers_close(c);
	ebb_mem_free(c->shadow_memory, VFIO_SHADOW_BYTES);
	path->transport_ctrlr = NULL;
	if (!c->pollers.told) { /* otherwise when that message has come */
		vfio_ctrlr_free(c);
	}
	if (attached) {
		nvme_path_attached(path, rc);
	} else {
		nvme_path_detached(path);
	}
}

void vfio_advance(struct vfio_ctrlr *c)
{
	if (c->advancing) {
		return;
	}
	c->advancing = true;
	while (advance_once(c)) {
	}
	c->advancing = false;
	if (c->state == VFIO_ENDED) {
		advance_end(c);
	} else {
		vfio_pollers_update(c);
	}
}

bool vfio_advance_poll(struct vfio_ctrlr *c)
{
	bool worked;

	ebb_assert(!c->advancing);
	c->advancing = true;
	worked = vfio_admin_poll(c);
	c->advancing = false;
	return worked;
}

void vfio_advance_submit(struct vfio_ctrlr *c, struct nvme_request *request)
{
	bool nested = c->advancing;

	c->advancing = true;
	vfio_admin_submit(c, request);
	c->advancing = nested;
	vfio_advance(c);
}

static void work_done(struct ebb_work *work)
{
	struct vfio_ctrlr *c = ebb_container_of(work, struct vfio_ctrlr, work);

	c->work_done = true;
	vfio_advance(c);
}

void vfio_advance_opened(struct vfio_ctrlr *c, int rc)
{
	ebb_work_init(&c->work, NULL, work_done);
	if (rc != 0) {
		c->aim = VFIO_AIM_DETACH;
		vfio_transition_close(c);
	} else {
		vfio_transition_disable(c);
	}
	vfio_advance(c);
}

void vfio_advance_not_opened(struct vfio_ctrlr *c, int rc)
{
	c->fail_rc = rc;
	vfio_state_set(&c->state, VFIO_ENDED);
	vfio_advance(c);
}
