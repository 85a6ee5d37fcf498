/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done about a command that is not answered, step by step:
 *
 *	look at the completion queue    its interrupt was lost: answer it, count that, say so
 *	after timeout_us / 4            look at the controller: it may have gone, or be broken
 *	after timeout_us                likewise; otherwise ask it to abort the command
 *	after twice that                have the controller reset
 *
 * An aborted command, like one that a reset has interrupted, is submitted again, a bounded number
 * of times. Then it fails with -ETIMEDOUT.
 *
 * A command is late only if two ticks have met it. Its time is that of the turn that submitted it:
 * if ebbd was stopped in that turn (SIGSTOP, a debugger, a paused guest), the command looks as old as
 * that stop was long, though the controller has just been told of it.
 *
 * This costs a request one store, of the time. A timer with a period of a quarter of the timeout
 * runs while commands are under way, and stops, once, when it finds that there are none: nothing is
 * armed for an idle lane. The app thread, which has the admin queue, does what the controller has
 * to be asked for; it is told of one thing at a time, and of what remains at the next tick.
 *
 * The straggler. A reactor that may sleep waits awake for what its polled pair has under way,
 * because that raises no interrupt. Should it take longer than a millisecond, the reactor may
 * sleep, and a timer looks for the answer every millisecond until it is there.
 */
#include "drivers/nvme/vfio/lane.h"

#include <errno.h>

#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"

#define STRAGGLE_NS        EBB_NS_PER_MS
#define STRAGGLE_PERIOD_US 1000u

void vfio_ladder_report(struct vfio_lane *lane, enum vfio_trouble trouble, uint16_t qid,
			uint16_t cid)
{
	/* Pairs with the store of false, when the app thread has read what follows. */
	if (atomic_load_explicit(&lane->trouble_sent, memory_order_acquire)) {
		return;
	}
	lane->trouble = trouble;
	lane->trouble_qid = qid;
	lane->trouble_cid = cid;
	atomic_store_explicit(&lane->trouble_sent, true, memory_order_relaxed);
	ebb_msg_init(&lane->trouble_msg, vfio_connect_trouble, lane);
	ebb_thread_send(ebb_thread_app(), &lane->trouble_msg);
}

static void ladder_climb(struct vfio_lane *lane, struct vfio_qpair *pair, struct vfio_tracker *slot,
			 uint64_t age_ns)
{
	uint64_t timeout_ns = lane->ctrlr->timeout_us * EBB_NS_PER_US;

	if (atomic_load_explicit(&lane->trouble_sent, memory_order_acquire)) {
		return;
	}
	if (slot->stage == VFIO_STAGE_SEEN) {
		slot->stage = VFIO_STAGE_ABORT;
		atomic_fetch_add_explicit(&lane->timeouts, 1, memory_order_relaxed);
		vfio_ladder_report(lane, VFIO_TROUBLE_LATE, pair->qid, slot->cid);
	} else if (slot->stage == VFIO_STAGE_ABORT && age_ns >= 2 * timeout_ns) {
		slot->stage = VFIO_STAGE_RESET;
		vfio_ladder_report(lane, VFIO_TROUBLE_LOST, pair->qid, slot->cid);
	}
}

/* The age of the oldest command of @pair; tells of those that are too old. */
static uint64_t ladder_scan(struct vfio_lane *lane, struct vfio_qpair *pair, bool climb)
{
	uint64_t now_ns = ebb_reactor_now_ns();
	uint64_t oldest_ns = 0;

	for (unsigned i = 0; pair->outstanding != 0 && i < pair->mask; i++) {
		struct vfio_tracker *slot = &pair->trackers[i];
		uint64_t age_ns;

		if (slot->request == NULL) {
			continue;
		}
		age_ns = now_ns - slot->since_ns;
		oldest_ns = age_ns > oldest_ns ? age_ns : oldest_ns;
		if (climb && slot->stage == VFIO_STAGE_NONE) {
			slot->stage = VFIO_STAGE_SEEN;
		} else if (climb && age_ns >= lane->ctrlr->timeout_us * EBB_NS_PER_US) {
			ladder_climb(lane, pair, slot, age_ns);
		}
	}
	return oldest_ns;
}

/*
 * The reactor has slept, and this timer has woken it, not the queue's eventfd: an answer of some
 * age that lies there now should have.
 */
