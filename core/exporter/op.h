/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_OP_H
#define CORE_EXPORTER_OP_H

/*
 * What an exporter asks of its sockets: one accept, receive or send at a time for each operation,
 * which ends by a call. Thread: an operation is one thread's, with all that is done with it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <ebb/base.h>
#include <ebb/list.h>
#include <ebb/uring.h>

struct exporter_socket_poll;

/* The operations of one thread that are outstanding, and where. */
struct exporter_op_set {
	struct ebb_list busy;
	struct exporter_socket_poll *sockets; /* NULL: in the reactor's io_uring */
};

enum exporter_op_type {
	EXPORTER_OP_ACCEPT,
	EXPORTER_OP_RECV,
	EXPORTER_OP_SEND,
};

/* One operation, inside the object that it is for. */
struct exporter_op {
	/*
	 * Called once for each time that the operation began, never before that has returned.
	 * @res: of an accept the socket (SOCK_CLOEXEC, and it blocks); of a receive or send the
	 *	bytes, perhaps fewer than asked for, 0 at the end of what is received; or negative
	 *	errno: -ECANCELED: exporter_op_cancel(), and no byte has moved.
	 */
	void (*complete)(struct exporter_op *op, int32_t res);
	/* The set's own. */
	struct exporter_op_set *set; /* NULL: not outstanding */
	struct ebb_list link;        /* in set->busy */
	struct msghdr msg;
	/* In io_uring. */
	bool drained; /* the socket was empty after the last receive */
	struct ebb_uring_op uring;
	/* Elsewhere: see socket_poll.c. */
	enum exporter_op_type type;
	int fd;
	int joined_fd;      /* is in the epoll set ... */
	uint32_t joined_id; /* ... of that number; 0: in none */
	int error;          /* with which it ends at once; 0: none */
	struct ebb_list ready_link;
};

static inline bool exporter_op_busy(const struct exporter_op *op)
{
	return op->set != NULL;
}

/* For who completes it: @op may begin again. The last thing that is done with it. */
static inline void exporter_op_end(struct exporter_op *op, int32_t res)
{
	ebb_list_remove(&op->link);
	op->set = NULL;
	op->complete(op, res);
}

void exporter_op_set_init(struct exporter_op_set *set);

/**
 * exporter_op_set_open() - on the reactor that has the thread now
 * Nothing has begun since the thread came there. Where there is no io_uring the sockets are watched
 * by epoll.
 * Return: 0; or negative errno: there is neither.
 */
int exporter_op_set_open(struct exporter_op_set *set);

/* Nothing is outstanding. */
void exporter_op_set_close(struct exporter_op_set *set);

/**
 * exporter_op_accept() - wait for a client at the listening socket @fd
 * exporter_op_recv() - receive into @iov, as much as there is but something
 * exporter_op_send() - send @iov, as much as the socket takes but something
 * @op: not outstanding; op->complete is set
 * Owns: @op, @iov and the memory must live until op->complete(). @fd may be closed before, if what
 *	depends on it has been ended by shutdown() or is cancelled at once.
 */
void exporter_op_accept(struct exporter_op_set *set, struct exporter_op *op, int fd);
void exporter_op_recv(struct exporter_op_set *set, struct exporter_op *op, int fd,
		      struct iovec *iov, int iovcnt);
void exporter_op_send(struct exporter_op_set *set, struct exporter_op *op, int fd,
		      struct iovec *iov, int iovcnt);

/* Ends @op soon: if outstanding, it completes, perhaps with a result that was there already. */
void exporter_op_cancel(struct exporter_op *op);

/* The same for all of them. */
void exporter_op_set_cancel(struct exporter_op_set *set);

#endif
