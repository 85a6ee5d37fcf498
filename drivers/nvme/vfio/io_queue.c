/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's queue to the controller.
 *
 * Where a request goes. Whether completions interrupt is decided when their queue is made, so a
 * queue has one pair of each kind where the controller has enough of them, and chooses when it
 * submits. A reactor that only polls never wants interrupts. One that may sleep wants them, for it
 * may be asleep when the answer comes; but while it has been finding answers turn after turn, with
 * no occasion to sleep, an interrupt for each only costs. So after a streak of completions requests
 * go to the polled pair, until the reactor next asks whether it may sleep and there is nothing to
 * be done: from then on they go to the other, and what the polled pair still has under way is
 * waited for awake. That is a few reads and writes: anything that may take long goes to the
 * interrupting pair in any case. Should it take longer than a millisecond all the same, the reactor
 * may sleep, and a timer looks for these late completions (io_queue_timer.c).
 *
 * Where there is one pair only it interrupts, also while the reactor is awake; nobody reads its
 * eventfd.
 *
 * The sleep race. The eventfd is watched edge-triggered and never read. arm() looks at the
 * completion queue after the reactor has decided to sleep: an answer that is in memory by then is
 * seen. One that comes later raises its interrupt later, which is an edge that the sleep ends with.
 * The controller writes the entry before it sends the interrupt, and both go the same way, so an
 * interrupt is never there before its entry. An interrupt for an answer that was found awake ends a
 * later sleep early, once.
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
 * With a controller that QEMU emulates, a reactor that polls waits from an answer until the next
 * doorbell (pause_ns). QEMU's thread writes an answer with a lock held that the doorbell takes. A
 * doorbell that is rung before that lock is free sleeps on it, and QEMU's thread goes to sleep
 * meanwhile: two sleeps for each request, where a moment later there are none.
 *
 * Order. Requests that cannot go now (no free tracker, not created yet, a reset) wait in a list,
 * and while there is one nothing overtakes it.
 */
#include "drivers/nvme/vfio/io_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nvme/types.h>

#include <ebb/assert.h>
#include <ebb/clock.h>

/* Completions without an occasion to sleep, after which interrupts are only a cost. */
#define STREAK_HOT 64u

/* Readings of the clock that a pause may take, should the clock stand still. */
#define PAUSE_LOOKS_MAX 1000u

/* How long a reactor waits awake for the polled pair. */
#define LATE_NS EBB_NS_PER_MS

static inline struct vfio_io_queue *queue_of(struct nvme_queue *base)
{
	return ebb_container_of(base, struct vfio_io_queue, base);
}

/* Nothing is under way or waiting. */
static bool queue_is_idle(const struct vfio_io_queue *queue)
{
	return queue->qpairs[VFIO_QPAIR_IRQ].outstanding == 0 &&
	       queue->qpairs[VFIO_QPAIR_POLLED].outstanding == 0 && queue->num_waiting == 0;
}

void vfio_io_queue_ring(struct vfio_io_queue *queue)
{
	vfio_qpair_ring(&queue->qpairs[VFIO_QPAIR_POLLED]);
	vfio_qpair_ring(&queue->qpairs[VFIO_QPAIR_IRQ]);
}

void vfio_io_queue_turn_end(struct ebb_turn_end *end)
{
	struct vfio_io_queue *queue = ebb_container_of(end, struct vfio_io_queue, turn_end);

	queue->ring_due = false;
	if (queue->state == VFIO_IO_QUEUE_DESTROYED) {
		ebb_thread_send(ebb_thread_app(), &queue->messages->unregister_msg);
	} else if (vfio_io_queue_is_live(queue)) {
		vfio_io_queue_ring(queue);
	}
}

static void request_fail(struct nvme_request *request, int rc)
{
	request->rc = rc;
	request->done(request, request->use);
}

static void queue_wait(struct vfio_io_queue *queue, struct nvme_request *request)
{
	if (queue->state == VFIO_IO_QUEUE_RUNNING) {
		vfio_io_queue_state_set(&queue->state, VFIO_IO_QUEUE_FULL);
	}
	queue->num_waiting++;
	ebb_list_push_back(&queue->waiting, &request->link);
}

/* A command is under way, and the timer does not run. */
static void __attribute__((noinline)) queue_start_timer(struct vfio_io_queue *queue)
{
	queue->timer_runs = true;
	if (queue->timer != NULL) {
		ebb_poller_resume(queue->timer);
	}
}

