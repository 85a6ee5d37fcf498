/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A connection, from accept() to the moment when nothing of it is left.
 *
 *     HANDSHAKE --> ASKING --> HANDSHAKE --> SERVING --> DRAINING --> CLOSING --> GONE
 *         \____________\__________________________\__________________/
 *
 * HANDSHAKE  Options come one at a time: the next is looked at when the answer to the last has been
 *            sent. A timer runs, for nobody may stay here.
 * ASKING     The app thread, which knows the exports, has been asked; the receive buffer stands
 *            still, as the lookup points into it. The answer's bytes grow inside the lookup
 *            and become @out back here, for this thread may look at @out at any time (a move to
 *            another reactor does). Nothing is asked of the socket, so no more than that happens.
 * SERVING    One receive is outstanding, or the connection is full; no timer. Requests run in
 *            parallel and their replies go in the order in which they end.
 * DRAINING   No more is taken from the client: it said so, or its export goes. What is in flight
 *            ends and is answered. Then a timer looks every second: a client that has taken
 *            nothing since loses its replies; one that reads slowly has half a minute for them.
 * CLOSING    The socket has been shut down, which ends the receive and the send under way. Replies
 *            are no longer of use. What the bdev has in flight ends in its own time: its buffers
 *            are in the hands of a device, and no decision taken here can get them back sooner.
 * GONE       Nothing is outstanding: freed, and the app thread told.
 *
 * Who owns a buffer: from nbd_req_alloc() on the request does, until nbd_req_put(). Meanwhile it is
 * lent to one borrower at a time: the receive that fills it (rx_req), then the bdev (in_flight),
 * then the send that empties it (on replies). A write's buffers need not wait for its reply. Each
 * loan ends in a callback that comes exactly once, so to free is to wait until there is no loan:
 *
 *     rx_op not busy, tx_op not busy, in_flight 0, no message to itself on its way
 *
 * conn_end() checks this, it is the only place that frees, and nbd_conn_run() calls it last in
 * every callback. Whatever way a client vanishes (end of file between requests, amid a header, amid
 * a payload, a reset, an error of send) leads by nbd_conn_fail() or nbd_conn_drain() to that place.
 * Nothing that is outstanding is freed early, nothing waits for a client that is not there: the
 * shutdown() has ended everything that depended on it.
 *
 * Between threads: the connection belongs to one of the "nbd_N" threads, its record among the
 * exports to the app thread. They speak by messages that live in the connection: life (start, gone,
 * free), talk (lookup, answer) and stop. GONE goes to the app thread, which then knows that it
 * will send no more stop, and sends the last message, the one that frees: messages of one sender
 * arrive in order, so none can find the connection freed.
 *
 * Being moved to another reactor: the group cancels the receive and the send; they are asked for
 * again on the new ring (conn_resume()). Neither has lost a byte: a cancelled one has moved none.
 */

#include "drivers/nbd/connection.h"

#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/poller.h>

#include "drivers/nbd/export.h"

static const char *const state_names[NBD_CONN_STATE_COUNT] = {
	[NBD_CONN_HANDSHAKE] = "handshake", [NBD_CONN_ASKING] = "asking",
	[NBD_CONN_SERVING] = "serving",     [NBD_CONN_DRAINING] = "draining",
	[NBD_CONN_CLOSING] = "closing",     [NBD_CONN_GONE] = "gone",
};

static const uint32_t state_next[NBD_CONN_STATE_COUNT] = {
	[NBD_CONN_HANDSHAKE] =
		EBB_BIT(NBD_CONN_ASKING) | EBB_BIT(NBD_CONN_SERVING) | EBB_BIT(NBD_CONN_CLOSING),
	[NBD_CONN_ASKING] = EBB_BIT(NBD_CONN_HANDSHAKE),
	[NBD_CONN_SERVING] = EBB_BIT(NBD_CONN_DRAINING) | EBB_BIT(NBD_CONN_CLOSING),
	[NBD_CONN_DRAINING] = EBB_BIT(NBD_CONN_CLOSING),
	[NBD_CONN_CLOSING] = EBB_BIT(NBD_CONN_GONE),
};

