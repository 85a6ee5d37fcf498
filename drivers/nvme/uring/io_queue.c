/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/internal.h"

/*
 * Commands on their way.
 *
 * A command is one entry of 128 bytes in the reactor's ring, whose second half is the command as
 * the kernel wants it. The reactor submits all of a turn's with one system call and runs what has
 * completed, asleep or polling, so this transport has neither a poll function nor a wake source.
 *
 * What the kernel makes of it: res 0 is success (never a count of bytes); above 0, the device's
 * status field; below, an errno, and the device has not answered. -EINTR: the kernel has taken the
 * command back, for a reset mostly; whether that is tried again is the layer's above to say.
 *
 * -EFAULT means the same. The pool's memory is always there; but while a controller is being reset the
 * kernel leaves a command to a worker thread, and some workers cut the address to its lower half,
 * as if for a 32-bit program (seen on Debian's 6.1). Nothing of ours lies there, for ebbd is built
 * to be position-independent.
 *
 * The kernel takes a request's tag while it is submitted, and if there is none it gives the request
 * to a worker thread, which waits for one, and stays, and wakes for a long time. So a queue never
 * has more outstanding than it can be sure of; the rest waits here, in order.
 *
 * Data within one page goes by its registered buffer, which spares the kernel the pinning of the
 * page (see core/event/ring/uring_buffers.c). There are kernels that refuse some of these with
 * -EINVAL, for they count segments that the request does not have. Such a command is sent again
 * by its address, and so is everything of that namespace from then on.
 *
 * While the reactor polls, reads and writes go to its polled ring, if the driver has queues for
 * that (see uring_set.c). What may take long does not: a flush or a trim would keep the reactor
 * awake.
 *
 * The thread may move to another reactor, whose rings know nothing of its files. Before it does,
 * they are unregistered, and what the layers above still have goes by the plain descriptors; on the
 * new reactor nothing is sent before its rings are open.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nvme/ioctl.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/reactor.h>
#include <ebb/uring.h>

#define QUEUE_DEPTH_MAX 256u

/* request->sent_as: data by a registered buffer */
#define SENT_FIXED 1u

static_assert(sizeof(struct nvme_uring_cmd) == 72, "as the kernel has it");

static void command_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags);

/* The file by its place in the rings, or -1. */
static int queue_file(struct uring_io_queue *queue, const struct uring_ns *uns)
{
	uint32_t index = uns->index;

	if (index >= URING_FILES || queue->leaving) {
		return -1;
	}
	if (ebb_unlikely(queue->files[index] < 0)) {
		queue->files[index] = ebb_uring_file_register(uns->fd);
	}
	return queue->files[index];
}

static bool may_poll(const struct nvme_request *request)
{
	return request->opcode == nvme_cmd_read || request->opcode == nvme_cmd_write ||
	       request->opcode == nvme_cmd_compare;
}

static struct io_uring_sqe *command_sqe(struct nvme_request *request, const struct uring_ns *uns)
{
	struct io_uring_sqe *sqe = NULL;

	if (uns->polled && may_poll(request)) {
		sqe = ebb_uring_sqe_polled(&request->uring_op);
	}
	return sqe != NULL ? sqe : ebb_uring_sqe(&request->uring_op, EBB_URING_COMMAND);
}