/* Return: false: there is no room for @request now. */
static inline bool queue_try(struct vfio_io_queue *queue, struct nvme_request *request)
{
	struct vfio_qpair *qpair =
		request->opcode == nvme_cmd_read || request->opcode == nvme_cmd_write
			? queue->current
			: queue->slow;
	int rc = vfio_qpair_submit(qpair, request, ebb_reactor_now_ns());

	if (ebb_likely(rc == 0)) {
		if (ebb_unlikely(!queue->timer_runs)) {
			queue_start_timer(queue);
		}
		return true;
	}
	if (rc == -EAGAIN) {
		return false;
	}
	request_fail(request, rc);
	return true;
}

static void __attribute__((noinline))
queue_submit_slow(struct vfio_io_queue *queue, struct nvme_request *request)
{
	ebb_assert(queue->state != VFIO_IO_QUEUE_DESTROYED);
	if (queue->state == VFIO_IO_QUEUE_FAILED) {
		request_fail(request, queue->fail_rc);
	} else {
		queue_wait(queue, request);
	}
}

void vfio_io_queue_submit(struct nvme_queue *base, struct nvme_request *request)
{
	struct vfio_io_queue *queue = queue_of(base);

	request->resets = 0;
	if (ebb_unlikely(queue->state != VFIO_IO_QUEUE_RUNNING)) {
		queue_submit_slow(queue, request);
		return;
	}
	if (ebb_unlikely(!queue_try(queue, request))) {
		queue_wait(queue, request);
		return;
	}
	if (ebb_likely(queue->ring == VFIO_RING_AT_POLL_END)) {
		return;
	}
	if (queue->ring == VFIO_RING_NOW) {
		queue->ring = VFIO_RING_AT_POLL_END;
		vfio_io_queue_ring(queue);
	} else if (!queue->ring_due) {
		queue->ring_due = true;
		ebb_reactor_at_turn_end(&queue->turn_end);
	}
}

/* A request may be answered in here, and another one submitted: it stands at the list's end. */
void __attribute__((noinline)) vfio_io_queue_submit_waiting(struct vfio_io_queue *queue)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&queue->waiting)) != NULL) {
		if (!queue_try(queue, ebb_list_entry(node, struct nvme_request, link))) {
			ebb_list_push_front(&queue->waiting, node);
			return;
		}
		queue->num_waiting--;
	}
	vfio_io_queue_state_set(&queue->state, VFIO_IO_QUEUE_RUNNING);
}

void vfio_io_queue_report(struct vfio_io_queue *queue, const struct vfio_fault *fault)
{
	struct vfio_queue_messages *messages = queue->messages;

	/* Pairs with the store of false, when the app thread has read the fault before. */
	if (atomic_load_explicit(&messages->fault_sent, memory_order_acquire)) {
		return;
	}
	messages->fault = *fault;
	atomic_store_explicit(&messages->fault_sent, true, memory_order_relaxed);
	ebb_thread_send(ebb_thread_app(), &messages->fault_msg);
}

/* Aborted commands are submitted again, if they may be. */
static void queue_take_aborted(struct vfio_io_queue *queue, struct vfio_qpair *qpair)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&qpair->aborted)) != NULL) {
		struct nvme_request *request = ebb_list_entry(node, struct nvme_request, link);

		if (request->resets++ < VFIO_RESETS_MAX) {
			queue_wait(queue, request);
		} else {
			request_fail(request, -ETIMEDOUT);
		}
	}
}

static void __attribute__((noinline))
queue_attend(struct vfio_io_queue *queue, struct vfio_qpair *qpair)
{
	qpair->attention = qpair->broken;
	queue_take_aborted(queue, qpair);
	if (qpair->broken) {
		struct vfio_fault fault = {.kind = VFIO_FAULT_BROKEN, .qid = qpair->qid};

		static_assert(sizeof(fault.text) == sizeof(qpair->fault), "the whole text");
		memcpy(fault.text, qpair->fault, sizeof(fault.text));
		vfio_io_queue_report(queue, &fault);
	}
}

void __attribute__((noinline)) vfio_io_queue_check_drained(struct vfio_io_queue *queue)
{
	void (*drained)(void *arg) = queue->drained;

	if (drained != NULL && queue_is_idle(queue)) {
		queue->drained = NULL;
		drained(queue->drained_arg);
	}
}

