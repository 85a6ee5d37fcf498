/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a connection sends. One sendmsg is outstanding at most; replies that become ready meanwhile,
 * or in the same turn, go together in the next. MSG_WAITALL is not used: io_uring gives up on
 * waiting in place after 128 partial sends and hands the rest to a worker thread.
 */

#include "drivers/nbd/connection.h"

#include <errno.h>

/* The batch: headers and data of the first replies, less what has been sent. */
static int send_gather(struct nbd_conn *conn)
{
	size_t skip = conn->tx_skip;
	struct ebb_list *node;
	int count = 0;

	ebb_list_for_each(node, &conn->replies) {
		struct nbd_req *req = ebb_list_entry(node, struct nbd_req, link);

		if (count == NBD_TX_IOV_MAX) {
			break;
		}
		if (skip < sizeof(req->reply)) {
			conn->tx_iov[count].iov_base = (char *)&req->reply + skip;
			conn->tx_iov[count].iov_len = sizeof(req->reply) - skip;
			count++;
			skip = 0;
		} else {
			skip -= sizeof(req->reply);
		}
		if (req->sends_data) {
			count += nbd_req_iov(req, skip, &conn->tx_iov[count],
					     (int)NBD_TX_IOV_MAX - count);
		}
		skip = 0;
	}
	return count;
}

/* @len bytes of the batch have been sent: what has gone completely is done with. */
static void send_consume(struct nbd_conn *conn, size_t len)
{
	size_t sent = conn->tx_skip + len;

	while (!ebb_list_empty(&conn->replies)) {
		struct nbd_req *req = ebb_list_first(&conn->replies, struct nbd_req, link);
		size_t size = sizeof(req->reply) + (req->sends_data ? req->wire.len_bytes : 0);

		if (sent < size) {
			break;
		}
		sent -= size;
		ebb_list_remove(&req->link);
		nbd_req_put(req);
	}
	conn->tx_skip = sent;
}

static void sent_out(struct nbd_conn *conn, size_t len)
{
	conn->out_sent += len;
	if (conn->out_sent == conn->out.len) {
		nbd_out_reset(&conn->out);
		conn->out_sent = 0;
	}
}

static void send_done(struct nbd_op *op, int32_t res, uint32_t flags)
{
	struct nbd_conn *conn = ebb_container_of(op, struct nbd_conn, tx_op);

	(void)flags;
	if (res >= 0) {
		if (conn->out.len > 0) {
			sent_out(conn, (size_t)res);
		} else {
			send_consume(conn, (size_t)res);
		}
		conn->tx_moved = true;
	} else if (res != -ECANCELED && res != -EINTR) {
		nbd_conn_fail(conn, NULL);
	}
	nbd_conn_send(conn);
	nbd_conn_run(conn);
}

void nbd_conn_send(struct nbd_conn *conn)
{
	struct io_uring_sqe *sqe;

	if (nbd_op_busy(&conn->tx_op) || !nbd_poll_group_ready(conn->group) ||
	    conn->state == NBD_CONN_CLOSING) {
		return;
	}
	if (conn->out.len > 0) {
		sqe = nbd_op_sqe(conn->group, &conn->tx_op);
		io_uring_prep_send(sqe, conn->fd, conn->out.bytes + conn->out_sent,
				   conn->out.len - conn->out_sent, MSG_NOSIGNAL);
	} else if (!ebb_list_empty(&conn->replies)) {
		conn->tx_msg = (struct msghdr){
			.msg_iov = conn->tx_iov,
			.msg_iovlen = (size_t)send_gather(conn),
		};
		sqe = nbd_op_sqe(conn->group, &conn->tx_op);
		io_uring_prep_sendmsg(sqe, conn->fd, &conn->tx_msg, MSG_NOSIGNAL);
	}
}

void nbd_conn_send_soon(struct nbd_conn *conn)
{
	/* A send under way will be followed by the next as it ends. */
	if (!nbd_op_busy(&conn->tx_op)) {
		nbd_conn_later(conn);
	}
}

void nbd_conn_send_init(struct nbd_conn *conn)
{
	conn->tx_op.done = send_done;
	ebb_list_init(&conn->replies);
}
