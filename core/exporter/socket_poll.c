/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/socket_poll.h"

/*
 * Sockets without io_uring: an epoll set for each thread, which is the wake source of one poller.
 *
 * A socket joins the set when the first operation of its begins, edge-triggered, and stays there
 * until it is closed, so that to wait costs no system call. What is known of it is kept by its
 * number: whether there may be something to receive, and room to send. An event says that there is;
 * EAGAIN, and a receive of less than was asked for, that there is not. After such a receive the
 * next one waits at once. That is sound because whatever comes later is an edge of its own; but for
 * the end of what is received, which may have come before, by the same edge as the bytes. So once
 * an event has told of an end the socket is always looked at.
 *
 * An operation is tried in the turn after the one that it began in (nothing completes inside the
 * call that began it), and again with each event of its socket, until it has a result. What is to
 * be tried keeps the reactor awake; what waits costs nothing.
 *
 * A number may become another socket's. Then that one's first operation finds that it is not in the
 * set, as the kernel takes a closed socket out, and what was known of the number is forgotten. An
 * event of the old socket that is on its way only has the new one looked at.
 */

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/poller.h>

#define EVENTS_PER_LOOK 64
#define SOCKETS_MIN     64u

enum socket_direction {
	SOCKET_IN,
	SOCKET_OUT,
	SOCKET_DIRECTIONS,
};

/* What is known of a socket. */
struct socket {
	struct exporter_op *waits[SOCKET_DIRECTIONS]; /* NULL: none */
	bool may_be_ready[SOCKET_DIRECTIONS];
	bool has_ended; /* one of its two directions at least */
};

struct exporter_socket_poll {
	int epoll_fd;
	uint32_t id; /* of the epoll set: no other has had it */
	struct ebb_poller *poller;
	struct ebb_list ready; /* operations to be tried, or to end with op->error */
	bool tried;            /* instead of looking for events, the last time */
	struct socket *sockets;
	size_t num_sockets;
};

static enum socket_direction op_direction(const struct exporter_op *op)
{
	return op->type == EXPORTER_OP_SEND ? SOCKET_OUT : SOCKET_IN;
}

/* ---- one operation ---- */

static size_t op_bytes(const struct exporter_op *op)
{
	size_t sum = 0;
	size_t i;

	for (i = 0; i < op->msg.msg_iovlen; i++) {
		sum += op->msg.msg_iov[i].iov_len;
	}
	return sum;
}

/* The listening socket blocks, as io_uring wants it: who asks first does not wait. */
static ssize_t op_accept(const struct exporter_op *op)
{
	struct pollfd pollfd = {.fd = op->fd, .events = POLLIN};
	int rc = poll(&pollfd, 1, 0);

	if (rc == 0) {
		errno = EAGAIN;
	}
	return rc <= 0 ? -1 : accept4(op->fd, NULL, NULL, SOCK_CLOEXEC);
}

