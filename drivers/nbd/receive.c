/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a connection receives. Headers come into a small buffer, several at a time; the payload of a
 * write comes into the request's own buffers, but for its beginning that came with the header; that
 * of a long write into one part of it after the other, each by a receive of its own. One
 * receive is outstanding whenever there is room for what it may bring, and none otherwise: then the
 * client is held up by its socket, and costs nothing. An idle connection is that one receive.
 *
 * MSG_WAITALL is not used: io_uring gives up on waiting in place after 128 partial receives, which
 * a slow client reaches at will, and hands the rest to a worker thread.
 */

#include "drivers/nbd/connection.h"

#include <errno.h>
#include <string.h>

#define HEADER_ONLY_SIZE 512u /* of a receive that shall bring a header and little payload */

/* Bytes that the write or part whose payload comes has not got yet. */
static size_t receive_missing(const struct nbd_conn *conn)
{
	return conn->rx_req == NULL ? 0 : conn->rx_req->wire.len_bytes - conn->rx_filled;
}

/* The write or part that had all of its payload goes on its way. */
static void receive_payload_end(struct nbd_conn *conn)
{
	struct nbd_req *req = conn->rx_req;
	struct nbd_req *whole = conn->rx_long;

	if (req == NULL || receive_missing(conn) > 0) {
		return;
	}
	conn->rx_req = NULL;
	nbd_req_submit(req);
	if (whole != NULL && nbd_parser_payload_left(&conn->parser) == 0) {
		conn->rx_long = NULL;
		nbd_req_end_payload(whole);
	}
}

/* Payload that came into rx: to its place, or nowhere if the request was refused. */
static void receive_payload(struct nbd_conn *conn, const uint8_t *data, size_t len)
{
	struct iovec iov[NBD_CHUNKS_MAX];
	int i, count;

	if (conn->rx_req == NULL) {
		return;
	}
	count = nbd_req_iov(conn->rx_req, conn->rx_filled, iov, NBD_CHUNKS_MAX);
	conn->rx_filled += len;
	for (i = 0; i < count && len > 0; i++) {
		size_t part = len < iov[i].iov_len ? len : iov[i].iov_len;

		memcpy(iov[i].iov_base, data, part);
		data += part;
		len -= part;
	}
	receive_payload_end(conn);
}

static void received(struct nbd_conn *conn, size_t len)
{
	size_t direct = len < conn->rx_direct ? len : conn->rx_direct;

	conn->rx_len += len - direct;
	if (direct > 0) {
		nbd_parser_take_payload(&conn->parser, direct);
		conn->rx_filled += direct;
		if (conn->state == NBD_CONN_SERVING) {
			receive_payload_end(conn);
		}
	}
}

/* The client has closed its side. Between two requests it may still want its replies. */
static void receive_end(struct nbd_conn *conn)
{
	if (conn->state != NBD_CONN_SERVING) {
		nbd_conn_fail(conn, NULL);
	} else if (conn->rx_len > 0 || nbd_parser_payload_left(&conn->parser) > 0) {
		nbd_conn_fail(conn, "left in the middle of a request");
	} else {
		nbd_conn_drain(conn);
	}
}

