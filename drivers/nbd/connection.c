/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A connection, from accept() to the moment when nothing of it is left.
 *
 *     HAGGLING --> LOOKUP --> HAGGLING --> TRANSMISSION --> DRAINING --> CLOSING --> GONE
 *         \________________________\_____________\______________________/
 *
 * HAGGLING   Options come one at a time: the next is looked at when the answer to the last has been
 *            sent. A timer runs, for nobody may stay here.
 * LOOKUP     The app thread, which knows the exports, has been asked; the receive buffer stands
 *            still, as the lookup points into it. The answer's bytes grow inside the lookup
 *            and become @out back here, for this thread may look at @out at any time (a move to
 *            another reactor does). Nothing is asked of the socket, so no more than that happens.
 * TRANSMISSION
 *            One receive is outstanding, or the connection is full; no timer. Requests run in
 *            parallel and their replies go in the order in which they end.
 * DRAINING   No more is taken from the client: it said so, or its export goes. What is in flight
 *            ends and is answered. Then a timer looks every second: a client that has taken
 *            nothing since loses its replies; one that reads slowly has half a minute for them.
 * CLOSING    The socket has been shut down, which ends the receive and the send under way. Replies
 *            are no longer of use. What the bdev has in flight ends in its own time: its buffers
 *            are in the hands of a device, and no decision taken here can get them back sooner.
 * GONE       Nothing is outstanding: freed, and the app thread told.
 *
 * Who owns a buffer: from exporter_buffers_alloc() on its request does, until nbd_req_put(). Meanwhile
 * one operation at a time uses it: the receive that fills it (rx.req), then the bdev (in_flight),
 * then the send of its contents (on replies). A write's buffers need not wait for its reply. Each
 * operation ends in a callback that comes exactly once, so to free is to wait until none is
 * outstanding:
 *
 *     rx.op not busy, tx.op not busy, in_flight 0, no message to itself on its way
 *
 * conn_end() checks this, it is the only place that frees, and conn_run() calls it last in every
 * callback. Whatever way a client vanishes (end of file between requests, amid a header, amid a
 * payload, a reset, an error of send) leads by CLOSING or DRAINING to that place. Nothing that is
 * outstanding is freed early, nothing waits for a client that is not there: the shutdown() has
 * ended everything that depended on it.
 *
 * Between threads: the connection belongs to one of the "exporter_N" threads, its record among the
 * exports to the app thread. They speak by messages that live in the connection: life (start, gone,
 * free), lookup_msg (there and back) and the stop of its client. GONE goes to the app thread, which
 * then knows that it will send no more stop, and sends the last message, the one that frees:
 * messages of one sender arrive in order, so none can find the connection freed.
 *
 * Being moved to another reactor: the group cancels the receive and the send; they are asked for
 * again on the new ring (conn_resume()). Neither has lost a byte: a cancelled one has moved none.
 *
 * All callbacks are here: of the receive, of the send, of the bdev, of timers and messages. Each
 * tells the part it is about (rx, tx, requests), does what that returns, and ends in conn_run(), or
 * in conn_settle() where all that has come has just been begun.
 */

#include "drivers/nbd/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/poller.h>

#include "core/bdev/qos_channel.h"
#include "core/exporter/export.h"
#include "drivers/nbd/begin.h"
#include "drivers/nbd/haggle.h"
#include "drivers/nbd/yield.h"

static const char *const state_names[NBD_CONN_STATE_COUNT] = {
	[NBD_CONN_HAGGLING] = "haggling",         [NBD_CONN_LOOKUP] = "lookup",
	[NBD_CONN_TRANSMISSION] = "transmission", [NBD_CONN_DRAINING] = "draining",
	[NBD_CONN_CLOSING] = "closing",           [NBD_CONN_GONE] = "gone",
};

static const uint32_t state_next[NBD_CONN_STATE_COUNT] = {
	[NBD_CONN_HAGGLING] = EBB_BIT(NBD_CONN_LOOKUP) | EBB_BIT(NBD_CONN_TRANSMISSION) |
			      EBB_BIT(NBD_CONN_CLOSING),
	[NBD_CONN_LOOKUP] = EBB_BIT(NBD_CONN_HAGGLING),
	[NBD_CONN_TRANSMISSION] = EBB_BIT(NBD_CONN_DRAINING) | EBB_BIT(NBD_CONN_CLOSING),
	[NBD_CONN_DRAINING] = EBB_BIT(NBD_CONN_CLOSING),
	[NBD_CONN_CLOSING] = EBB_BIT(NBD_CONN_GONE),
};

