/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/op.h"

/*
 * MSG_WAITALL is not used: io_uring gives up on waiting in place after 128 partial transfers, which
 * a slow client reaches at will, and hands the rest to a worker thread.
 */

#include <ebb/assert.h>

void exporter_op_set_init(struct exporter_op_set *set)
{
	ebb_list_init(&set->busy);
}

int exporter_op_set_open(struct exporter_op_set *set)
{
	(void)set;
	return ebb_uring_open(EBB_URING_PLAIN);
}

static void op_begin(struct exporter_op_set *set, struct exporter_op *op)
{
	ebb_assert(!exporter_op_busy(op));
	op->set = set;
	ebb_list_push_back(&set->busy, &op->link);
}

static inline void op_end(struct exporter_op *op, int32_t res)
{
	ebb_list_remove(&op->link);
	op->set = NULL;
	op->complete(op, res);
}

static void ring_complete(struct ebb_uring_op *uring, int32_t res, uint32_t flags)
{
	(void)flags;
	op_end(ebb_container_of(uring, struct exporter_op, uring), res);
}

static void ring_received(struct ebb_uring_op *uring, int32_t res, uint32_t flags)
{
	struct exporter_op *op = ebb_container_of(uring, struct exporter_op, uring);

	if (res > 0) {
		op->drained = (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
	}
	op_end(op, res);
}

static struct io_uring_sqe *ring_sqe(struct exporter_op *op,
				     void (*complete)(struct ebb_uring_op *uring, int32_t res,
						      uint32_t flags))
{
	op->uring.complete = complete;
	return ebb_uring_sqe(&op->uring, EBB_URING_OTHER);
}

static void op_message(struct exporter_op *op, struct iovec *iov, int iovcnt)
{
	op->msg = (struct msghdr){.msg_iov = iov, .msg_iovlen = (size_t)iovcnt};
}

void exporter_op_accept(struct exporter_op_set *set, struct exporter_op *op, int fd)
{
	op_begin(set, op);
	/* Not SOCK_NONBLOCK: only for a socket that blocks does io_uring wait in place. */
	io_uring_prep_accept(ring_sqe(op, ring_complete), fd, NULL, NULL, SOCK_CLOEXEC);
}

void exporter_op_recv(struct exporter_op_set *set, struct exporter_op *op, int fd,
		      struct iovec *iov, int iovcnt)
{
	struct io_uring_sqe *sqe;

	op_begin(set, op);
	sqe = ring_sqe(op, ring_received);
	if (iovcnt == 1) {
		io_uring_prep_recv(sqe, fd, iov->iov_base, iov->iov_len, 0);
	} else {
		op_message(op, iov, iovcnt);
		io_uring_prep_recvmsg(sqe, fd, &op->msg, 0);
	}
	/* To look first where nothing will be is a wasted copy of the message's header. */
	if (op->drained) {
		sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	}
}

void exporter_op_send(struct exporter_op_set *set, struct exporter_op *op, int fd,
		      struct iovec *iov, int iovcnt)
{
	struct io_uring_sqe *sqe;

	op_begin(set, op);
	sqe = ring_sqe(op, ring_complete);
	if (iovcnt == 1) {
		io_uring_prep_send(sqe, fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
	} else {
		op_message(op, iov, iovcnt);
		io_uring_prep_sendmsg(sqe, fd, &op->msg, MSG_NOSIGNAL);
	}
}

void exporter_op_cancel(struct exporter_op *op)
{
	if (exporter_op_busy(op)) {
		ebb_uring_cancel(&op->uring);
	}
}

void exporter_op_set_cancel(struct exporter_op_set *set)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &set->busy) {
		exporter_op_cancel(ebb_list_entry(node, struct exporter_op, link));
	}
}