static void conn_set_state(struct nbd_conn *conn, enum nbd_conn_state state)
{
	ebb_assert((state_next[conn->state] & EBB_BIT(state)) != 0);
	ebb_debug("nbd", "%s: %s -> %s", conn->peer, state_names[conn->state], state_names[state]);
	conn->state = state;
}

/* Tells the app thread; conn_free() is its answer. */
static void conn_gone(void *arg)
{
	nbd_export_conn_gone(arg);
}

static void conn_free(void *arg)
{
	free(arg);
}

/* Everything is freed here and nowhere else; see above. */
static void conn_end(struct nbd_conn *conn)
{
	struct nbd_poll_group *group = conn->group;
	struct ebb_list *node;

	if (nbd_op_busy(&conn->rx_op) || nbd_op_busy(&conn->tx_op) || conn->in_flight > 0 ||
	    conn->later_sent) {
		return;
	}
	conn_set_state(conn, NBD_CONN_GONE);
	while ((node = ebb_list_pop_front(&conn->replies)) != NULL) {
		nbd_req_put(ebb_list_entry(node, struct nbd_req, link));
	}
	if (conn->rx_req != NULL) {
		nbd_req_put(conn->rx_req);
	}
	if (conn->rx_long != NULL) {
		nbd_req_put(conn->rx_long);
	}
	ebb_assert(conn->held_bytes == 0 && conn->num_reqs == 0 && conn->num_parts == 0);
	if (conn->channel != NULL) {
		ebb_io_channel_put(conn->channel);
	}
	free(conn->reqs);
	nbd_out_reset(&conn->out);
	close(conn->fd);
	ebb_list_remove(&conn->member.link);
	ebb_list_remove(&conn->mem_waiter.link);
	nbd_poll_group_put(group);
	ebb_msg_init(&conn->life, conn_gone, conn);
	(void)ebb_thread_send(ebb_thread_app(), &conn->life);
}

void nbd_conn_fail(struct nbd_conn *conn, const char *why)
{
	static struct ebb_ratelimit limit;

	if (conn->state == NBD_CONN_CLOSING || conn->state == NBD_CONN_GONE) {
		return;
	}
	if (why != NULL && ebb_ratelimit_ok(&limit)) {
		ebb_notice("nbd", "client %s: %s: hung up on", conn->peer, why);
	}
	conn_set_state(conn, NBD_CONN_CLOSING);
	ebb_poller_unregister(&conn->timer);
	(void)shutdown(conn->fd, SHUT_RDWR);
}

void nbd_conn_drain(struct nbd_conn *conn)
{
	conn_set_state(conn, NBD_CONN_DRAINING);
}

/*
 * Has the client taken anything since the last look? A send of ours ends only when much of the
 * kernel's buffer is free again; the buffer itself tells more.
 */
static bool conn_drains(struct nbd_conn *conn)
{
	bool moved = conn->tx_moved;
	int queued = 0;

	(void)ioctl(conn->fd, SIOCOUTQ, &queued);
	moved = moved || queued < conn->drain_queued;
	conn->drain_queued = queued;
	conn->tx_moved = false;
	return moved;
}

static int conn_timeout(void *arg)
{
	struct nbd_conn *conn = arg;

	if (conn->state == NBD_CONN_HANDSHAKE) {
		nbd_conn_fail(conn, "did not end its handshake within 30 s");
	} else if (conn->state == NBD_CONN_DRAINING) {
		conn->drain_periods++;
		if (conn_drains(conn) && conn->drain_periods < NBD_DRAIN_MAX) {
			return 1;
		}
		nbd_conn_fail(conn, "did not take its last replies in time");
	}
	nbd_conn_run(conn);
	return 1;
}

static void conn_start_drain_timer(struct nbd_conn *conn)
{
	(void)conn_drains(conn);
	conn->timer = ebb_poller_register(conn_timeout, conn, NBD_DRAIN_MS * 1000ull);
}