void nbd_conn_set_state(struct nbd_conn *conn, enum nbd_conn_state state)
{
	ebb_assert((state_next[conn->state] & EBB_BIT(state)) != 0);
	ebb_debug("nbd", "%s: %s -> %s", conn->client.peer, state_names[conn->state],
		  state_names[state]);
	conn->state = state;
}

static void conn_free(void *arg)
{
	free(arg);
}

/* On the app thread: forgets it. What waited for that is told last, as it may end the thread. */
static void conn_gone(void *arg)
{
	struct nbd_conn *conn = arg;
	struct exporter_listener *listener = conn->client.listener;
	struct exporter_export *export = conn->client.export;

	exporter_client_unregister(&conn->client);
	ebb_msg_init(&conn->life, conn_free, conn);
	(void)ebb_thread_send(conn->client.thread, &conn->life);
	exporter_export_client_gone(listener, export);
}

static void conn_tell_gone(struct nbd_conn *conn)
{
	close(conn->fd);
	nbd_conn_set_state(conn, NBD_CONN_GONE);
	ebb_msg_init(&conn->life, conn_gone, conn);
	(void)ebb_thread_send(ebb_thread_app(), &conn->life);
}

/* Everything is freed here and nowhere else; see above. */
static void conn_end(struct nbd_conn *conn)
{
	if (exporter_op_busy(&conn->rx.op) || exporter_op_busy(&conn->tx.op) ||
	    conn->requests.in_flight > 0 || conn->later_sent) {
		return;
	}
	nbd_tx_fini(&conn->tx);
	nbd_rx_fini(&conn->rx);
	nbd_requests_close(&conn->requests);
	ebb_list_remove(&conn->member.link);
	exporter_poll_group_put(conn->group);
	conn_tell_gone(conn);
}

/* Hangs up now; what is in flight ends first. @why: for the log; NULL: no news. */
static void conn_fail(struct nbd_conn *conn, const char *why)
{
	static struct ebb_ratelimit limit;

	if (conn->state == NBD_CONN_CLOSING || conn->state == NBD_CONN_GONE) {
		return;
	}
	if (why != NULL && ebb_ratelimit_ok(&limit)) {
		ebb_notice("nbd", "client %s: %s: hung up on", conn->client.peer, why);
	}
	nbd_conn_set_state(conn, NBD_CONN_CLOSING);
	conn->requests.unwanted = true;
	ebb_poller_unregister(&conn->timer);
	(void)shutdown(conn->fd, SHUT_RDWR);
}

static void conn_send(struct nbd_conn *conn)
{
	if (conn->state != NBD_CONN_CLOSING) {
		nbd_tx_send(&conn->tx, conn->group, conn->fd);
	}
}

static void conn_run_later(struct nbd_conn *conn)
{
	if (!conn->later_sent) {
		conn->later_sent = true;
		(void)ebb_thread_send(conn->client.thread, &conn->later);
	}
}

/*
 * The reply to the last request in flight has nobody to wait for; the others share one system call.
 * A send under way will be followed by the next as it ends. There is somebody to answer.
 */
static void conn_send_replies(struct nbd_conn *conn)
{
	if (exporter_op_busy(&conn->tx.op)) {
		return;
	}
	if (conn->requests.in_flight == 0) {
		nbd_tx_send(&conn->tx, conn->group, conn->fd);
	} else {
		conn_run_later(conn);
	}
}

static void conn_run(struct nbd_conn *conn);

static int conn_timeout(void *arg)
{
	struct nbd_conn *conn = arg;

	if (conn->state == NBD_CONN_HAGGLING) {
		conn_fail(conn, "did not end its handshake within 30 s");
	} else if (conn->state == NBD_CONN_DRAINING) {
		if (conn->requests.in_flight > 0) {
			return 1; /* the bdev is to be waited for, not the client */
		}
		conn->drain_periods++;
		conn->drain_still =
			nbd_tx_progressed(&conn->tx, conn->fd) ? 0 : conn->drain_still + 1;
		if (conn->drain_still < NBD_DRAIN_STILL && conn->drain_periods < NBD_DRAIN_MAX) {
			return 1;
		}
		conn_fail(conn, "did not take its last replies in time");
	}
	conn_run(conn);
	return 1;
}

/* What has begun and has not got its memory yet goes on. */
static bool conn_finish(struct nbd_conn *conn)
{
	bool more = nbd_rx_finish(&conn->rx, &conn->requests);

	conn_send(conn);
	exporter_poll_group_wait_mem(conn->group);
	return more;
}

