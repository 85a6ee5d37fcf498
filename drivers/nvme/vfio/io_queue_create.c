/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The creation of a queue, on its own thread: both halves are made here, and then the app thread's
 * is given to it. All of what can fail does so under the lock of numbers.h.
 */
#include "drivers/nvme/vfio/io_queue_create.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/io_queue_command.h"
#include "drivers/nvme/vfio/io_queue_timer.h"
#include "drivers/nvme/vfio/queue_events.h"
#include "drivers/nvme/vfio/queue_setup.h"

/* Lists of a queue, shared by its queue pairs: commands of more than two pages under way. */
#define QUEUE_LISTS 64u

static uint32_t count_reactors(void)
{
	unsigned count = 0;

	while (ebb_reactor_core(count) >= 0) {
		count++;
	}
	return count;
}

static struct vfio_io_queue *queue_alloc(struct vfio_ctrlr *c)
{
	struct vfio_io_queue *queue = aligned_alloc(_Alignof(struct vfio_io_queue), sizeof(*queue));

	if (queue == NULL) {
		return NULL;
	}
	memset(queue, 0, sizeof(*queue));
	queue->base = vfio_ctrlr_queue_base(c);
	queue->state = VFIO_IO_QUEUE_CREATING;
	queue->ctrlr_name = vfio_ctrlr_name(c);
	queue->timeout_ns = c->opts.timeout_us * EBB_NS_PER_US;
	queue->event_fd = -1;
	queue->turn_end.fn = vfio_io_queue_turn_end;
	ebb_list_init(&queue->waiting);
	return queue;
}

static struct vfio_queue_setup *setup_alloc(struct vfio_ctrlr *c)
{
	struct vfio_queue_setup *setup = calloc(1, sizeof(*setup));
	struct vfio_queue_messages *messages;

	if (setup == NULL) {
		return NULL;
	}
	setup->queue = queue_alloc(c);
	if (setup->queue == NULL) {
		free(setup);
		return NULL;
	}
	setup->ctrlr = c;
	setup->event_fd = -1;
	ebb_list_init(&setup->link);
	ebb_work_init(&setup->work, NULL, vfio_queue_events_vector_done);
	messages = &setup->messages;
	messages->thread = ebb_thread_current();
	ebb_msg_init(&messages->register_msg, vfio_queue_events_register, setup);
	ebb_msg_init(&messages->unregister_msg, vfio_queue_events_unregister, setup);
	ebb_msg_init(&messages->fault_msg, vfio_queue_events_fault, setup);
	ebb_msg_init(&messages->ack_msg, vfio_queue_events_acknowledge, setup);
	ebb_msg_init(&messages->command_msg, vfio_io_queue_command_run, setup->queue);
	setup->queue->messages = messages;
	return setup;
}

/*
 * A polled completion queue is twice as long where it can be, so that the controller has to be told
 * of its head only now and then.
 */
static int setup_qpair(struct vfio_queue_setup *setup, enum vfio_qpair_kind kind, uint16_t qid)
{
	const struct vfio_queue_shape *shape = &setup->ctrlr->numbers.shape;
	struct vfio_io_queue *queue = setup->queue;
	struct vfio_qpair *qpair = &queue->qpairs[kind];
	uint32_t cq_depth = kind == VFIO_QPAIR_POLLED ? 2 * shape->depth : shape->depth;
	struct vfio_qpair_opts opts = {
		.device = queue->device,
		.lists = &queue->lists,
		.qid = qid,
		.depth = (uint16_t)shape->depth,
		.sgl = shape->sgl,
	};
	int rc;

	if (qid == 0) {
		return 0;
	}
	cq_depth = cq_depth > shape->entries_max ? shape->entries_max : cq_depth;
	opts.cq_depth = (uint16_t)cq_depth;
	opts.cq_lazy = (uint16_t)((cq_depth - shape->depth) / 2);
	rc = vfio_qpair_init(qpair, &opts);
	if (rc != 0) {
		return rc;
	}
	queue->present |= EBB_BIT(kind);
	setup->qpairs[kind] = (struct vfio_setup_qpair){
		.qid = qid,
		.sq_entries = opts.depth,
		.cq_entries = opts.cq_depth,
		.sq = qpair->sq,
		.cq = qpair->cq,
		.wanted = true,
	};
	return 0;
}

static int setup_fill(struct vfio_queue_setup *setup)
{
	const struct vfio_queue_shape *shape = &setup->ctrlr->numbers.shape;
	const struct vfio_queue_numbers *numbers = &setup->numbers;
	struct vfio_io_queue *queue = setup->queue;
	int rc;

	queue->device = setup->ctrlr->device;
	queue->pause_ns = shape->pause_ns;
	rc = vfio_data_lists_init(&queue->lists, queue->device, QUEUE_LISTS, shape->io_bytes);
	if (rc == 0) {
		rc = setup_qpair(setup, VFIO_QPAIR_IRQ, numbers->irq_qid);
	}
	if (rc == 0) {
		rc = setup_qpair(setup, VFIO_QPAIR_POLLED, numbers->polled_qid);
	}
	if (rc == 0 && numbers->irq_qid != 0) {
		queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		rc = queue->event_fd < 0 ? -errno : 0;
	}
	return rc != 0 ? rc : vfio_io_queue_timer_init(queue);
}

static void queue_refused(const struct vfio_ctrlr *c)
{
	ebb_error("nvme",
		  "%s: thread '%s' gets no queue: all %u I/O queue pairs are in use by other "
		  "threads: run on fewer CPUs (--cpumask), or raise num_io_queues if it is that",
		  vfio_ctrlr_name(c), ebb_thread_name(ebb_thread_current()), c->numbers.granted);
}

int vfio_io_queue_create(struct nvme_path *path, struct nvme_queue **ret_queue)
{
	struct vfio_ctrlr *c = vfio_ctrlr_of(path);
	struct vfio_queue_setup *setup = setup_alloc(c);
	struct vfio_io_queue *queue;
	int rc;

	if (setup == NULL) {
		return -ENOMEM;
	}
	queue = setup->queue;
	vfio_numbers_lock(&c->numbers);
	rc = vfio_numbers_take(&c->numbers, count_reactors(), &setup->numbers);
	if (rc == 0) {
		rc = setup_fill(setup);
	} else if (rc == -ENOSPC) {
		queue_refused(c);
	}
	vfio_numbers_unlock(&c->numbers);
	if (rc != 0) {
		vfio_queue_setup_free(setup);
		return rc;
	}
	vfio_io_queue_choose(queue, false);
	queue->base.wake_fd = queue->event_fd;
	setup->event_fd = queue->event_fd;
	ebb_thread_send(ebb_thread_app(), &setup->messages.register_msg);
	*ret_queue = &queue->base;
	return 0;
}
