/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two timers, neither of which runs for a queue that has nothing under way.
 *
 * One ticks every quarter of a command's time limit: it looks at the completion queues, and after
 * the age of what is under way (timeout.c). It costs a request one store, of the time. It is
 * started by the first command and stops, once, when it finds that there are none. The app thread,
 * which has the admin queue, does what the controller has to be asked for; it is told of one thing
 * at a time, and of what remains at the next tick.
 *
 * The other looks for late completions of the polled pair, which raise no interrupt, every
 * millisecond while the reactor may sleep (io_queue.c).
 */
#include "drivers/nvme/vfio/io_queue_timer.h"

#include <errno.h>

#include <nvme/types.h>

#include <ebb/log.h>

#include "drivers/nvme/vfio/regs.h"
#include "drivers/nvme/vfio/timeout.h"

#define LATE_PERIOD_US 1000u

/*
 * Answers what there is. An answer of some age that lies there now should have interrupted a sleep.
 */
static void timer_look(struct vfio_io_queue *queue)
{
	static struct ebb_ratelimit limit;
	const struct vfio_qpair *irq = &queue->qpairs[VFIO_QPAIR_IRQ];
	uint64_t age_ns = vfio_timeout_oldest(irq, ebb_reactor_now_ns());
	bool lost = queue->slept && irq->outstanding != 0 && vfio_qpair_waiting(irq) &&
		    age_ns >= queue->timeout_ns / VFIO_TIMEOUT_PARTS;

	vfio_io_queue_poll(&queue->base);
	if (!lost) {
		return;
	}
	atomic_fetch_add_explicit(&queue->messages->lost_interrupts, 1, memory_order_relaxed);
	if (ebb_ratelimit_ok(&limit)) {
		ebb_warn("nvme",
			 "%s: queue %u: an interrupt was lost: its answer was found %llu ms after "
			 "the command",
			 queue->ctrlr_name, irq->qid, (unsigned long long)(age_ns / EBB_NS_PER_MS));
	}
}

/*
 * A register, read only where a command has been waited for since the last tick: a controller that
 * has left, or has failed (CSTS.CFS), answers none, and says so long before their time is up.
 */
static bool timer_finds_status(const struct vfio_io_queue *queue, uint64_t oldest_ns)
{
	uint32_t csts;

	if (oldest_ns < queue->timeout_ns / VFIO_TIMEOUT_PARTS) {
		return false;
	}
	csts = vfio_read32(queue->device, NVME_REG_CSTS);
	return csts == VFIO_REG_GONE || NVME_CSTS_CFS(csts);
}

/* What the app thread is to be told, if anything, unless it is being told of something already. */
static void timer_tell(struct vfio_io_queue *queue)
{
	bool busy = atomic_load_explicit(&queue->messages->fault_sent, memory_order_acquire);
	struct vfio_fault fault = {.kind = busy ? VFIO_FAULT_STATUS : VFIO_FAULT_NONE};
	uint64_t now_ns = ebb_reactor_now_ns();
	uint64_t oldest_ns = 0;

	for (unsigned i = 0; i < VFIO_QPAIRS; i++) {
		uint64_t age_ns = vfio_timeout_oldest(&queue->qpairs[i], now_ns);

		oldest_ns = age_ns > oldest_ns ? age_ns : oldest_ns;
		vfio_timeout_tick(&queue->qpairs[i], now_ns, queue->timeout_ns, &fault);
	}
	if (busy) {
		return;
	}
	if (fault.kind == VFIO_FAULT_LATE) {
		atomic_fetch_add_explicit(&queue->messages->timeouts, 1, memory_order_relaxed);
	} else if (fault.kind == VFIO_FAULT_NONE && timer_finds_status(queue, oldest_ns)) {
		fault.kind = VFIO_FAULT_STATUS;
	}
	if (fault.kind != VFIO_FAULT_NONE) {
		vfio_io_queue_report(queue, &fault);
	}
}

static int timer_tick(void *arg)
{
	struct vfio_io_queue *queue = arg;

	if (!vfio_io_queue_is_live(queue) || (queue->qpairs[VFIO_QPAIR_IRQ].outstanding == 0 &&
					      queue->qpairs[VFIO_QPAIR_POLLED].outstanding == 0)) {
		queue->timer_runs = false;
		ebb_poller_pause(queue->timer);
		return 0;
	}
	timer_look(queue);
	timer_tell(queue);
	return 1;
}

static int timer_look_for_late(void *arg)
{
	struct vfio_io_queue *queue = arg;

	vfio_io_queue_poll(&queue->base);
	if (!vfio_io_queue_is_live(queue) || queue->qpairs[VFIO_QPAIR_POLLED].outstanding == 0) {
		queue->late_timer_runs = false;
		queue->refused_ns = 0;
		ebb_poller_pause(queue->late_timer);
	}
	return 1;
}

int vfio_io_queue_timer_init(struct vfio_io_queue *queue)
{
	uint64_t period_us = queue->timeout_ns / EBB_NS_PER_US / VFIO_TIMEOUT_PARTS;

	queue->late_timer = ebb_poller_register_named(timer_look_for_late, queue, LATE_PERIOD_US,
						      NULL, "nvme_straggler");
	if (queue->late_timer == NULL) {
		return -ENOMEM;
	}
	ebb_poller_pause(queue->late_timer);
	if (queue->timeout_ns == 0) {
		return 0; /* whoever asked for it waits for ever */
	}
	queue->timer = ebb_poller_register_named(timer_tick, queue, period_us == 0 ? 1 : period_us,
						 NULL, "nvme_timeout");
	if (queue->timer == NULL) {
		ebb_poller_unregister(&queue->late_timer);
		return -ENOMEM;
	}
	ebb_poller_pause(queue->timer);
	return 0;
}