static void ladder_look(struct vfio_lane *lane)
{
	static struct ebb_ratelimit limit;
	struct vfio_qpair *woken = &lane->pairs[VFIO_WOKEN];
	uint64_t age_ns = ladder_scan(lane, woken, false);
	bool lost = lane->slept && woken->outstanding != 0 && vfio_qpair_waiting(woken) &&
		    age_ns >= lane->ctrlr->timeout_us * EBB_NS_PER_US / 4;

	vfio_lane_poll(lane);
	if (!lost) {
		return;
	}
	atomic_fetch_add_explicit(&lane->lost_interrupts, 1, memory_order_relaxed);
	if (ebb_ratelimit_ok(&limit)) {
		ebb_warn("nvme",
			 "%s: queue %u: an interrupt was lost: its answer was found %llu ms after "
			 "the command",
			 vfio_ctrlr_name(lane->ctrlr), woken->qid,
			 (unsigned long long)(age_ns / EBB_NS_PER_MS));
	}
}

/*
 * A register, read only where a command has been waited for since the last tick: a controller that
 * has left, or has failed (CSTS.CFS), answers none, and says so long before their time is up.
 */
static void ladder_check(struct vfio_lane *lane, uint64_t oldest_ns)
{
	uint32_t csts;

	if (oldest_ns < lane->ctrlr->timeout_us * EBB_NS_PER_US / 4) {
		return;
	}
	csts = vfio_read32(lane->pairs[VFIO_POLLED].sq != NULL ? lane->pairs[VFIO_POLLED].device
							       : lane->pairs[VFIO_WOKEN].device,
			   NVME_REG_CSTS);
	if (csts == VFIO_REG_GONE || NVME_CSTS_CFS(csts)) {
		vfio_ladder_report(lane, VFIO_TROUBLE_STATUS, 0, 0);
	}
}

static int ladder_tick(void *arg)
{
	struct vfio_lane *lane = arg;
	uint64_t woken_ns, polled_ns;

	if (!lane->live || (lane->pairs[VFIO_WOKEN].outstanding == 0 &&
			    lane->pairs[VFIO_POLLED].outstanding == 0)) {
		lane->timed = false;
		ebb_poller_pause(lane->timer);
		return 0;
	}
	ladder_look(lane);
	woken_ns = ladder_scan(lane, &lane->pairs[VFIO_WOKEN], true);
	polled_ns = ladder_scan(lane, &lane->pairs[VFIO_POLLED], true);
	ladder_check(lane, woken_ns > polled_ns ? woken_ns : polled_ns);
	return 1;
}

void vfio_ladder_start(struct vfio_lane *lane)
{
	lane->timed = true;
	if (lane->timer != NULL) {
		ebb_poller_resume(lane->timer);
	}
}

static int ladder_straggler(void *arg)
{
	struct vfio_lane *lane = arg;

	if (lane->live) {
		vfio_lane_poll(lane);
	}
	if (!lane->live || lane->pairs[VFIO_POLLED].outstanding == 0) {
		lane->straggling = false;
		lane->refused_ns = 0;
		ebb_poller_pause(lane->straggler);
	}
	return 1;
}

void vfio_ladder_straggle(struct vfio_lane *lane)
{
	if (lane->pairs[VFIO_POLLED].outstanding == 0) {
		lane->refused_ns = 0;
	} else if (!lane->straggling && ebb_reactor_now_ns() - lane->refused_ns >= STRAGGLE_NS) {
		lane->straggling = true;
		ebb_poller_resume(lane->straggler);
	}
}

int vfio_ladder_init(struct vfio_lane *lane)
{
	uint64_t period_us = lane->ctrlr->timeout_us / 4;

	lane->straggler = ebb_poller_register_named(ladder_straggler, lane, STRAGGLE_PERIOD_US,
						    NULL, "nvme_straggler");
	if (lane->straggler == NULL) {
		return -ENOMEM;
	}
	ebb_poller_pause(lane->straggler);
	if (lane->ctrlr->timeout_us == 0) {
		return 0; /* whoever asked for it waits for ever */
	}
	lane->timer = ebb_poller_register_named(ladder_tick, lane, period_us == 0 ? 1 : period_us,
						NULL, "nvme_timeout");
	if (lane->timer == NULL) {
		ebb_poller_unregister(&lane->straggler);
		return -ENOMEM;
	}
	ebb_poller_pause(lane->timer);
	return 0;
}

void vfio_ladder_fini(struct vfio_lane *lane)
{
	ebb_poller_unregister(&lane->timer);
	ebb_poller_unregister(&lane->straggler);
}