static void receive_done(struct nbd_op *op, int32_t res, uint32_t flags)
{
	struct nbd_conn *conn = ebb_container_of(op, struct nbd_conn, rx_op);

	if (conn->state == NBD_CONN_HANDSHAKE || conn->state == NBD_CONN_SERVING) {
		if (res > 0) {
			conn->rx_drained = (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
			received(conn, (size_t)res);
		} else if (res == 0) {
			receive_end(conn);
		} else if (res != -ECANCELED && res != -EINTR) {
			nbd_conn_fail(conn, NULL);
		}
	}
	nbd_conn_run(conn);
}

void nbd_conn_receive_init(struct nbd_conn *conn)
{
	conn->rx_op.done = receive_done;
}

void nbd_conn_receive(struct nbd_conn *conn)
{
	struct io_uring_sqe *sqe;
	size_t room;
	int count = 0;

	if (nbd_op_busy(&conn->rx_op) || !nbd_poll_group_ready(conn->group)) {
		return;
	}
	if (conn->rx_pos > 0) {
		conn->rx_len -= conn->rx_pos;
		memmove(conn->rx, conn->rx + conn->rx_pos, conn->rx_len);
		conn->rx_pos = 0;
	}
	conn->rx_direct = 0;
	if (conn->rx_req != NULL) {
		conn->rx_direct = receive_missing(conn);
		count = nbd_req_iov(conn->rx_req, conn->rx_filled, conn->rx_iov, NBD_CHUNKS_MAX);
	}
	/* Behind a part that is not the last comes payload, which has a place of its own. */
	if (conn->rx_direct == 0 || conn->rx_direct == nbd_parser_payload_left(&conn->parser)) {
		room = conn->rx_header_only ? HEADER_ONLY_SIZE : sizeof(conn->rx) - conn->rx_len;
		conn->rx_iov[count].iov_base = conn->rx + conn->rx_len;
		conn->rx_iov[count].iov_len = room;
		count++;
	}
	sqe = nbd_op_sqe(conn->group, &conn->rx_op);
	if (count == 1) {
		io_uring_prep_recv(sqe, conn->fd, conn->rx_iov[0].iov_base, conn->rx_iov[0].iov_len,
				   0);
	} else {
		conn->rx_msg = (struct msghdr){
			.msg_iov = conn->rx_iov,
			.msg_iovlen = (size_t)count,
		};
		io_uring_prep_recvmsg(sqe, conn->fd, &conn->rx_msg, 0);
	}
	/* To look first where nothing will be is a wasted copy of the message's header. */
	if (conn->rx_drained) {
		sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	}
}

/*
 * Begins conn->pending. Return: false: it has to wait, or there will be no more; nbd_conn_run()
 * comes here again when something has changed.
 */
static bool serve_request(struct nbd_conn *conn)
{
	const struct nbd_request *wire = &conn->pending;
	struct nbd_req *req;
	uint32_t error;
	int rc;

	if (wire->type == NBD_CMD_DISC) {
		conn->has_pending = false;
		nbd_conn_drain(conn);
		return false;
	}
	req = nbd_req_get(conn, wire, NULL);
	if (req == NULL) {
		return false;
	}
	error = conn->stopping ? NBD_ESHUTDOWN : nbd_validate_request(&conn->geometry, wire);
	if (error != 0) {
		conn->has_pending = false;
		conn->rx_header_only = false;
		nbd_req_refuse(req, error);
		return true;
	}
	if (wire->type == NBD_CMD_WRITE && wire->len_bytes > NBD_CHUNK_SIZE) {
		conn->has_pending = false;
		conn->rx_header_only = true;
		conn->rx_long = req;
		req->parts = 1;
		return true;
	}
	if (wire->type == NBD_CMD_READ || wire->type == NBD_CMD_WRITE) {
		rc = nbd_req_alloc(req);
		if (rc != 0) {
			nbd_req_put(req);
			if (rc == -ENOMEM) {
				nbd_poll_group_wait_mem(conn->group, &conn->mem_waiter);
			}
			return false;
		}
	}
	conn->has_pending = false;
	if (wire->type == NBD_CMD_WRITE) {
		conn->rx_req = req;
		conn->rx_filled = 0;
		conn->rx_header_only = wire->len_bytes > NBD_RX_SIZE;
	} else {
		conn->rx_header_only = false;
		nbd_req_submit(req);
	}
	return true;
}

/*
 * Begins the next part of the long write whose payload comes, unless that is dropped. Return: as
 * above.
 */
static bool serve_part(struct nbd_conn *conn)
{
	struct nbd_req *whole = conn->rx_long;
	struct nbd_request wire = whole->wire;
	uint32_t left = nbd_parser_payload_left(&conn->parser);
	struct nbd_req *part;
	int rc;

	if (whole->error != 0) {
		conn->rx_long = NULL;
		conn->rx_header_only = false;
		nbd_req_end_payload(whole);
		return true;
	}
	wire.offset_bytes += wire.len_bytes - left;
	wire.len_bytes = left < NBD_CHUNK_SIZE ? left : NBD_CHUNK_SIZE;
	part = nbd_req_get(conn, &wire, whole);
	if (part == NULL) {
		return false;
	}
	rc = nbd_req_alloc(part);
	if (rc != 0) {
		nbd_req_put(part);
		if (rc == -ENOMEM) {
			nbd_poll_group_wait_mem(conn->group, &conn->mem_waiter);
		}
		return false;
	}
	conn->rx_req = part;
	conn->rx_filled = 0;
	return true;
}

/* The next parsed in what has come, of which one write or part takes no more than its own. */
static void serve_parse(struct nbd_conn *conn, struct nbd_parsed *ret_parsed)
{
	size_t len = conn->rx_len - conn->rx_pos;
	size_t missing = receive_missing(conn);

	if (missing > 0 && len > missing) {
		len = missing;
	}
	conn->rx_pos += nbd_parse(&conn->parser, conn->rx + conn->rx_pos, len, ret_parsed);
}

void nbd_conn_serve(struct nbd_conn *conn)
{
	uint64_t begun = 0;
	struct nbd_parsed parsed;

	/* While a receive is under way all that came before it has been taken. */
	if (nbd_op_busy(&conn->rx_op)) {
		return;
	}
	while (conn->state == NBD_CONN_SERVING) {
		if (conn->rx_long != NULL && conn->rx_req == NULL) {
			if (!serve_part(conn)) {
				return;
			}
			continue;
		}
		if (!conn->has_pending) {
			serve_parse(conn, &parsed);
			switch (parsed.type) {
			case NBD_PARSED_NONE:
				nbd_conn_receive(conn);
				return;
			case NBD_PARSED_PAYLOAD:
				receive_payload(conn, parsed.data, parsed.len_bytes);
				continue;
			case NBD_PARSED_REQUEST:
				conn->pending = parsed.request;
				conn->has_pending = true;
				break;
			default:
				nbd_conn_fail(conn, parsed.error);
				return;
			}
		}
		/* Fresh memory costs a page fault for each 4 KiB: a callback takes so much of it at most. */
		if (begun >= NBD_SERVE_MAX) {
			nbd_conn_later(conn);
			return;
		}
		if (!serve_request(conn)) {
			return;
		}
		begun += conn->pending.len_bytes;
	}
}