/* The bdev may have refused a part at once, or may have failed it. */
static void conn_check_broken(struct nbd_conn *conn)
{
	if (ebb_unlikely(conn->requests.broken)) {
		conn_fail(conn, "a part of its read failed after its reply had begun");
	}
}

static void conn_drain(struct nbd_conn *conn)
{
	bool more = conn_finish(conn);

	conn_check_broken(conn);
	if (conn->state == NBD_CONN_CLOSING || conn->requests.in_flight > 0) {
		return;
	}
	if (!more && nbd_requests_are_done(&conn->requests)) {
		conn_fail(conn, NULL);
	} else if (conn->timer == NULL) {
		(void)nbd_tx_progressed(&conn->tx, conn->fd);
		conn->timer = ebb_poller_register(conn_timeout, conn, NBD_DRAIN_MS * 1000ull);
	}
}

/* On the app thread; conn_looked_up() is the answer. */
static void conn_look_up(void *arg);

static void conn_take_option(struct nbd_conn *conn)
{
	const char *why;

	switch (nbd_haggle(&conn->rx, &conn->tx.out, &conn->lookup, &why)) {
	case NBD_HAGGLE_RECEIVE:
		nbd_rx_receive(&conn->rx, conn->group, conn->fd);
		break;
	case NBD_HAGGLE_SEND_LAST:
		conn->hang_up_when_sent = true;
		break;
	case NBD_HAGGLE_LOOK_UP:
		nbd_conn_set_state(conn, NBD_CONN_LOOKUP);
		ebb_msg_init(&conn->lookup_msg, conn_look_up, conn);
		(void)ebb_thread_send(ebb_thread_app(), &conn->lookup_msg);
		break;
	case NBD_HAGGLE_HANG_UP:
		conn_fail(conn, why);
		break;
	case NBD_HAGGLE_SEND:
		break;
	}
}

static void conn_haggle(struct nbd_conn *conn)
{
	while (conn->state == NBD_CONN_HAGGLING) {
		if (conn->tx.out.failed) {
			conn_fail(conn, "there is no memory for its handshake");
		} else if (conn->tx.out.len > 0) {
			conn_send(conn);
			return;
		} else if (conn->hang_up_when_sent) {
			conn_fail(conn, NULL);
		} else if (conn->requests.channel != NULL) {
			ebb_poller_unregister(&conn->timer);
			nbd_parser_begin_transmission(&conn->rx.parser);
			nbd_conn_set_state(conn, NBD_CONN_TRANSMISSION);
		} else if (exporter_op_busy(&conn->rx.op) ||
			   !exporter_poll_group_ready(conn->group)) {
			return;
		} else {
			conn_take_option(conn);
		}
	}
}

/* Begins what has come: @len bytes, and what came before them. */
static void conn_transmit(struct nbd_conn *conn, size_t len)
{
	switch (nbd_rx_transmit(&conn->rx, &conn->requests, conn->fd, len)) {
	case NBD_RX_WAIT:
		exporter_poll_group_wait_mem(conn->group);
		break;
	case NBD_RX_LATER:
		conn_run_later(conn);
		break;
	case NBD_RX_DISCONNECT:
		nbd_conn_set_state(conn, NBD_CONN_DRAINING);
		break;
	case NBD_RX_BAD:
		conn_fail(conn, conn->rx.parsed.error);
		return;
	case NBD_RX_RECEIVE:
	case NBD_RX_GO_ON:
		break;
	}
	if (!ebb_list_empty(&conn->requests.replies)) {
		conn_send_replies(conn);
	}
	/* What has come may have taken the turn that they waited for. */
	if (ebb_unlikely(!ebb_list_empty(&conn->requests.redo))) {
		(void)nbd_requests_redo(&conn->requests);
		exporter_poll_group_wait_mem(conn->group);
	}
}

/* What follows from the state, when all has been begun that could be. */
static void conn_settle(struct nbd_conn *conn)
{
	conn_check_broken(conn);
	/* The export's end does not wait for the rate of a limit. */
	if (ebb_unlikely(conn->requests.stopping) && conn->requests.in_flight > 0) {
		bdev_qos_channel_hurry(conn->requests.channel);
	}
	if (ebb_likely(conn->state == NBD_CONN_TRANSMISSION)) {
		if (ebb_likely(!conn->requests.stopping) || conn->requests.in_flight > 0) {
			return;
		}
		nbd_conn_set_state(conn, NBD_CONN_DRAINING);
	}
	if (conn->state == NBD_CONN_DRAINING) {
		conn_drain(conn);
	}
	if (conn->state == NBD_CONN_CLOSING) {
		conn_end(conn);
	}
}

