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

#include "drivers/nbd/receive.h"

#include <string.h>

#define HEADER_ONLY_SIZE 512u /* of a receive that shall bring a header and little payload */

void nbd_rx_init(struct nbd_rx *rx,
		 void (*complete)(struct ebb_uring_op *op, int32_t res, uint32_t flags))
{
	nbd_parser_init(&rx->parser);
	rx->op.uring.complete = complete;
}

void nbd_rx_received(struct nbd_rx *rx, size_t len, uint32_t flags)
{
	size_t direct = len < rx->direct_len ? len : rx->direct_len;

	rx->drained = (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
	rx->len += len - direct;
	if (direct > 0) {
		nbd_parser_take_payload(&rx->parser, direct);
		rx->filled += direct;
	}
}

bool nbd_rx_is_amid(const struct nbd_rx *rx)
{
	return rx->len > 0 || nbd_parser_payload_left(&rx->parser) > 0;
}

/* Payload that came into buf: to its place, or nowhere if the request was refused. */
static void rx_place(struct nbd_rx *rx, const uint8_t *data, size_t len)
{
	struct iovec iov[NBD_CHUNKS_MAX];
	int i, count;

	if (rx->req == NULL) {
		return;
	}
	count = nbd_buffers_iov(&rx->req->buffers, rx->filled, iov, NBD_CHUNKS_MAX);
	rx->filled += len;
	for (i = 0; i < count && len > 0; i++) {
		size_t part = len < iov[i].iov_len ? len : iov[i].iov_len;

		memcpy(iov[i].iov_base, data, part);
		data += part;
		len -= part;
	}
}

void nbd_rx_parse(struct nbd_rx *rx)
{
	size_t len = rx->len - rx->pos;

	if (len == 0) {
		rx->parsed.type = NBD_PARSED_NONE;
		return;
	}
	/* One write or part takes no more than its own. */
	if (rx->req != NULL && len > nbd_rx_missing(rx)) {
		len = nbd_rx_missing(rx);
	}
	rx->pos += nbd_parse(&rx->parser, rx->buf + rx->pos, len, &rx->parsed);
	if (rx->parsed.type == NBD_PARSED_PAYLOAD) {
		rx_place(rx, rx->parsed.data, rx->parsed.len_bytes);
	}
}

void nbd_rx_begin_payload(struct nbd_rx *rx, struct nbd_req *req)
{
	rx->req = req;
	rx->filled = 0;
}

void nbd_rx_receive(struct nbd_rx *rx, struct nbd_poll_group *group, int fd)
{
	struct io_uring_sqe *sqe;
	int count = 0;

	sqe = nbd_poll_group_sqe(group, &rx->op);
	if (sqe == NULL) {
		return;
	}
	if (rx->pos > 0) {
		rx->len -= rx->pos;
		if (rx->len > 0) {
			memmove(rx->buf, rx->buf + rx->pos, rx->len);
		}
		rx->pos = 0;
	}
	rx->direct_len = 0;
	if (rx->req != NULL) {
		rx->direct_len = nbd_rx_missing(rx);
		count = nbd_buffers_iov(&rx->req->buffers, rx->filled, rx->iov, NBD_CHUNKS_MAX);
	}
	/* Behind a part that is not the last comes payload, which has a place of its own. */
	if (rx->direct_len == 0 || rx->direct_len == nbd_parser_payload_left(&rx->parser)) {
		rx->iov[count].iov_base = rx->buf + rx->len;
		rx->iov[count].iov_len =
			rx->header_only ? HEADER_ONLY_SIZE : sizeof(rx->buf) - rx->len;
		count++;
	}
	if (count == 1) {
		io_uring_prep_recv(sqe, fd, rx->iov[0].iov_base, rx->iov[0].iov_len, 0);
	} else {
		rx->msg = (struct msghdr){
			.msg_iov = rx->iov,
			.msg_iovlen = (size_t)count,
		};
		io_uring_prep_recvmsg(sqe, fd, &rx->msg, 0);
	}
	/* To look first where nothing will be is a wasted copy of the message's header. */
	if (rx->drained) {
		sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	}
}

void nbd_rx_fini(struct nbd_rx *rx)
{
	if (rx->req != NULL) {
		nbd_req_put(rx->req);
		rx->req = NULL;
	}
	if (rx->long_write != NULL) {
		nbd_req_put(rx->long_write);
		rx->long_write = NULL;
	}
}