static void conn_begin_serving(struct nbd_conn *conn)
{
	ebb_poller_unregister(&conn->timer);
	nbd_parser_begin_transmission(&conn->parser);
	conn_set_state(conn, NBD_CONN_SERVING);
}

static void conn_option(struct nbd_conn *conn, const struct nbd_parsed *parsed)
{
	switch (nbd_handshake_option(parsed, &conn->out, &conn->lookup)) {
	case NBD_OPTION_REPLIED:
		break;
	case NBD_OPTION_LOOK_UP:
		conn_set_state(conn, NBD_CONN_ASKING);
		ebb_msg_init(&conn->talk, nbd_export_ask, conn);
		(void)ebb_thread_send(ebb_thread_app(), &conn->talk);
		return;
	case NBD_OPTION_ABORTED:
		conn->last_words = true;
		break;
	case NBD_OPTION_HANG_UP:
		nbd_conn_fail(conn, "asked for an export with too long a name");
		return;
	}
}

static void conn_handshake(struct nbd_conn *conn)
{
	struct nbd_parsed parsed;

	while (conn->state == NBD_CONN_HANDSHAKE) {
		if (conn->out.failed) {
			nbd_conn_fail(conn, "there is no memory for its handshake");
		} else if (conn->out.len > 0) {
			nbd_conn_send(conn);
			return;
		} else if (conn->last_words) {
			nbd_conn_fail(conn, NULL);
		} else if (conn->channel != NULL) {
			conn_begin_serving(conn);
		} else if (nbd_op_busy(&conn->rx_op)) {
			return;
		} else {
			conn->rx_pos += nbd_parse(&conn->parser, conn->rx + conn->rx_pos,
						  conn->rx_len - conn->rx_pos, &parsed);
			switch (parsed.type) {
			case NBD_PARSED_NONE:
				nbd_conn_receive(conn);
				return;
			case NBD_PARSED_OPTION:
			case NBD_PARSED_OPTION_TOO_LONG:
				conn_option(conn, &parsed);
				break;
			case NBD_PARSED_BAD:
				nbd_conn_fail(conn, parsed.error);
				break;
			default:
				break;
			}
		}
	}
}

void nbd_conn_run(struct nbd_conn *conn)
{
	if (conn->state == NBD_CONN_HANDSHAKE) {
		conn_handshake(conn);
	}
	if (conn->state == NBD_CONN_SERVING) {
		nbd_conn_serve(conn);
	}
	if (conn->state == NBD_CONN_SERVING && conn->stopping && conn->in_flight == 0) {
		nbd_conn_drain(conn);
	}
	if (conn->state == NBD_CONN_DRAINING && conn->in_flight == 0) {
		if (ebb_list_empty(&conn->replies)) {
			nbd_conn_fail(conn, NULL);
		} else if (conn->timer == NULL) {
			conn_start_drain_timer(conn);
		}
	}
	if (conn->state == NBD_CONN_CLOSING) {
		conn_end(conn);
	}
}

static void conn_look_again(void *arg)
{
	struct nbd_conn *conn = arg;

	conn->later_sent = false;
	nbd_conn_send(conn);
	nbd_conn_run(conn);
}

void nbd_conn_later(struct nbd_conn *conn)
{
	if (!conn->later_sent) {
		conn->later_sent = true;
		(void)ebb_thread_send(conn->thread, &conn->later);
	}
}

/* The app thread has found the export, and takes part no more. */
static int conn_bind(struct nbd_conn *conn)
{
	conn->channel = ebb_bdev_channel_get(conn->desc);
	/* Not zeroed: a request is touched when it is used first. */
	conn->reqs = malloc((NBD_REQUESTS_MAX + NBD_PARTS_MAX) * sizeof(*conn->reqs));
	return conn->channel == NULL || conn->reqs == NULL ? -1 : 0;
}

