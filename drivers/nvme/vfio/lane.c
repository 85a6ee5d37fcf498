/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's way to the controller.
 *
 * Where a request goes. Whether a completion interrupts was decided when its queue was made, so a
 * lane has one pair of each kind where the controller has enough of them, and chooses when it
 * submits. A reactor that only polls never wants interrupts. One that may sleep wants them, for it
 * may be asleep when the answer comes; but while it has been finding answers turn after turn, with
 * no occasion to sleep, an interrupt for each only costs. So after a streak of completions requests
 * go to the polled pair, until the reactor next asks whether it may sleep and there is nothing to
 * be done: from then on they go to the other, and what the polled pair still has under way (a few
 * reads and writes: anything that may take long goes to the interrupting pair in any case) is
 * waited for awake. If that takes longer than a moment it is looked after by a timer: ladder.c.
 *
 * Where there is one pair only it interrupts, and its eventfd, which nobody reads, costs what it
 * costs while the reactor is awake.
 *
 * The sleep race. The eventfd is watched edge-triggered and never read (see core/event/reactor.c).
 * arm() looks at the completion queue after the reactor has decided to sleep: an answer that is in
 * memory by then is seen. One that comes later raises its interrupt later, which is an edge that
 * the sleep ends with. The controller writes the entry before it sends the interrupt, and both go
 * the same way, so an interrupt is never there before its entry. An interrupt for an answer that
 * was found awake ends a later sleep early, once.
 *
 * When the doorbell is rung. What is submitted while poll() answers requests (the next request of
 * whoever got an answer) is rung at the end of that poll(), so that with one request at a time the
 * controller learns of it at once, and with many it learns of all by one write. What is submitted
 * elsewhere in a turn is rung at the turn's end. After a sleep the controller has most likely
 * nothing left to do, as it had answered before the reactor was awake: then the first request of a
 * poll() is rung for at once as well, and the controller begins while the others are submitted. It
 * may find the completion queue full then, as the answers that are being taken are acknowledged at
 * the end of the poll(): it has to keep its answer until that, as always.
 *
 * A controller that QEMU emulates is told of the next request 700 ns late, on purpose, by a
 * reactor that polls. The thread that emulates it writes an answer with the lock in hand that the
 * doorbell needs. Whoever rings at once, faster than the lock is let go of, is put to sleep on it,
 * and that thread goes to sleep meanwhile: two sleeps for each request, where a moment later there
 * would have been none. At one request at a time that is the difference between 16,000 and 44,000 a
 * second. (Measured; from 500 to 850 ns it is the same.)
 *
 * Order. Requests that cannot go now (no free slot, not connected yet, a reset) wait in a list, and
 * while there is one nothing overtakes it.
 */
#include "drivers/nvme/vfio/lane.h"

#include <errno.h>
#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/clock.h>

#include "drivers/nvme/vfio/ctrlr.h"

/* Completions without an occasion to sleep, after which interrupts are only a cost. */
#define STREAK_HOT 64u

/* Readings of the clock that a pause may take, should the clock stand still. */
#define PAUSE_LOOKS_MAX 1000u

static inline struct vfio_lane *lane_of(struct ebb_nvme_queue *queue)
{
	return ebb_container_of(queue, struct vfio_lane, base);
}

static void lane_ring(struct vfio_lane *lane)
{
	vfio_qpair_ring(&lane->pairs[VFIO_POLLED]);
	vfio_qpair_ring(&lane->pairs[VFIO_WOKEN]);
}

void vfio_lane_turn_end(struct ebb_turn_end *end)
{
	struct vfio_lane *lane = ebb_container_of(end, struct vfio_lane, turn_end);

	lane->ringing = false;
	if (lane->gone) {
		ebb_thread_send(ebb_thread_app(), &lane->bye_msg);
	} else if (lane->live) {
		lane_ring(lane);
	}
}

static void request_fail(struct ebb_nvme_request *request, int rc)
{
	request->rc = rc;
	request->done(request);
}