static void command_prepare(struct io_uring_sqe *sqe, const struct nvme_request *request, int fd,
			    int file, int buf, uint32_t timeout_ms)
{
	struct nvme_uring_cmd *cmd = (struct nvme_uring_cmd *)sqe->cmd;
	bool vec = request->iovcnt > 1;

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = file >= 0 ? IOSQE_FIXED_FILE : 0;
	sqe->ioprio = 0;
	sqe->fd = file >= 0 ? file : fd;
	sqe->off = 0; /* and with it what stands beside cmd_op */
	sqe->cmd_op = vec ? NVME_URING_CMD_IO_VEC : NVME_URING_CMD_IO;
	sqe->addr = 0;
	sqe->len = 0;
	sqe->uring_cmd_flags = buf >= 0 ? IORING_URING_CMD_FIXED : 0;
	sqe->buf_index = buf >= 0 ? (uint16_t)buf : 0;
	sqe->personality = 0;
	sqe->file_index = 0;
	*cmd = (struct nvme_uring_cmd){
		.opcode = request->opcode,
		.nsid = request->nsid,
		.cdw10 = request->cdw10,
		.cdw11 = request->cdw11,
		.cdw12 = request->cdw12,
		.cdw13 = request->cdw13,
		.cdw14 = request->cdw14,
		.cdw15 = request->cdw15,
		.timeout_ms = timeout_ms,
	};
	if (vec) {
		cmd->addr = (uintptr_t)request->iov;
		cmd->data_len = (uint32_t)request->iovcnt;
	} else if (request->iovcnt == 1) {
		cmd->addr = (uintptr_t)request->iov->iov_base;
		cmd->data_len = request->len_bytes;
	}
}

static void command_send(struct uring_io_queue *queue, struct nvme_request *request)
{
	struct uring_ns *uns = request->ns->on_path->transport_ns;
	int buf = -1;

	if (request->iovcnt == 1 && !atomic_load_explicit(&uns->no_fixed, memory_order_relaxed)) {
		buf = ebb_uring_buf_index(request->iov->iov_base, request->len_bytes);
	}
	request->sent_as = buf >= 0 ? SENT_FIXED : 0;
	request->queue = &queue->queue;
	request->uring_op.complete = command_complete;
	request->uring_op.tag = request->use;
	command_prepare(command_sqe(request, uns), request, uns->fd, queue_file(queue, uns), buf,
			queue->timeout_ms);
	queue->outstanding++;
}

static void command_end(struct nvme_request *request, uint16_t use, int rc, uint16_t status,
			uint64_t result)
{
	request->rc = rc;
	request->status = status;
	request->result = result;
	request->done(request, use);
}

/* True while commands can be sent on the reactor that the thread is on. */
static bool queue_is_here(const struct uring_io_queue *queue)
{
	return !queue->leaving || queue->core == ebb_reactor_current_core();
}

/* What waits goes on its way as far as there is room. */
static void queue_kick(struct uring_io_queue *queue)
{
	while (queue->outstanding < queue->depth && !ebb_list_empty(&queue->waiting) &&
	       queue_is_here(queue)) {
		struct nvme_request *request = ebb_list_entry(ebb_list_pop_front(&queue->waiting),
							      struct nvme_request, link);

		if (queue->rc != 0) {
			command_end(request, request->use, queue->rc, 0, 0);
		} else {
			command_send(queue, request);
		}
	}
}

static void queue_check_drained(struct uring_io_queue *queue)
{
	void (*drained)(void *arg) = queue->drained;

	if (drained != NULL && queue->outstanding == 0 && ebb_list_empty(&queue->waiting)) {
		queue->drained = NULL;
		drained(queue->drained_arg);
	}
}

static void command_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct nvme_request *request = ebb_container_of(op, struct nvme_request, uring_op);
	struct uring_io_queue *queue =
		ebb_container_of(request->queue, struct uring_io_queue, queue);
	uint16_t use = ebb_uring_tag();

	(void)flags;
	queue->outstanding--;
	if (ebb_unlikely(res == -EINVAL && use == request->use &&
			 (request->sent_as & SENT_FIXED) != 0)) {
		struct uring_ns *uns = request->ns->on_path->transport_ns;

		if (!atomic_exchange(&uns->no_fixed, true)) {
			ebb_notice("nvme",
				   "%s: the kernel refuses registered memory for it; I/O goes "
				   "without, which costs some CPU",
				   uns->names.generic);
		}
		command_send(queue, request);
		return;
	}
	queue_kick(queue);
	if (res >= 0) {
		command_end(request, use, 0, (uint16_t)res, ebb_uring_result());
	} else {
		command_end(request, use, res == -EFAULT ? -EINTR : res, 0, 0);
	}
	if (ebb_unlikely(queue->drained != NULL)) {
		queue_check_drained(queue);
	}
}