/* Looks what can be done now. Safe in every state; the last thing a callback does with @conn. */
static void conn_run(struct nbd_conn *conn)
{
	if (conn->state == NBD_CONN_HAGGLING) {
		conn_haggle(conn);
	}
	/* While a receive is under way all that came before it has been taken. */
	if (conn->state == NBD_CONN_TRANSMISSION && !exporter_op_busy(&conn->rx.op)) {
		conn_transmit(conn, 0);
	} else if (conn->state == NBD_CONN_TRANSMISSION && !ebb_list_empty(&conn->requests.redo)) {
		(void)conn_finish(conn);
	}
	conn_settle(conn);
}

/* The usual case, in which conn_run() has nothing to do. */
static bool conn_is_receiving(const struct nbd_conn *conn)
{
	return ebb_likely(conn->state == NBD_CONN_TRANSMISSION && !conn->requests.stopping &&
			  ebb_list_empty(&conn->requests.redo) && exporter_op_busy(&conn->rx.op));
}

/* The client has closed its side. Between two requests it may still want its replies. */
static void conn_received_end(struct nbd_conn *conn)
{
	if (conn->state != NBD_CONN_TRANSMISSION) {
		conn_fail(conn, NULL);
	} else if (nbd_rx_is_partial(&conn->rx)) {
		conn_fail(conn, "left in the middle of a request");
	} else {
		nbd_conn_set_state(conn, NBD_CONN_DRAINING);
	}
}

static void conn_received(struct exporter_op *op, int32_t res)
{
	struct nbd_conn *conn = ebb_container_of(op, struct nbd_conn, rx.op);
	struct exporter_poll_group *group = conn->group;

	if (ebb_likely(conn->state == NBD_CONN_TRANSMISSION && res > 0)) {
		conn_transmit(conn, (size_t)res);
		conn_settle(conn);
	} else {
		if (conn->state == NBD_CONN_HAGGLING || conn->state == NBD_CONN_TRANSMISSION) {
			if (res > 0) {
				nbd_rx_received(&conn->rx, (size_t)res);
			} else if (res == 0) {
				conn_received_end(conn);
			} else if (res != -ECANCELED && res != -EINTR) {
				conn_fail(conn, NULL);
			}
		}
		conn_run(conn);
	}
	exporter_poll_group_end_callback(group);
}

static void conn_sent(struct exporter_op *op, int32_t res)
{
	struct nbd_conn *conn = ebb_container_of(op, struct nbd_conn, tx.op);
	struct exporter_poll_group *group = conn->group;
	bool more = true;

	if (res >= 0) {
		more = nbd_tx_sent(&conn->tx, (size_t)res);
	} else if (res != -ECANCELED && res != -EINTR) {
		conn_fail(conn, NULL);
	}
	if (ebb_unlikely(conn->yields)) {
		conn->yields = false;
		nbd_requests_yield(&conn->requests, nbd_tx_is_amid(&conn->tx));
	}
	if (more) {
		conn_send(conn);
	}
	if (!conn_is_receiving(conn)) {
		conn_run(conn);
	}
	exporter_poll_group_end_callback(group);
}

/* The bdev is done with a request. */
static void conn_req_done(void *arg, int status)
{
	struct nbd_req *req = arg;
	struct nbd_conn *conn = ebb_container_of(req->requests, struct nbd_conn, requests);
	struct exporter_poll_group *group = conn->group;

	if (nbd_req_end(req, status)) {
		conn_send_replies(conn);
	}
	conn_check_broken(conn);
	if (!conn_is_receiving(conn)) {
		conn_run(conn);
	}
	exporter_poll_group_wake_waiters(group);
}

static void conn_run_now(void *arg)
{
	struct nbd_conn *conn = arg;

	conn->later_sent = false;
	conn_send(conn);
	conn_run(conn);
}

static struct nbd_conn *conn_of_share(struct exporter_share *share)
{
	return ebb_container_of(share, struct nbd_conn, requests.share);
}

static void conn_retry(struct exporter_share *share)
{
	conn_run(conn_of_share(share));
}

static uint64_t conn_moved(struct exporter_share *share)
{
	struct nbd_conn *conn = conn_of_share(share);

	return conn->rx.come_bytes + nbd_tx_taken(&conn->tx, conn->fd);
}

/* The send under way has all replies in its hands. */
static void conn_yield(struct exporter_share *share)
{
	struct nbd_conn *conn = conn_of_share(share);

	if (exporter_op_busy(&conn->tx.op)) {
		conn->yields = true;
		exporter_op_cancel(&conn->tx.op);
	} else {
		nbd_requests_yield(&conn->requests, nbd_tx_is_amid(&conn->tx));
	}
}