static void lane_wait(struct vfio_lane *lane, struct ebb_nvme_request *request)
{
	lane->held = true;
	lane->num_waiting++;
	ebb_list_push_back(&lane->waiting, &request->link);
}

/* Return: false: there is no room for @request now. */
static inline bool lane_try(struct vfio_lane *lane, struct ebb_nvme_request *request)
{
	struct vfio_qpair *pair =
		request->opcode == nvme_cmd_read || request->opcode == nvme_cmd_write
			? lane->current
			: lane->slow;
	int rc = vfio_qpair_submit(pair, request, ebb_reactor_now_ns());

	if (ebb_likely(rc == 0)) {
		if (ebb_unlikely(!lane->timed)) {
			vfio_ladder_start(lane);
		}
		return true;
	}
	if (rc == -EAGAIN) {
		return false;
	}
	request_fail(request, rc);
	return true;
}

void vfio_queue_submit(struct ebb_nvme_queue *queue, struct ebb_nvme_request *request)
{
	struct vfio_lane *lane = lane_of(queue);

	request->resets = 0;
	if (ebb_unlikely(lane->held)) {
		if (lane->failing != 0) {
			request_fail(request, lane->failing);
		} else {
			lane_wait(lane, request);
		}
		return;
	}
	if (ebb_unlikely(!lane_try(lane, request))) {
		lane_wait(lane, request);
		return;
	}
	if (!lane->serving) {
		if (!lane->ringing) {
			lane->ringing = true;
			ebb_reactor_at_turn_end(&lane->turn_end);
		}
	} else if (ebb_unlikely(lane->eager)) {
		lane->eager = false;
		lane_ring(lane);
	}
}

/* A request may be answered in here, and another one submitted: it stands at the list's end. */
static void __attribute__((noinline)) lane_submit_waiting(struct vfio_lane *lane)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&lane->waiting)) != NULL) {
		if (!lane_try(lane, ebb_list_entry(node, struct ebb_nvme_request, link))) {
			ebb_list_push_front(&lane->waiting, node);
			return;
		}
		lane->num_waiting--;
	}
	lane->held = false;
}

/* Aborted commands are submitted again, if they may be. */
static void lane_take_aborted(struct vfio_lane *lane, struct vfio_qpair *pair)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&pair->aborted)) != NULL) {
		struct ebb_nvme_request *request =
			ebb_list_entry(node, struct ebb_nvme_request, link);

		if (request->resets++ < VFIO_RESETS_MAX) {
			lane_wait(lane, request);
		} else {
			request_fail(request, -ETIMEDOUT);
		}
	}
}

static void __attribute__((noinline)) lane_attend(struct vfio_lane *lane, struct vfio_qpair *pair)
{
	pair->attention = pair->broken;
	lane_take_aborted(lane, pair);
	if (pair->broken) {
		vfio_ladder_report(lane, VFIO_TROUBLE_BROKEN, pair->qid, 0);
	}
}

static void __attribute__((noinline)) lane_drained(struct vfio_lane *lane)
{
	void (*drained)(void *arg) = lane->drained;

	if (!lane->stopped && vfio_lane_idle(lane)) {
		lane->drained = NULL;
		drained(lane->drained_arg);
	}
}

static inline bool lane_answered(const struct vfio_qpair *pair)
{
	return pair->outstanding != 0 && vfio_qpair_waiting(pair);
}

static inline int lane_take(struct vfio_lane *lane, struct vfio_qpair *pair)
{
	unsigned count = vfio_qpair_poll(pair);

	if (ebb_unlikely(pair->attention)) {
		lane_attend(lane, pair);
	}
	return (int)count;
}

static int __attribute__((noinline)) lane_take_more(struct vfio_lane *lane, struct vfio_qpair *pair)
{
	return lane_take(lane, pair);
}

/* No answer, but there may be room for what waits: aborted commands have left it. */
static int __attribute__((noinline)) lane_find_nothing(struct vfio_lane *lane)
{
	if (lane->num_waiting != 0) {
		lane_submit_waiting(lane);
		lane_ring(lane);
	}
	if (lane->refused_ns != 0) {
		vfio_ladder_straggle(lane);
	}
	return 0;
}