void uring_io_queue_submit(struct nvme_queue *base, struct nvme_request *request)
{
	struct uring_io_queue *queue = ebb_container_of(base, struct uring_io_queue, queue);

	if (ebb_likely(queue->outstanding < queue->depth && ebb_list_empty(&queue->waiting) &&
		       queue->rc == 0 && queue_is_here(queue))) {
		command_send(queue, request);
		return;
	}
	ebb_list_push_back(&queue->waiting, &request->link);
	queue_kick(queue);
}

void uring_io_queue_drain(struct nvme_queue *base, void (*done)(void *arg), void *arg)
{
	struct uring_io_queue *queue = ebb_container_of(base, struct uring_io_queue, queue);

	queue->drained = done;
	queue->drained_arg = arg;
	queue_check_drained(queue);
}

/* ---- rings and files of the reactor ---- */

static int queue_open_rings(struct uring_io_queue *queue)
{
	const struct uring_ctrlr *uctrlr = queue->queue.path->transport_ctrlr;
	int rc = ebb_uring_open(EBB_URING_BIG);

	queue->core = ebb_reactor_current_core();
	if (rc == 0 && uctrlr->limits.polled) {
		/* Without one there are interrupts. */
		(void)ebb_uring_open(EBB_URING_POLLED);
	}
	return rc;
}

void uring_io_queue_forget(struct nvme_queue *base, uint32_t index)
{
	struct uring_io_queue *queue = ebb_container_of(base, struct uring_io_queue, queue);

	if (index < URING_FILES && queue->files[index] >= 0) {
		ebb_uring_file_unregister(queue->files[index]);
		queue->files[index] = -1;
	}
}

void uring_io_queue_leave(struct nvme_queue *base)
{
	struct uring_io_queue *queue = ebb_container_of(base, struct uring_io_queue, queue);

	for (uint32_t i = 0; i < URING_FILES; i++) {
		uring_io_queue_forget(base, i);
	}
	queue->leaving = true;
}

void uring_io_queue_arrive(struct nvme_queue *base)
{
	struct uring_io_queue *queue = ebb_container_of(base, struct uring_io_queue, queue);

	queue->rc = queue_open_rings(queue);
	if (queue->rc != 0) {
		ebb_error("nvme", "%s: no io_uring on reactor %d: its I/O fails there",
			  base->path->drive->name, queue->core);
	}
	queue->leaving = false;
	queue_kick(queue);
}

static unsigned queue_depth(const struct uring_ctrlr *uctrlr)
{
	unsigned depth = QUEUE_DEPTH_MAX;

	if (uctrlr->limits.depth != 0 && uctrlr->limits.depth < depth) {
		depth = uctrlr->limits.depth;
	}
	if (uctrlr->path->drive->opts.io_queue_depth != 0 &&
	    uctrlr->path->drive->opts.io_queue_depth < depth) {
		depth = uctrlr->path->drive->opts.io_queue_depth;
	}
	return depth;
}

int uring_io_queue_create(struct nvme_path *path, struct nvme_queue **ret_queue)
{
	struct uring_io_queue *queue =
		aligned_alloc(_Alignof(struct uring_io_queue), sizeof(*queue));
	int rc;

	if (queue == NULL) {
		return -ENOMEM;
	}
	memset(queue, 0, sizeof(*queue));
	queue->queue = (struct nvme_queue){
		.transport = path->transport,
		.path = path,
		.wake_fd = -1,
	};
	rc = queue_open_rings(queue);
	if (rc != 0) {
		free(queue);
		return rc;
	}
	queue->timeout_ms = path->drive->opts.timeout_us / 1000;
	queue->depth = queue_depth(path->transport_ctrlr);
	ebb_list_init(&queue->waiting);
	for (uint32_t i = 0; i < URING_FILES; i++) {
		queue->files[i] = -1;
	}
	*ret_queue = &queue->queue;
	return 0;
}

void uring_io_queue_destroy(struct nvme_queue *base)
{
	struct uring_io_queue *queue = ebb_container_of(base, struct uring_io_queue, queue);

	ebb_assert(queue->outstanding == 0 && ebb_list_empty(&queue->waiting));
	uring_io_queue_leave(base);
	free(queue);
}