static inline bool qpair_is_answered(const struct vfio_qpair *qpair)
{
	return qpair->outstanding != 0 && vfio_qpair_waiting(qpair);
}

static inline int queue_take(struct vfio_io_queue *queue, struct vfio_qpair *qpair)
{
	unsigned count = vfio_qpair_poll(qpair);

	if (ebb_unlikely(qpair->attention)) {
		queue_attend(queue, qpair);
	}
	return (int)count;
}

static int __attribute__((noinline))
queue_take_more(struct vfio_io_queue *queue, struct vfio_qpair *qpair)
{
	return queue_take(queue, qpair);
}

/* The reactor has had nothing to do but to wait for the polled pair. */
static void queue_wait_for_polled(struct vfio_io_queue *queue)
{
	if (queue->qpairs[VFIO_QPAIR_POLLED].outstanding == 0) {
		queue->refused_ns = 0;
	} else if (!queue->late_timer_runs && ebb_reactor_now_ns() - queue->refused_ns >= LATE_NS) {
		queue->late_timer_runs = true;
		ebb_poller_resume(queue->late_timer);
	}
}

/* No answer, but there may be room for what waits: aborted commands have left it. */
static int __attribute__((noinline)) queue_find_nothing(struct vfio_io_queue *queue)
{
	if (queue->num_waiting != 0) {
		vfio_io_queue_submit_waiting(queue);
		vfio_io_queue_ring(queue);
	}
	if (queue->refused_ns != 0) {
		queue_wait_for_polled(queue);
	}
	return 0;
}

static void __attribute__((noinline)) queue_warm(struct vfio_io_queue *queue, uint32_t count)
{
	queue->streak += count;
	if (queue->streak >= STREAK_HOT) {
		vfio_io_queue_choose(queue, true);
	}
}

static void __attribute__((noinline)) queue_pause(const struct vfio_io_queue *queue)
{
	const struct vfio_qpair *polled = &queue->qpairs[VFIO_QPAIR_POLLED];
	uint64_t since_ns;

	if (polled->sq_rung == polled->sq_tail) {
		return;
	}
	since_ns = ebb_clock_now_ns();
	for (unsigned looks = 0; looks < PAUSE_LOOKS_MAX; looks++) {
		if (ebb_clock_now_ns() - since_ns >= queue->pause_ns) {
			break;
		}
	}
}

/* @qpair has been answered. */
static int __attribute__((noinline))
queue_serve(struct vfio_io_queue *queue, struct vfio_qpair *qpair, struct vfio_qpair *other,
	    bool slept)
{
	int count;

	queue->ring = slept ? VFIO_RING_NOW : VFIO_RING_AT_POLL_END;
	count = queue_take(queue, qpair);
	if (ebb_unlikely(qpair_is_answered(other))) {
		count += queue_take_more(queue, other);
	}
	if (ebb_unlikely(queue->state == VFIO_IO_QUEUE_FULL)) {
		vfio_io_queue_submit_waiting(queue);
	}
	queue->ring = VFIO_RING_AT_TURN_END;
	if (ebb_unlikely(count == 0)) {
		return queue_find_nothing(queue);
	}
	if (ebb_unlikely(queue->pause_ns != 0)) {
		queue_pause(queue);
	}
	vfio_io_queue_ring(queue);
	queue->refused_ns = 0;
	if (ebb_unlikely(queue->streak < STREAK_HOT)) {
		queue_warm(queue, (uint32_t)count);
	}
	if (ebb_unlikely(queue->drained != NULL)) {
		vfio_io_queue_check_drained(queue);
	}
	return count;
}

/* Return: false: nothing has been answered, and @ret_count is as it was. */
static inline bool queue_look(struct vfio_io_queue *queue, bool slept, int *ret_count)
{
	struct vfio_qpair *polled = &queue->qpairs[VFIO_QPAIR_POLLED];
	struct vfio_qpair *irq = &queue->qpairs[VFIO_QPAIR_IRQ];

	if (qpair_is_answered(polled)) {
		*ret_count = queue_serve(queue, polled, irq, slept);
		return true;
	}
	if (qpair_is_answered(irq)) {
		*ret_count = queue_serve(queue, irq, polled, slept);
		return true;
	}
	return false;
}