static void __attribute__((noinline)) lane_warm(struct vfio_lane *lane, uint32_t count)
{
	lane->streak += count;
	if (lane->streak >= STREAK_HOT) {
		vfio_lane_choose(lane, true);
	}
}

static void __attribute__((noinline)) lane_pause(const struct vfio_lane *lane)
{
	const struct vfio_qpair *polled = &lane->pairs[VFIO_POLLED];
	uint64_t since_ns;

	if (polled->sq_rung == polled->sq_tail) {
		return;
	}
	since_ns = ebb_clock_now_ns();
	for (unsigned looks = 0; looks < PAUSE_LOOKS_MAX; looks++) {
		if (ebb_clock_now_ns() - since_ns >= lane->pause_ns) {
			break;
		}
	}
}

/* @pair has been answered. */
static int __attribute__((noinline))
lane_serve(struct vfio_lane *lane, struct vfio_qpair *pair, struct vfio_qpair *other)
{
	int count;

	lane->serving = true;
	count = lane_take(lane, pair);
	if (ebb_unlikely(lane_answered(other))) {
		count += lane_take_more(lane, other);
	}
	if (ebb_unlikely(lane->held)) {
		lane_submit_waiting(lane);
	}
	lane->serving = false;
	if (ebb_unlikely(count == 0)) {
		return lane_find_nothing(lane);
	}
	if (ebb_unlikely(lane->pause_ns != 0)) {
		lane_pause(lane);
	}
	lane_ring(lane);
	lane->refused_ns = 0;
	if (ebb_unlikely(lane->streak < STREAK_HOT)) {
		lane_warm(lane, (uint32_t)count);
	}
	if (ebb_unlikely(lane->drained != NULL)) {
		lane_drained(lane);
	}
	return count;
}

/* Return: false: nothing has been answered, and @ret_count is as it was. */
static inline bool lane_look(struct vfio_lane *lane, int *ret_count)
{
	struct vfio_qpair *polled = &lane->pairs[VFIO_POLLED];
	struct vfio_qpair *woken = &lane->pairs[VFIO_WOKEN];

	if (lane_answered(polled)) {
		*ret_count = lane_serve(lane, polled, woken);
		return true;
	}
	if (lane_answered(woken)) {
		*ret_count = lane_serve(lane, woken, polled);
		return true;
	}
	return false;
}

/* Requests wait, or the pairs are not ours. */
static int __attribute__((noinline)) lane_poll_held(struct vfio_lane *lane)
{
	int count;

	if (!lane->live) {
		return 0;
	}
	return lane_look(lane, &count) ? count : lane_find_nothing(lane);
}

/* Most looks find nothing: so much is done here, and the rest is a call. */
int vfio_lane_poll(struct vfio_lane *lane)
{
	int count;

	lane->eager = lane->slept;
	lane->slept = false;
	if (ebb_unlikely(lane->held)) {
		return lane_poll_held(lane);
	}
	if (lane_look(lane, &count)) {
		return count;
	}
	if (ebb_unlikely(lane->refused_ns != 0)) {
		return lane_find_nothing(lane);
	}
	return 0;
}

int vfio_queue_poll(struct ebb_nvme_queue *queue)
{
	return vfio_lane_poll(lane_of(queue));
}

void vfio_lane_choose(struct vfio_lane *lane, bool hot)
{
	struct vfio_qpair *woken = &lane->pairs[VFIO_WOKEN];
	struct vfio_qpair *polled = &lane->pairs[VFIO_POLLED];
	bool has_woken = (lane->present & EBB_BIT(VFIO_WOKEN)) != 0;
	bool has_polled = (lane->present & EBB_BIT(VFIO_POLLED)) != 0;

	lane->slow = has_woken && (lane->interruptible || !has_polled) ? woken : polled;
	lane->current = has_polled && hot ? polled : lane->slow;
}

