/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/op.h"

/*
 * MSG_WAITALL is not used: io_uring gives up on waiting in place after 128 partial transfers, which
 * a slow client reaches at will, and hands the rest to a worker thread.
 */

#include <ebb/assert.h>

#include "core/exporter/socket_poll.h"

void exporter_op_set_init(struct exporter_op_set *set)
{
	ebb_list_init(&set->busy);
	set->sockets = NULL;
}

int exporter_op_set_open(struct exporter_op_set *set)
{
	if (!ebb_list_empty(&set->busy)) {
		return 0; /* a move has been called off, and they are where they were */
	}
	if (ebb_uring_open(EBB_URING_PLAIN) == 0) {
		exporter_op_set_close(set);
		return 0;
	}
	return set->sockets != NULL ? 0 : exporter_socket_poll_open(&set->sockets);
}

void exporter_op_set_close(struct exporter_op_set *set)
{
	ebb_assert(ebb_list_empty(&set->busy));
	exporter_socket_poll_close(set->sockets);
	set->sockets = NULL;
}

static void op_begin(struct exporter_op_set *set, struct exporter_op *op)
{
	ebb_assert(!exporter_op_busy(op));
	op->set = set;
	ebb_list_push_back(&set->busy, &op->link);
}

static void ring_complete(struct ebb_uring_op *uring, int32_t res, uint32_t flags)
{
	(void)flags;
	exporter_op_end(ebb_container_of(uring, struct exporter_op, uring), res);
}

static void ring_received(struct ebb_uring_op *uring, int32_t res, uint32_t flags)
{
	struct exporter_op *op = ebb_container_of(uring, struct exporter_op, uring);

	if (res > 0) {
		op->drained = (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
	}
	exporter_op_end(op, res);
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

static void __attribute__((noinline))
socket_begin(struct exporter_op *op, enum exporter_op_type type, int fd, struct iovec *iov,
	     int iovcnt)
{
	op->type = type;
	op->fd = fd;
	op_message(op, iov, iovcnt);
	exporter_socket_poll_begin(op->set->sockets, op);
}

void exporter_op_accept(struct exporter_op_set *set, struct exporter_op *op, int fd)
{
	op_begin(set, op);
	if (ebb_unlikely(set->sockets != NULL)) {
		socket_begin(op, EXPORTER_OP_ACCEPT, fd, NULL, 0);
		return;
	}
	/* Not SOCK_NONBLOCK: only for a socket that blocks does io_uring wait in place. */
	io_uring_prep_accept(ring_sqe(op, ring_complete), fd, NULL, NULL, SOCK_CLOEXEC);
}

void exporter_op_recv(struct exporter_op_set *set, struct exporter_op *op, int fd,
		      struct iovec *iov, int iovcnt)
{
	struct io_uring_sqe *sqe;

	op_begin(set, op);
	if (ebb_unlikely(set->sockets != NULL)) {
		socket_begin(op, EXPORTER_OP_RECV, fd, iov, iovcnt);
		return;
	}
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
	if (ebb_unlikely(set->sockets != NULL)) {
		socket_begin(op, EXPORTER_OP_SEND, fd, iov, iovcnt);
		return;
	}
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
	if (!exporter_op_busy(op)) {
		return;
	}
	if (op->set->sockets != NULL) {
		exporter_socket_poll_cancel(op->set->sockets, op);
	} else {
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