/* Requests wait, or the queue pairs are not to be touched. */
static int __attribute__((noinline)) queue_poll_slow(struct vfio_io_queue *queue, bool slept)
{
	int count;

	if (!vfio_io_queue_is_live(queue)) {
		return 0;
	}
	return queue_look(queue, slept, &count) ? count : queue_find_nothing(queue);
}

/* Most looks find nothing: so much is done here, and the rest is a call. */
int vfio_io_queue_poll(void *base)
{
	struct vfio_io_queue *queue = queue_of(base);
	bool slept = queue->slept;
	int count;

	queue->slept = false;
	if (ebb_unlikely(queue->state != VFIO_IO_QUEUE_RUNNING)) {
		return queue_poll_slow(queue, slept);
	}
	if (queue_look(queue, slept, &count)) {
		return count;
	}
	if (ebb_unlikely(queue->refused_ns != 0)) {
		return queue_find_nothing(queue);
	}
	return 0;
}

void vfio_io_queue_choose(struct vfio_io_queue *queue, bool hot)
{
	struct vfio_qpair *irq = &queue->qpairs[VFIO_QPAIR_IRQ];
	struct vfio_qpair *polled = &queue->qpairs[VFIO_QPAIR_POLLED];
	bool has_irq = (queue->present & EBB_BIT(VFIO_QPAIR_IRQ)) != 0;
	bool has_polled = (queue->present & EBB_BIT(VFIO_QPAIR_POLLED)) != 0;

	queue->slow = has_irq && (queue->may_sleep || !has_polled) ? irq : polled;
	queue->current = has_polled && hot ? polled : queue->slow;
}

int vfio_io_queue_set_interrupt(void *base, bool on)
{
	struct vfio_io_queue *queue = queue_of(base);

	if (on && (queue->present & EBB_BIT(VFIO_QPAIR_IRQ)) == 0) {
		return -ENOTSUP;
	}
	queue->may_sleep = on;
	queue->streak = 0;
	vfio_io_queue_choose(queue, false);
	return 0;
}

int vfio_io_queue_arm(void *base)
{
	struct vfio_io_queue *queue = queue_of(base);
	struct vfio_qpair *irq = &queue->qpairs[VFIO_QPAIR_IRQ];
	struct vfio_qpair *polled = &queue->qpairs[VFIO_QPAIR_POLLED];

	if (ebb_unlikely(queue->state != VFIO_IO_QUEUE_RUNNING) && !vfio_io_queue_is_live(queue)) {
		return 0; /* a command will come, by message */
	}
	if (qpair_is_answered(irq) || qpair_is_answered(polled)) {
		return -EAGAIN;
	}
	if (queue->streak != 0) {
		queue->streak = 0;
		vfio_io_queue_choose(queue, false);
	}
	if (polled->outstanding != 0 && !queue->late_timer_runs) {
		if (queue->refused_ns == 0) {
			queue->refused_ns = ebb_reactor_now_ns();
		}
		return -EAGAIN;
	}
	queue->slept = true;
	return 0;
}

void vfio_io_queue_drain(struct nvme_queue *base, void (*done)(void *arg), void *arg)
{
	struct vfio_io_queue *queue = queue_of(base);

	queue->drained = done;
	queue->drained_arg = arg;
	vfio_io_queue_check_drained(queue);
}

void vfio_io_queue_destroy(struct nvme_queue *base)
{
	struct vfio_io_queue *queue = queue_of(base);

	ebb_assert(queue_is_idle(queue));
	ebb_poller_unregister(&queue->timer);
	ebb_poller_unregister(&queue->late_timer);
	vfio_io_queue_state_set(&queue->state, VFIO_IO_QUEUE_DESTROYED);
	if (!queue->ring_due) { /* otherwise the turn's end still comes by */
		ebb_thread_send(ebb_thread_app(), &queue->messages->unregister_msg);
	}
}

void vfio_io_queue_free(struct vfio_io_queue *queue)
{
	for (unsigned i = 0; i < VFIO_QPAIRS; i++) {
		if (queue->qpairs[i].sq != NULL) {
			vfio_qpair_fini(&queue->qpairs[i]);
		}
	}
	if (queue->lists.memory != NULL) {
		vfio_data_lists_fini(&queue->lists);
	}
	if (queue->event_fd >= 0) {
		close(queue->event_fd);
	}
	free(queue);
}