static ssize_t op_call(struct exporter_op *op)
{
	switch (op->type) {
	case EXPORTER_OP_ACCEPT:
		return op_accept(op);
	case EXPORTER_OP_RECV:
		return recvmsg(op->fd, &op->msg, MSG_DONTWAIT);
	case EXPORTER_OP_SEND:
	default:
		return sendmsg(op->fd, &op->msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* Return: its result, or negative errno. */
static int32_t op_try(struct exporter_op *op)
{
	ssize_t got;

	do {
		got = op_call(op);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : (int32_t)got;
}

/* ---- sockets ---- */

static int sockets_grow(struct exporter_socket_poll *poll, int fd)
{
	size_t num = poll->num_sockets == 0 ? SOCKETS_MIN : poll->num_sockets;
	struct socket *sockets;

	while (num <= (size_t)fd) {
		num *= 2;
	}
	sockets = realloc(poll->sockets, num * sizeof(*sockets));
	if (sockets == NULL) {
		return -ENOMEM;
	}
	memset(sockets + poll->num_sockets, 0, (num - poll->num_sockets) * sizeof(*sockets));
	poll->sockets = sockets;
	poll->num_sockets = num;
	return 0;
}

/* Before the first operation of @op on its socket. */
static int socket_join(struct exporter_socket_poll *poll, struct exporter_op *op)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.fd = op->fd,
	};

	if (op->fd < 0) {
		return -EBADF;
	}
	if ((size_t)op->fd >= poll->num_sockets && sockets_grow(poll, op->fd) != 0) {
		return -ENOMEM;
	}
	if (epoll_ctl(poll->epoll_fd, EPOLL_CTL_ADD, op->fd, &event) == 0) {
		poll->sockets[op->fd] = (struct socket){.may_be_ready = {true, true}};
	} else if (errno != EEXIST) { /* which says that another operation of the socket has */
		return -errno;
	}
	op->joined_fd = op->fd;
	op->joined_id = poll->id;
	return 0;
}

static void op_make_ready(struct exporter_socket_poll *poll, struct exporter_op *op)
{
	if (ebb_list_empty(&op->ready_link)) {
		ebb_list_push_back(&poll->ready, &op->ready_link);
	}
}

static void socket_direction_is_ready(struct exporter_socket_poll *poll, struct socket *socket,
				      enum socket_direction direction)
{
	struct exporter_op *op = socket->waits[direction];

	socket->may_be_ready[direction] = true;
	if (op != NULL) {
		socket->waits[direction] = NULL;
		op_make_ready(poll, op);
	}
}

static void socket_event(struct exporter_socket_poll *poll, const struct epoll_event *event)
{
	struct socket *socket = &poll->sockets[event->data.fd];

	if ((event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
		socket->has_ended = true;
	}
	if ((event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
		socket_direction_is_ready(poll, socket, SOCKET_IN);
	}
	if ((event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
		socket_direction_is_ready(poll, socket, SOCKET_OUT);
	}
}

/* Return: how many events there were. */
static int sockets_look(struct exporter_socket_poll *poll)
{
	struct epoll_event events[EVENTS_PER_LOOK];
	int count = epoll_wait(poll->epoll_fd, events, EVENTS_PER_LOOK, 0);
	int i;

	for (i = 0; i < count; i++) {
		socket_event(poll, &events[i]);
	}
	return count;
}

/* @op waits for its socket, or is tried, if that may be of use. */
static void op_wait(struct exporter_socket_poll *poll, struct exporter_op *op)
{
	struct socket *socket = &poll->sockets[op->fd];
	enum socket_direction direction = op_direction(op);

	if (socket->may_be_ready[direction]) {
		op_make_ready(poll, op);
	} else {
		ebb_assert(socket->waits[direction] == NULL);
		socket->waits[direction] = op;
	}
}

static void op_run(struct exporter_socket_poll *poll, struct exporter_op *op)
{
	struct socket *socket;
	int32_t res;

	if (op->error != 0) {
		exporter_op_end(op, op->error);
		return;
	}
	socket = &poll->sockets[op->fd];
	res = op_try(op);
	if (res == -EAGAIN || res == -EWOULDBLOCK) {
		socket->may_be_ready[op_direction(op)] = false;
		op_wait(poll, op);
		return;
	}
	if (op->type == EXPORTER_OP_RECV && res > 0 && !socket->has_ended &&
	    (size_t)res < op_bytes(op)) {
		socket->may_be_ready[SOCKET_IN] = false;
	}
	exporter_op_end(op, res);
}

/* Those that become ready meanwhile have their try in the next turn. */
static int ops_run(struct exporter_socket_poll *poll)
{
	struct ebb_list ready;
	struct ebb_list *node;
	int count = 0;

	ebb_list_init(&ready);
	ebb_list_splice_back(&ready, &poll->ready);
	while ((node = ebb_list_pop_front(&ready)) != NULL) {
		op_run(poll, ebb_list_entry(node, struct exporter_op, ready_link));
		count++;
	}
	return count;
}

/* ---- the poller ---- */

static int sockets_poll(void *arg)
{
	struct exporter_socket_poll *poll = arg;

	/* What is ready now need not wait for a look at the others; these wait once at most. */
	poll->tried = !poll->tried && !ebb_list_empty(&poll->ready);
	if (!poll->tried) {
		(void)sockets_look(poll);
	}
	return ops_run(poll);
}

static int sockets_arm(void *arg)
{
	const struct exporter_socket_poll *poll = arg;

	return ebb_list_empty(&poll->ready) ? 0 : -EAGAIN;
}

int exporter_socket_poll_open(struct exporter_socket_poll **ret_poll)
{
	static _Atomic uint32_t last_id;
	struct exporter_socket_poll *poll = calloc(1, sizeof(*poll));
	struct ebb_poller_wake wake = {.arm = sockets_arm};
	int rc;

	if (poll == NULL) {
		return -ENOMEM;
	}
	poll->id = atomic_fetch_add(&last_id, 1) + 1;
	ebb_list_init(&poll->ready);
	poll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poll->epoll_fd < 0) {
		rc = -errno;
		free(poll);
		return rc;
	}
	wake.fd = poll->epoll_fd;
	poll->poller = ebb_poller_register_wake(sockets_poll, poll, &wake);
	if (poll->poller == NULL) {
		exporter_socket_poll_close(poll);
		return -ENOMEM;
	}
	*ret_poll = poll;
	return 0;
}

void exporter_socket_poll_close(struct exporter_socket_poll *poll)
{
	if (poll == NULL) {
		return;
	}
	ebb_assert(ebb_list_empty(&poll->ready));
	ebb_poller_unregister(&poll->poller);
	close(poll->epoll_fd);
	free(poll->sockets);
	free(poll);
}

void exporter_socket_poll_begin(struct exporter_socket_poll *poll, struct exporter_op *op)
{
	ebb_list_init(&op->ready_link);
	op->error = 0;
	if (op->joined_id != poll->id || op->joined_fd != op->fd) {
		op->error = socket_join(poll, op);
	}
	if (op->error != 0) {
		op_make_ready(poll, op);
	} else {
		op_wait(poll, op);
	}
}

void exporter_socket_poll_cancel(struct exporter_socket_poll *poll, struct exporter_op *op)
{
	if (op->error != 0) {
		return; /* it ends as it is */
	}
	op->error = -ECANCELED;
	if (poll->sockets[op->fd].waits[op_direction(op)] == op) {
		poll->sockets[op->fd].waits[op_direction(op)] = NULL;
	}
	op_make_ready(poll, op);
}