static void conn_answer(void *arg)
{
	struct nbd_conn *conn = arg;

	conn_set_state(conn, NBD_CONN_HANDSHAKE);
	/* Options are looked at one by one: the last answer has been sent, and freed. */
	ebb_assert(conn->out.bytes == NULL && !nbd_op_busy(&conn->tx_op));
	conn->out = conn->lookup.out;
	conn->lookup.out = (struct nbd_out){0};
	if (conn->stopping || conn->group->broken) {
		nbd_conn_fail(conn, NULL);
	} else if (conn->answer == NBD_LOOKUP_FAILED) {
		nbd_conn_fail(conn, "asked for an export that there is not");
	} else if (conn->answer == NBD_LOOKUP_BOUND && conn_bind(conn) != 0) {
		nbd_conn_fail(conn, conn->channel == NULL
					    ? "its thread gets no channel to the bdev (see above)"
					    : "there is no memory to serve it");
	}
	nbd_conn_run(conn);
}

static void conn_resume(struct nbd_member *member)
{
	struct nbd_conn *conn = ebb_container_of(member, struct nbd_conn, member);

	if (conn->group->broken && conn->state != NBD_CONN_ASKING) {
		nbd_conn_fail(conn, NULL);
	}
	nbd_conn_send(conn);
	nbd_conn_run(conn);
}

static void conn_retry(struct nbd_mem_waiter *waiter)
{
	nbd_conn_run(ebb_container_of(waiter, struct nbd_conn, mem_waiter));
}

static void conn_begin(void *arg)
{
	struct nbd_conn *conn = arg;

	conn->group = nbd_poll_group_get();
	if (conn->group == NULL) {
		close(conn->fd);
		conn_set_state(conn, NBD_CONN_CLOSING);
		conn_set_state(conn, NBD_CONN_GONE);
		ebb_msg_init(&conn->life, conn_gone, conn);
		(void)ebb_thread_send(ebb_thread_app(), &conn->life);
		return;
	}
	ebb_list_push_back(&conn->group->members, &conn->member.link);
	conn->timer = ebb_poller_register(conn_timeout, conn, NBD_HANDSHAKE_MS * 1000ull);
	nbd_out_greeting(&conn->out);
	nbd_conn_run(conn);
}

static void conn_stop(void *arg)
{
	struct nbd_conn *conn = arg;

	conn->stopping = true;
	if (conn->state == NBD_CONN_HANDSHAKE) {
		nbd_conn_fail(conn, NULL);
	}
	if (conn->state != NBD_CONN_GONE) {
		nbd_conn_run(conn);
	}
}

struct nbd_conn *nbd_conn_start(int fd, const char *peer, struct ebb_thread *thread,
				struct nbd_listener *listener)
{
	struct nbd_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		return NULL;
	}
	conn->fd = fd;
	conn->thread = thread;
	conn->listener = listener;
	snprintf(conn->peer, sizeof(conn->peer), "%s", peer);
	conn->member.resume = conn_resume;
	conn->mem_waiter.retry = conn_retry;
	ebb_list_init(&conn->member.link);
	ebb_list_init(&conn->mem_waiter.link);
	ebb_list_init(&conn->reqs_free);
	ebb_list_init(&conn->listener_link);
	nbd_parser_init(&conn->parser);
	nbd_conn_receive_init(conn);
	nbd_conn_send_init(conn);
	ebb_msg_init(&conn->later, conn_look_again, conn);
	ebb_msg_init(&conn->life, conn_begin, conn);
	(void)ebb_thread_send(thread, &conn->life);
	return conn;
}

void nbd_conn_stop(struct nbd_conn *conn)
{
	if (!conn->stop_sent) {
		conn->stop_sent = true;
		ebb_msg_init(&conn->stop, conn_stop, conn);
		(void)ebb_thread_send(conn->thread, &conn->stop);
	}
}

void nbd_conn_answered(struct nbd_conn *conn)
{
	ebb_msg_init(&conn->talk, conn_answer, conn);
	(void)ebb_thread_send(conn->thread, &conn->talk);
}

void nbd_conn_release(struct nbd_conn *conn)
{
	ebb_msg_init(&conn->life, conn_free, conn);
	(void)ebb_thread_send(conn->thread, &conn->life);
}