static void conn_drop(struct exporter_share *share)
{
	struct nbd_conn *conn = conn_of_share(share);

	if (conn->state == NBD_CONN_CLOSING) {
		return;
	}
	ebb_warn("nbd",
		 "client %s has taken nothing for %u s, and another lacks the memory that it "
		 "holds: hung up on",
		 conn->client.peer, (unsigned)(EXPORTER_DROP_NS / EBB_NS_PER_S));
	conn_fail(conn, NULL);
	conn_run(conn);
}

static const struct exporter_share_ops conn_share_ops = {
	.retry = conn_retry,
	.moved = conn_moved,
	.yield = conn_yield,
	.drop = conn_drop,
};

static void conn_resume(struct exporter_member *member)
{
	struct nbd_conn *conn = ebb_container_of(member, struct nbd_conn, member);

	if (conn->group->state == EXPORTER_POLL_GROUP_BROKEN && conn->state != NBD_CONN_LOOKUP) {
		conn_fail(conn, NULL);
	}
	conn_send(conn);
	conn_run(conn);
}

static void conn_looked_up(void *arg)
{
	struct nbd_conn *conn = arg;
	struct nbd_lookup *lookup = &conn->lookup;

	nbd_conn_set_state(conn, NBD_CONN_HAGGLING);
	/* Options are looked at one by one: the last answer has been sent, and freed. */
	ebb_assert(conn->tx.out.bytes == NULL && !exporter_op_busy(&conn->tx.op));
	conn->tx.out = lookup->out;
	lookup->out = (struct nbd_out){0};
	if (conn->requests.stopping || conn->group->state == EXPORTER_POLL_GROUP_BROKEN) {
		conn_fail(conn, NULL);
	} else if (lookup->result == NBD_LOOKUP_FAILED) {
		conn_fail(conn, "asked for an export that there is not");
	} else if (lookup->result == NBD_LOOKUP_BOUND) {
		const char *why = nbd_requests_open(&conn->requests, conn->group, lookup->desc,
						    &lookup->geometry, lookup->agreed.structured);

		if (why != NULL) {
			conn_fail(conn, why);
		}
	}
	conn_run(conn);
}

static void conn_look_up(void *arg)
{
	struct nbd_conn *conn = arg;

	nbd_lookup_run(&conn->lookup, &conn->client);
	ebb_msg_init(&conn->lookup_msg, conn_looked_up, conn);
	(void)ebb_thread_send(conn->client.thread, &conn->lookup_msg);
}

static void conn_begin(void *arg)
{
	struct nbd_conn *conn = arg;

	conn->group = exporter_poll_group_get();
	if (conn->group == NULL) {
		nbd_conn_set_state(conn, NBD_CONN_CLOSING);
		conn_tell_gone(conn);
		return;
	}
	ebb_list_push_back(&conn->group->members, &conn->member.link);
	conn->timer = ebb_poller_register(conn_timeout, conn, NBD_HANDSHAKE_MS * 1000ull);
	nbd_out_greeting(&conn->tx.out);
	if (conn->group->state == EXPORTER_POLL_GROUP_BROKEN) {
		conn_fail(conn, NULL); /* its other clients are still on their way out */
	}
	conn_run(conn);
}

static void conn_stop(void *arg)
{
	struct nbd_conn *conn = arg;

	conn->requests.stopping = true;
	if (conn->state == NBD_CONN_HAGGLING) {
		conn_fail(conn, NULL);
	}
	if (conn->state != NBD_CONN_GONE) {
		conn_run(conn);
	}
}

bool nbd_conn_start(struct exporter_listener *listener, int fd, const char *peer,
		    struct ebb_thread *thread)
{
	struct nbd_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		return false;
	}
	conn->fd = fd;
	conn->member.resume = conn_resume;
	ebb_list_init(&conn->member.link);
	nbd_rx_init(&conn->rx, conn_received);
	nbd_tx_init(&conn->tx, &conn->requests.replies, conn_sent);
	nbd_requests_init(&conn->requests, conn_req_done, &conn_share_ops);
	ebb_msg_init(&conn->later, conn_run_now, conn);
	exporter_client_register(&conn->client, listener, &listener->clients, &listener->places,
				 peer, thread, conn_stop, conn);
	ebb_msg_init(&conn->life, conn_begin, conn);
	(void)ebb_thread_send(thread, &conn->life);
	return true;
}
