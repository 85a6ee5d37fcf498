/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the app thread tells a queue to do.
 *
 * STOP leaves what is under way where it is: the controller may still write to it. RUN and FAIL say
 * that the controller has let go. Then it is reclaimed from the queue pairs, and submitted again,
 * before what came meanwhile, or failed. So every request is in one place at any time, a queue pair
 * or a list, and is answered once.
 */
#include "drivers/nvme/vfio/io_queue_command.h"

#include <errno.h>

/* Fails @list, which nothing is added to meanwhile. */
static void command_fail_all(struct ebb_list *list, int rc)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(list)) != NULL) {
		struct nvme_request *request = ebb_list_entry(node, struct nvme_request, link);

		request->rc = rc;
		request->done(request, request->use);
	}
}

/*
 * What the queue pairs had under way: the controller has let go of it. Those that have cost a reset
 * too many, if it is theirs, go to @timed_out.
 */
static void command_reclaim(struct vfio_io_queue *queue, struct ebb_list *again,
			    struct ebb_list *timed_out)
{
	struct ebb_list all = EBB_LIST_INIT(all);
	struct ebb_list *node;

	for (unsigned i = 0; i < VFIO_QPAIRS; i++) {
		if (queue->qpairs[i].sq != NULL) {
			vfio_qpair_reclaim(&queue->qpairs[i], &all);
		}
	}
	while ((node = ebb_list_pop_front(&all)) != NULL) {
		struct nvme_request *request = ebb_list_entry(node, struct nvme_request, link);
		bool too_many = queue->count_reset && request->resets++ >= VFIO_RESETS_MAX;

		ebb_list_push_back(too_many ? timed_out : again, node);
	}
}

static void command_run(struct vfio_io_queue *queue, const struct vfio_command *command)
{
	struct ebb_list again = EBB_LIST_INIT(again), timed_out = EBB_LIST_INIT(timed_out);
	struct ebb_list *node;

	command_reclaim(queue, &again, &timed_out);
	for (unsigned i = 0; i < VFIO_QPAIRS; i++) {
		if (queue->qpairs[i].sq != NULL) {
			vfio_qpair_reset(&queue->qpairs[i]);
			queue->qpairs[i].sq_doorbell = command->sq_doorbell[i];
			queue->qpairs[i].cq_doorbell = command->cq_doorbell[i];
		}
	}
	vfio_io_queue_state_set(&queue->state, VFIO_IO_QUEUE_FULL);
	queue->refused_ns = 0;
	queue->present = command->present;
	queue->streak = 0;
	vfio_io_queue_choose(queue, false);
	ebb_list_for_each(node, &again) {
		queue->num_waiting++;
	}
	ebb_list_splice_back(&again, &queue->waiting);
	ebb_list_splice_back(&queue->waiting, &again);
	command_fail_all(&timed_out, -ETIMEDOUT);
	vfio_io_queue_submit_waiting(queue);
	vfio_io_queue_ring(queue);
	vfio_io_queue_check_drained(queue);
}

static void command_fail(struct vfio_io_queue *queue, const struct vfio_command *command)
{
	struct ebb_list again = EBB_LIST_INIT(again), timed_out = EBB_LIST_INIT(timed_out);

	vfio_io_queue_state_set(&queue->state, VFIO_IO_QUEUE_FAILED);
	queue->fail_rc = command->rc;
	command_reclaim(queue, &again, &timed_out);
	ebb_list_splice_back(&again, &queue->waiting);
	ebb_list_splice_back(&again, &timed_out);
	queue->num_waiting = 0;
	command_fail_all(&again, command->rc);
	vfio_io_queue_check_drained(queue);
}

void vfio_io_queue_command_run(void *arg)
{
	struct vfio_io_queue *queue = arg;
	const struct vfio_command *command = &queue->messages->command;

	if (queue->state != VFIO_IO_QUEUE_DESTROYED) {
		switch (command->kind) {
		case VFIO_COMMAND_RUN:
			command_run(queue, command);
			break;
		case VFIO_COMMAND_STOP:
			vfio_io_queue_poll(&queue->base); /* what is answered is not done again */
			queue->count_reset = command->count_reset;
			vfio_io_queue_state_set(&queue->state, VFIO_IO_QUEUE_STOPPED);
			break;
		case VFIO_COMMAND_FAIL:
			command_fail(queue, command);
			break;
		}
	}
	ebb_thread_send(ebb_thread_app(), &queue->messages->ack_msg);
}