int vfio_queue_set_interrupt(struct ebb_nvme_queue *queue, bool on)
{
	struct vfio_lane *lane = lane_of(queue);

	if (on && (lane->present & EBB_BIT(VFIO_WOKEN)) == 0) {
		return -ENOTSUP;
	}
	lane->interruptible = on;
	lane->streak = 0;
	vfio_lane_choose(lane, false);
	return 0;
}

int vfio_queue_arm(struct ebb_nvme_queue *queue)
{
	struct vfio_lane *lane = lane_of(queue);
	struct vfio_qpair *woken = &lane->pairs[VFIO_WOKEN];
	struct vfio_qpair *polled = &lane->pairs[VFIO_POLLED];

	if (!lane->live) {
		return 0; /* an order will come, by message */
	}
	if ((woken->outstanding != 0 && vfio_qpair_waiting(woken)) ||
	    (polled->outstanding != 0 && vfio_qpair_waiting(polled))) {
		return -EAGAIN;
	}
	if (lane->streak != 0) {
		lane->streak = 0;
		vfio_lane_choose(lane, false);
	}
	if (polled->outstanding != 0 && !lane->straggling) {
		if (lane->refused_ns == 0) {
			lane->refused_ns = ebb_reactor_now_ns();
		}
		return -EAGAIN;
	}
	lane->slept = true;
	return 0;
}

void vfio_queue_drain(struct ebb_nvme_queue *queue, void (*done)(void *arg), void *arg)
{
	struct vfio_lane *lane = lane_of(queue);

	lane->drained = done;
	lane->drained_arg = arg;
	lane_drained(lane);
}

/* Fails @list, which nothing is added to meanwhile. */
static void lane_fail_list(struct ebb_list *list, int rc)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(list)) != NULL) {
		request_fail(ebb_list_entry(node, struct ebb_nvme_request, link), rc);
	}
}

static void lane_go(struct vfio_lane *lane)
{
	struct ebb_list again = EBB_LIST_INIT(again);
	struct ebb_list *node;

	lane->failing = 0;
	lane->live = true;
	lane->stopped = false;
	lane->held = true;
	lane->refused_ns = 0;
	lane->present = lane->connected;
	lane->streak = 0;
	vfio_lane_choose(lane, false);
	lane_fail_list(&lane->given_up, -ETIMEDOUT);
	/* What the reset has interrupted goes before what came meanwhile. */
	while ((node = ebb_list_pop_front(&lane->taken_back)) != NULL) {
		ebb_list_push_back(&again, node);
		lane->num_waiting++;
	}
	ebb_list_splice_back(&again, &lane->waiting);
	ebb_list_splice_back(&lane->waiting, &again);
	lane_submit_waiting(lane);
	lane_ring(lane);
	if (lane->drained != NULL) {
		lane_drained(lane);
	}
}

static void lane_fail(struct vfio_lane *lane)
{
	struct ebb_list all = EBB_LIST_INIT(all);

	lane->failing = lane->fail_rc;
	lane->held = true;
	lane->live = false;
	lane->stopped = false;
	ebb_list_splice_back(&all, &lane->given_up);
	ebb_list_splice_back(&all, &lane->taken_back);
	ebb_list_splice_back(&all, &lane->waiting);
	lane->num_waiting = 0;
	lane_fail_list(&all, lane->failing);
	if (lane->drained != NULL) {
		lane_drained(lane);
	}
}

void vfio_lane_obey(void *arg)
{
	struct vfio_lane *lane = arg;

	if (!lane->gone) {
		switch (lane->order) {
		case VFIO_ORDER_GO:
			lane_go(lane);
			break;
		case VFIO_ORDER_STOP:
			vfio_lane_poll(lane); /* what has been answered is not done again */
			lane->live = false;
			lane->stopped = true;
			lane->held = true;
			break;
		case VFIO_ORDER_FAIL:
			lane_fail(lane);
			break;
		}
	}
	ebb_msg_init(&lane->ack_msg, vfio_connect_ack, lane);
	ebb_thread_send(ebb_thread_app(), &lane->ack_msg);
}
